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

/// A compiled launch with what a run of it needs.
final class PhaseRunner {
  private let kernel: Kernel
  private let integers: [Int]
  private let code: LaunchCode

  init(_ kernel: Kernel, _ integers: [Int], _ compiler: KernelCompiler) throws {
    self.kernel = kernel
    self.integers = integers
    code = try compiler.code(of: [kernel], [(0, integers)])[0]
  }

  /// Runs every phase in `cuts` ranges, the last first: the order of ranges must not matter.
  func run(_ buffers: [UnsafeMutableRawPointer], cuts: Int = 1) {
    let workspace = UnsafeMutableRawPointer.allocate(
      byteCount: kernel.workspaceBytes(integers) + 64, alignment: 64)
    let scratchBytes = kernel.scratchBytes(integers)
    let guarded = GuardedBuffer(byteCount: (scratchBytes + 63) / 64 * 64)
    defer { withExtendedLifetime(guarded) { workspace.deallocate() } }
    var status: [Int32] = [0, 0, 0, 0]
    let table: [UnsafeMutableRawPointer?] = buffers + [workspace]
    for (number, phase) in code.phases.enumerated() {
      let units = kernel.schedule.cpu?.workUnits(kernel.definition, phase: number, integers) ?? 0
      for cut in (0..<cuts).reversed() {
        phase(table, code.arguments, units * cut / cuts, units * (cut + 1) / cuts, guarded.pointer, &status)
      }
    }
  }
}
