import COpenCL

/// Reads what a driver says about a device.
struct DeviceQuery {
  let library: OpenCLLibrary
  let device: OpaquePointer

  private func integer<Value: FixedWidthInteger>(_ name: Int, _: Value.Type) -> Int {
    var value: Value = 0
    guard library.api.GetDeviceInfo(device, UInt32(name), MemoryLayout<Value>.size, &value, nil) == 0 else { return 0 }
    return Int(clamping: value)
  }

  private func text(_ name: Int) -> String { Self.text { library.api.GetDeviceInfo(device, UInt32(name), $0, $1, $2) } }

  /// Text that a query of OpenCL gives, first its size and then its bytes.
  static func text(_ query: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Int32) -> String {
    var size = 0
    guard query(0, nil, &size) == 0, size > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: size)
    guard query(size, &bytes, nil) == 0 else { return "" }
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    let kept = text.drop { $0 == " " }
    return String(kept.reversed().drop { $0 == " " }.reversed())
  }

  /// Kiln needs a little-endian device that is there and has a compiler.
  var isUsable: Bool {
    integer(KilnCLDeviceAvailable, UInt32.self) != 0 && integer(KilnCLDeviceCompilerAvailable, UInt32.self) != 0
      && integer(KilnCLDeviceEndianLittle, UInt32.self) != 0
  }

  func properties(platform: String) -> OpenCLDevice.Properties {
    let type = integer(KilnCLDeviceType, UInt64.self)
    let single = integer(KilnCLDeviceSingleFPConfig, UInt64.self)
    let extensions = text(KilnCLDeviceExtensions).split(separator: " ")
    let claims = [
      (KilnCLFPInfNaN, "infinities and NaN"), (KilnCLFPRoundToNearest, "rounding to nearest"),
      (KilnCLFPDenorm, "denormal numbers"),
    ]
    let lacking = claims.filter { single & Int($0.0) == 0 }.map(\.1)
    return OpenCLDevice.Properties(
      name: text(KilnCLDeviceName), vendor: text(KilnCLDeviceVendor), platform: platform,
      driverVersion: text(KilnCLDriverVersion),
      kind: type & Int(KilnCLTypeGPU) != 0 ? .gpu : type & Int(KilnCLTypeCPU) != 0 ? .cpu : .accelerator,
      computeUnits: integer(KilnCLDeviceMaxComputeUnits, UInt32.self),
      clockFrequency: integer(KilnCLDeviceMaxClockFrequency, UInt32.self),
      globalMemoryBytes: integer(KilnCLDeviceGlobalMemSize, UInt64.self),
      maximumBufferBytes: integer(KilnCLDeviceMaxMemAllocSize, UInt64.self),
      localMemoryBytes: integer(KilnCLDeviceLocalMemSize, UInt64.self),
      hasDedicatedLocalMemory: integer(KilnCLDeviceLocalMemType, UInt32.self) == 1,
      maximumWorkGroupSize: integer(KilnCLDeviceMaxWorkGroupSize, UInt.self),
      maximumParameterBytes: max(256, integer(KilnCLDeviceMaxParameterSize, UInt.self)),
      sharesHostMemory: integer(KilnCLDeviceHostUnifiedMemory, UInt32.self) != 0,
      hasDouble: extensions.contains("cl_khr_fp64") || integer(KilnCLDeviceDoubleFPConfig, UInt64.self) != 0,
      hasHalf: extensions.contains("cl_khr_fp16"),
      offersCorrectDivision: single & Int(KilnCLFPCorrectlyRoundedDivideSqrt) != 0,
      missing: lacking.isEmpty ? nil : "the driver does not claim " + lacking.joined(separator: ", "))
  }
}
