import Glibc
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime

// kiln-gpu-bench [--device NAME] [--json FILE] [--quick] [--tune SECONDS]
//
// Runs Kiln's programs on an OpenCL device, checks small sizes against the kernel interpreter bit for bit, and compares
// the speed of large ones with limits that it measures itself. Needs no LLVM and, linked with -static-stdlib, no Swift.

var options = (device: "", json: String?.none, isQuick: false, tuningSeconds: Double?.none)
func stopWithUsage() -> Never {
  print("usage: kiln-gpu-bench [--device NAME|NUMBER|gpu|cpu] [--json FILE] [--quick] [--tune SECONDS]")
  exit(2)
}

var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--device": options.device = arguments.popFirst() ?? ""
  case "--json": options.json = arguments.popFirst()
  case "--quick": options.isQuick = true
  case "--tune":
    guard let seconds = arguments.popFirst().flatMap(Double.init), seconds > 0 else { stopWithUsage() }
    options.tuningSeconds = seconds
  default: stopWithUsage()
  }
}

do {
  let devices = try OpenCLDevice.all.get()
  for device in devices { print(device) }
  let device = try OpenCLDevice.choose(options.device)
  let context = try device.context()
  print("\nmeasuring opencl:\(device.index), which is \(context.strictness.summary)")
  let limits = try DeviceLimits.measure(device, isQuick: options.isQuick)
  print(
    "limits: copy \(rounded(limits.copyBytesPerSecond / 1e9)) GB/s (\(limits.copyBytes >> 20) MiB), "
      + "fma \(rounded(limits.fmaOperationsPerSecond / 1e9)) GFLOP/s\n")
  let isLarge = !options.isQuick && device.properties.kind != .cpu
  var report = Report(device: device, strictness: context.strictness.summary, limits: limits)
  for workload in Workload.all(isLarge: isLarge) {
    report.add(Measurement.run(workload, on: device, isQuick: options.isQuick, tuning: options.tuningSeconds))
  }
  if let path = options.json { try report.writeJSON(to: path) }
  exit(report.isCorrect ? 0 : 1)
} catch {
  print("kiln-gpu-bench: \(error)")
  exit(3)
}
