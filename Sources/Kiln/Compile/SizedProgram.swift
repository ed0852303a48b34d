import KilnIR
import KilnPasses
import KilnRuntime

/// A program for all sizes: the closure traced once, with names for extents of its arguments, simplified once. A call
/// with sizes that were not there yet costs a plan: names become numbers in what is fused and lowered already, and
/// finds its machine code made.
// @unchecked: the constants of the signature are values of Sendable types.
final class SizedProgram: @unchecked Sendable {
  /// Makes the program of one set of sizes.
  typealias MakePlan =
    @Sendable (
      Signature, _ sizes: [String: Int], _ results: [TensorType]
    ) throws(KilnError) -> CompiledProgram

  let entry: CompilationReport.Entry
  /// The types of the arguments, with names in them.
  let types: [TensorType]
  /// Whether the names were declared: then a call that breaks what they must meet fails.
  let isDeclared: Bool
  /// The signature of the call for which it was traced; its constants and its structure are those of all calls.
  let signature: Signature
  let freshBuffers: FreshBufferCounts
  /// What the default passes made of the trace.
  private let function: Function
  /// What the sizes must meet: the bounds of declared names, and what the ops require.
  private let requirements: [SizeRequirement]
  private let makePlan: MakePlan
  private let plans: Lock<BoundedCache<[InternedType], CompiledProgram>>

  init(
    _ signature: Signature, types: [TensorType], isDeclared: Bool, _ function: Function,
    requirements: [SizeRequirement], entry: CompilationReport.Entry, _ freshBuffers: FreshBufferCounts,
    makePlan: @escaping MakePlan
  ) {
    self.signature = signature.withoutTensors
    self.types = types
    self.isDeclared = isDeclared
    self.freshBuffers = freshBuffers
    self.entry = entry
    self.function = function
    self.requirements = requirements
    self.makePlan = makePlan
    plans = Lock(BoundedCache(limit: MemoryLimits.shared.programs / 2))
  }

  /// The entry of the report with the number of sizes that have a plan now.
  var reported: CompilationReport.Entry {
    var entry = entry
    entry.planCount = plans.withLock { $0.count }
    return entry
  }

  /// Whether a call differs from it in sizes that have names only.
  func accepts(_ other: Signature) -> Bool {
    signature.hasForm(of: other) && zip(types, other.types).allSatisfy { $0.admits($1) }
  }

  /// The plan for these sizes, if it is there.
  func plan(for signature: Signature) -> CompiledProgram? {
    let key = Self.key(signature)
    return plans.withLock { $0.find(key) }
  }

  /// The plan for the sizes of a call that it accepts.
  /// - Throws: `size.C1` or `size.C2` for sizes that do not fit it or each other.
  func makePlan(for signature: Signature) throws(KilnError) -> CompiledProgram {
    let shapes = signature.types.map(\.shape)
    let sizes = try function.sizes(of: shapes + function.parameters.dropFirst(shapes.count).map(\.type.shape))
    for requirement in requirements where requirement.constraint.bound(to: sizes).truth == false {
      throw requirement.failure(sizes)
    }
    let results = function.resultTypes.map { type in
      TensorType(type.dtype, Shape(type.shape.map { $0.bound(to: sizes) }))
    }
    let program = try makePlan(signature, sizes, results)
    let dropped = plans.withLock {
      $0.insert(program, for: Self.key(signature), byteCount: program.executable.byteCount)
    }
    withExtendedLifetime(dropped) {}
    return program
  }

  /// Calls that agree in their constants differ in their types only.
  private static func key(_ signature: Signature) -> [InternedType] {
    signature.items.compactMap { item in if case .tensor(let type) = item { type } else { nil } }
  }
}

extension TensorType {
  /// Whether `other` is this type with numbers for names.
  fileprivate func admits(_ other: TensorType) -> Bool {
    dtype == other.dtype && rank == other.rank && zip(shape, other.shape).allSatisfy { $0 == $1 || $0.isSymbolic }
  }
}

/// Which extents get names where calls differ in sizes.
enum SizeNames {
  /// The types of the arguments of `new` with a name for each extent in which it differs from `old`, the types of a
  /// program that is there; extents that have the same two sizes share one. Nil where they differ in something else.
  static func types(
    _ new: Signature, differingFrom old: Signature, _ oldTypes: [TensorType]
  ) -> [TensorType]? {
    guard old.hasForm(of: new) else { return nil }
    struct Pair: Hashable {
      var old: Dimension
      var new: Dimension
    }
    var names: [Pair: String] = [:]
    var types: [TensorType] = []
    for (old, new) in zip(oldTypes, new.types) {
      guard old.dtype == new.dtype, old.rank == new.rank else { return nil }
      var shape = new.shape
      for (axis, extent) in old.shape.enumerated() where extent != new.shape[axis] {
        let pair = Pair(old: extent, new: new.shape[axis])
        let name = names[pair] ?? name(names.count)
        names[pair] = name
        shape[axis] = Dimension(named: name)
      }
      types.append(TensorType(new.dtype, shape))
    }
    return names.isEmpty ? nil : types
  }

  /// How many different names there are.
  static func count(_ types: [TensorType]) -> Int {
    types.reduce(into: Set<String>()) { $0.formUnion($1.shape.names) }.count
  }

  private static func name(_ number: Int) -> String {
    let letters = ["n", "m", "k", "l"]
    return number < letters.count ? letters[number] : "n\(number)"
  }
}
