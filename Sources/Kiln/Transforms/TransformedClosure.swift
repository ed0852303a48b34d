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
  /// The closure's result, whose tensors mean nothing any more.
  let output: Output
  let resultTypes: [TensorType]
  var captures: [Trace.Capture]
  private let location: SourceLocation

  /// Traces `f`.
  /// - Parameters:
  ///   - examples: for a batch, the number of examples and the types of the tensors of one, in order.
  ///   - output: is given what `f` returned as soon as it has, also if tracing fails.
  /// - Throws: what tracing finds; what `f` throws is its cause.
  init<each Input: TensorTree, Thrown: Error>(
    _ location: SourceLocation, _ f: (repeat each Input) throws(Thrown) -> Output, at input: repeat each Input,
    examples: (([TensorCore]) throws(KilnError) -> (size: Int, types: [TensorType]))? = nil,
    visitOutput: (Output, inout OutputVisitor) -> Output, output returned: inout Output?
  ) throws(KilnError) {
    var signature = Signature()
    var index = 0
    for tree in repeat each input {
      signature.add(tree, "arg\(index)")
      index += 1
    }
    leaves = signature.leaves
    leafNames = signature.leafNames
    self.location = location
    var types = leaves.map(\.type)
    var mismatch: KilnError?
    var batchSize: Int?
    if let examples {
      do throws(KilnError) { (batchSize, types) = try examples(leaves) } catch { mismatch = error }
    }
    let placeholders = types.map { TensorCore(poisoned: Self.placeholder, $0, noted: nil) }
    let examples = replacingTensors(of: repeat each input, by: placeholders)
    let traced = try Trace("main", at: location, batchSize: batchSize).recording { binder throws(KilnError) in
      var index = 0
      func bind<Tree: TensorTree>(_ tree: Tree) -> Tree {
        defer { index += 1 }
        return binder.bind(tree, "arg\(index)")
      }
      let arguments = (repeat bind(each examples))
      let output = try KilnError.catching(at: location) { () throws(Thrown) in try f(repeat each arguments) }
      returned = output
      // The arguments are looked at after the closure, whose result stands in for the one that cannot be had.
      if let mismatch { throw mismatch }
      if let failure = signature.failure { throw KilnError(failure) }
      var visitor = OutputVisitor()
      let template = visitOutput(output, &visitor)
      return (output: template, results: visitor.cores)
    }
    output = traced.output
    module = try traced.recorded.module()
    name = traced.recorded.function.name
    resultTypes = traced.recorded.function.resultTypes
    captures = traced.recorded.captures
  }

  private static var placeholder: Diagnostic {
    Diagnostic("tensor.invalid", "this tensor stands for an argument of a transformed closure")
  }

  /// The tensors that are differentiated, by place: the real ones.
  var realLeaves: [Int] { leaves.indices.filter { leaves[$0].dtype.isReal } }

  /// Rewrites the module; what the transform has to say is said at the user's line.
  func transformed(
    _ transform: (String, Module) throws(KilnError) -> (module: Module, name: String)
  ) throws(KilnError) -> (module: Module, name: String) {
    do throws(KilnError) { return try transform(name, module) } catch { throw error.resolved(else: location) }
  }

  /// The results of a function whose parameters are those of the closure and then one for each of `extras`.
  func run(
    _ derived: (module: Module, name: String), _ extras: [TensorCore] = []
  ) throws(KilnError) -> [TensorCore] {
    let trace = Trace.current
    let captured = captures.map { capture in
      switch capture {
      case .tensor(let core): core
      case .variable(let variable): trace?.read(variable) ?? variable.current
      }
    }
    let operands = leaves + captured + extras
    guard let trace else { return try Programs.run(derived.module, derived.name, operands) }
    let derived = try trace.adopting(derived)
    return trace.recordCall(derived.name, in: derived.module, operands, captured: 0)
      ?? (derived.module[derived.name]?.resultTypes ?? []).map { Failure.lastPoison($0) }
  }
}

extension TransformedClosure: Sendable where Output: Sendable {}

extension TensorCore {
  static func zero(_ type: TensorType) -> TensorCore {
    .constant(Literal(splat: .zero(type.dtype), shape: type.shape))
  }
}
