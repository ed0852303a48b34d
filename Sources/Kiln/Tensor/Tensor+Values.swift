import KilnIR

extension Tensor {
  /// The elements in row-major order.
  ///
  /// A traced tensor has none: that is a diagnostic (`trace.C3`), and until it is thrown NaN stands for each (0 for
  /// integers, false for `Bool`). A loop that looks at them 10,000 times stops the program (`trace.C5`): it would never
  /// end.
  public var scalars: [Scalar] {
    guard let core = core.concrete("scalars") else { return Array(repeating: Self.nothing, count: count) }
    return core.elements()
  }

  /// The element of a tensor that has one.
  ///
  /// A traced tensor has none: that is a diagnostic; see `scalars`.
  public var item: Scalar {
    guard count == 1 || core.kind == .poisoned else {
      _ = core.failed("item.C1", "item is the element of a tensor that has one; \(type) has \(count)")
      Failure.countLook()
      return Self.nothing
    }
    return core.concrete("item").map { $0.elements()[0] } ?? Self.nothing
  }

  /// What stands for an element that is not there. Comparisons with NaN are false, which ends most loops.
  private static var nothing: Scalar {
    Scalar(irScalar: Scalar.dtype.isReal ? KilnIR.Scalar(Scalar.dtype, Double.nan) : .zero(Scalar.dtype))
  }
}

extension Tensor where Scalar: TensorReal {
  /// Whether the shapes are equal and every element differs from that of `other` by at most
  /// `absoluteTolerance` + `relativeTolerance` · |other|. Equal infinities are close, and so are two NaNs.
  public func isClose(
    to other: Tensor, relativeTolerance: Scalar = 1e-5, absoluteTolerance: Scalar = 1e-8
  ) -> Bool {
    guard shape == other.shape else { return false }
    return zip(scalars, other.scalars).allSatisfy { a, b in
      a == b || a.isNaN && b.isNaN || (a - b).magnitude <= absoluteTolerance + relativeTolerance * b.magnitude
    }
  }
}

extension AnyTensor {
  /// The elements in row-major order, if `type` is the element type; else nil.
  public func scalars<Scalar: TensorElement>(as type: Scalar.Type) -> [Scalar]? {
    Tensor<Scalar>(self)?.scalars
  }

  /// The bytes of the elements in row-major order.
  public var bytes: [UInt8] { core.concrete("bytes").map { Array($0.bytes) } ?? [] }
}

extension TensorCore {
  /// The core in the host's memory if it has elements; else nil, after a diagnostic.
  func concrete(_ what: String) -> TensorCore? {
    switch kind {
    case .buffer, .view: return self
    case .device, .deviceView:
      do throws(KilnError) {
        return try moved(to: nil)
      } catch {
        _ = Failure.poison(error.diagnostics[0].located(at: CallSite.here()), type)
        return nil
      }
    case .poisoned:
      _ = Failure.poison(after: self, type)
      Failure.countLook()
      return nil
    case .traced:
      defer { Failure.countLook() }
      if Trace.current == nil {
        _ = Failure.poison(strayed: self, type)
        return nil
      }
      var diagnostic = Diagnostic(
        "trace.C3", "\(what): a traced tensor has a type, \(type), and no elements", at: CallSite.here())
      diagnostic.notes = [
        "return it from the closure and look at the result; to print while it runs is not possible yet"
      ]
      _ = Failure.poison(diagnostic, type)
      return nil
    }
  }

  /// The elements, whose memory layout is that of the dtype.
  func elements<Element: TensorElement>() -> [Element] {
    let bytes = self.bytes
    return [Element](unsafeUninitializedCapacity: interned.elementCount) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
      count = interned.elementCount
    }
  }
}
