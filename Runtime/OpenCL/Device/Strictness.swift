import COpenCL
import KilnRuntime
import Synchronization

/// Whether a device computes what Numerics.md says (B5).
package enum Strictness: Hashable, Sendable {
  /// The probe returned the known bits.
  case strict
  /// It did once products pass through an exclusive or with an argument that is 0.
  case correctedProducts
  /// It did not; the reason in words.
  case refused(String)
}

extension Strictness {
  /// In words, as lists of devices show it.
  package var summary: String {
    switch self {
    case .strict: "strict"
    case .correctedProducts: "strict with corrected products"
    case .refused(let reason): "not strict: \(reason)"
    }
  }
}

/// Operands of the probe and the bits that must come back.
private struct ProbeTable {
  var singles: [(a: Float, b: Float, c: Float)] = []
  var doubles: [(a: Double, b: Double, c: Double)] = []

  /// Ordinary numbers, numbers that cancel, denormals, infinities, and powers near the ends of the range.
  init() {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    func single() -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: next()) & 0x807f_ffff | 0x3f00_0000) }
    func double() -> Double { Double(bitPattern: next() & 0x800f_ffff_ffff_ffff | 0x3fe0_0000_0000_0000) }
    for _ in 0..<24 {
      let (a, b, d, e) = (single(), single(), double(), double())
      // The product, rounded and negated: a contraction leaves its error, an exact rule leaves zero.
      singles.append((a, b, -(a * b)))
      singles.append((a, b, single()))
      doubles.append((d, e, -(d * e)))
      doubles.append((d, e, double()))
    }
    let least = Float.leastNonzeroMagnitude
    singles += [
      (least * 3, 1, least), (Float.leastNormalMagnitude, 0.5, 0), (least, 0.75, least), (1e-30, 1e-12, least),
      (-0.0, 1, -0.0), (.infinity, 2, 1), (1e30, 1e30, -.infinity), (0.1, 3, least), (2.5, -1.5, 1e38),
      (3e9, -3e9, 0.5),
    ]
    let tiny = Double.leastNonzeroMagnitude
    doubles += [(tiny * 3, 1, tiny), (Double.leastNormalMagnitude, 0.5, 0), (tiny, 0.75, tiny), (1e-200, 1e-120, tiny)]
  }

  static let names = [
    "multiply-add", "fma", "division", "square root", "rounding by a sum", "conversion to integers and back",
  ]

  static func expected(_ a: Float, _ b: Float, _ c: Float) -> [Float] {
    let product = a * b
    let bounded = min(max(abs(a) < 1e30 ? a * 1000 : 7, -1e6), 1e6)
    return [
      product + c, c.addingProduct(a, b), a / b, abs(c).squareRoot(),
      (a * 8).magnitude.rounded(.toNearestOrEven), Float(Int32(bounded)),
    ]
  }

  static func expected(_ a: Double, _ b: Double, _ c: Double) -> [Double] {
    let product = a * b
    return [
      product + c, c.addingProduct(a, b), a / b, abs(c).squareRoot(),
      (a * 8).magnitude.rounded(.toNearestOrEven), Double(Int64(a * 1000)),
    ]
  }

  static func source(_ type: String, correctsProducts: Bool) -> String {
    let (bits, real, mask, integer) =
      type == "float"
      ? ("as_uint", "as_float", "0x7fffffffu", "int") : ("as_ulong", "as_double", "0x7ffffffffffffffful", "long")
    let past = type == "float" ? "8388608.0f" : "4503599627370496.0"
    let keep = correctsProducts ? "product = \(real)(\(bits)(product) ^ z);" : ""
    let bounded =
      type == "float"
      ? """
      \(type) scaled = a * 1000.0f;
        scaled = magnitude < as_float(0x7149f2cau) ? scaled : 7.0f;
        scaled = scaled < -1000000.0f ? -1000000.0f : scaled;
        scaled = scaled > 1000000.0f ? 1000000.0f : scaled;
      """ : "\(type) scaled = a * 1000.0;"
    return """
      __kernel void probe_\(type)(__global const \(type) *x, __global \(type) *y, const uint z) {
        const int i = get_global_id(0);
        const \(type) a = x[3 * i];
        const \(type) b = x[3 * i + 1];
        const \(type) c = x[3 * i + 2];
        \(type) product = a * b;
        \(keep)
        const \(type) sum = product + c;
        const \(type) magnitude = \(real)(\(bits)(a) & \(mask));
        const \(type) radicand = \(real)(\(bits)(c) & \(mask));
        const \(type) eight = a * 8;
        const \(type) size = \(real)(\(bits)(eight) & \(mask));
        const \(type) near = size < \(past) ? (size + \(past)) - \(past) : size;
        \(bounded)
        const \(integer) whole = (\(integer))scaled;
        y[6 * i] = sum;
        y[6 * i + 1] = fma(a, b, c);
        y[6 * i + 2] = a / b;
        y[6 * i + 3] = sqrt(radicand);
        y[6 * i + 4] = near;
        y[6 * i + 5] = (\(type))whole;
      }

      """
  }
}

extension OpenCLContext {
  /// Runs a kernel whose results are known (B5). Products are corrected if they are all that fails.
  func probe() throws(RuntimeError) -> Strictness {
    if let told = device.faults.withLock({ $0.strictness }) { return told }
    if let missing = device.properties.missing { return .refused(missing) }
    var failures = try failingOperations(correctsProducts: false)
    if failures.isEmpty { return .strict }
    if failures == [ProbeTable.names[0]] {
      failures = try failingOperations(correctsProducts: true)
      if failures.isEmpty { return .correctedProducts }
    }
    return .refused("its results are not those of IEEE 754 in " + failures.joined(separator: ", "))
  }

  private func failingOperations(correctsProducts: Bool) throws(RuntimeError) -> [String] {
    let table = ProbeTable()
    var source = ProgramSource()
    source.append("#pragma OPENCL FP_CONTRACT OFF\n")
    if device.properties.hasDouble { source.append("#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n") }
    source.append(ProbeTable.source("float", correctsProducts: correctsProducts), label: "the probe")
    if device.properties.hasDouble {
      source.append(ProbeTable.source("double", correctsProducts: correctsProducts), label: "the probe of f64")
    }
    let program = try program(source, cache: .user)
    var failing = Set<Int>()
    let singles = try runProbe(program, "probe_float", table.singles.flatMap { [$0.a, $0.b, $0.c] })
    for (row, x) in table.singles.enumerated() {
      for (column, value) in ProbeTable.expected(x.a, x.b, x.c).enumerated() {
        let found = singles[row * 6 + column]
        if found.bitPattern != value.bitPattern && !(found.isNaN && value.isNaN) { failing.insert(column) }
      }
    }
    var names = failing.sorted().map { ProbeTable.names[$0] }
    guard device.properties.hasDouble else { return names }
    failing = []
    let doubles = try runProbe(program, "probe_double", table.doubles.flatMap { [$0.a, $0.b, $0.c] })
    for (row, x) in table.doubles.enumerated() {
      for (column, value) in ProbeTable.expected(x.a, x.b, x.c).enumerated() {
        let found = doubles[row * 6 + column]
        if found.bitPattern != value.bitPattern && !(found.isNaN && value.isNaN) { failing.insert(column) }
      }
    }
    for column in failing.sorted() where !names.contains(ProbeTable.names[column]) {
      names.append(ProbeTable.names[column])
    }
    return names
  }

  private func runProbe<Real: BinaryFloatingPoint & BitwiseCopyable>(
    _ program: OpenCLObject, _ name: String, _ operands: [Real]
  ) throws(RuntimeError) -> [Real] {
    let count = operands.count / 3
    let input = try DeviceBuffer(byteCount: operands.count * MemoryLayout<Real>.stride, on: self)
    let output = try DeviceBuffer(byteCount: count * 6 * MemoryLayout<Real>.stride, on: self)
    try input.write(operands)
    var status: Int32 = 0
    guard let handle = library.api.CreateKernel(program.handle, name, &status) else {
      throw RuntimeError(openCL: status, "making the probe")
    }
    let kernel = OpenCLObject(handle, of: device, release: library.api.ReleaseKernel)
    var (from, to): (OpaquePointer?, OpaquePointer?) = (input.memory.handle, output.memory.handle)
    var zero: UInt32 = 0
    try check(library.api.SetKernelArg(handle, 0, MemoryLayout<OpaquePointer?>.size, &from), "probing")
    try check(library.api.SetKernelArg(handle, 1, MemoryLayout<OpaquePointer?>.size, &to), "probing")
    try check(library.api.SetKernelArg(handle, 2, 4, &zero), "probing")
    var size = count
    try check(
      library.api.EnqueueNDRangeKernel(queue.handle, kernel.handle, 1, nil, &size, nil, 0, nil, nil), "probing")
    return try output.read(Real.self, count: count * 6)
  }
}
