import Kiln
import KilnData
import Testing

@Suite("Datasets")
struct DatasetTests {
  /// Inputs [count, 2] of i, -i, and targets i.
  private func numbers(_ count: Int) throws -> Dataset<Tensor<Float>, Tensor<Int32>> {
    let inputs = (0..<count).flatMap { [Float($0), -Float($0)] }
    return try Dataset(inputs: Tensor(inputs, shape: [count, 2]), targets: Tensor((0..<count).map { Int32($0) }))
  }

  @Test("the digits are there, with their shapes, and every one is an image of ink on paper")
  func digits() throws {
    let digits = try Dataset.digits
    #expect(digits.count == 1797)
    #expect(digits.inputs.dimensions == [1797, 8, 8] && digits.targets.dimensions == [1797])
    let pixels = digits.inputs.scalars
    #expect(pixels.allSatisfy { (0...1).contains($0) && ($0 * 16).rounded() == $0 * 16 })
    #expect(pixels.reduce(0) { $0 + Double($1) } == 35_107.375)
    // The first rows of the file.
    #expect(pixels[0..<8].map { $0 * 16 } == [0, 0, 5, 13, 9, 1, 0, 0])
    #expect(digits.targets.scalars.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    let counts = (0..<10).map { digit in digits.targets.scalars.count { $0 == digit } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
  }

  @Test("parts, orders and batches keep inputs and targets together")
  func together() throws {
    let all = try numbers(10)
    let (training, heldOut) = try all.split(heldOut: 3, key: RandomKey(seed: 5))
    #expect(training.count == 7 && heldOut.count == 3)
    #expect((training.targets.scalars + heldOut.targets.scalars).sorted() == Array(0..<10))
    #expect(training.targets.scalars != Array(0..<7))
    for part in [all, training, heldOut, training.shuffled(key: RandomKey(seed: 6)), all.dropFirst(2).prefix(4)] {
      #expect(part.inputs.scalars == part.targets.scalars.flatMap { [Float($0), -Float($0)] })
      #expect(part.map { $1.item } == part.targets.scalars && part.allSatisfy { $0.0.dimensions == [2] })
    }
    let batches = all.batched(4)
    #expect(batches.map { $1.scalars } == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
    #expect(batches.map { $0.0.dimensions } == [[4, 2], [4, 2], [2, 2]] && batches.count == 3)
    #expect(all.batched(4, remainder: .drop).map { $1.scalars } == [[0, 1, 2, 3], [4, 5, 6, 7]])
    #expect(all.batched(5).count == 2 && all.prefix(0).batched(5).isEmpty)
  }

  @Test("an order is its key's")
  func order() throws {
    let all = try numbers(8)
    #expect(all.shuffled(key: RandomKey(seed: 1)).targets.scalars == [0, 4, 7, 1, 6, 2, 5, 3])
    #expect(all.shuffled(key: RandomKey(seed: 2)).targets.scalars == [5, 1, 4, 0, 3, 7, 2, 6])
  }

  @Test("mistakes have the caller's line")
  func mistakes() throws {
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return "no error"
    }
    let labels = message {
      _ = try Dataset(inputs: Tensor<Float>.zeros([3, 2]), targets: [Tensor<Int32>.zeros([3]), .zeros([4])])
    }
    #expect(
      labels.contains("targets.1 has 3 examples along its leading axis, as the first has, expected; found i32[4] "))
    #expect(labels.contains("DatasetTests.swift:") && labels.contains("[dataset.C1]"), "\(labels)")
    let scalar = message { _ = try Dataset(inputs: Tensor<Float>(1), targets: Tensor<Float>(1)) }
    #expect(scalar.contains("inputs has a leading axis, expected; found f32[] [dataset.C1]"), "\(scalar)")
    let all = try numbers(3)
    let split = message { _ = try all.split(heldOut: 4, key: RandomKey(seed: 1)) }
    #expect(split.contains("0 to 3 of 3 examples can be held out, not 4 [dataset.C2]"), "\(split)")
    let batch = message { try withDiagnostics { _ = all.batched(0) } }
    #expect(batch.contains("DatasetTests.swift:") && batch.contains("not 0 [batch.C1]"), "\(batch)")
  }
}
