// Prints the largest error of every function table in units in the last place: all f32 arguments, and a sample in f64.
// Machine code computes them; part of its results are compared with the reference evaluation, bit for bit.
//
//     kiln-accuracy [--step N] [--sample N] [FUNCTION ...]
//
// --step N takes every Nth f32 argument (1), --sample N as many arguments of f64 (20000000).
import Dispatch
import KilnIR
import KilnOracles
import KilnTesting

var step: UInt64 = 1
var sampleCount = 20_000_000
var names: [String] = []
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--step", "--sample":
    guard let text = arguments.popFirst(), let count = Int(text), count > 0 else {
      fail("\(argument) takes a positive number")
    }
    if argument == "--step" { step = UInt64(count) } else { sampleCount = count }
  default:
    guard Accuracy.unary.contains(where: { $0.function.spelling == argument }) else {
      let known = Accuracy.unary.map(\.function.spelling).joined(separator: ", ")
      fail("no function table \(argument); there are \(known)")
    }
    names.append(argument)
  }
}

print("| function | f32 | at | f64 | at | primitives f32 / f64 |\n|---|---|---|---|---|---|")
var isWithinBounds = true
for row in Accuracy.unary where names.isEmpty || names.contains(row.function.spelling) {
  let single = try worstOfSingle(row, step: step)
  let double = try worstOfDouble(row, count: sampleCount)
  isWithinBounds = isWithinBounds && single.ulps <= row.f32 && double.ulps <= row.f64
  let counts = [DType.f32, .f64].map { row.function.program(for: [$0]).operationCount }
  print(
    "| `\(row.function)` | \(rounded(single.ulps)) | \(single.at) | \(rounded(double.ulps)) | \(double.at) | "
      + "\(counts[0]) / \(counts[1]) |")
  flush()
}
if !isWithinBounds { fail("a table is beyond its bound") }
