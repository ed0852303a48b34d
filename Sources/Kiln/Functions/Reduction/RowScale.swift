import KilnIR

/// A power of two for each row, by which its elements are multiplied before they are squared and the root of the sum is
/// divided again: 1 but for rows whose squares leave the range of the type. Powers of two change no bit of the result.
struct RowScale<Scalar: TensorReal> {
  /// 1, or what great rows are multiplied by, one number for each row.
  private let factor: Tensor<Scalar>
  /// 1 / factor.
  let inverse: Tensor<Scalar>
  private let isGreat: Tensor<Bool>
  private let axes: [Int]

  /// - Parameter raisesSmall: whether rows whose squares are too small for the type are multiplied too.
  init(of x: TensorCore, _ axes: [Int], raisesSmall: Bool = false) {
    // Far from where squares overflow or lose digits, in sums of 2^26 elements.
    let (bound, shift): (Scalar.Exponent, Scalar.Exponent) = Scalar.dtype == .f64 ? (400, 600) : (50, 80)
    func power(_ exponent: Scalar.Exponent) -> Tensor<Scalar> {
      Tensor(Scalar(sign: .plus, exponent: exponent, significand: 1))
    }
    self.axes = axes
    let greatest = Tensor<Scalar>(core: emit(.map(.abs), [x]).reduced(.max, axes))
    let isGreat = greatest .> power(bound)
    self.isGreat = isGreat
    var (factor, inverse) = (Tensor<Scalar>(1), Tensor<Scalar>(1))
    if raisesSmall {
      let isSmall = (greatest .< power(-bound)) .&& (greatest .> Tensor(0))
      (factor, inverse) = (select(isSmall, power(shift), factor), select(isSmall, power(-shift), inverse))
    }
    self.factor = select(isGreat, power(-shift), factor)
    self.inverse = select(isGreat, power(shift), inverse)
  }

  func applied(to x: TensorCore) -> TensorCore { emit(.map(.multiply), [x, factor.core.restored(axes, of: x)]) }

  /// sqrt(mean of squares of `x` + epsilon). Beside a great row that has a deviation epsilon is nothing.
  func rootMeanSquare(of x: TensorCore, _ epsilon: Scalar) -> Tensor<Scalar> {
    let square = Tensor<Scalar>(core: applied(to: x).meanSquare(axes))
    let isScaled = isGreat .&& (square .> Tensor(0))
    return sqrt(square + select(isScaled, Tensor(0), Tensor(epsilon))) * select(isScaled, inverse, Tensor(1))
  }
}
