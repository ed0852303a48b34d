public import KilnIR

/// A Swift type that tensors have as elements.
///
/// `Float`, `Double`, `Float16` (storage and conversion only), `Int8` … `Int64`, `UInt8` … `UInt64` and `Bool`.
public protocol TensorElement: NativeElement, SendableMetatype {
  /// The value as a number of the IR.
  var irScalar: KilnIR.Scalar { get }
  /// The value of a number of the IR of this dtype.
  init(irScalar: KilnIR.Scalar)
}

/// An element type with arithmetic.
public protocol TensorNumber: TensorElement, Numeric, Comparable {}

/// An element type with the functions of the reals.
public protocol TensorReal: TensorNumber, BinaryFloatingPoint {}

/// An element type with wrapping arithmetic, bit operations and shifts.
public protocol TensorInteger: TensorNumber, FixedWidthInteger {}

extension Float: TensorReal {
  public var irScalar: KilnIR.Scalar { KilnIR.Scalar(self) }
  public init(irScalar: KilnIR.Scalar) { self.init(bitPattern: UInt32(truncatingIfNeeded: irScalar.bits)) }
}

extension Double: TensorReal {
  public var irScalar: KilnIR.Scalar { KilnIR.Scalar(self) }
  public init(irScalar: KilnIR.Scalar) { self.init(bitPattern: irScalar.bits) }
}

extension Float16: TensorElement {
  public var irScalar: KilnIR.Scalar { KilnIR.Scalar(.f16, bits: UInt64(bitPattern)) }
  public init(irScalar: KilnIR.Scalar) { self.init(bitPattern: UInt16(truncatingIfNeeded: irScalar.bits)) }
}

extension Bool: TensorElement {
  public var irScalar: KilnIR.Scalar { KilnIR.Scalar(self) }
  public init(irScalar: KilnIR.Scalar) { self = irScalar.bits != 0 }
}

extension TensorInteger {
  public var irScalar: KilnIR.Scalar { KilnIR.Scalar(Self.dtype, bits: UInt64(truncatingIfNeeded: self)) }
  public init(irScalar: KilnIR.Scalar) { self.init(truncatingIfNeeded: irScalar.bits) }
}

extension Int8: TensorInteger {}
extension Int16: TensorInteger {}
extension Int32: TensorInteger {}
extension Int64: TensorInteger {}
extension UInt8: TensorInteger {}
extension UInt16: TensorInteger {}
extension UInt32: TensorInteger {}
extension UInt64: TensorInteger {}
