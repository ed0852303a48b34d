import CLLVM

package struct LLVMType: Hashable { let ref: OpaquePointer }
package struct LLVMValue: Hashable { let ref: OpaquePointer }
package struct LLVMBlock: Hashable { let ref: OpaquePointer }

/// A function under construction: its value, its type (calls need it) and its parameters.
package struct LLVMFunction {
  package let value: LLVMValue
  package let type: LLVMType
  package let parameters: [LLVMValue]
}

/// One LLVM module with a context of its own and a builder: everything that one kernel's compilation owns.
///
/// The methods on types and instructions are thin: one call of LLVM each. They hide the difference between typed (LLVM
/// 14) and opaque (19) pointers: here a pointer is always `i8*` in the former's words.
package struct LLVMModule: ~Copyable {
  package let library: LLVMLibrary
  let context: OpaquePointer
  let ref: OpaquePointer
  let builder: OpaquePointer
  var api: KilnLLVMTable { _read { yield library.api } }

  package init(library: LLVMLibrary, name: String) {
    self.library = library
    context = library.api.ContextCreate()
    ref = library.api.ModuleCreateWithNameInContext(name, context)
    builder = library.api.CreateBuilderInContext(context)
  }

  deinit {
    library.api.DisposeBuilder(builder)
    library.api.DisposeModule(ref)
    library.api.ContextDispose(context)
  }

  /// The module as LLVM assembly.
  package var text: String { library.take(api.PrintModuleToString(ref)) }

  /// What LLVM's verifier has against the module, nil if nothing.
  package var verificationFailure: String? {
    var message: UnsafeMutablePointer<CChar>?
    let failed = api.VerifyModule(ref, Int32(KilnLLVMReturnStatusAction), &message) != 0
    let text = message.map(library.take)
    return failed ? text ?? "unknown" : nil
  }

  // MARK: - Types

  package var void: LLVMType { LLVMType(ref: api.VoidTypeInContext(context)) }
  package var float: LLVMType { LLVMType(ref: api.FloatTypeInContext(context)) }
  package var double: LLVMType { LLVMType(ref: api.DoubleTypeInContext(context)) }
  package var int1: LLVMType { integer(1) }
  package var int8: LLVMType { integer(8) }
  package var int32: LLVMType { integer(32) }
  package var int64: LLVMType { integer(64) }
  package var pointer: LLVMType { pointer(to: int8) }

  package func integer(_ bits: Int) -> LLVMType { LLVMType(ref: api.IntTypeInContext(context, UInt32(bits))) }

  func pointer(to type: LLVMType) -> LLVMType { LLVMType(ref: api.PointerType(type.ref, 0)) }

  /// `count` elements as a vector; one element stays a scalar.
  package func vector(_ element: LLVMType, _ count: Int) -> LLVMType {
    count == 1 ? element : LLVMType(ref: api.VectorType(element.ref, UInt32(count)))
  }

  package func array(_ element: LLVMType, _ count: Int) -> LLVMType {
    LLVMType(ref: api.ArrayType(element.ref, UInt32(count)))
  }

  package func type(of value: LLVMValue) -> LLVMType { LLVMType(ref: api.TypeOf(value.ref)) }

  // MARK: - Constants

  package func constant(_ value: Int, _ type: LLVMType) -> LLVMValue {
    LLVMValue(ref: api.ConstInt(type.ref, UInt64(bitPattern: Int64(value)), 1))
  }

  package func constant(bits: UInt64, _ type: LLVMType) -> LLVMValue {
    LLVMValue(ref: api.ConstInt(type.ref, bits, 0))
  }

  package func index(_ value: Int) -> LLVMValue { constant(value, int64) }

  /// The float with these bits; going through an integer keeps every NaN and every digit.
  package func float(bits: UInt32) -> LLVMValue {
    LLVMValue(ref: api.ConstBitCast(constant(bits: UInt64(bits), int32).ref, float.ref))
  }

  package func double(bits: UInt64) -> LLVMValue {
    LLVMValue(ref: api.ConstBitCast(constant(bits: bits, int64).ref, double.ref))
  }

  package func zero(_ type: LLVMType) -> LLVMValue { LLVMValue(ref: api.ConstNull(type.ref)) }
  package func poison(_ type: LLVMType) -> LLVMValue { LLVMValue(ref: api.GetPoison(type.ref)) }

  package func constantVector(_ values: [LLVMValue]) -> LLVMValue {
    guard values.count > 1 else { return values[0] }
    var refs = values.map(\.ref)
    return LLVMValue(ref: api.ConstVector(&refs, UInt32(refs.count)))
  }

  /// A constant in every lane.
  package func splat(_ constant: LLVMValue, _ count: Int) -> LLVMValue {
    constantVector([LLVMValue](repeating: constant, count: count))
  }

  // MARK: - Functions and blocks

  package func function(_ name: String, parameters: [LLVMType], result: LLVMType? = nil, isInternal: Bool = false)
    -> LLVMFunction
  {
    var types = parameters.map(\.ref)
    let type = LLVMType(ref: api.FunctionType((result ?? void).ref, &types, UInt32(types.count), 0))
    let value = api.AddFunction(ref, name, type.ref)
    if isInternal { api.SetLinkage(value, Int32(KilnLLVMInternalLinkage)) }
    return LLVMFunction(
      value: LLVMValue(ref: value), type: type,
      parameters: parameters.indices.map { LLVMValue(ref: api.GetParam(value, UInt32($0))) })
  }

  /// Adds an attribute without a value to the function (`at` nil) or to a parameter.
  package func addAttribute(_ name: String, to function: LLVMFunction, at parameter: Int? = nil) {
    let kind = api.GetEnumAttributeKindForName(name, name.utf8.count)
    let position = parameter.map { UInt32($0 + 1) } ?? UInt32.max
    api.AddAttributeAtIndex(function.value.ref, position, api.CreateEnumAttribute(context, kind, 0))
  }

  package func addAttribute(_ name: String, _ value: String, to function: LLVMFunction) {
    let attribute = api.CreateStringAttribute(context, name, UInt32(name.utf8.count), value, UInt32(value.utf8.count))
    api.AddAttributeAtIndex(function.value.ref, UInt32.max, attribute)
  }

  package func block(_ name: String, in function: LLVMFunction) -> LLVMBlock {
    LLVMBlock(ref: api.AppendBasicBlockInContext(context, function.value.ref, name))
  }

  /// New instructions go to the end of `block`.
  package func position(at block: LLVMBlock) { api.PositionBuilderAtEnd(builder, block.ref) }

  package var currentBlock: LLVMBlock { LLVMBlock(ref: api.GetInsertBlock(builder)) }
}
