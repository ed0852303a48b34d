import Kiln
import KilnIR
import KilnRuntime
import Testing

/// One program for all sizes: how many programs, plans and objects calls of several sizes need, and that each gives the
/// bits of a program for its size alone.
@Suite("Sized programs")
struct SizedProgramTests {
  private static func step(_ x: Tensor<Float>, _ w: Tensor<Float>) -> Tensor<Float> {
    let h = tanh(matmul(x, w))
    return (h - h.mean(axes: [0], keepDims: true)) / (h * h).sum()
  }

  private let w = Tensor<Float>([[0.5, -1, 2], [1, 0.25, -0.5]])

  private func input(_ n: Int) -> Tensor<Float> {
    Tensor<Float>.range(2 * n).reshaped(to: [n, 2]) * 0.1
  }

  @Test("the second size of an axis names it; further ones make plans")
  func automatic() throws {
    let f = compile { (x: Tensor<Float>, w: Tensor<Float>) in Self.step(x, w) }
    for n in [3, 5, 7, 1, 0, 4, 3, 5, 600, 2] {
      let alone = compile { (x: Tensor<Float>, w: Tensor<Float>) in Self.step(x, w) }
      #expect(f(input(n), w).scalars == alone(input(n), w).scalars, "n = \(n)")
    }
    let entries = f.report.entries
    #expect(entries.count == 2)
    #expect(entries.map(\.planCount) == [nil, 7])
    #expect(entries[1].inputs == ["arg0: f32[n,2]", "arg1: f32[2,3]"])
    #expect(f.report.description.contains("serves all sizes of arg0: f32[n,2]; 7 plans"))
  }

  @Test("declared sizes: one program from the first call on")
  func declared() throws {
    let f = compile(options: .sizes("batch, 2", "...")) { (x: Tensor<Float>, w: Tensor<Float>) in Self.step(x, w) }
    for n in [0, 1, 6] { #expect(f(input(n), w).shape == [Dimension(n), 3]) }
    #expect(f.report.entries.count == 1)
    #expect(f.report.entries[0].inputs[0] == "arg0: f32[batch,2]")
  }

  @Test("extents that change together share a name; one that parts from them gets its own")
  func names() throws {
    let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in (x + 1, y * 2) }
    for (a, b) in [(2, 2), (3, 3), (4, 4), (5, 6), (7, 8)] { _ = f(.ones([a]), .ones([b])) }
    #expect(
      f.report.entries.map(\.inputs) == [
        ["arg0: f32[2]", "arg1: f32[2]"], ["arg0: f32[n]", "arg1: f32[n]"], ["arg0: f32[n]", "arg1: f32[m]"],
      ])
  }

  @Test("a line that asks for the number of a size pins it, and the report names the line")
  func pins() throws {
    let f = compile { (x: Tensor<Float>) in x * Float(Int(x.shape[0])) }
    for n in [2, 3, 4] { #expect(f(.ones([n, n])).scalars == [Float](repeating: Float(n), count: n * n)) }
    let entries = f.report.entries
    #expect(entries.count == 3)
    #expect(entries.map { $0.pinnedSizes.map(\.name) } == [[], ["n"], ["n"]])
    #expect(entries[1].planCount == nil)
    #expect(entries[1].description.contains("asks for the number of n"))
    let h = compile(options: .sizes("rows")) { (x: Tensor<Float>) in x * Float(Int(x.shape[0])) }
    for n in [2, 3] { _ = h(.ones([n])) }
    #expect(h.report.entries.map { $0.pinnedSizes.map(\.name) } == [["rows"], ["rows"]])
    let g = compile(options: .sizes("rows, columns")) { (x: Tensor<Float>) in x * Float(Int(x.shape[0])) }
    for columns in [1, 2, 3] { _ = g(.ones([2, columns])) }
    #expect(g.report.entries.count == 1)
    #expect(g.report.entries[0].inputs == ["arg0: f32[2,columns]"])
    #expect(g.report.entries[0].pinnedSizes.map(\.name) == ["rows"])
    #expect(g.report.entries[0].pinnedSizes.allSatisfy { "\($0.location)".contains("SizedProgramTests.swift") })
  }

  @Test("the limit counts programs, not sizes")
  func limit() throws {
    let f = compile(options: CompileOptions(limit: 2)) { (x: Tensor<Float>) in x + 1 }
    for n in 1...100 { #expect(try f.run(.zeros([n])).scalars.count == n) }
    let error = #expect(throws: KilnError.self) { try f.run(.zeros([1, 1])) }
    #expect(error?.diagnostics.map(\.label) == ["compile.limit"])
  }

  @Test("a call that the other sizes do not allow is traced for itself, and says what a static trace says")
  func exceptions() throws {
    let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in x + y }
    for n in [2, 3, 4] { #expect(f(.ones([n]), .ones([n])).scalars == [Float](repeating: 2, count: n)) }
    #expect(f(.ones([5]), .ones([1])).scalars == [2, 2, 2, 2, 2])
    let error = #expect(throws: KilnError.self) { try f.run(.ones([5]), .ones([6])) }
    #expect(error?.diagnostics.map(\.label) == ["broadcast.shapes"])
    #expect(error?.description.contains("[5]") == true && error?.description.contains("[6]") == true)
  }

  @Test("updates: the state keeps its types, batches of all sizes train it in place")
  func updates() throws {
    let train = compile { (w: inout Tensor<Float>, x: Tensor<Float>, y: Tensor<Float>) in
      let (loss, slope) = valueAndGradient(at: w) { (w: Tensor<Float>) in
        let error = matmul(x, w) - y
        return (error * error).mean()
      }
      w = w - 0.125 * slope
      return loss
    }
    var w = Tensor<Float>.zeros([2, 1])
    var alone = w.scalars
    for n in [4, 8, 2, 3, 8, 1] {
      let single = compile { (w: Tensor<Float>, x: Tensor<Float>, y: Tensor<Float>) in
        w - 0.125
          * gradient(at: w) { (w: Tensor<Float>) in
            let error = matmul(x, w) - y
            return (error * error).mean()
          }
      }
      alone = single(Tensor(alone).reshaped(to: [2, 1]), input(n), .ones([n, 1])).scalars
      train(updating: &w, input(n), .ones([n, 1]))
      #expect(w.scalars == alone, "n = \(n)")
    }
    #expect(train.report.entries.count == 2)
    #expect(train.report.inPlaceCount == 6)
  }
}

@Suite("Sized programs, from many threads")
struct SizedProgramThreadTests {
  @Test("threads with sizes of their own")
  func manyThreads() async throws {
    let f = compile { (x: Tensor<Float>) in (x * 2).sum() }
    await withTaskGroup(of: Bool.self) { group in
      for thread in 0..<8 {
        group.addTask {
          (0..<40).allSatisfy { turn in
            let n = 1 + (turn * 7 + thread * 3) % 23
            return f(.ones([n, 3])).item == Float(6 * n)
          }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    #expect(f.report.entries.count == 2)
  }
}
