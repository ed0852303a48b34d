/// A typed 32-bit handle: an index into one table, never an index into another.
public protocol EntityID: Hashable, Comparable, Sendable {
  var rawValue: UInt32 { get }
  init(rawValue: UInt32)
}

extension EntityID {
  public init(_ index: Int) { self.init(rawValue: UInt32(index)) }
  public var index: Int { Int(rawValue) }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A value of a function: a parameter or a result of an instruction.
public struct ValueID: EntityID {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// An instruction of a function, in program order.
public struct InstructionID: EntityID {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A dense table keyed by a typed handle.
public struct EntityTable<ID: EntityID, Element> {
  public private(set) var elements: [Element]

  public init() { elements = [] }
  public init(_ elements: [Element]) { self.elements = elements }
  public init(repeating element: Element, count: Int) { elements = Array(repeating: element, count: count) }

  public var count: Int { elements.count }
  public var ids: LazyMapSequence<Range<Int>, ID> { (0..<elements.count).lazy.map { ID($0) } }

  public subscript(id: ID) -> Element {
    get { elements[id.index] }
    set { elements[id.index] = newValue }
  }

  @discardableResult
  public mutating func append(_ element: Element) -> ID {
    elements.append(element)
    return ID(elements.count - 1)
  }
}

extension EntityTable: Sendable where Element: Sendable {}
extension EntityTable: Equatable where Element: Equatable {}
extension EntityTable: Hashable where Element: Hashable {}
