import KilnIR
import KilnPasses

/// A closure that was traced to be transformed: its module, the tensors it was given and those it captured.
///
/// A transform is a rewriting of the module; the result is run, or recorded as a call in the enclosing trace.
struct TransformedClosure<Output> {
  var module: Module
  let name: String
  /// The tensors of the arguments.
  var leaves: [TensorCore]
  let leafNames: [String]
  /// How many of them each argument has.
  let leafCounts: [Int]
  /// The number of examples of the batch that it was traced for.
  let batchSize: Dimension
  /// The closure's result, whose tensors mean nothing any more.
  let output: Output
  let shape: OutputShape<Output>
  let resultTypes: [TensorType]
  var captures: [Trace.Capture]
  let location: SourceLocation

  /// The tensors that are differentiated, by place: the real ones.
  var realLeaves: [Int] { leaves.indices.filter { leaves[$0].dtype.isReal } }

  /// A function that a transform made of the closure's.
  typealias Derived = (module: Module, name: String)

  /// Rewrites the module; what the transform has to say is said at the user's line.
  func transformed(_ transform: (String, Module) throws(KilnError) -> Derived) throws(KilnError) -> Derived {
    do throws(KilnError) { return try transform(name, module) } catch { throw error.resolved(else: location) }
  }

  /// `transformed` by a derivative with respect to the real tensors.
  func differentiated(_ transform: (String, Module, [Int]) throws(KilnError) -> Derived) throws(KilnError) -> Derived {
    try transformed { name, module throws(KilnError) in try transform(name, module, realLeaves) }
  }

  /// The results of a function whose parameters are those of the closure and then one for each of `extras`.
  func run(_ derived: Derived, _ extras: [TensorCore] = []) throws(KilnError) -> [TensorCore] {
    if let trace = Trace.current {
      return trace.call(derived.name, in: derived.module, leaves, captures: captures, extras: extras)
    }
    if extras.isEmpty { return try Programs.run(derived.module, derived.name, leaves, captures) }
    return try Programs.run(derived.module, derived.name, leaves + captures.map { $0.core() } + extras)
  }

  /// The closure's result with `cores` instead of its tensors.
  func output(_ cores: [TensorCore]) -> Output { shape.filled(output, with: cores) }
}

extension TransformedClosure: Sendable where Output: Sendable {}
