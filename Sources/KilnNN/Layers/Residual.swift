public import Kiln

/// x + body(x) (He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016).
///
/// ```swift
/// let keys = RandomKey(seed: 1).split()
/// let block = Residual {
///   Conv2D(inputs: 16, outputs: 16, window: 3, padding: .same, key: keys[0])
///   ReLU()
///   Conv2D(inputs: 16, outputs: 16, window: 3, padding: .same, key: keys[1])
/// }
/// ```
public struct Residual<Scalar: TensorReal, Body: Layer>: Layer
where Body.Input == Tensor<Scalar>, Body.Output == Tensor<Scalar> {
  /// What is added to its input.
  public var body: Body

  /// The sum of the input and what `body` makes of it.
  public init(_ body: Body) { self.body = body }

  /// The sum of the input and what the layers of `content` make of it.
  public init<each Element: Layer>(
    @SequentialBuilder _ content: () -> Sequential<Tensor<Scalar>, Tensor<Scalar>, repeat each Element>
  ) where Body == Sequential<Tensor<Scalar>, Tensor<Scalar>, repeat each Element> { self.init(content()) }

  public mutating func callAsFunction(_ x: Tensor<Scalar>, _ pass: inout ForwardPass) -> Tensor<Scalar> {
    let y = body(x, &pass)
    guard y.mayHaveShape(of: x) else {
      return misfit("Residual", takes: "a body that keeps the shape", x.untyped, y.untyped, shape: x.shape)
    }
    return x + y
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&body, "body") }
}
