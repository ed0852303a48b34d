package import KilnIR
package import KilnRuntime

/// The untyped value behind every tensor: a buffer, a value of a trace, or the place of an operation that failed.
///
/// A core never changes once it is made, with one exception: a compiled update writes a state's buffer in place when it
/// holds the only reference to the core (Documentation/Decisions/0004).
// @unchecked: immutable but for what a caller with exclusive access to the only reference does.
package final class TensorCore: @unchecked Sendable {
  package enum Kind: UInt8, Sendable {
    /// Owns its memory.
    case buffer
    /// Shows the memory of another core, which it keeps; or holds data that was written out within a trace (`literal`).
    case view
    /// Its elements lie in the memory of a device (Documentation/Decisions/0007).
    case device
    /// Shows the elements of another core on a device, which it keeps.
    case deviceView
    /// A value of a trace: it has a type, and no elements.
    case traced
    /// Stands for the result of an operation that failed.
    case poisoned
  }

  package let interned: InternedType
  @exclusivity(unchecked) package private(set) var kind: Kind
  /// The first element, of buffers and views in the host's memory.
  package let pointer: UnsafeMutableRawPointer
  /// What keeps the elements, or says why they are missing; nil for a buffer, which keeps its own.
  private var owner: AnyObject?

  package var type: TensorType { interned.type }
  package var shape: Shape { interned.type.shape }
  package var dtype: DType { interned.type.dtype }
  /// Whether it has elements, wherever they lie.
  package var isConcrete: Bool {
    switch kind {
    case .buffer, .view, .device, .deviceView: true
    case .traced, .poisoned: false
    }
  }

  /// A tensor whose elements the maker writes before anyone else sees it.
  /// - Parameter block: a block of the pool, which it gives back at its end.
  private init(_ interned: InternedType, block: UnsafeMutableRawPointer) {
    self.interned = interned
    kind = .buffer
    pointer = block
  }

  deinit { giveBackBlock() }

  /// - Throws: `memory.exhausted`.
  package static func allocate(_ interned: InternedType) throws(KilnError) -> TensorCore {
    do throws(RuntimeError) {
      return TensorCore(interned, block: try ThreadState.current.takeBlock(interned.sizeClass, interned.byteCount))
    } catch {
      throw KilnError(error)
    }
  }

  private func giveBackBlock() {
    if kind == .buffer, let sizeClass = interned.sizeClass { ThreadState.current.giveBack(pointer, sizeClass) }
  }

  /// The elements of `base` in row-major order under another type of the same size.
  package init(viewing base: TensorCore, as interned: InternedType) {
    self.interned = interned
    kind = base.deviceElements == nil ? .view : .deviceView
    pointer = base.pointer
    owner = base
  }

  /// Data that a closure wrote out while it was traced: `base` holds the elements of `literal`.
  init(_ literal: Literal, elements base: TensorCore) {
    interned = base.interned
    kind = .view
    pointer = base.pointer
    owner = LiteralElements(literal: literal, base: base)
  }

  /// A tensor whose elements lie on a device.
  package init(_ interned: InternedType, _ elements: DeviceElements) {
    self.interned = interned
    kind = .device
    pointer = Self.nowhere
    owner = elements
  }

  package init(traced value: ValueID, of trace: Trace, _ type: TensorType) {
    interned = .of(type)
    kind = .traced
    pointer = Self.nowhere
    owner = TracedValue(trace: trace, value: value)
  }

  package init(poisoned reason: Diagnostic, _ type: TensorType, noted: ObjectIdentifier?) {
    interned = .of(type.possible)
    kind = .poisoned
    pointer = Self.nowhere
    owner = Poison(reason: reason, noted: noted)
  }

  // An address that no element has.
  private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped }

  /// The trace and the value, of a traced core.
  package var traced: (trace: Trace, value: ValueID)? {
    guard kind == .traced, let traced = owner as? TracedValue else { return nil }
    return (traced.trace, traced.value)
  }

  /// What a trace records where it uses the tensor, if that was written out in some trace.
  var literal: Literal? { kind == .view ? (owner as? LiteralElements)?.literal : nil }

  /// The elements, where they lie on a device; nil for all other kinds.
  package var deviceElements: DeviceElements? {
    switch kind {
    case .device: owner.map { unsafeDowncast($0, to: DeviceElements.self) }
    case .deviceView: owner.flatMap { unsafeDowncast($0, to: TensorCore.self).deviceElements }
    case .buffer, .view, .traced, .poisoned: nil
    }
  }

  /// Whether no other core holds this one's elements on the device. The caller has the only reference to the core.
  package var ownsItsElements: Bool {
    guard kind == .device else { return false }
    // Passed as `AnyObject` the reference would be opened, which copies it.
    return withUnsafeMutablePointer(to: &owner) { owner in
      owner.withMemoryRebound(to: DeviceElements?.self, capacity: 1) { isKnownUniquelyReferenced(&$0.pointee) }
    }
  }

  /// Why there is no value, and who has noted it, of a poisoned core.
  package var poison: (reason: Diagnostic, noted: ObjectIdentifier?) {
    guard let poison = owner as? Poison else { return (Diagnostic("tensor.invalid", "this tensor has no value"), nil) }
    return (poison.reason, poison.noted)
  }

  /// Gives up the elements of a state that a failed run has partly overwritten.
  package func invalidate(_ reason: Diagnostic) {
    giveBackBlock()
    kind = .poisoned
    owner = Poison(reason: reason, noted: nil)
  }

  /// The elements of a tensor in the host's memory.
  package var bytes: UnsafeRawBufferPointer {
    precondition(kind == .buffer || kind == .view, "elements on a device are moved to the host first")
    return UnsafeRawBufferPointer(start: pointer, count: interned.byteCount)
  }
}

extension TensorType {
  /// The type, or one of its rank that a tensor may have: code that goes on with a failed tensor looks at its shape.
  fileprivate var possible: TensorType {
    if (try? requireAddressable()) != nil { return self }
    return TensorType(dtype, Shape(shape.map { $0.isSymbolic ? $0 : .min(.max($0, 0), 1) }))
  }
}

/// The elements of tensors in the memory of a device. Cores that share elements share this object.
package final class DeviceElements: Sendable {
  package let device: Device
  package let storage: any DeviceStorage

  package init(_ storage: any DeviceStorage, on device: Device) {
    self.storage = storage
    self.device = device
  }
}

/// The owner of a traced core.
private final class TracedValue: Sendable {
  let trace: Trace
  let value: ValueID

  init(trace: Trace, value: ValueID) {
    self.trace = trace
    self.value = value
  }
}

/// The owner of data that was written out in a trace.
private final class LiteralElements: Sendable {
  let literal: Literal
  let base: TensorCore

  init(literal: Literal, base: TensorCore) {
    self.literal = literal
    self.base = base
  }
}

/// The owner of a poisoned core.
private final class Poison: Sendable {
  let reason: Diagnostic
  let noted: ObjectIdentifier?

  init(reason: Diagnostic, noted: ObjectIdentifier?) {
    self.reason = reason
    self.noted = noted
  }
}

extension TensorCore {
  /// A tensor of `type` whose bytes `fill` writes, or a poisoned one where the memory is not to be had.
  package static func make(_ type: TensorType, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> TensorCore {
    do throws(KilnError) {
      let core = try allocate(.of(type))
      fill(UnsafeMutableRawBufferPointer(start: core.pointer, count: core.interned.byteCount))
      return core
    } catch {
      return Failure.poison(error.located(at: CallSite.here()), [type])[0]
    }
  }
}
