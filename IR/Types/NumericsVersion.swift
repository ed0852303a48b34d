/// The version of the definitions of NUMERICS.md and of the function tables. Bits change only with it, so it is part of
/// every cache key (NUMERICS S4).
public enum NumericsVersion {
  public static let current = 1
}
