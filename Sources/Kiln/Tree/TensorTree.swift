/// A value made of tensors: a tensor, an array of layers, a model.
///
/// ```swift
/// struct Dense: TensorTree {
///   var weight: Tensor<Float>
///   var isLast = false
///   mutating func visit(_ visitor: inout some TensorVisitor) {
///     visitor.visit(&weight, "weight")
///     visitor.constant(isLast, "isLast")
///   }
/// }
/// ```
/// From this one requirement follow flattening, naming, saving, updating, and the key under which compiled programs are
/// kept. Show every stored property: one that is left out would be frozen in compiled programs and have no gradient, so
/// that is a diagnostic (`tree.C2`) at the first use of the type.
///
/// Trees are structs or enums: a copy of an object is the object itself, so a gradient would be written into the model.
/// A class does not compile; a tree that reaches its tensors through an object is a diagnostic (`tree.C3`).
public protocol TensorTree: SendableMetatype {
  /// Shows every stored property to `visitor`, always in the same order: trees by `visit`, other values by `constant`.
  mutating func visit(_ visitor: inout some TensorVisitor)

  /// Not to be written by hand: it is how the compiler refuses classes.
  static func _isStructOrEnum()
  /// Not to be written by hand: whether it is one tensor and nothing else, which calls of compiled functions need not
  /// copy.
  static var _isTensor: Bool { get }
}

extension TensorTree {
  public static func _isStructOrEnum() {}
  public static var _isTensor: Bool { false }
}

extension TensorTree where Self: AnyObject {
  @available(
    *, unavailable,
    message:
      "a TensorTree is a struct: a copy of an object is the object itself, and gradients would overwrite the model"
  )
  public static func _isStructOrEnum() {}
}

/// Something that goes through the tensors of a tree.
public protocol TensorVisitor {
  /// Whether the visitor leaves every tensor as it is. Arrays are not copied for such a visitor.
  static var isReadOnly: Bool { get }
  /// A tensor, which may be replaced by one of the same element type.
  mutating func leaf(_ tensor: inout AnyTensor)
  /// A value that is part of the program: another value means another program.
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String)
  /// The subtree `name` begins.
  mutating func enter(_ name: String)
  /// Element `index` of a collection begins.
  mutating func enter(_ index: Int)
  /// The subtree that began last ends.
  mutating func leave()
}

extension TensorVisitor {
  public static var isReadOnly: Bool { false }
  public mutating func enter(_ name: String) {}
  public mutating func enter(_ index: Int) {}
  public mutating func leave() {}

  /// Goes through the subtree `tree`, which is the property `name`.
  public mutating func visit(_ tree: inout some TensorTree, _ name: String) {
    enter(name)
    tree.visit(&self)
    leave()
  }
}

extension Tensor: TensorTree {
  public static var _isTensor: Bool { true }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.leaf(&untyped) }
}

extension AnyTensor: TensorTree {
  public static var _isTensor: Bool { true }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.leaf(&self) }
}

extension Array: TensorTree where Element: TensorTree {
  public mutating func visit<Visitor: TensorVisitor>(_ visitor: inout Visitor) {
    visitor.constant(count, "count")
    if Visitor.isReadOnly {
      for (index, element) in enumerated() {
        var element = element
        visitor.enter(index)
        element.visit(&visitor)
        visitor.leave()
      }
    } else {
      for index in indices {
        visitor.enter(index)
        self[index].visit(&visitor)
        visitor.leave()
      }
    }
  }
}

extension Optional: TensorTree where Wrapped: TensorTree {
  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(self != nil, "isPresent")
    guard case .some(var wrapped) = self else { return }
    // The payload must have one owner while it is visited.
    self = .none
    wrapped.visit(&visitor)
    self = .some(wrapped)
  }
}

extension Dictionary: TensorTree where Key: TensorTreeKey, Value: TensorTree {
  /// In the order of the keys.
  public mutating func visit(_ visitor: inout some TensorVisitor) {
    let keys = self.keys.sorted()
    visitor.constant(keys, "keys")
    for key in keys {
      guard let index = self.index(forKey: key) else { continue }
      visitor.visit(&self.values[index], "\(key)")
    }
  }
}

/// A key of a dictionary of trees. The order of the keys is the order of the visit.
public protocol TensorTreeKey: Hashable, Comparable, Sendable {}

extension String: TensorTreeKey {}
extension Int: TensorTreeKey {}

/// A Swift value that is part of a compiled function's program: another value compiles again.
public struct Static<Value: Hashable & Sendable>: TensorTree, Hashable, Sendable {
  /// The value.
  public var value: Value

  /// Makes `value` a part of the program.
  public init(_ value: Value) { self.value = value }
  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.constant(value, "value") }
}
