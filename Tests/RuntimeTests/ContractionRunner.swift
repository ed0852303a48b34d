import Foundation
import KilnCPU
import KilnIR
import KilnRuntime

/// Memory that ends where an inaccessible page begins, so that reading past the end ends the process.
final class GuardedBuffer {
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int
  let pointer: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    let page = 4096
    mappedBytes = (byteCount + page - 1) / page * page + page
    mapping = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    mprotect(mapping + mappedBytes - page, page, PROT_NONE)
    pointer = mapping + mappedBytes - page - byteCount
    self.byteCount = byteCount
  }

  deinit { munmap(mapping, mappedBytes) }
}

/// A compiled kernel with what one launch of it needs.
final class PhaseRunner {
  typealias Phase =
    @convention(c) (
      UnsafePointer<UnsafeMutableRawPointer?>, UnsafePointer<Int>, Int, Int, UnsafeMutableRawPointer,
      UnsafeMutablePointer<Int32>
    ) -> Void

  let kernel: Kernel
  private let loaded: LoadedObject
  let phases: [Phase]

  init(_ kernel: Kernel, _ machine: CPUMachine, name: String) throws {
    self.kernel = kernel
    let object = try KernelEmitter.object(of: kernel, name: name, compiler: machine.compiler())
    loaded = try machine.loader.load(object)
    phases = (0..<(kernel.schedule.cpu?.phaseCount ?? 0)).map { [loaded] in
      unsafeBitCast(loaded.address(of: "\(name)_\($0)")!, to: Phase.self)
    }
  }

  /// Runs every phase in `cuts` ranges, the last first: the order of ranges must not matter.
  func run(_ buffers: [UnsafeMutableRawPointer], _ integers: [Int], cuts: Int = 1) {
    let workspace = UnsafeMutableRawPointer.allocate(
      byteCount: kernel.workspaceBytes(integers) + 64, alignment: 64)
    let scratchBytes = kernel.scratchBytes(integers)
    let guarded = GuardedBuffer(byteCount: (scratchBytes + 63) / 64 * 64)
    defer { withExtendedLifetime(guarded) { workspace.deallocate() } }
    var status: [Int32] = [0, 0, 0, 0]
    let table: [UnsafeMutableRawPointer?] = buffers + [workspace]
    for (number, phase) in phases.enumerated() {
      let units = kernel.schedule.cpu?.workUnits(kernel.definition, phase: number, integers) ?? 0
      for cut in (0..<cuts).reversed() {
        phase(table, integers, units * cut / cuts, units * (cut + 1) / cuts, guarded.pointer, &status)
      }
    }
  }
}
