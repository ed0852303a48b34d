import KilnIR
import KilnRuntime

/// The work mappings that tuning found to be the fastest, kept in the object cache. The bits of results do not depend on them.
struct MappingRecords {
  let cache: ObjectCache
  let device: OpenCLDevice.Properties

  /// The mapping recorded for a launch; nil if there is none, or if it is no longer one that the launch may have.
  func mapping(_ facts: MappingFacts) -> WorkMapping? {
    guard let bytes = cache.object(for: key(facts)) else { return nil }
    let name = String(decoding: bytes, as: UTF8.self)
    return WorkMapping.candidates(facts).first { $0.name == name }
  }

  func record(_ mapping: WorkMapping, for facts: MappingFacts) {
    cache.store(Array(mapping.name.utf8), for: key(facts))
  }

  private func key(_ facts: MappingFacts) -> Digest {
    var hasher = SHA256()
    hasher.update("kiln opencl mapping 1")
    for text in [device.name, device.vendor, device.platform, device.driverVersion] { hasher.update(text + "\u{0}") }
    hasher.update("\(facts.limits) \(facts.integers)")
    hasher.update(facts.kernel.digest.bytes)
    return hasher.finalize()
  }
}
