#if Macros
  import SwiftCompilerPlugin
  import SwiftSyntaxMacros

  @main
  struct Plugin: CompilerPlugin {
    let providingMacros: [any Macro.Type] = [TensorTreeMacro.self, ModuleMacro.self, IgnoredMacro.self]
  }
#else
  @main
  enum Plugin {
    static func main() {}
  }
#endif
