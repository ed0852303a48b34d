package import KilnIR

extension Kernel {
  /// The digest of the kernel's content, as its text says it: equal kernels have equal digests, and kernels that differ in
  /// more than the bits of a NaN (NUMERICS S2) have different ones.
  package var digest: Digest { SHA256.hash(Array(description.utf8)) }
}
