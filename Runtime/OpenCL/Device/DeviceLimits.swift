import COpenCL
package import KilnRuntime

/// What a device reaches on kernels that do nothing else: the limits that benchmarks are compared with.
package struct DeviceLimits: Hashable, Sendable {
  /// Bytes read and written per second by a copy of `copyBytes` bytes.
  package var copyBytesPerSecond: Double
  package var copyBytes: Int
  /// f32 operations per second (two for an fma) of independent chains of fma.
  package var fmaOperationsPerSecond: Double

  private static let source = """
    #pragma OPENCL FP_CONTRACT OFF
    __kernel void copy_limit(__global const float4 *x, __global float4 *y) {
      const size_t i = get_global_id(0);
      y[i] = x[i];
    }
    __kernel void fma_limit(__global VECTOR *y, const float a, const float b, const int rounds) {
      VECTOR c0 = a, c1 = a + 1.0f, c2 = a + 2.0f, c3 = a + 3.0f, c4 = a + 4.0f, c5 = a + 5.0f, c6 = a + 6.0f, c7 = a + 7.0f;
      const VECTOR va = a;
      const VECTOR vb = b;
      for (int i = 0; i < rounds; i++) {
        c0 = fma(c0, va, vb); c1 = fma(c1, va, vb); c2 = fma(c2, va, vb); c3 = fma(c3, va, vb);
        c4 = fma(c4, va, vb); c5 = fma(c5, va, vb); c6 = fma(c6, va, vb); c7 = fma(c7, va, vb);
      }
      y[get_global_id(0)] = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7;
    }

    """

  /// Measures a device: the best of a few runs of each kernel, by the device's own clock.
  ///
  /// - Parameter isQuick: small sizes, for tests of the measurement itself.
  package static func measure(_ device: OpenCLDevice, isQuick: Bool) throws(RuntimeError) -> DeviceLimits {
    let context = try device.context()
    var source = ProgramSource()
    // A processor is as wide as its vectors; work items of other devices are scalar.
    let lanes = device.properties.kind == .cpu ? 16 : 1
    let parts = Self.source.split(separator: "VECTOR", omittingEmptySubsequences: false)
    source.append(parts.joined(separator: lanes == 1 ? "float" : "float\(lanes)"), label: "the limits")
    let program = try context.program(source, cache: .user)
    let room = min(device.properties.maximumBufferBytes, device.properties.globalMemoryBytes / 4)
    let bytes = min(isQuick ? 16 << 20 : 512 << 20, room / 4096 * 4096)
    let (from, to) = try (DeviceBuffer(byteCount: bytes, on: context), DeviceBuffer(byteCount: bytes, on: context))
    try from.write([UInt8](repeating: 0, count: bytes))
    let copy = try context.bestTime(
      program, "copy_limit", [.buffer(from), .buffer(to)], items: bytes / 16, runs: isQuick ? 3 : 10)
    let items = device.properties.computeUnits * (device.properties.kind == .cpu ? 256 : 2048) * (isQuick ? 1 : 8)
    let rounds: Int32 = isQuick ? 256 : 8192
    let results = try DeviceBuffer(byteCount: items * 4 * lanes, on: context)
    let fma = try context.bestTime(
      program, "fma_limit", [.buffer(results), .single(0.999), .single(0.001), .integer(rounds)], items: items,
      runs: isQuick ? 3 : 10)
    return DeviceLimits(
      copyBytesPerSecond: 2 * Double(bytes) / copy, copyBytes: bytes,
      fmaOperationsPerSecond: Double(items) * Double(rounds) * 16 * Double(lanes) / fma)
  }
}

/// An argument of a kernel that is not part of a plan.
enum KernelArgument {
  case buffer(DeviceBuffer)
  case single(Float)
  case integer(Int32)
}

extension OpenCLContext {
  /// The shortest time, in seconds, of some runs of a kernel after one to warm up.
  fileprivate func bestTime(
    _ program: OpenCLObject, _ name: String, _ arguments: [KernelArgument], items: Int, runs: Int
  ) throws(RuntimeError) -> Double {
    var status: Int32 = 0
    guard let handle = library.api.CreateKernel(program.handle, name, &status) else {
      throw RuntimeError(openCL: status, "making kernel \(name)")
    }
    let kernel = OpenCLObject(handle, of: device, release: library.api.ReleaseKernel)
    for (number, argument) in arguments.enumerated() {
      switch argument {
      case .buffer(let buffer):
        var memory: OpaquePointer? = buffer.memory.handle
        status = library.api.SetKernelArg(handle, UInt32(number), MemoryLayout<OpaquePointer?>.size, &memory)
      case .single(var value): status = library.api.SetKernelArg(handle, UInt32(number), 4, &value)
      case .integer(var value): status = library.api.SetKernelArg(handle, UInt32(number), 4, &value)
      }
      try check(status, "setting an argument of \(name)")
    }
    let queue = try profilingQueue()
    try finish()
    var (global, local) = (items, min(256, device.properties.maximumWorkGroupSize))
    if global % local != 0 { local = 1 }
    var best = Double.infinity
    for run in 0...runs {
      var event: OpaquePointer?
      try check(
        library.api.EnqueueNDRangeKernel(queue.handle, kernel.handle, 1, nil, &global, &local, 0, nil, &event),
        "measuring \(device.properties.name)")
      try check(library.api.Finish(queue.handle), "measuring \(device.properties.name)")
      guard let event else { continue }
      let finished = OpenCLObject(event, of: device, release: library.api.ReleaseEvent)
      let seconds = Double(nanoseconds(of: finished)) * 1e-9
      if run > 0 && seconds > 0 { best = min(best, seconds) }
    }
    return best
  }
}
