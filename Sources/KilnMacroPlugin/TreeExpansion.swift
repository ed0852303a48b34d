#if Macros
  import SwiftDiagnostics
  import SwiftSyntax
  import SwiftSyntaxBuilder
  import SwiftSyntaxMacros

  /// The extension that makes a struct a tree.
  struct TreeExpansion<Context: MacroExpansionContext> {
    /// The macro that writes it, for messages: `@TensorTree`.
    let macro: String
    let context: Context

    /// The struct that a macro is attached to. Anything else is reported.
    func structure(_ declaration: some DeclGroupSyntax, of node: AttributeSyntax) -> StructDeclSyntax? {
      guard let structure = declaration.as(StructDeclSyntax.self) else {
        let hint =
          declaration.is(EnumDeclSyntax.self)
          ? "the visit of an enum shows its case, and is written by hand"
          : "a copy of an object is the object itself, so a tree is a value"
        report("\(macro) is for structs: \(hint)", at: node)
        return nil
      }
      if let modifier = structure.modifiers.first(where: { $0.name.tokenKind == .keyword(.private) }),
        !context.lexicalContext.isEmpty
      {
        reportPrivate(structure, modifier)
        return nil
      }
      for function in structure.functions(named: "visit") where function.signature.parameterClause.parameters.count == 1
      {
        report("\(macro) writes `visit`: remove this one, or \(macro) and conform to TensorTree", at: function.name)
        return nil
      }
      return structure
    }

    /// An extension of `type` with `visit`, which conforms to those of the `protocols` of a module that the struct
    /// still lacks.
    func extensions(
      of structure: StructDeclSyntax, type: some TypeSyntaxProtocol, protocols: [String], of module: String,
      missing: [TypeSyntax]
    ) throws -> [ExtensionDeclSyntax] {
      let lacking = protocols.filter { name in missing.contains { $0.lastName == name } }.map { "\(module).\($0)" }
      let clause = lacking.isEmpty ? "" : ": \(lacking.joined(separator: ", "))"
      let body = lines(for: StoredPropertyReader(context: context).members(of: structure.memberBlock.members))
      let access = structure.modifiers.first { [.keyword(.public), .keyword(.package)].contains($0.name.tokenKind) }
      let text = """
        extension \(type.trimmedDescription)\(clause) {
          \(access.map { "\($0.name.text) " } ?? "")mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
        \(body.map { "    \($0)\n" }.joined())  }
        }
        """
      return [try ExtensionDeclSyntax("\(raw: text)")]
    }

    private func lines(for members: [StoredMember]) -> [String] {
      var (lines, isPlaced): ([String], Bool) = ([], false)
      func end() {
        if isPlaced { lines.append("#sourceLocation()") }
        isPlaced = false
      }
      for member in members {
        switch member {
        case .property(let property):
          if let place = property.place {
            lines.append("#sourceLocation(file: \(place.file), line: \(place.line))")
            isPlaced = true
          }
          lines.append(line(for: property))
        case .conditional(let clauses):
          // A clause that does not count takes its directives with it.
          end()
          for clause in clauses { lines += [clause.directive] + self.lines(for: clause.members) }
          lines.append("#endif")
        }
      }
      end()
      return lines
    }

    /// The compiler chooses among the functions `property`: which one is a matter of the type.
    private func line(for property: StoredProperty) -> String {
      if property.isIgnored { return "visitor.constant(KilnMacros.IgnoredProperty(), \"\(property.name)\")" }
      return "visitor.property(\(property.isLet ? "" : "&")self.\(property.reference), \"\(property.name)\")"
    }

    func report(_ text: String, at node: some SyntaxProtocol) {
      context.diagnose(Diagnostic(node: node, message: Message(id: "target", text: text)))
    }

    /// An extension stands outside of all types, where a private type of one of them cannot be named.
    private func reportPrivate(_ structure: StructDeclSyntax, _ modifier: DeclModifierSyntax) {
      var wider = modifier
      wider.name.tokenKind = .keyword(.fileprivate)
      let fix = FixIt(
        message: Message(id: "fileprivate", text: "make it fileprivate"),
        changes: [.replace(oldNode: Syntax(modifier), newNode: Syntax(wider))])
      context.diagnose(
        Diagnostic(
          node: modifier,
          message: Message(
            id: "private", text: "\(macro) extends \(structure.name.text), which is private in another declaration"),
          fixIt: fix))
    }
  }

  extension StructDeclSyntax {
    /// The functions of this name that are declared in the struct itself.
    func functions(named name: String) -> [FunctionDeclSyntax] {
      memberBlock.members.compactMap { $0.decl.as(FunctionDeclSyntax.self) }.filter { $0.name.text == name }
    }
  }
#endif
