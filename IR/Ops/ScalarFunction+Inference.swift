extension ScalarFunction {
  /// The type of `map` on these operands: equal shapes, the dtype rule of the function.
  func infer(_ operands: [TensorType], _ sizes: inout SizeQuestions) throws(ConstraintFailure) -> TensorType {
    let dtype = try resultDType(operands.map(\.dtype))
    for operand in operands {
      try sizes.requireEqual(
        operand.shape, operands[0].shape, "\(spelling).C4",
        "operands of \(spelling) have one shape, found \(operands[0]) and \(operand); broadcast is an op of its own")
    }
    return TensorType(dtype, operands[0].shape)
  }
}
