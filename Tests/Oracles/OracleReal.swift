import Glibc

/// A real type with the functions of the system's library, in which the oracles compute.
public protocol OracleReal: BinaryFloatingPoint, Sendable {
  static func exp(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func logOnePlus(_ x: Self) -> Self
  static func tan(_ x: Self) -> Self
  static func sin(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
  static func erfc(_ x: Self) -> Self
}

extension Double: OracleReal {
  public static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  public static func log(_ x: Double) -> Double { Glibc.log(x) }
  public static func logOnePlus(_ x: Double) -> Double { Glibc.log1p(x) }
  public static func tan(_ x: Double) -> Double { Glibc.tan(x) }
  public static func sin(_ x: Double) -> Double { Glibc.sin(x) }
  public static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  public static func erfc(_ x: Double) -> Double { Glibc.erfc(x) }
}

#if arch(x86_64) && os(Linux)
  extension Float80: OracleReal {
    public static func exp(_ x: Float80) -> Float80 { Glibc.expl(x) }
    public static func log(_ x: Float80) -> Float80 { Glibc.logl(x) }
    public static func logOnePlus(_ x: Float80) -> Float80 { Glibc.log1pl(x) }
    public static func tan(_ x: Float80) -> Float80 { Glibc.tanl(x) }
    public static func sin(_ x: Float80) -> Float80 { Glibc.sinl(x) }
    public static func erf(_ x: Float80) -> Float80 { Glibc.erfl(x) }
    public static func erfc(_ x: Float80) -> Float80 { Glibc.erfcl(x) }
  }
#endif
