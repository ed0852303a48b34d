import COpenCL
import KilnRuntime
import Synchronization

extension OpenCLContext {
  /// Part of every cache key beside the source: changes with the form of what is stored.
  private static let cacheVersion = 1

  /// The options of every build: no option that changes a result, and correct division where it is offered.
  var buildOptions: String {
    "-w -cl-std=CL1.2" + (device.properties.offersCorrectDivision ? " -cl-fp32-correctly-rounded-divide-sqrt" : "")
      + device.faults.withLock { $0.buildOptions }
  }

  /// The built program of `source`: from memory, from disk, or from the driver's compiler.
  ///
  /// - Parameter cache: where binaries are kept; nil for nowhere.
  /// - Throws: `codeGeneration` with the compiler's log and the source lines that it names.
  func program(_ source: ProgramSource, cache: ObjectCache?) throws(RuntimeError) -> OpenCLObject {
    let text = device.faults.withLock { $0.breaksBuilds } ? source.broken() : source.text
    let p = device.properties
    let key = SHA256.hash(
      [text, buildOptions, p.name, p.vendor, p.platform, p.driverVersion, "\(Self.cacheVersion)"]
        .joined(separator: "\u{0}").utf8)
    if let known = programs.withLock({ $0.find(key) }) { return known }
    if let binary = cache?.object(for: key), let program = program(binary: binary) {
      return keep(program, for: key, text)
    }
    let program = try build(text, source)
    if let cache, let binary = binary(of: program) { cache.store(binary, for: key) }
    return keep(program, for: key, text)
  }

  /// Keeps a program, whose driver says nothing about its memory: several times its text.
  /// - Returns: the program, or the one that another thread was faster to make.
  private func keep(_ program: OpenCLObject, for key: Digest, _ text: String) -> OpenCLObject {
    let byteCount = 16384 + 4 * text.utf8.count
    let (kept, dropped) = programs.withLock { programs -> (OpenCLObject, [OpenCLObject]) in
      if let known = programs.find(key) { return (known, []) }
      return (program, programs.insert(program, for: key, byteCount: byteCount))
    }
    withExtendedLifetime(dropped) {}
    return kept
  }

  private func build(_ text: String, _ source: ProgramSource) throws(RuntimeError) -> OpenCLObject {
    var status: Int32 = 0
    let handle = text.withCString { pointer in
      var texts: UnsafePointer<CChar>? = pointer
      return library.api.CreateProgramWithSource(context.handle, 1, &texts, nil, &status)
    }
    guard let handle else { throw RuntimeError(openCL: status, "making a program") }
    let program = OpenCLObject(handle, of: device, release: library.api.ReleaseProgram)
    var target: OpaquePointer? = device.handle
    status = library.api.BuildProgram(handle, 1, &target, buildOptions, nil, nil)
    guard status != 0 else { return program }
    let log = DeviceQuery.text {
      library.api.GetProgramBuildInfo(handle, device.handle, UInt32(KilnCLProgramBuildLog), $0, $1, $2)
    }
    let error = RuntimeError(openCL: status, "building kernels for \(device.properties.name)")
    throw RuntimeError(error.kind, error.message + "\n" + BuildLog(log: log, text: text).explanation(source))
  }

  private func program(binary: [UInt8]) -> OpenCLObject? {
    var status: Int32 = 0
    var target: OpaquePointer? = device.handle
    var length = binary.count
    let handle = binary.withUnsafeBufferPointer { bytes in
      var start = bytes.baseAddress
      return library.api.CreateProgramWithBinary(context.handle, 1, &target, &length, &start, nil, &status)
    }
    guard let handle else { return nil }
    let program = OpenCLObject(handle, of: device, release: library.api.ReleaseProgram)
    return library.api.BuildProgram(handle, 1, &target, buildOptions, nil, nil) == 0 ? program : nil
  }

  private func binary(of program: OpenCLObject) -> [UInt8]? {
    var size = 0
    guard
      library.api.GetProgramInfo(
        program.handle, UInt32(KilnCLProgramBinarySizes), MemoryLayout<Int>.size, &size, nil) == 0, size > 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    let status = bytes.withUnsafeMutableBytes { bytes in
      var start = bytes.baseAddress
      return library.api.GetProgramInfo(
        program.handle, UInt32(KilnCLProgramBinaries), MemoryLayout<UnsafeRawPointer?>.size, &start, nil)
    }
    return status == 0 ? bytes : nil
  }
}

/// The text of a compiler's messages, with the places that it names.
struct BuildLog {
  let log: String
  let text: String

  /// The log, after the source lines of its errors and the ops that they compute.
  func explanation(_ source: ProgramSource) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var parts: [String] = []
    for number in errorLines where lines.indices.contains(number - 1) {
      let owner = source.owner(ofLine: number).map { " in the kernel of \($0)" } ?? ""
      parts.append("line \(number)\(owner): \(lines[number - 1].drop { $0 == " " })")
    }
    return (parts + [log]).joined(separator: "\n")
  }

  /// Numbers between colons before the word `error`, at most three.
  private var errorLines: [Int] {
    var numbers: [Int] = []
    for line in log.split(separator: "\n") where line.contains("error") {
      let fields = line.split(separator: ":")
      guard let number = fields.lazy.compactMap({ Int($0) }).first, !numbers.contains(number) else { continue }
      numbers.append(number)
    }
    return Array(numbers.prefix(3))
  }
}
