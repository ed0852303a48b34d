import KilnIR
import KilnRuntime
import Synchronization

/// The OpenCL program of a plan: one text for all its kernels, and how each launch runs.
package final class PlanProgram: Sendable {
  /// How one launch of the plan runs.
  struct Launch: Sendable {
    /// The function of each phase, and its work items.
    var functions: [String]
    var ranges: [WorkRange]
    var signature: KernelSignature
    var isWide: Bool
    var isRowGroup: Bool
    var scratchBytes: Int
    var mapping: WorkMapping
  }

  let source: ProgramSource
  let launches: [Launch]
  /// The text, for people.
  package var text: String { source.text }

  private struct Form: Hashable {
    var kernel: Int
    var mapping: WorkMapping
    var style: CLStyle
  }

  /// - Parameters:
  ///   - choose: the work mapping of a launch by its number, of those that its schedule has.
  /// - Throws: `unavailable` when the plan was lowered for a processor, `outOfMemory` for a value larger than a buffer.
  init(
    _ plan: ExecutionPlan, for device: OpenCLDevice, correctsProducts: Bool,
    choose: (_ launch: Int, OpenCLSchedule) -> WorkMapping = { $1.mapping }
  ) throws(RuntimeError) {
    let properties = device.properties
    guard let limits = plan.device.workGroups else {
      throw RuntimeError(.unavailable, "the plan was lowered for \(plan.device.name), which is a processor")
    }
    for slot in plan.slots where slot.type.byteCount > properties.maximumBufferBytes {
      throw RuntimeError(
        .outOfMemory,
        "a value \(slot.type) has \(slot.type.byteCount) bytes; one buffer of \(properties.name) has at most "
          + "\(properties.maximumBufferBytes)")
    }
    let (forced, rewrite) = device.faults.withLock { ($0.style, $0.rewrite) }
    var numbers: [Form: Int] = [:]
    var parts: [(text: String, label: String)] = []
    var helpers: Set<CLHelper> = []
    var launches: [Launch] = []
    for (index, launch) in plan.launches.enumerated() {
      let kernel = plan.kernels[launch.kernel].definition
      guard let schedule = plan.kernels[launch.kernel].schedule.openCL else {
        throw RuntimeError(.unavailable, "launch \(index) (\(launch.label)) of the plan is scheduled for a processor")
      }
      let mapping = choose(index, schedule)
      var style = forced
      style.correctsProducts = style.correctsProducts || correctsProducts
      style.isWide = style.isWide || !kernel.fits32Bits(launch.integers)
      style.readsIntegers =
        style.readsIntegers
        || KernelSignature.byteCount(kernel, isWide: style.isWide) > properties.maximumParameterBytes
      let form = Form(kernel: launch.kernel, mapping: mapping, style: style)
      let number = numbers[form] ?? parts.count
      if number == parts.count {
        numbers[form] = number
        let emitter = CLEmitter(kernel, mapping, style, name: "k\(number)")
        let text = emitter.emit()
        parts.append((rewrite.map { text.replacing($0.from, with: $0.to) } ?? text, launch.label))
        helpers.formUnion(emitter.operations.helpers)
      }
      let phases = 0..<mapping.phaseCount
      launches.append(
        Launch(
          functions: phases.map { "k\(number)_\($0)" },
          ranges: phases.map { mapping.range(kernel, launch.integers, phase: $0, limits) },
          signature: KernelSignature(kernel, mapping, style), isWide: style.isWide, isRowGroup: mapping == .rowGroups,
          scratchBytes: mapping.scratchBytes(kernel, launch.integers, limits), mapping: mapping))
    }
    self.launches = launches
    var source = ProgramSource()
    source.append("#pragma OPENCL FP_CONTRACT OFF\n")
    if plan.kernels.contains(where: { $0.definition.dtypes.contains(.f64) }) {
      source.append("#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n")
    }
    source.append(CLHelper.prelude(helpers))
    for part in parts { source.append(part.text, label: part.label) }
    self.source = source
  }

  var scratchBytes: Int { launches.map(\.scratchBytes).max() ?? 0 }
}
