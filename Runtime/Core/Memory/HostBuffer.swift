/// A block of memory that tensors, arenas and workspaces live in.
///
/// Blocks are 64-byte aligned; those of 2 MiB and more are aligned to huge pages. The bytes of a new buffer are
/// undefined: they are those of some earlier one, which is what makes them warm.
// @unchecked: the storage is immutable; who writes through `pointer` orders the accesses (a run owns its outputs).
public final class HostBuffer: @unchecked Sendable {
  /// The first byte. Valid as long as the buffer lives.
  package let pointer: UnsafeMutableRawPointer
  /// The bytes asked for.
  public let byteCount: Int
  private let pool: BufferPool

  /// Takes a block of at least `byteCount` bytes from the pool of the process.
  ///
  /// - Throws: `RuntimeError` of kind `outOfMemory`, naming the size.
  public convenience init(byteCount: Int) throws(RuntimeError) { try self.init(byteCount: byteCount, pool: .shared) }

  package init(byteCount: Int, pool: BufferPool) throws(RuntimeError) {
    pointer = try pool.take(byteCount)
    self.byteCount = byteCount
    self.pool = pool
  }

  deinit { pool.give(back: pointer, byteCount) }

  /// Gives `body` the bytes, to be read or written until it returns.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeMutableRawBufferPointer(start: pointer, count: byteCount))
  }
}
