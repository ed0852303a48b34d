public import Kiln

/// Adds sines and cosines of the place to each vector: element 2i gets sin(t / 10000^(2i / width)), element 2i + 1 the
/// cosine of the same (Vaswani and others, Attention is all you need, 2017).
///
/// Takes and gives [..., time, width].
public struct SinusoidalPositions<Scalar: TensorReal>: PureLayer {
  /// The length of the vectors.
  public let width: Int
  /// 10000 in the article.
  public let base: Double

  /// A layer for vectors of this length.
  public init(width: Int, base: Double = 10_000, of type: Scalar.Type = Float.self) {
    (self.width, self.base) = (width, base)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { self(x, offset: Tensor(0)) }

  /// The sum for vectors whose first has the place `offset`, a scalar.
  public func callAsFunction(_ x: Tensor<Scalar>, offset: Tensor<Int32>) -> Tensor<Scalar> {
    guard x.rank >= 2, x.mayHave(width, at: -1) else {
      return misfit("SinusoidalPositions", takes: "[..., time, \(width)]", x.untyped, shape: x.shape)
    }
    let (time, count) = (x.shape[x.rank - 2], (width + 1) / 2)
    let angles: Tensor<Scalar> = Rotation.angles(time, offset, count, 2 / Double(width), base)
    let pairs = stacked([sin(angles), cos(angles)], axis: 2).flattened(from: 1)
    return noted("SinusoidalPositions", x + (width.isMultiple(of: 2) ? pairs : pairs[0..., 0..<width]))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(width, "width")
    visitor.constant(base, "base")
  }
}

/// Adds a trained vector of the place to each vector (Gehring and others, Convolutional sequence to sequence learning,
/// 2017). Takes and gives [..., time, width].
public struct LearnedPositions<Scalar: TensorReal>: PureLayer {
  /// [count, width]
  public var table: Tensor<Scalar>

  /// A layer for at most `count` places.
  public init(
    count: Int, width: Int, table: Initializer = .normal(standardDeviation: 0.02), of type: Scalar.Type = Float.self,
    key: RandomKey
  ) {
    self.table = table([count, width], of: type, key: key)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { self(x, offset: Tensor(0)) }

  /// The sum for vectors whose first has the place `offset`, a scalar. A place without a vector is a diagnostic when
  /// the function runs (`gather.R1`).
  public func callAsFunction(_ x: Tensor<Scalar>, offset: Tensor<Int32>) -> Tensor<Scalar> {
    let width = table.dimensions[1]
    guard x.rank >= 2, x.mayHave(width, at: -1) else {
      return misfit("LearnedPositions", takes: "[..., time, \(width)]", x.untyped, shape: x.shape)
    }
    return noted("LearnedPositions", x + table.gathered(Tensor<Int32>.range(x.shape[x.rank - 2]) + offset))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&table, "table") }
}

/// How `RotaryPositions` turns vectors.
public struct Rotary: Hashable, Sendable {
  /// Which elements are a pair.
  public enum Pairs: Hashable, Sendable {
    /// Element i and element i + width / 2, as LLaMA's weights want it.
    case halves
    /// Elements 2i and 2i + 1, as in the article.
    case neighbours
  }

  /// What the angles of neighbouring pairs follow from; 10000 in the article.
  public var base: Double
  /// Which elements are a pair.
  public var pairs: Pairs

  /// These angles and pairs.
  public init(base: Double = 10_000, pairs: Pairs = .halves) { (self.base, self.pairs) = (base, pairs) }
}

/// Turns pairs of elements of queries and keys by an angle that grows with the place, so that their product depends on
/// the distance: pair i at place t by t / base^(2i / width) (Su and others, RoFormer: enhanced transformer with rotary
/// position embedding, 2021).
///
/// Takes and gives [..., time, width].
public struct RotaryPositions<Scalar: TensorReal>: PureLayer {
  /// The length of the vectors, which is even (`layer.C1`).
  public let width: Int
  /// How they are turned.
  public let rotary: Rotary

  /// A layer for vectors of this length: that of one head.
  public init(width: Int, _ rotary: Rotary = Rotary(), of type: Scalar.Type = Float.self) {
    (self.width, self.rotary) = (width, rotary)
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { self(x, offset: Tensor(0)) }

  /// The turned vectors, of which the first has the place `offset`, a scalar.
  public func callAsFunction(_ x: Tensor<Scalar>, offset: Tensor<Int32>) -> Tensor<Scalar> {
    guard x.rank >= 2, width > 0, width.isMultiple(of: 2), x.mayHave(width, at: -1) else {
      return misfit("RotaryPositions", takes: "[..., time, \(width)] of even width", x.untyped, shape: x.shape)
    }
    let time = x.shape[x.rank - 2]
    let angles: Tensor<Scalar> = Rotation.angles(time, offset, width / 2, 2 / Double(width), rotary.base)
    let (cosine, sine) = (cos(angles), sin(angles))
    let half = Dimension(width / 2)
    switch rotary.pairs {
    case .halves:
      let parts = x.split(count: 2, axis: -1)
      let turned = [parts[0] * cosine - parts[1] * sine, parts[1] * cosine + parts[0] * sine]
      return noted("RotaryPositions", concatenated(turned, axis: -1))
    case .neighbours:
      let parts = x.reshaped(from: x.rank - 1, to: [half, 2]).split(count: 2, axis: -1).map { $0.squeezed(-1) }
      let turned = [parts[0] * cosine - parts[1] * sine, parts[1] * cosine + parts[0] * sine]
      return noted("RotaryPositions", stacked(turned, axis: x.rank).flattened(from: x.rank - 1))
    }
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(width, "width")
    visitor.constant(rotary, "rotary")
  }
}

private enum Rotation {
  /// (t + offset) / base^(i · step) for `time` places t and `count` numbers i: [time, count].
  static func angles<Scalar: TensorReal>(
    _ time: Dimension, _ offset: Tensor<Int32>, _ count: Int, _ step: Double, _ base: Double
  ) -> Tensor<Scalar> {
    // In f64, so that a place far out has all the digits of its angle.
    let places = (Tensor<Int32>.range(time) + offset).converted(to: Double.self)
    let speeds = exp(Tensor<Double>.range(from: 0, by: -step, count: count) * log(Tensor<Double>(base)))
    return outer(places, speeds).converted(to: Scalar.self)
  }
}
