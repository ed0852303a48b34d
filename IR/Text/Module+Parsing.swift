extension Module {
  /// Reads a module from its text.
  ///
  /// ```swift
  /// let module = try Module(parsing: "func @main(%x: f32[2]) -> (f32[2]) {\n  return %x\n}", file: "main.kiln")
  /// ```
  /// The instructions carry the positions of the text as their locations.
  /// - Parameter file: the name that diagnostics give the text.
  /// - Throws: every mistake found (at most 100), each with its file, line and column. No text crashes the reader.
  public init(parsing text: String, file: String) throws(KilnError) {
    self = try Parser.parse(text, file: file)
  }
}
