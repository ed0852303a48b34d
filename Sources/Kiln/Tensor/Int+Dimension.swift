public import KilnIR

extension Int {
  /// The number of a size.
  ///
  /// While a function is compiled for all sizes this pins the size: the program serves the number of the call at hand
  /// alone, and `CompilationReport` names the line that asked. Elsewhere every size is a number.
  public init(_ dimension: Dimension) { self = dimension.staticSize }
}
