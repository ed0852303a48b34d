#if Macros
  import SwiftSyntax
  import SwiftSyntaxMacros

  /// A stored property of a struct, as far as its declaration tells.
  struct StoredProperty {
    /// As it is written: with backticks where it needs them.
    let reference: String
    let isLet: Bool
    let isIgnored: Bool
    /// Where it is declared, so that what the compiler says of its type is said there.
    let place: AbstractSourceLocation?

    /// How it is called in the tree.
    var name: String { reference.filter { $0 != "`" } }
  }

  /// What a struct stores, in the order of its declarations.
  indirect enum StoredMember {
    case property(StoredProperty)
    /// The clauses of an `#if`, each with its directive: which of them counts is known to the compiler alone.
    case conditional([(directive: String, members: [StoredMember])])
  }

  /// Reads the stored properties of a struct, and reports those that can be neither trees nor constants.
  struct StoredPropertyReader<Context: MacroExpansionContext> {
    let context: Context

    func members(of block: MemberBlockItemListSyntax) -> [StoredMember] {
      block.flatMap { item -> [StoredMember] in
        if let variable = item.decl.as(VariableDeclSyntax.self) {
          return properties(of: variable).map { .property($0) }
        }
        if let conditional = item.decl.as(IfConfigDeclSyntax.self) { return clauses(of: conditional) }
        return []
      }
    }

    private func clauses(of conditional: IfConfigDeclSyntax) -> [StoredMember] {
      let clauses = conditional.clauses.map { clause in
        let directive = [clause.poundKeyword.text, clause.condition?.trimmedDescription].compactMap { $0 }
        let inner = clause.elements?.as(MemberBlockItemListSyntax.self).map(members(of:)) ?? []
        return (directive.joined(separator: " "), inner)
      }
      return clauses.allSatisfy { $0.1.isEmpty } ? [] : [.conditional(clauses)]
    }

    private func properties(of variable: VariableDeclSyntax) -> [StoredProperty] {
      guard !variable.isStatic else { return [] }
      let isIgnored = variable.attributes.contains(named: "Ignored")
      // Not `filter`: that of a syntax collection makes another tree, whose places are not known.
      return variable.bindings.flatMap { binding in
        guard binding.isStored else { return [StoredProperty]() }
        return names(in: binding.pattern).compactMap { name in
          if !isIgnored, let reason = variable.storageFault ?? fault(of: binding, in: variable) {
            context.diagnose(PropertyFault(name: name.text, reason: reason).diagnostic(at: name, of: variable))
            return nil
          }
          return StoredProperty(
            reference: name.text, isLet: variable.bindingSpecifier.tokenKind == .keyword(.let), isIgnored: isIgnored,
            place: context.location(of: name, at: .afterLeadingTrivia, filePathMode: .filePath))
        }
      }
    }

    private func fault(of binding: PatternBindingSyntax, in variable: VariableDeclSyntax) -> PropertyFault.Reason? {
      if let type = binding.typeAnnotation?.type {
        // `var (a, b): (Int, Int)` stores no tuple.
        return binding.pattern.is(IdentifierPatternSyntax.self) ? PropertyFault.reason(ofType: type) : nil
      }
      if let value = binding.initializer?.value {
        return binding.pattern.is(IdentifierPatternSyntax.self) ? PropertyFault.reason(ofValue: value) : nil
      }
      // In `var a, b: Int` the type stands behind the last name.
      let later = variable.bindings.drop { $0.id != binding.id }.first { $0.typeAnnotation != nil }
      return later?.typeAnnotation.flatMap { PropertyFault.reason(ofType: $0.type) }
    }

    /// The names that a pattern such as `(a, b)` binds.
    private func names(in pattern: PatternSyntax) -> [TokenSyntax] {
      if let identifier = pattern.as(IdentifierPatternSyntax.self) { return [identifier.identifier] }
      if let tuple = pattern.as(TuplePatternSyntax.self) { return tuple.elements.flatMap { names(in: $0.pattern) } }
      return []
    }
  }

  extension VariableDeclSyntax {
    var isStatic: Bool { modifiers.contains { [.keyword(.static), .keyword(.class)].contains($0.name.tokenKind) } }

    /// What of the way in which it is stored keeps it out of a tree.
    fileprivate var storageFault: PropertyFault.Reason? {
      for modifier in modifiers {
        switch modifier.name.tokenKind {
        case .keyword(.lazy): return .isLazy
        case .keyword(.weak), .keyword(.unowned): return .isReference
        default: continue
        }
      }
      return nil
    }
  }

  extension PatternBindingSyntax {
    /// Whether it has storage: no accessors, or observers only.
    var isStored: Bool {
      guard let block = accessorBlock else { return true }
      guard case .accessors(let accessors) = block.accessors else { return false }
      return accessors.allSatisfy {
        [.keyword(.willSet), .keyword(.didSet)].contains($0.accessorSpecifier.tokenKind)
      }
    }
  }

  extension AttributeListSyntax {
    /// Whether the attribute `name` is among them, with or without its module.
    func contains(named name: String) -> Bool {
      contains { element in
        guard case .attribute(let attribute) = element else { return false }
        return attribute.attributeName.lastName == name
      }
    }
  }

  extension TypeSyntax {
    /// `Layer` of `KilnNN.Layer`.
    var lastName: String? {
      self.as(IdentifierTypeSyntax.self)?.name.text ?? self.as(MemberTypeSyntax.self)?.name.text
    }
  }
#endif
