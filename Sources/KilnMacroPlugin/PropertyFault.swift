#if Macros
  import SwiftDiagnostics
  import SwiftSyntax
  import SwiftSyntaxMacros

  /// A stored property that can be neither a tree nor a constant.
  struct PropertyFault {
    enum Reason {
      case isClosure, isTuple, isMetatype, isLazy, isReference
      case isExistential(String)

      var text: String {
        switch self {
        case .isClosure: "has a closure, which is neither a TensorTree nor Hashable"
        case .isTuple: "has a tuple, which is neither a TensorTree nor Hashable: a struct can be both"
        case .isMetatype: "has a type, which is neither a TensorTree nor Hashable"
        case .isLazy: "is lazy: it has a value from its first use on, and a part of a tree has one always"
        case .isReference: "refers to an object without keeping it, which is neither a TensorTree nor Hashable"
        case .isExistential(let name): "has values of `\(name)`, which is neither a TensorTree nor Hashable"
        }
      }
    }

    let name: String
    let reason: Reason

    /// The error, with the fix that leaves the property out, where that leaves out no other.
    func diagnostic(at place: TokenSyntax, of variable: VariableDeclSyntax) -> Diagnostic {
      var ignored = variable
      ignored.leadingTrivia = []
      ignored.attributes.insert(
        .attribute(
          AttributeSyntax(attributeName: IdentifierTypeSyntax(name: .identifier("Ignored")), trailingTrivia: .space)),
        at: ignored.attributes.startIndex)
      ignored.leadingTrivia = variable.leadingTrivia
      let fix = FixIt(
        message: Message(id: "ignore", text: "leave it out of the tree with @Ignored"),
        changes: [.replace(oldNode: Syntax(variable), newNode: Syntax(ignored))])
      return Diagnostic(
        node: place, message: Message(id: "property", text: "'\(name)' \(reason.text)"),
        fixIts: variable.bindings.count == 1 ? [fix] : [])
    }

    /// Why no value of `type` can be shown. Of the types that have a name, only the compiler knows it.
    static func reason(ofType type: TypeSyntax) -> Reason? {
      switch type.as(TypeSyntaxEnum.self) {
      case .functionType: return .isClosure
      case .tupleType(let tuple):
        guard let only = tuple.elements.first, tuple.elements.count == 1 else { return .isTuple }
        return reason(ofType: only.type)
      case .metatypeType: return .isMetatype
      case .attributedType(let attributed): return reason(ofType: attributed.baseType)
      case .optionalType(let optional): return reason(ofType: optional.wrappedType)
      case .implicitlyUnwrappedOptionalType(let optional): return reason(ofType: optional.wrappedType)
      case .arrayType(let array): return reason(ofType: array.element)
      case .dictionaryType(let dictionary): return reason(ofType: dictionary.value)
      case .someOrAnyType(let opaque): return reason(ofType: opaque.constraint)
      case .identifierType(let identifier):
        if ["Any", "AnyObject"].contains(identifier.name.text) { return .isExistential(identifier.name.text) }
        guard ["Array", "Dictionary", "Optional"].contains(identifier.name.text) else { return nil }
        return identifier.genericArgumentClause?.arguments.last?.argument.as(TypeSyntax.self).flatMap(reason(ofType:))
      default: return nil
      }
    }

    /// Why a value that is written without its type cannot be shown.
    static func reason(ofValue value: ExprSyntax) -> Reason? {
      if value.is(ClosureExprSyntax.self) { return .isClosure }
      if let tuple = value.as(TupleExprSyntax.self), tuple.elements.count != 1 { return .isTuple }
      return nil
    }
  }

  /// What a macro of Kiln says.
  struct Message: DiagnosticMessage, FixItMessage {
    let id: String
    let text: String
    var severity = DiagnosticSeverity.error

    var message: String { text }
    var diagnosticID: MessageID { MessageID(domain: "KilnMacros", id: id) }
    var fixItID: MessageID { diagnosticID }
  }
#endif
