import KilnRuntime

/// Gives back to the system what Kiln keeps for later: free buffers, programs of operations and of transformed
/// closures, the code that no compiled function uses, the memory that compiled functions work in between calls, free
/// buffers of devices.
///
/// Tensors and compiled functions stay as they are, and any thread may go on meanwhile: what is used next is made
/// again, which costs time once. Nothing needs this to stay within the limits of Documentation/Memory.md; it is for
/// programs that do something else for a while.
///
/// ```swift
/// train(&network)
/// trimMemory()
/// serve(network)
/// ```
/// - Returns: the bytes of buffers and machine code that went back. Memory of the Swift heap goes back, too, and is not
///   counted.
@discardableResult
public func trimMemory() -> Int {
  Eager.removeAll()
  Programs.removeAll()
  // Twice: what one holder lets go of may come back to another one.
  let released = IdleMemory.release() + IdleMemory.release()
  let buffers = BufferPool.shared.trim()
  IdleMemory.trimHeap()
  return released + buffers
}
