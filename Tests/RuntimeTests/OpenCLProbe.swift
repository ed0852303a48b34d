import Foundation

/// The shortest way through OpenCL that compiles and runs a kernel, to show that it works beside LLVM.
enum OpenCLProbe {
  struct Failure: Error {
    let step: String
    let status: Int32
  }

  nonisolated(unsafe) private static let library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL)
  static var isInstalled: Bool { library != nil }

  private typealias Handle = OpaquePointer?
  private static func function<T>(_ name: String, as type: T.Type) throws -> T {
    guard let symbol = dlsym(library, name) else { throw Failure(step: name, status: 0) }
    return unsafeBitCast(symbol, to: type)
  }

  private static func check(_ step: String, _ status: Int32) throws {
    if status != 0 { throw Failure(step: step, status: status) }
  }

  static func run() throws {
    typealias List = @convention(c) (UInt32, UnsafeMutablePointer<Handle>?, UnsafeMutablePointer<UInt32>?) -> Int32
    typealias Devices =
      @convention(c) (
        Handle, UInt64, UInt32, UnsafeMutablePointer<Handle>?, UnsafeMutablePointer<UInt32>?
      ) -> Int32
    typealias Context =
      @convention(c) (
        UnsafeRawPointer?, UInt32, UnsafePointer<Handle>?, UnsafeRawPointer?, UnsafeRawPointer?,
        UnsafeMutablePointer<Int32>?
      ) -> Handle
    typealias Queue = @convention(c) (Handle, Handle, UInt64, UnsafeMutablePointer<Int32>?) -> Handle
    typealias Source =
      @convention(c) (
        Handle, UInt32, UnsafeMutablePointer<UnsafePointer<CChar>?>?, UnsafeRawPointer?, UnsafeMutablePointer<Int32>?
      ) -> Handle
    typealias Build =
      @convention(c) (
        Handle, UInt32, UnsafePointer<Handle>?, UnsafePointer<CChar>?, UnsafeRawPointer?, UnsafeRawPointer?
      ) -> Int32
    typealias Named = @convention(c) (Handle, UnsafePointer<CChar>?, UnsafeMutablePointer<Int32>?) -> Handle
    typealias Buffer =
      @convention(c) (Handle, UInt64, Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?) -> Handle
    typealias Argument = @convention(c) (Handle, UInt32, Int, UnsafeRawPointer?) -> Int32
    typealias Launch =
      @convention(c) (
        Handle, Handle, UInt32, UnsafeRawPointer?, UnsafePointer<Int>?, UnsafeRawPointer?, UInt32, UnsafeRawPointer?,
        UnsafeRawPointer?
      ) -> Int32
    typealias Read =
      @convention(c) (
        Handle, Handle, UInt32, Int, Int, UnsafeMutableRawPointer?, UInt32, UnsafeRawPointer?, UnsafeRawPointer?
      ) -> Int32

    var platform: Handle = nil
    var device: Handle = nil
    var status: Int32 = 0
    try check("platform", function("clGetPlatformIDs", as: List.self)(1, &platform, nil))
    try check("device", function("clGetDeviceIDs", as: Devices.self)(platform, 0xFFFF_FFFF, 1, &device, nil))
    let context = try function("clCreateContext", as: Context.self)(nil, 1, &device, nil, nil, &status)
    try check("context", status)
    let queue = try function("clCreateCommandQueue", as: Queue.self)(context, device, 0, &status)
    try check("queue", status)
    // A new number in each program: nothing comes from PoCL's cache, so its LLVM really runs.
    let number = Int32.random(in: 1..<1_000_000)
    let text = "kernel void f(global int *x) { x[get_global_id(0)] = \(number) + get_global_id(0); }"
    let program = try text.withCString { source in
      var source: UnsafePointer<CChar>? = source
      return try function("clCreateProgramWithSource", as: Source.self)(context, 1, &source, nil, &status)
    }
    try check("program", status)
    try check("build", function("clBuildProgram", as: Build.self)(program, 1, &device, "", nil, nil))
    let kernel = try function("clCreateKernel", as: Named.self)(program, "f", &status)
    try check("kernel", status)
    var values = [Int32](repeating: 0, count: 64)
    var buffer = try function("clCreateBuffer", as: Buffer.self)(context, 1, 256, nil, &status)
    try check("buffer", status)
    try check("argument", function("clSetKernelArg", as: Argument.self)(kernel, 0, 8, &buffer))
    var size = values.count
    try check(
      "launch", function("clEnqueueNDRangeKernel", as: Launch.self)(queue, kernel, 1, nil, &size, nil, 0, nil, nil))
    try check("read", function("clEnqueueReadBuffer", as: Read.self)(queue, buffer, 1, 0, 256, &values, 0, nil, nil))
    guard values == (0..<64).map({ number + Int32($0) }) else { throw Failure(step: "values", status: values[0]) }
  }
}
