#if Macros
  import SwiftDiagnostics
  import SwiftSyntax
  import SwiftSyntaxMacros

  /// `@TensorTree`.
  enum TensorTreeMacro: ExtensionMacro {
    static func expansion(
      of node: AttributeSyntax, attachedTo declaration: some DeclGroupSyntax,
      providingExtensionsOf type: some TypeSyntaxProtocol, conformingTo protocols: [TypeSyntax],
      in context: some MacroExpansionContext
    ) throws -> [ExtensionDeclSyntax] {
      let tree = TreeExpansion(macro: "@TensorTree", context: context)
      guard let structure = tree.structure(declaration, of: node) else { return [] }
      return try tree.extensions(of: structure, type: type, protocols: ["TensorTree"], of: "Kiln", missing: protocols)
    }
  }

  /// `@Module`.
  enum ModuleMacro: ExtensionMacro {
    static func expansion(
      of node: AttributeSyntax, attachedTo declaration: some DeclGroupSyntax,
      providingExtensionsOf type: some TypeSyntaxProtocol, conformingTo protocols: [TypeSyntax],
      in context: some MacroExpansionContext
    ) throws -> [ExtensionDeclSyntax] {
      let tree = TreeExpansion(macro: "@Module", context: context)
      guard let structure = tree.structure(declaration, of: node) else { return [] }
      guard let names = layerProtocols(of: structure) else {
        tree.report(
          """
          a module is called: it has `mutating func callAsFunction(_ x: …, _ pass: inout ForwardPass) -> …`, or without a \
          pass if it does the same in training and in inference
          """, at: structure.name)
        return []
      }
      return try tree.extensions(of: structure, type: type, protocols: names, of: "KilnNN", missing: protocols)
    }

    /// What its call makes it: a layer, or one that needs no pass. The compiler expects all that the macro may bring,
    /// also those that follow from another, and infers the types of the call from the first.
    private static func layerProtocols(of structure: StructDeclSyntax) -> [String]? {
      let calls = structure.functions(named: "callAsFunction").map { Array($0.signature.parameterClause.parameters) }
      let unnamed = calls.filter { $0.allSatisfy { $0.firstName.tokenKind == .wildcard } }
      if unnamed.contains(where: { $0.count == 2 && $0[1].isPass }) { return ["Layer"] }
      return unnamed.contains { $0.count == 1 } ? ["PureLayer", "Layer"] : nil
    }
  }

  extension FunctionParameterSyntax {
    /// Whether it is `inout ForwardPass`.
    fileprivate var isPass: Bool { type.as(AttributedTypeSyntax.self)?.baseType.lastName == "ForwardPass" }
  }

  /// `@Ignored`, which the macros of the struct around it read.
  enum IgnoredMacro: PeerMacro {
    static func expansion(
      of node: AttributeSyntax, providingPeersOf declaration: some DeclSyntaxProtocol,
      in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
      let variable = declaration.as(VariableDeclSyntax.self)
      let isStored = variable.map { !$0.isStatic && $0.bindings.contains(where: \.isStored) } ?? false
      let structure = context.lexicalContext.first?.as(StructDeclSyntax.self)
      let isRead = ["TensorTree", "Module"].contains { structure?.attributes.contains(named: $0) ?? false }
      if !isStored || !isRead {
        let text = "@Ignored leaves a stored property out of a struct with @TensorTree or @Module"
        context.diagnose(Diagnostic(node: node, message: Message(id: "ignored", text: text)))
      }
      return []
    }
  }
#endif
