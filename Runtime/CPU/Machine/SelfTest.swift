import KilnRuntime

/// The kernel that is compiled, run and compared bit for bit before any other: one fused multiply-add with a masked
/// tail.
enum SelfTest {
  private static let lanes = 4
  private static let name = "kiln_self_test"
  private typealias Entry = @convention(c) (UnsafeMutableRawPointer?, Int, Int, Int) -> Void

  static func run(_ compiler: ObjectCompiler, _ loader: ObjectLoader) throws(RuntimeError) {
    let module = LLVMModule(library: compiler.library, name: name)
    build(module, compiler)
    let object = try loader.load(compiler.object(from: module))
    guard let address = object.address(of: name), computes(unsafeBitCast(address, to: Entry.self)) else {
      throw RuntimeError(
        .unavailable,
        """
        LLVM \(compiler.library.version) (\(compiler.library.path)) fails its self-test on \(compiler.features.cpu): \
        the CPU runtime will not use it. Another version may be named in KILN_LLVM.
        """)
    }
  }

  /// `y[i] = fma(x[i], x[i], y[i])` for begin ≤ i < end; the arguments are x, y.
  static func build(_ module: borrowing LLVMModule, _ compiler: ObjectCompiler) {
    let vector = module.vector(module.float, lanes)
    let function = module.function(
      name, parameters: [module.pointer, module.int64, module.int64, module.int64])
    compiler.addAttributes(to: function, in: module)
    module.position(at: module.block("entry", in: function))
    let (table, begin, end) = (function.parameters[0], function.parameters[1], function.parameters[2])
    let x = module.load(module.pointer, table, alignment: 8)
    let y = module.load(
      module.pointer, module.offset(table, module.index(1), of: module.int64), alignment: 8)
    let steps = module.constantVector((0..<lanes).map { module.index($0) })
    _ = module.loop(in: function, from: begin, to: end, step: module.index(lanes)) { index, _ in
      let lane = module.binary(.add, module.broadcast(index, lanes), steps)
      let mask = module.compare(.slt, lane, module.broadcast(end, lanes))
      let zero = module.zero(vector)
      let (px, py) = (module.offset(x, index, of: module.float), module.offset(y, index, of: module.float))
      let a = module.maskedLoad(vector, px, alignment: 4, mask: mask, otherwise: zero)
      let b = module.maskedLoad(vector, py, alignment: 4, mask: mask, otherwise: zero)
      module.maskedStore(module.intrinsic("llvm.fma", [vector], [a, a, b]), py, alignment: 4, mask: mask)
      return []
    }
    module.returnVoid()
  }

  private static func computes(_ kernel: Entry) -> Bool {
    // x² is not representable: a product rounded before the addition gives other bits.
    let values = (0..<7).map { Float(bitPattern: 0x3f80_0001 + UInt32($0) * 0x1234) }
    var x = values
    var y = values.map { -$0 * $0 } + [3]
    let expected = zip(values, y).map { $1.addingProduct($0, $0).bitPattern } + [Float(3).bitPattern]
    FloatingPointMode.withStandard {
      x.withUnsafeMutableBytes { x in
        y.withUnsafeMutableBytes { y in
          var table = (x.baseAddress!, y.baseAddress!)
          withUnsafeMutablePointer(to: &table) { kernel($0, 0, values.count, 0) }
        }
      }
    }
    return y.map(\.bitPattern) == expected
  }
}
