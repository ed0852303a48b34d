import KilnIR
import KilnTesting
import Testing

@Suite("Kernels") struct KernelTests {
  /// Softmax of the rows of [n0, n1] without its division, and where each row is largest.
  static let rows = """
    kernel {
      buffer 0: f32
      buffer 1: written f32
      buffer 2: written i32
      scratch 0: f32
      integers 2
      outer [n0]
      stage [n1] {
        %0: f32 = load() {buffer = 0, at = [0, [n1, 1]]}
        reduce(%0) {kind = max}
        argReduce(%0) {kind = max}
      }
      stage [n1] {
        %0: f32 = load() {buffer = 0, at = [0, [n1, 1]]}
        %1: f32 = reduced() {number = 0}
        %2: f32 = subtract(%0, %1)
        storeScratch(%2) {row = 0}
        reduce(%2) {kind = sum}
      }
      stage [n1] {
        %0: f32 = loadScratch() {row = 0}
        %1: f32 = reduced() {number = 2}
        %2: f32 = multiply(%0, %1)
        store(%2) {buffer = 1, at = [0, [n1, 1]]}
      }
      stage [] {
        %0: i32 = reduced() {number = 1}
        store(%0) {buffer = 2, at = [0, [1]]}
      }
      schedule rows
    }

    """

  /// scatter-add of n0 updates into 4 elements, then a gather of element 2 of them for each point of the outer axis.
  static let indexed = """
    kernel {
      buffer 0: f32
      buffer 1: i32
      buffer 2: written f32
      integers 1
      outer []
      stage [4] {
        %0: f32 = constant() {value = 0.5}
        store(%0) {buffer = 2, at = [0, [1]]}
      }
      stage [n0] {
        %0: f32 = load() {buffer = 0, at = [0, [1]]}
        %1: i32 = load() {buffer = 1, at = [0, [1]]}
        scatter(%1, %0) {combiner = add, buffer = 2, at = [0, [0]], strides = [1], extents = [4], bounds = check, sites = [7]}
      }
      schedule serial
    }

    """

  func run(_ kernel: Kernel, _ values: inout [[UInt32]], _ integers: [Int]) -> KernelStatus {
    let pointers = values.map { value in
      let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: max(value.count, 1))
      memory.initialize(from: value, count: value.count)
      return memory
    }
    defer { for pointer in pointers { pointer.deallocate() } }
    let status = KernelInterpreter.run(
      kernel.definition, buffers: pointers.map { UnsafeMutableRawPointer($0) }, integers: integers)
    values = zip(values, pointers).map { Array(UnsafeBufferPointer(start: $1, count: $0.count)) }
    return status
  }

  @Test("The text of a kernel reads back", arguments: [rows, indexed])
  func text(_ text: String) throws {
    let kernel = try Kernel(parsing: text, file: "k")
    #expect(kernel.description == text)
  }

  @Test("A row program runs as the tensor ops do")
  func rowProgram() throws {
    let (n, m) = (7, 70)
    let x: [Float] = ReferenceReductionTests.numbers(n * m, seed: 1)
    let kernel = try Kernel(parsing: Self.rows, file: "k")
    var values = [x.map(\.bitPattern), Array(repeating: 0, count: n * m), Array(repeating: 0, count: n)]
    #expect(run(kernel, &values, [n, m]).site == 0)
    let module = try Module(
      parsing: """
        func @f(%x: f32[7,70]) -> (f32[7,70], i32[7]) {
          %0: f32[7] = reduce(%x) {kind = max, axes = [1]}
          %1: i32[7] = argReduce(%x) {kind = max, axis = 1}
          %2: f32[7,70] = broadcast(%0) {axes = [0]}
          %3: f32[7,70] = subtract(%x, %2)
          %4: f32[7] = reduce(%3) {kind = sum, axes = [1]}
          %5: f32[7,70] = broadcast(%4) {axes = [0]}
          %6: f32[7,70] = multiply(%3, %5)
          return %6, %1
        }
        """, file: "f")
    let expected = try ReferenceInterpreter.run(module, function: "f", inputs: [TensorValue(x, shape: [7, 70])])
    #expect(values[1].map { UInt64($0) } == expected[0].bits)
    #expect(values[2].map { UInt64($0) } == expected[1].bits)
  }

  @Test("R5: scatter goes point after point; an index out of range is left out and names its site")
  func scatter() throws {
    let kernel = try Kernel(parsing: Self.indexed, file: "k")
    let updates: [Float] = [1e8, 1, -1e8, 3, 4]
    var values = [updates.map(\.bitPattern), [0, 0, 0, 3, 2], [0, 0, 0, 0]]
    #expect(run(kernel, &values, [5]).site == 0)
    #expect(values[2].map { Float(bitPattern: $0) } == [0, 0.5, 4.5, 3.5])
    values[1] = [0, 0, 0, 4, 2]
    let status = run(kernel, &values, [5])
    #expect(status.site == 7 && status.index == 4)
    #expect(values[2].map { Float(bitPattern: $0) } == [0, 0.5, 4.5, 0.5])
  }

  @Test(
    "The verifier names what is wrong with a kernel",
    arguments: [
      ("%0: f32 = load() {buffer = 0,", "%0: f32 = load() {buffer = 9,", "kernel.C1"),
      ("outer [n0]", "outer [n2]", "kernel.C1"),
      ("{number = 2}", "{number = 3}", "kernel.C1"),
      ("storeScratch(%2) {row = 0}", "storeScratch(%2) {row = 1}", "kernel.C1"),
      ("buffer 1: written f32", "buffer 1: written f64", "kernel.C2"),
      ("scratch 0: f32", "scratch 0: f64", "kernel.C2"),
      ("subtract(%0, %1)", "and(%0, %1)", "and.C2"),
      ("%2: f32 = subtract", "%2: f64 = subtract", "kernel.C2"),
      ("buffer = 2, at = [0, [1]]", "buffer = 2, at = [0, [1, 1]]", "kernel.C3"),
      ("buffer 1: written f32", "buffer 1: f32", "kernel.C4"),
      ("storeScratch(%2) {row = 0}", "", "kernel.C5"),
      ("stage [n1] {\n    %0: f32 = loadScratch", "stage [n0] {\n    %0: f32 = loadScratch", "kernel.C5"),
      ("schedule rows", "schedule pointwise {lanes = 16, unroll = 4, grain = 64, streaming = false}", "kernel.C6"),
      ("schedule rows", "schedule splitRows", "kernel.C6"),
      ("schedule rows", "schedule columns {strip = 0}", "kernel.C6"),
      ("schedule rows", "schedule diagonals", "parse.C4"),
      ("subtract(%0, %1)", "subtract(%0, %7)", "parse.C2"),
      ("%1: f32 = reduced() {number = 2}", "%0: f32 = reduced() {number = 2}", "parse.C3"),
      ("{kind = sum}", "{kind = mean}", "attribute.C3"),
      ("integers 2", "integers two", "parse.C1"),
    ])
  func form(_ old: String, _ new: String, _ label: String) {
    let text = Self.rows.replacingOccurrence(of: old, with: new)
    #expect(text != Self.rows)
    #expect {
      _ = try Kernel(parsing: text, file: "k")
    } throws: { ($0 as? KilnError)?.diagnostics.map(\.label) == [label] }
  }

  @Test("kernel.C7: a launch stays within its buffers")
  func accesses() throws {
    let rows = try Kernel(parsing: Self.rows, file: "k")
    func labels(_ kernel: Kernel, _ integers: [Int], _ counts: [Int]) -> [String] {
      KernelVerifier.diagnostics(for: kernel, integers: integers, elementCounts: counts).map(\.label)
    }
    #expect(labels(rows, [7, 70], [490, 490, 7]) == [])
    #expect(labels(rows, [0, 70], [0, 0, 0]) == [])
    #expect(labels(rows, [7, 0], [0, 0, 7]) == [])
    #expect(labels(rows, [7, 70], [489, 490, 7]) == ["kernel.C7", "kernel.C7"])
    #expect(labels(rows, [7, 70], [490, 490, 6]) == ["kernel.C7"])
    #expect(labels(rows, [-1, 70], [490, 490, 7]) == ["kernel.C7"])
    #expect(labels(rows, [.max, .max], [490, 490, 7]).contains("kernel.C7"))
    #expect(labels(rows, [7], [490, 490, 7]) == ["kernel.C1"])
    let indexed = try Kernel(parsing: Self.indexed, file: "k")
    #expect(labels(indexed, [5], [5, 5, 4]) == [])
    #expect(labels(indexed, [5], [5, 5, 3]) == ["kernel.C7", "kernel.C7"])
  }

  private static let product = """
    kernel {
      buffer 0: f32
      buffer 1: f32
      buffer 2: written f32
      integers 8
      outer [n0, n1]
      stage [n2] {
        %0: f32 = load() {buffer = 0, at = [0, [n3, 0, 1]]}
        %1: f32 = load() {buffer = 1, at = [0, [0, 1, n1]]}
        dot(%0, %1)
      }
      stage [] {
        %0: f32 = reduced() {number = 0}
        store(%0) {buffer = 2, at = [0, [n1, 1]]}
      }
      contraction {batchAxes = 0, rowAxes = 1}
      schedule contraction {tile = [n4, n5], packs = [n6, n7]}
    }

    """

  @Test("a contraction's schedule is numbers of the launch: kernel.C1, and kernel.C6 for a tile without bounds")
  func contractions() throws {
    let kernel = try Kernel(parsing: Self.product, file: "k")
    #expect(kernel.description == Self.product)
    func labels(_ tile: [Int]) -> [String] {
      KernelVerifier.diagnostics(
        for: kernel, integers: [4, 6, 5, 5] + tile + [0, 1], elementCounts: [20, 30, 24]
      ).map(\.label)
    }
    #expect(labels([14, 32]) == [])
    for tile in [[0, 32], [14, 0], [65, 32], [14, 1025], [.max, .max]] { #expect(labels(tile) == ["kernel.C6"]) }
    for schedule in ["tile = [n4, n8], packs = [n6, n7]", "tile = [6, 16], packs = [0, n9]"] {
      let text = Self.product.replacingOccurrence(of: "tile = [n4, n5], packs = [n6, n7]", with: schedule)
      #expect {
        _ = try Kernel(parsing: text, file: "k")
      } throws: { ($0 as? KilnError)?.diagnostics.map(\.label) == ["kernel.C1"] }
    }
    let short = Self.product.replacingOccurrence(of: "[n4, n5]", with: "[n4]")
    #expect {
      _ = try Kernel(parsing: short, file: "k")
    } throws: { ($0 as? KilnError)?.diagnostics.count == 1 }
  }

  @Test("No text crashes the reader of kernels", arguments: 0..<4)
  func fuzz(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for text in [Self.rows, Self.indexed, Self.product] {
      for _ in 0..<200 {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...3, using: &random) { ParserFuzzTests.mutate(&bytes, &random) }
        guard let kernel = try? Kernel(parsing: String(decoding: bytes, as: UTF8.self), file: "fuzz") else { continue }
        #expect(try Kernel(parsing: kernel.description, file: "printed") == kernel)
        let counts = Array(repeating: 100, count: kernel.definition.buffers.count)
        _ = KernelVerifier.diagnostics(
          for: kernel, integers: Array(repeating: 3, count: min(max(kernel.definition.integerCount, 0), 99)),
          elementCounts: counts
        )
      }
    }
  }
}

extension String {
  /// The text with the first `old` replaced.
  fileprivate func replacingOccurrence(of old: String, with new: String) -> String {
    guard let range = firstRange(of: old) else { return self }
    return replacingCharacters(in: range, with: new)
  }

  private func replacingCharacters(in range: Range<Index>, with new: String) -> String {
    String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
  }
}
