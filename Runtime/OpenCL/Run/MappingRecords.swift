import KilnIR
import KilnRuntime

/// The work mappings that tuning found to be the fastest, kept in the object cache. The bits of results do not depend
/// on them.
struct MappingRecords {
  let cache: ObjectCache
  let device: OpenCLDevice.Properties
  /// What the plan was lowered for.
  let description: DeviceDescription

  /// The mapping recorded for a launch; nil if none was recorded, or if its schedule no longer has it.
  func mapping(_ kernel: Kernel, _ integers: [Int]) -> WorkMapping? {
    guard let bytes = cache.object(for: key(kernel, integers)) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return kernel.schedule.openCL?.candidates.first { $0.description == text }
  }

  func record(_ mapping: WorkMapping, _ kernel: Kernel, _ integers: [Int]) {
    cache.store(Array(mapping.description.utf8), for: key(kernel, integers))
  }

  private func key(_ kernel: Kernel, _ integers: [Int]) -> Digest {
    var hasher = SHA256()
    hasher.update("kiln opencl mapping 2")
    for text in [device.name, device.vendor, device.platform, device.driverVersion] { hasher.update(text + "\u{0}") }
    hasher.update("\(String(describing: description.workGroups)) \(integers) \(kernel.definition)")
    return hasher.finalize()
  }
}
