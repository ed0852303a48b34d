/// The version of the definitions of Numerics.md and of the function tables. Bits change only with it, so it is part of
/// every cache key (Numerics.md S4).
public enum NumericsVersion {
  public static let current = 1
}
