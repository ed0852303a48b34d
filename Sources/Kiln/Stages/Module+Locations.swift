public import KilnIR

extension Module {
  /// The canonical text with the line of the source behind each instruction, as the comment `// at FILE:LINE`. An
  /// instruction whose line is not known has none.
  ///
  /// ```swift
  /// let program = try trace(x) { x in softmax(x) }
  /// print(program.module.descriptionWithLocations)
  /// ```
  public var descriptionWithLocations: String { Printer { $0.resolved() }.text(of: self) }
}
