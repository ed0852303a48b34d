import Foundation
import Kiln

// Runs a program from a file, and tells its user what is wrong with what was passed to it.

guard let file = Bundle.module.url(forResource: "dense", withExtension: "kiln") else { fatalError("no program") }
let module = try Module(parsing: String(contentsOf: file, encoding: .utf8), file: "dense.kiln")

let x = Tensor<Float>([[1, 2, 3], [-1, -2, -3]])
let w = Tensor<Float>([[1, 0], [0, 1], [1, 1]])
let b = Tensor<Float>([0.5, -0.5])
let results = try module.run("dense", [AnyTensor(x), AnyTensor(w), AnyTensor(b)])
if let y = Tensor<Float>(results[0]) { print(y) }

do {
  _ = try module.run("dense", [AnyTensor(x), AnyTensor(w)])
} catch {
  print("a wrong call: \(error.diagnostics.map(\.label))")
}

do {
  _ = try Module(parsing: "func @f(%x: f32[2]) -> (f32[2]) {\n  return %y\n}\n", file: "wrong.kiln")
} catch {
  print("a wrong program: \(error.diagnostics.map(\.label))")
}

do {
  _ = try withDiagnostics { matmul(x, x) }
} catch let error as KilnError {
  print("a wrong shape: \(error.diagnostics.map(\.label))")
}
