import Kiln
import KilnData
import Testing

@Suite("NPZ files")
struct NPZFileTests {
  @Test("arrays have their names; another name or element type is an error")
  func arrays() throws {
    try withFolder { folder in
      let path = "\(folder)/data.npz"
      let images = Tensor<Float>([[1, 2], [3, 4]])
      try ["images": images.untyped, "labels": Tensor<Int32>([0, 1]).untyped].save(to: path)
      let file = try NPZFile(path)
      #expect(file.names == ["images", "labels"] && file.path == path)
      let dataset = try Dataset(
        inputs: file.tensor("images", of: Float.self), targets: file.tensor("labels", of: Int32.self))
      #expect(dataset.count == 2 && dataset.inputs.scalars == images.scalars && dataset.targets.scalars == [0, 1])
      let name = failure { _ = try file.tensor("image") }
      #expect(name.contains(#"there is no array 'image'; there are ["images", "labels"] [npz.C4]"#), "\(name)")
      #expect(name.contains("NPZFileTests.swift:"))
      let type = failure { _ = try file.tensor("labels", of: Int64.self) }
      #expect(type.contains("'labels' has elements i32, expected i64 [npz.C4]"), "\(type)")
      #expect(failure { _ = try NPZFile("\(folder)/none.npz") }.contains("[npz.C1]"))
    }
  }
}
