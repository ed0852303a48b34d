import Foundation
import KilnIR
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Contractions compiled by LLVM against the plain loop of Numerics.md D1, bit for bit. Each test runs in a process of
/// its own: a process has one LLVM.
@Suite("Contraction", .serialized)
struct ContractionTests {
  @Test("D1: rows, columns and terms around the edges of tiles and blocks", arguments: ["14", "19"])
  func shapes(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for (packsRight, packsLeft) in [(false, false), (true, false), (true, true), (false, true)] {
          for rows in [1, 2, 3, 13, 14, 15, 31] {
            for columns in [1, 2, 31, 32, 33, 65] {
              var c = ContractionCase(rows: rows, columns: columns, inner: [3])
              (c.packsRight, c.packsLeft) = (packsRight, packsLeft)
              try checker.check(c)
              c.inner = [rows]
              try checker.check(c)
            }
          }
          for terms in [0, 1, 2, 15, 16, 17, 31, 511, 512, 513, 1024, 1025, 8192, 8193, 16385] {
            var c = ContractionCase(rows: 15, columns: 33, inner: [terms])
            if terms > 1025 { (c.rows, c.columns) = (3, 5) }
            (c.packsRight, c.packsLeft) = (packsRight, packsLeft)
            try checker.check(c)
          }
        }
      }
    }
  }

  @Test("R1: more than 256 blocks take three levels")
  func deepTree() async {
    await #expect(processExitsWith: .success) {
      try check("19") { checker in
        for terms in [256 * 512, 256 * 512 + 1, 272 * 512 + 3] {
          try checker.check(ContractionCase(rows: 1, columns: 2, inner: [terms]))
        }
      }
    }
  }

  @Test("D1: tiles whose sums wait for the next block of terms")
  func waiting() async {
    await #expect(processExitsWith: .success) {
      try check("19") { checker in
        let waiting = ContractionTile(rows: 14, columns: 32, packsRight: true, packsLeft: true)
          .waiting(terms: 1030, elementBytes: 8)
        #expect(waiting.tiles < 56)
        for (rows, columns, terms) in [(30, 32 * 28, 1030), (14 * 25 + 3, 40, 700), (5, 33, 8192), (3, 70, 17 * 512)] {
          var c = ContractionCase(rows: rows, columns: columns, inner: [terms / 2, 2])
          (c.dtype, c.packsRight, c.packsLeft, c.gap) = (.f64, true, true, 1)
          c.epilogue = rows == 5 ? .residual : .biasRelu
          try checker.check(c)
        }
      }
    }
  }

  @Test("few rows, and a right operand whose terms are pages apart", arguments: ["14", "19"])
  func farTerms(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for (rows, columns, terms) in [(1, 1100, 300), (3, 1030, 600), (2, 2048, 129)] {
          try checker.check(ContractionCase(rows: rows, columns: columns, inner: [terms]))
        }
      }
    }
  }

  @Test("transposed operands, batches, shared right operands, cut ranges", arguments: ["14", "19"])
  func layouts(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for flags in 0..<16 {
          for batches in [nil, 1, 3] {
            var c = ContractionCase(batches: batches, rows: 29, columns: 35, inner: [33])
            c.leftTransposed = flags & 1 != 0
            c.packsRight = flags & 2 != 0
            c.rightTransposed = flags & 4 != 0
            c.packsLeft = flags & 8 != 0
            c.sharesRight = batches != nil && flags & 6 == 2
            try checker.check(c)
          }
        }
      }
    }
  }

  @Test("right operands that the tile packs part by part", arguments: ["14", "19"])
  func streams(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for transposed in [false, true] {
          for inner in [[0], [1], [15], [16], [127], [128], [129], [700], [3, 200]] {
            for (rows, columns) in [(1, 1), (1, 33), (3, 64), (14, 31), (20, 40)] {
              var c = ContractionCase(batches: 2, rows: rows, columns: columns, inner: inner)
              (c.rightTransposed, c.packsLeft) = (transposed, columns == 40)
              try checker.check(c)
              if inner == [0] { continue }
              c.gap = 3
              try checker.check(c)
            }
          }
        }
      }
    }
  }

  @Test("D1: several contracted axes are one row-major sequence of terms", arguments: ["14", "19"])
  func severalAxes(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for flags in 0..<8 {
          for (inner, gap) in [
            ([3, 5], 0), ([7, 100], 2), ([2, 3, 257], 0), ([2, 3, 257], 3), ([5, 4, 30], 1), ([], 0),
          ] {
            var c = ContractionCase(rows: 16, columns: 33, inner: inner)
            c.gap = gap
            c.leftTransposed = flags & 1 != 0
            c.packsRight = flags & 2 != 0
            c.packsLeft = flags & 4 != 0
            try checker.check(c)
          }
        }
      }
    }
  }

  @Test("epilogues, constant extents, missing axes", arguments: ["14", "19"])
  func epilogues(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      try check(version) { checker in
        for epilogue in ContractionCase.Epilogue.allCases {
          for isConstant in [false, true] {
            for packs in [false, true] {
              var c = ContractionCase(batches: 2, rows: 17, columns: 40, inner: [20])
              (c.epilogue, c.isConstant, c.packsRight, c.packsLeft) = (epilogue, isConstant, packs, packs)
              try checker.check(c)
              c.columns = 64
              try checker.check(c)
              c.batches = nil
              c.rows = nil
              try checker.check(c)
              (c.rows, c.columns) = (17, nil)
              try checker.check(c)
            }
          }
        }
      }
    }
  }

  @Test("integers of all widths around the edges of tiles, blocks and vectors", arguments: ["14", "19"])
  func integers(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      for limit in HostFeatures.VectorClass.allCases {
        try check(version, limit: limit) { checker in
          for dtype in [DType.i8, .u8, .i16, .u16, .i32, .u32, .i64, .u64] {
            for flags in [0, 2, 7, 13] {
              for (terms, columns) in [(0, 3), (2, 65), (3, 1), (33, 37), (513, 64)] {
                var c = ContractionCase(batches: 2, rows: 7, columns: columns, inner: [terms])
                (c.dtype, c.tile) = (dtype, (flags & 1 != 0 ? 7 : 4, 64))
                (c.leftTransposed, c.rightTransposed) = (flags & 1 != 0, flags & 2 != 0)
                (c.packsRight, c.packsLeft) = (flags & 4 != 0, flags & 8 != 0)
                c.epilogue = ContractionCase.Epilogue.allCases[(flags + terms) % 3]
                try checker.check(c)
              }
            }
          }
        }
      }
    }
  }

  @Test("f64, i32, other tiles and narrower vectors", arguments: ["14", "19"])
  func types(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      for limit in HostFeatures.VectorClass.allCases {
        try check(version, limit: limit) { checker in
          for (dtype, tile) in [
            (DType.f64, (14, 16)), (.f32, (6, 16)), (.f32, (1, 256)), (.f32, (4, 96)), (.i32, (14, 32)), (.f64, (6, 8)),
          ] {
            for packs in [false, true] {
              var c = ContractionCase(rows: 9, columns: 37, inner: [530])
              (c.dtype, c.tile, c.packsRight, c.packsLeft) = (dtype, tile, packs, packs)
              try checker.check(c)
              c.rightTransposed = true
              c.epilogue = .biasRelu
              try checker.check(c)
            }
          }
        }
      }
    }
  }
}

/// Runs cases; what they share is compiled once.
private struct Checker {
  let compiler: KernelCompiler

  func check(_ c: ContractionCase) throws {
    let (kernel, integers) = c.kernel()
    let runner = try PhaseRunner(kernel, integers, compiler)
    for cuts in 1...3 {
      switch c.dtype {
      case .f64: try c.check(runner, of: Double.self, cuts: cuts)
      case .f32: try c.check(runner, of: Float.self, cuts: cuts)
      case .i8: try c.check(runner, of: Int8.self, cuts: cuts)
      case .i16: try c.check(runner, of: Int16.self, cuts: cuts)
      case .i32: try c.check(runner, of: Int32.self, cuts: cuts)
      case .i64: try c.check(runner, of: Int64.self, cuts: cuts)
      case .u8: try c.check(runner, of: UInt8.self, cuts: cuts)
      case .u16: try c.check(runner, of: UInt16.self, cuts: cuts)
      case .u32: try c.check(runner, of: UInt32.self, cuts: cuts)
      case .u64: try c.check(runner, of: UInt64.self, cuts: cuts)
      case .bool, .f16, .bf16: throw Mismatch(text: "no dot of \(c.dtype)")
      }
    }
  }
}

private func check(
  _ version: String, limit: HostFeatures.VectorClass = .bits512, _ body: (Checker) throws -> Void
) throws {
  setenv("KILN_LLVM", version, 1)
  do {
    let machine = try CPUMachine(library: LLVMLibrary.shared.get(), limit: limit)
    try body(Checker(compiler: KernelCompiler(machine: machine, cache: nil)))
  } catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    throw error
  }
}
