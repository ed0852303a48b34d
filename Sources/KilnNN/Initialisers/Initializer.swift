public import Kiln

/// How the parameters of a layer begin: a distribution, or a constant.
///
/// ```swift
/// let layer = Dense(inputs: 64, outputs: 10, weight: .heNormal, key: RandomKey(seed: 1))
/// let filter: Tensor<Float> = Initializer.glorotUniform([3, 3, 16, 32], key: RandomKey(seed: 2))
/// ```
/// The numbers are a function of the key and the shape, the same on every device. Those whose spread follows from the
/// size of the layer take it from its *fans*: how many inputs an output has, and how many outputs an input (`Fans`).
public struct Initializer: Hashable, Sendable {
  private enum Form: Hashable, Sendable {
    case constant(Double)
    case uniform(Double, Double)
    case normal(mean: Double, deviation: Double)
    case truncatedNormal(mean: Double, deviation: Double)
    case scaled(Scale, Distribution)
    case orthogonal(gain: Double)
  }
  /// The variance that the fans give.
  private enum Scale: Hashable, Sendable {
    /// 2 / (inputs + outputs): Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    /// networks, 2010.
    case glorot
    /// 2 / inputs: He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.
    case he
    /// 1 / inputs: LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998.
    case leCun

    func variance(_ fans: Fans) -> Double {
      switch self {
      case .glorot: 2 / Double(max(fans.inputs + fans.outputs, 1))
      case .he: 2 / Double(max(fans.inputs, 1))
      case .leCun: 1 / Double(max(fans.inputs, 1))
      }
    }
  }
  private enum Distribution: Hashable, Sendable { case uniform, normal, truncatedNormal }

  private let form: Form

  /// How many inputs an output depends on, and how many outputs depend on an input.
  public struct Fans: Hashable, Sendable {
    /// Inputs of one output.
    public var inputs: Int
    /// Outputs of one input.
    public var outputs: Int

    /// These fans.
    public init(inputs: Int, outputs: Int) { (self.inputs, self.outputs) = (inputs, outputs) }

    /// The fans of a parameter by its shape: of a weight [inputs, outputs] its extents; of a filter [taps…, inputs,
    /// outputs] its last two extents, each times the number of taps; of a vector both are its extent.
    public init(ofShape shape: [Int]) {
      let taps = shape.dropLast(2).reduce(1, *)
      let last = shape.last ?? 1
      self.init(inputs: taps * (shape.count > 1 ? shape[shape.count - 2] : last), outputs: taps * last)
    }
  }

  /// All zeros.
  public static let zeros = constant(0)
  /// All ones.
  public static let ones = constant(1)
  /// All `value`.
  public static func constant(_ value: Double) -> Initializer { Initializer(form: .constant(value)) }
  /// Spread evenly over `range`.
  public static func uniform(_ range: Range<Double>) -> Initializer {
    Initializer(form: .uniform(range.lowerBound, range.upperBound))
  }
  /// Normally distributed.
  public static func normal(mean: Double = 0, standardDeviation: Double) -> Initializer {
    Initializer(form: .normal(mean: mean, deviation: standardDeviation))
  }
  /// Of the normal distribution with this mean and deviation, without what is more than two deviations from the mean;
  /// so its own deviation is 0.88 of the given one.
  public static func truncatedNormal(mean: Double = 0, standardDeviation: Double) -> Initializer {
    Initializer(form: .truncatedNormal(mean: mean, deviation: standardDeviation))
  }

  /// Variance 2 / (inputs + outputs), spread evenly between ±√(6 / (inputs + outputs)) (Glorot and Bengio, 2010).
  public static let glorotUniform = Initializer(form: .scaled(.glorot, .uniform))
  /// Variance 2 / (inputs + outputs), normally distributed (Glorot and Bengio, 2010).
  public static let glorotNormal = Initializer(form: .scaled(.glorot, .normal))
  /// Variance 2 / (inputs + outputs), of a normal distribution that is cut off at two of its deviations (Glorot and
  /// Bengio, 2010).
  public static let glorotTruncatedNormal = Initializer(form: .scaled(.glorot, .truncatedNormal))
  /// Variance 2 / inputs, spread evenly between ±√(6 / inputs), for layers before a ReLU (He and others, 2015).
  public static let heUniform = Initializer(form: .scaled(.he, .uniform))
  /// Variance 2 / inputs, normally distributed (He and others, 2015).
  public static let heNormal = Initializer(form: .scaled(.he, .normal))
  /// Variance 2 / inputs, of a normal distribution that is cut off at two of its deviations (He and others, 2015).
  public static let heTruncatedNormal = Initializer(form: .scaled(.he, .truncatedNormal))
  /// Variance 1 / inputs, spread evenly between ±√(3 / inputs) (LeCun and others, 1998).
  public static let leCunUniform = Initializer(form: .scaled(.leCun, .uniform))
  /// Variance 1 / inputs, normally distributed (LeCun and others, 1998).
  public static let leCunNormal = Initializer(form: .scaled(.leCun, .normal))
  /// Variance 1 / inputs, of a normal distribution that is cut off at two of its deviations (LeCun and others, 1998).
  public static let leCunTruncatedNormal = Initializer(form: .scaled(.leCun, .truncatedNormal))

  /// A random matrix with orthonormal columns, or rows where they are fewer, times `gain`; each such matrix is equally
  /// likely (Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear neural
  /// networks, 2013). All axes but the last one are the rows.
  public static func orthogonal(gain: Double = 1) -> Initializer { Initializer(form: .orthogonal(gain: gain)) }

  /// New parameters of `shape`.
  /// - Parameter fans: `Fans(ofShape:)` unless given.
  public func callAsFunction<Scalar: TensorReal>(
    _ shape: [Int], fans: Fans? = nil, of type: Scalar.Type = Scalar.self, key: RandomKey
  ) -> Tensor<Scalar> {
    switch form {
    case .constant(let value): return .full(shape, Scalar(value))
    case .uniform(let low, let high): return .randomUniform(shape, in: Scalar(low)..<Scalar(high), key: key)
    case .normal(let mean, let deviation):
      return .randomNormal(shape, mean: Scalar(mean), standardDeviation: Scalar(deviation), key: key)
    case .truncatedNormal(let mean, let deviation):
      return Tensor(Scalar(mean)) + Tensor(Scalar(deviation)) * .randomTruncatedNormal(shape, key: key)
    case .scaled(let scale, let distribution):
      let deviation = scale.variance(fans ?? Fans(ofShape: shape)).squareRoot()
      switch distribution {
      case .uniform:
        let bound = Scalar(3.0.squareRoot() * deviation)
        return .randomUniform(shape, in: -bound..<bound, key: key)
      case .normal: return .randomNormal(shape, standardDeviation: Scalar(deviation), key: key)
      case .truncatedNormal:
        // The deviation of the standard normal distribution between -2 and 2.
        return Tensor(Scalar(deviation / 0.8796256610342398)) * .randomTruncatedNormal(shape, key: key)
      }
    case .orthogonal(let gain): return orthogonal(shape, gain, key)
    }
  }

  private func orthogonal<Scalar: TensorReal>(_ shape: [Int], _ gain: Double, _ key: RandomKey) -> Tensor<Scalar> {
    let columns = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    let (long, short) = (max(rows, columns), min(rows, columns))
    let draws = Tensor<Double>.randomNormal([short, long], key: key)
    if short == 0 || long == 0 { return draws.converted(to: Scalar.self).reshaped(to: shape) }
    // Gram and Schmidt's method, each vector made orthogonal twice, gives the factor whose R has a positive diagonal,
    // which has no preferred direction (Mezzadri, How to generate random matrices from the classical compact groups,
    // 2007).
    func extended(_ row: Tensor<Int32>, _ basis: Tensor<Double>) -> Tensor<Double> {
      var vector = draws.gathered(row, axis: 0)
      for _ in 0..<2 { vector = vector - matmul(matmul(basis, vector), basis) }
      return basis + outer(row.oneHot(short, as: Double.self), vector / vector.norm())
    }
    let basis = fori(0..<short, Tensor<Double>.zeros([short, long])) { extended($0, $1) }
    let matrix = rows >= columns ? basis.swappingAxes(0, 1) : basis
    return (Tensor(gain) * matrix).converted(to: Scalar.self).reshaped(to: shape)
  }
}
