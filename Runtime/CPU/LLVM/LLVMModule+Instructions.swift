import CLLVM

/// LLVM's opcodes of two operands; the raw values are LLVM's.
package enum LLVMBinary: Int32 {
  case add = 8
  case fadd, sub, fsub, mul, fmul, udiv, sdiv, fdiv, urem, srem
  case shl = 20
  case lshr, ashr, and, or, xor
}

package enum LLVMCast: Int32 {
  case trunc = 30
  case zext, sext, fptoui, fptosi, uitofp, sitofp, fptrunc, fpext, ptrtoint, inttoptr, bitcast
}

package enum LLVMIntegerPredicate: Int32 {
  case eq = 32
  case ne, ugt, uge, ult, ule, sgt, sge, slt, sle
}

/// Comparisons of reals: those with `o` are false with a NaN, `une` is true; `ord` asks whether neither operand is a
/// NaN, `uno` whether one is.
package enum LLVMRealPredicate: Int32 {
  case oeq = 1
  case ogt, oge, olt, ole, one, ord, uno
  case une = 14
}

extension LLVMModule {
  package func binary(_ op: LLVMBinary, _ a: LLVMValue, _ b: LLVMValue) -> LLVMValue {
    LLVMValue(ref: api.BuildBinOp(builder, op.rawValue, a.ref, b.ref, noName))
  }

  package func fneg(_ a: LLVMValue) -> LLVMValue { LLVMValue(ref: api.BuildFNeg(builder, a.ref, noName)) }

  package func cast(_ op: LLVMCast, _ a: LLVMValue, to type: LLVMType) -> LLVMValue {
    LLVMValue(ref: api.BuildCast(builder, op.rawValue, a.ref, type.ref, noName))
  }

  package func compare(_ predicate: LLVMIntegerPredicate, _ a: LLVMValue, _ b: LLVMValue) -> LLVMValue {
    LLVMValue(ref: api.BuildICmp(builder, predicate.rawValue, a.ref, b.ref, noName))
  }

  package func compare(_ predicate: LLVMRealPredicate, _ a: LLVMValue, _ b: LLVMValue) -> LLVMValue {
    LLVMValue(ref: api.BuildFCmp(builder, predicate.rawValue, a.ref, b.ref, noName))
  }

  package func select(_ condition: LLVMValue, _ a: LLVMValue, _ b: LLVMValue) -> LLVMValue {
    LLVMValue(ref: api.BuildSelect(builder, condition.ref, a.ref, b.ref, noName))
  }

  // MARK: - Vectors

  package func extract(_ vector: LLVMValue, lane: Int) -> LLVMValue {
    LLVMValue(ref: api.BuildExtractElement(builder, vector.ref, index(lane).ref, noName))
  }

  package func insert(_ element: LLVMValue, into vector: LLVMValue, lane: Int) -> LLVMValue {
    LLVMValue(ref: api.BuildInsertElement(builder, vector.ref, element.ref, index(lane).ref, noName))
  }

  /// The lanes `lanes` of `a` followed by `b`.
  package func shuffle(_ a: LLVMValue, _ b: LLVMValue? = nil, lanes: [Int]) -> LLVMValue {
    let mask = constantVector(lanes.map { constant($0, int32) })
    let second = b ?? poison(type(of: a))
    return LLVMValue(ref: api.BuildShuffleVector(builder, a.ref, second.ref, mask.ref, noName))
  }

  /// A scalar in every lane.
  package func broadcast(_ scalar: LLVMValue, _ count: Int) -> LLVMValue {
    guard count > 1 else { return scalar }
    let start = insert(scalar, into: poison(vector(type(of: scalar), count)), lane: 0)
    return shuffle(start, lanes: [Int](repeating: 0, count: count))
  }

  // MARK: - Memory

  /// `base` moved by `count` elements of `type`.
  package func offset(_ base: LLVMValue, _ count: LLVMValue, of type: LLVMType) -> LLVMValue {
    var indices = [count.ref]
    let typed = LLVMValue(ref: typedPointer(base, to: type))
    return untyped(LLVMValue(ref: api.BuildGEP2(builder, type.ref, typed.ref, &indices, 1, noName)))
  }

  package func load(_ type: LLVMType, _ pointer: LLVMValue, alignment: Int) -> LLVMValue {
    let load = api.BuildLoad2(builder, type.ref, typedPointer(pointer, to: type), noName)
    api.SetAlignment(load, UInt32(alignment))
    return LLVMValue(ref: load)
  }

  /// - Parameter isStreamed: past the caches; the address must be aligned to the vector.
  package func store(_ value: LLVMValue, _ pointer: LLVMValue, alignment: Int, isStreamed: Bool = false) {
    let store = api.BuildStore(builder, value.ref, typedPointer(pointer, to: type(of: value)))
    api.SetAlignment(store, UInt32(alignment))
    if isStreamed {
      let name = "nontemporal"
      let kind = api.GetMDKindIDInContext(context, name, UInt32(name.utf8.count))
      var node = [api.ValueAsMetadata(constant(1, int32).ref)]
      api.SetMetadata(store, kind, api.MetadataAsValue(context, api.MDNodeInContext2(context, &node, 1)))
    }
  }

  /// Loads the lanes whose bit in `mask` is set; the others get those of `otherwise`, and their bytes are not touched.
  package func maskedLoad(_ type: LLVMType, _ pointer: LLVMValue, alignment: Int, mask: LLVMValue, otherwise: LLVMValue)
    -> LLVMValue
  {
    let typed = LLVMValue(ref: typedPointer(pointer, to: type))
    return intrinsic(
      "llvm.masked.load", [type, self.type(of: typed)], [typed, constant(alignment, int32), mask, otherwise])
  }

  package func maskedStore(_ value: LLVMValue, _ pointer: LLVMValue, alignment: Int, mask: LLVMValue) {
    let typed = LLVMValue(ref: typedPointer(pointer, to: type(of: value)))
    _ = intrinsic(
      "llvm.masked.store", [type(of: value), type(of: typed)], [value, typed, constant(alignment, int32), mask])
  }

  /// `base` moved by each of the `counts`, a vector of integers: a vector of pointers for `gather` and `scatter`.
  package func offsets(_ base: LLVMValue, _ counts: LLVMValue, of type: LLVMType) -> LLVMValue {
    var indices = [counts.ref]
    return LLVMValue(ref: api.BuildGEP2(builder, type.ref, typedPointer(base, to: type), &indices, 1, noName))
  }

  /// Loads a vector from a vector of pointers; lanes outside the mask are zero and their memory is not touched.
  package func gather(_ type: LLVMType, _ pointers: LLVMValue, alignment: Int, mask: LLVMValue) -> LLVMValue {
    intrinsic(
      "llvm.masked.gather", [type, self.type(of: pointers)],
      [pointers, constant(alignment, int32), mask, zero(type)])
  }

  /// Stores the lanes one after the other, so that the last wins where pointers are equal.
  package func scatter(_ value: LLVMValue, _ pointers: LLVMValue, alignment: Int, mask: LLVMValue) {
    _ = intrinsic(
      "llvm.masked.scatter", [type(of: value), type(of: pointers)],
      [value, pointers, constant(alignment, int32), mask])
  }

  /// Room for `count` elements on the stack. Call it in a function's first block.
  package func stackSlot(_ element: LLVMType, _ count: Int, alignment: Int) -> LLVMValue {
    let slot = api.BuildAlloca(builder, array(element, count).ref, noName)
    api.SetAlignment(slot, UInt32(alignment))
    return untyped(LLVMValue(ref: slot))
  }

  private func typedPointer(_ pointer: LLVMValue, to type: LLVMType) -> OpaquePointer {
    guard library.hasTypedPointers else { return pointer.ref }
    return cast(.bitcast, pointer, to: self.pointer(to: type)).ref
  }

  private func untyped(_ pointer: LLVMValue) -> LLVMValue {
    library.hasTypedPointers ? cast(.bitcast, pointer, to: self.pointer) : pointer
  }

  // MARK: - Calls and control flow

  /// Calls an intrinsic function, overloaded for `types`.
  package func intrinsic(_ name: String, _ types: [LLVMType], _ arguments: [LLVMValue]) -> LLVMValue {
    let id = api.LookupIntrinsicID(name, name.utf8.count)
    precondition(id != 0, "LLVM has no intrinsic \(name)")
    var types = types.map(\.ref)
    var arguments = arguments.map(\.ref)
    let function = api.GetIntrinsicDeclaration(ref, id, &types, types.count)
    let type = api.IntrinsicGetType(context, id, &types, types.count)
    return LLVMValue(ref: api.BuildCall2(builder, type, function, &arguments, UInt32(arguments.count), noName))
  }

  package func call(_ function: LLVMFunction, _ arguments: [LLVMValue]) -> LLVMValue {
    var arguments = arguments.map(\.ref)
    return LLVMValue(
      ref: api.BuildCall2(
        builder, function.type.ref, function.value.ref, &arguments, UInt32(arguments.count), noName))
  }

  /// Calls the function without result at an address, a 64-bit integer.
  package func call(address: LLVMValue, _ arguments: [LLVMValue]) {
    var types = arguments.map { type(of: $0).ref }
    let signature = LLVMType(ref: api.FunctionType(void.ref, &types, UInt32(types.count), 0))
    let callee = cast(.inttoptr, address, to: pointer(to: signature))
    _ = call(LLVMFunction(value: callee, type: signature, parameters: []), arguments)
  }

  package func `return`(_ value: LLVMValue) { _ = api.BuildRet(builder, value.ref) }
  package func returnVoid() { _ = api.BuildRetVoid(builder) }
  package func branch(to block: LLVMBlock) { _ = api.BuildBr(builder, block.ref) }

  package func branch(if condition: LLVMValue, to then: LLVMBlock, else otherwise: LLVMBlock) {
    _ = api.BuildCondBr(builder, condition.ref, then.ref, otherwise.ref)
  }

  package func phi(_ type: LLVMType) -> LLVMValue { LLVMValue(ref: api.BuildPhi(builder, type.ref, noName)) }

  package func addIncoming(_ value: LLVMValue, from block: LLVMBlock, to phi: LLVMValue) {
    var values = [value.ref]
    var blocks = [block.ref]
    api.AddIncoming(phi.ref, &values, &blocks, 1)
  }
}

/// Instructions have no names: LLVM numbers them when it prints.
private let noNameStorage: StaticString = ""
@inline(__always)
var noName: UnsafePointer<CChar> { UnsafeRawPointer(noNameStorage.utf8Start).assumingMemoryBound(to: CChar.self) }
