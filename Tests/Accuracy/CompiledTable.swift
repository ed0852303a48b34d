import Kiln
import KilnIR

/// A function table as the compiler makes it, for blocks of arguments.
struct CompiledTable<Element: TensorReal> {
  let blockSize = 1 << 18
  private let program: ScalarProgram
  private let module: Module

  init(_ function: ScalarFunction) throws {
    program = function.program(for: [Element.dtype])
    var builder = FunctionBuilder("\(function)")
    let x = builder.addParameter("x", TensorType(Element.dtype, [blockSize]))
    let y = try builder.emitOne(.map(function), [x])
    module = try Module([builder.finish([y])])
  }

  /// The results for at most `blockSize` arguments; `comparing` them with the table's own evaluation, bit for bit.
  func callAsFunction(_ arguments: [Element], comparing: Bool) throws -> [Element] {
    let padding = [Element](repeating: 0, count: blockSize - arguments.count)
    let name = module.functions[0].name
    let found = try module.run(name, [AnyTensor(Tensor(arguments + padding))])[0].scalars(as: Element.self)!
    let results = Array(found.prefix(arguments.count))
    if comparing {
      let words = program.evaluate(columns: [arguments.map(\.irScalar.bits)], count: arguments.count)
      for (x, (y, word)) in zip(arguments, zip(results, words)) {
        let expected = Scalar(Element.dtype, bits: word)
        if !y.irScalar.isIdentical(to: expected) {
          fail("\(name)(\(x)) is \(y) as machine code and \(expected) by its table")
        }
      }
    }
    return results
  }
}
