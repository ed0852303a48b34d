// Names of NumPy, JAX and PyTorch on a tensor; see Hints+Operators.swift. Documentation/Names.md has them all. None of
// them is the name of a free function: a method `softmax` would hide `softmax(x)` inside every extension of `Tensor`.

extension Tensor {
  @available(*, unavailable, message: "axes are a list: x.sum(axes: [1])")
  public func sum(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.product(axes: [1])")
  public func product(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.max(axes: [1])")
  public func max(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.min(axes: [1])")
  public func min(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.mean(axes: [1])")
  public func mean(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.variance(axes: [1])")
  public func variance(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.standardDeviation(axes: [1])")
  public func standardDeviation(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.all(axes: [1])")
  public func all(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  @available(*, unavailable, message: "axes are a list: x.any(axes: [1])")
  public func any(axis: Int, keepDims: Bool = false) -> Tensor { refused() }
  // swift-format-ignore: AlwaysUseLowerCamelCase
  @available(*, unavailable, message: "it is x.transposed()")
  public var T: Tensor { refused() }
  @available(*, unavailable, message: "it is matmul(a, b)")
  public func mm(_ other: Tensor) -> Tensor { refused() }
  @available(*, unavailable, message: "it is matmul(a, b)")
  public func dot(_ other: Tensor) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.reshaped(to: [2, -1])")
  public func view(_ extents: Int...) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.reshaped(to: [2, -1])")
  public func view(_ extents: [Int]) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.reshaped(to: [2, -1])")
  public func reshape(_ extents: Int...) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.reshaped(to: [2, -1])")
  public func reshape(_ extents: [Int]) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.expandingShape(at: axis)")
  public func unsqueeze(_ axis: Int = 0) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.squeezed(axis)")
  public func squeeze(_ axis: Int = 0) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.transposed(1, 0)")
  public func permute(_ axes: Int...) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.transposed(1, 0)")
  public func transpose(_ axes: Int...) -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.scalars, or x.item of a scalar")
  public func numpy() -> [Scalar] { refused() }
  @available(*, unavailable, message: "it is x.scalars")
  public func tolist() -> [Scalar] { refused() }
  @available(*, unavailable, message: "it is stopGradient(x)")
  public func detach() -> Tensor { refused() }
  @available(*, unavailable, message: "it is x.converted(to: Int32.self)")
  public func astype<Target: TensorElement>(_ type: Target.Type) -> Tensor<Target> { refused() }
  @available(*, unavailable, message: "it is x.rank")
  public var ndim: Int { refused() }
  @available(*, unavailable, message: "tensors never change, so there is nothing to copy")
  public func clone() -> Tensor { refused() }
  @available(
    *, unavailable, message: "gradients belong to functions: gradient(at: x) { x in loss(x) }, or GradientTape"
  )
  public func backward() { refused() }
}

@available(*, unavailable, message: "it is gradient(of: f), or gradient(at: x) { x in … }")
public func grad<Body>(_ body: Body) -> Body { refused() }
@available(*, unavailable, message: "it is compile { (x: Tensor<Float>) in … }")
public func jit<Body>(_ body: Body) -> Body { refused() }
