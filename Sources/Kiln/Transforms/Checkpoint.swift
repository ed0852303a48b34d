public import KilnIR
import KilnPasses

/// A function whose derivative computes its inner values again; made by `checkpoint`.
public struct CheckpointedFunction<Output, each Input: TensorTree> {
  fileprivate let body: (repeat each Input) -> Output
  fileprivate let output: OutputShape<Output>
  fileprivate let location: SourceLocation

  /// What the function gives.
  public func callAsFunction(_ input: repeat each Input) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      return output.poisoned(returned, by: error)
    }
  }

  /// What the function gives.
  /// - Throws: every diagnostic of the function or of the run.
  public func run(_ input: repeat each Input) throws(KilnError) -> Output {
    var returned: Output?
    do throws(KilnError) {
      return try run(repeat each input, returned: &returned)
    } catch {
      throw error.resolved(else: location)
    }
  }

  private func run(_ input: repeat each Input, returned: inout Output?) throws(KilnError) -> Output {
    let closure = try TransformedClosure(
      location, body, at: repeat each input, visitOutput: output.visit, output: &returned)
    let wrapped = try closure.wrapped("checkpointed") { name, captured in .checkpoint(callee: name, captured: captured)
    }
    return try closure.run(wrapped).replacingTensors(of: closure.output, by: output.visit)
  }
}

/// The function `f`, of which a derivative keeps the arguments only: in the backward pass everything inside is computed again, when
/// its cotangents are there. Memory for time: a chain of n checkpointed stages keeps n values instead of all.
///
/// ```swift
/// let block = checkpoint { (x: Tensor<Float>, w: Tensor<Float>) in gelu(matmul(x, w)) }
/// ```
/// Values, derivatives and their bits stay what they are. Transforms go through it, and keep it: the gradient of every
/// example under `vmap` computes again too.
public func checkpoint<Output: TensorTree, each Input: TensorTree>(
  _ f: @escaping (repeat each Input) -> Output, file: StaticString = #filePath, line: UInt = #line
) -> CheckpointedFunction<Output, repeat each Input> {
  CheckpointedFunction(body: f, output: .tree(), location: SourceLocation(file, line))
}

/// `checkpoint` of a function with several results.
public func checkpoint<each Output: TensorTree, each Input: TensorTree>(
  _ f: @escaping (repeat each Input) -> (repeat each Output), file: StaticString = #filePath, line: UInt = #line
) -> CheckpointedFunction<(repeat each Output), repeat each Input> {
  CheckpointedFunction(body: f, output: .trees(), location: SourceLocation(file, line))
}
