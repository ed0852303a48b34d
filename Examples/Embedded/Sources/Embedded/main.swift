import KilnCPU
import KilnIR
import KilnRuntime

// Runs the plan file that the command line names: no compiler of programs is in this one.
do {
  let plan = try LoadedPlan(contentsOf: CommandLine.arguments.last ?? "", on: .cpu)
  for parameter in plan.parameters { print("\(parameter.name): \(parameter.type)") }

  // Values in, values out.
  let x = try TensorValue([1, 2, 3, -1, 0, 1] as [Float], shape: [2, 3])
  let w = try TensorValue((0..<12).map { Float($0 % 5) - 2 }, shape: [3, 4])
  let b = try TensorValue([0.5, 0, -0.5, 0.25] as [Float], shape: [4])
  let results = try plan.run([x, w, b])
  print("classes \(try results[0].elements(as: Int32.self)), probabilities \(results[1].elementText)")

  // Memory of one's own, which is used again for every call.
  let inputs = try plan.parameters.map { try HostBuffer(byteCount: $0.type.byteCount) }
  let outputs = try plan.resultTypes.map { try HostBuffer(byteCount: $0.byteCount) }
  for (value, buffer) in zip([x, w, b], inputs) { buffer.withBytes { $0.copyBytes(from: value.bytes) } }
  for _ in 0..<3 { try plan.run(inputs, into: outputs) }
  print("classes \(outputs[0].withBytes { Array($0.bindMemory(to: Int32.self)) }) again")

  // What is wrong is an error with a label.
  _ = try plan.run([x, w])
} catch let error as KilnError {
  print(error)
}
