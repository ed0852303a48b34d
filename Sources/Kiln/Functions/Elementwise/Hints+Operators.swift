// What people try first where Kiln writes something else. The compiler refuses each use with the sentence that says
// what to write, and tries none of these for code that is right, so they cost nothing (Documentation/Decisions/0001).

/// The body of what cannot be called.
func refused() -> Never { preconditionFailure("the compiler refuses every use of this declaration") }

extension Tensor {
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .> b")
  public static func > (a: Self, b: Self) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .< b")
  public static func < (a: Self, b: Self) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .>= b")
  public static func >= (a: Self, b: Self) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .<= b")
  public static func <= (a: Self, b: Self) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .== b")
  public static func == (a: Self, b: Self) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .!= b")
  public static func != (a: Self, b: Self) -> Tensor<Bool> { refused() }
}

extension TensorOperand {
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .> b")
  public static func > (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .< b")
  public static func < (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .>= b")
  public static func >= (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .<= b")
  public static func <= (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .== b")
  public static func == (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .!= b")
  public static func != (a: Self, b: Scalar) -> Tensor<Bool> { refused() }
}

// The same where a Bool is wanted, as in `if x > 0`.

extension Tensor {
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .> b")
  @_disfavoredOverload public static func > (a: Self, b: Self) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .< b")
  @_disfavoredOverload public static func < (a: Self, b: Self) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .>= b")
  @_disfavoredOverload public static func >= (a: Self, b: Self) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .<= b")
  @_disfavoredOverload public static func <= (a: Self, b: Self) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .== b")
  @_disfavoredOverload public static func == (a: Self, b: Self) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .!= b")
  @_disfavoredOverload public static func != (a: Self, b: Self) -> Bool { refused() }
}

extension TensorOperand {
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .> b")
  @_disfavoredOverload public static func > (a: Self, b: Scalar) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .< b")
  @_disfavoredOverload public static func < (a: Self, b: Scalar) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .>= b")
  @_disfavoredOverload public static func >= (a: Self, b: Scalar) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .<= b")
  @_disfavoredOverload public static func <= (a: Self, b: Scalar) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .== b")
  @_disfavoredOverload public static func == (a: Self, b: Scalar) -> Bool { refused() }
  @available(*, unavailable, message: "tensors compare element by element, written with a dot: a .!= b")
  @_disfavoredOverload public static func != (a: Self, b: Scalar) -> Bool { refused() }
}

extension Tensor<Bool> {
  @available(*, unavailable, message: "tensors combine element by element, written with a dot: p .&& q")
  public static func && (a: Self, b: Self) -> Self { refused() }
  @available(*, unavailable, message: "tensors combine element by element, written with a dot: p .|| q")
  public static func || (a: Self, b: Self) -> Self { refused() }
  @available(*, unavailable, message: "the opposite is taken element by element, written with a dot: .!p")
  public static prefix func ! (a: Self) -> Self { refused() }
}

extension TensorOperand where Scalar: TensorNumber {
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func + (a: Self, b: Double) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func + (a: Double, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func - (a: Self, b: Double) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func - (a: Double, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func * (a: Self, b: Double) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func * (a: Double, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func / (a: Self, b: Double) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Double to the tensor's, as in x * Float(number)"
  )
  public static func / (a: Double, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func + (a: Self, b: Int) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func + (a: Int, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func - (a: Self, b: Int) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func - (a: Int, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func * (a: Self, b: Int) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func * (a: Int, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func / (a: Self, b: Int) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert the Int to the tensor's, as in x * Float(number)"
  )
  public static func / (a: Int, b: Self) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert one of the tensors, as in y.converted(to: Float.self)"
  )
  public static func + (a: Self, b: Tensor<some TensorNumber>) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert one of the tensors, as in y.converted(to: Float.self)"
  )
  public static func - (a: Self, b: Tensor<some TensorNumber>) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert one of the tensors, as in y.converted(to: Float.self)"
  )
  public static func * (a: Self, b: Tensor<some TensorNumber>) -> Tensor<Scalar> { refused() }
  @available(
    *, unavailable, message: "element types never mix: convert one of the tensors, as in y.converted(to: Float.self)"
  )
  public static func / (a: Self, b: Tensor<some TensorNumber>) -> Tensor<Scalar> { refused() }
}

@available(*, unavailable, message: "element by element it is maximum(x, y); the greatest element is x.max()")
public func max<Scalar>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> { refused() }
@available(*, unavailable, message: "element by element it is minimum(x, y); the least element is x.min()")
public func min<Scalar>(_ x: Tensor<Scalar>, _ y: Tensor<Scalar>) -> Tensor<Scalar> { refused() }
