import Foundation
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Each test runs in a process of its own: a process has one LLVM.
@Suite("LLVM")
struct LLVMTests {
  @Test("LLVM 14 compiles and runs a vector kernel")
  func version14() async { await #expect(processExitsWith: .success) { try selfTest("14") } }

  @Test("LLVM 19 compiles and runs a vector kernel")
  func version19() async { await #expect(processExitsWith: .success) { try selfTest("19") } }

  @Test("the newest supported version is taken")
  func newest() async {
    await #expect(processExitsWith: .success) {
      unsetenv("KILN_LLVM")
      try require(LLVMLibrary.shared.get().version == 19)
    }
  }

  @Test("a library that is missing or is not LLVM: the message says what to install")
  func missing() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_LLVM", "7", 1)
      try require(failure.contains("apt install libllvm19") && failure.contains("KILN_LLVM=7"))
    }
    await #expect(processExitsWith: .success) {
      setenv("KILN_LLVM", "/nowhere/libLLVM.so", 1)
      try require(failure.contains("/nowhere/libLLVM.so: "))
    }
    await #expect(processExitsWith: .success) {
      setenv("KILN_LLVM", "libc.so.6", 1)
      try require(failure.contains("libc.so.6: lacks LLVM"))
    }
  }

  @Test("B2: an object that needs a function of libm is refused", arguments: ["14", "19"])
  func undefinedSymbols(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      setenv("KILN_LLVM", version, 1)
      let machine = try CPUMachine.shared.get()
      let compiler = try machine.compiler()
      let module = LLVMModule(library: machine.library, name: "libm")
      let function = module.function("f", parameters: [module.pointer])
      compiler.addAttributes(to: function, in: module)
      module.position(at: module.block("entry", in: function))
      let x = module.load(module.float, function.parameters[0], alignment: 4)
      module.store(module.intrinsic("llvm.exp", [module.float], [x]), function.parameters[0], alignment: 4)
      module.returnVoid()
      do {
        _ = try compiler.object(from: module)
        try require(false)
      } catch let error as RuntimeError {
        try require(error.message.contains("expf"))
      }
    }
  }

  @Test("a module that LLVM refuses is an error, not an abort")
  func refusedModule() async {
    await #expect(processExitsWith: .success) {
      let machine = try CPUMachine.shared.get()
      let module = LLVMModule(library: machine.library, name: "bad")
      let function = module.function("f", parameters: [])
      module.position(at: module.block("entry", in: function))
      let error = #expect(throws: RuntimeError.self) { try machine.compiler().object(from: module) }
      try require(error?.kind == .codeGeneration)
    }
  }

  @Test("the narrower classes of vectors run too", arguments: ["14", "19"])
  func classes(version: String) async {
    await #expect(processExitsWith: .success) { [version] in
      setenv("KILN_LLVM", version, 1)
      for limit in HostFeatures.VectorClass.allCases {
        let machine = try CPUMachine(library: LLVMLibrary.shared.get(), limit: limit)
        try require(machine.features.vectorClass <= limit)
        _ = try machine.compiler()
      }
    }
  }

  @Test("code goes away with its object, and comes back")
  func lifetime() async {
    await #expect(processExitsWith: .success) {
      let machine = try CPUMachine.shared.get()
      let compiler = try machine.compiler()
      let module = LLVMModule(library: machine.library, name: "self-test")
      SelfTest.build(module, compiler)
      let object = try compiler.object(from: module)
      try require(machine.loader.arena.usedByteCount == 0)
      for _ in 0..<20 { try require(machine.loader.load(object).address(of: "kiln_self_test") != nil) }
      let loaded = try machine.loader.load(object)
      let other = try machine.loader.load(object)
      try require(loaded.address(of: "kiln_self_test") != other.address(of: "kiln_self_test"))
      try require(machine.loader.arena.usedByteCount == loaded.byteCount + other.byteCount)
      withExtendedLifetime((loaded, other)) {}
    }
  }

  @Test("PoCL works before and after LLVM, in one process", arguments: ["14", "19"])
  func besidePoCL(version: String) async {
    guard OpenCLProbe.isInstalled else {
      print("skipped: libOpenCL.so.1 is not installed (apt install ocl-icd-libopencl1 pocl-opencl-icd)")
      return
    }
    await #expect(processExitsWith: .success) { [version] in
      try OpenCLProbe.run()
      try selfTest(version)
      try OpenCLProbe.run()
    }
    await #expect(processExitsWith: .success) { [version] in
      try selfTest(version)
      try OpenCLProbe.run()
      try selfTest(version)
    }
  }
}

struct Unmet: Error { let line: Int }

/// Inside an exit test an issue is not the parent's: a thrown error ends the process with a failure.
func require(_ condition: Bool, line: Int = #line) throws {
  if !condition { throw Unmet(line: line) }
}

private var failure: String {
  if case .failure(let error) = LLVMLibrary.shared { error.message } else { "" }
}

private func selfTest(_ version: String) throws {
  setenv("KILN_LLVM", version, 1)
  let machine = try CPUMachine.shared.get()
  try require(machine.library.version == Int(version))
  _ = try machine.compiler()
}
