import Foundation
import Kiln
import KilnIR
import KilnOpenCL
import KilnRuntime
import Testing

/// Tensors lie where they were computed until the host asks, and go to another device only by a move that is written.
@Suite("OpenCL: values stay on the device", .enabled(if: OpenCLHarness.runs), .serialized)
struct DeviceTensorTests {
  /// A separate device, so that its counts have only this test's transfers.
  private let opencl: OpenCLDevice
  private let gpu: Device

  init() throws {
    opencl = try OpenCLHarness.device.get().separateCopy()
    gpu = Device(opencl)
  }

  private let host = Tensor<Float>((0..<12).map { Float($0) / 8 - 1 }, shape: [3, 4])

  private func transfers(during body: () throws -> Void) rethrows -> (uploads: Int, downloads: Int) {
    let before = opencl.transfers.withLock { $0 }
    try body()
    let after = opencl.transfers.withLock { $0 }
    return (after.uploadCount - before.uploadCount, after.downloadCount - before.downloadCount)
  }

  private func expectFailure(_ label: String, _ containing: [String], _ body: () throws -> Void) {
    do {
      try body()
      Issue.record("it should have failed with \(label)")
    } catch let error as KilnError {
      #expect(error.diagnostics.first?.label == label)
      for text in containing { #expect(error.description.contains(text), "\(error)") }
    } catch {
      Issue.record("another error: \(error)")
    }
  }

  @Test("A result stays on its device; the next call takes it from there; reading copies it once")
  func results() throws {
    let f = compile { (x: Tensor<Float>) in tanh(x) * 2 }
    let y = try withDevice(gpu) { try f.run(host) }
    #expect(y.device == gpu && host.device == .cpu)
    var z = y
    let inside = try transfers { for _ in 0..<3 { z = try f.run(z) } }
    #expect(inside == (0, 0) && z.device == gpu)
    var found: [Float] = []
    #expect(transfers { found = z.scalars } == (0, 1))
    var expected = host
    for _ in 0..<4 { expected = withDevice(.reference) { f(expected) } }
    #expect(found.map(\.bitPattern) == expected.scalars.map(\.bitPattern))
    #expect(z.description == expected.description)
    #expect(f.report.entries.map(\.reasons.count) == [0, 1])
    #expect(f.report.description.contains("the device was opencl"))
  }

  @Test("Eager operations run where their operands lie; views need no copy")
  func eager() throws {
    let x = host.moved(to: gpu)
    #expect(x.device == gpu)
    var y = x
    _ = exp(x) + 1
    let used = transfers { y = (exp(x.reshaped(to: [4, 3])) + 1).reshaped(to: [12]) }
    #expect(y.device == gpu && used.downloads == 0)
    #expect(y.scalars.map(\.bitPattern) == (exp(host) + 1).scalars.map(\.bitPattern))
    #expect(x.moved(to: .cpu).device == .cpu && x.moved(to: .reference).scalars == host.scalars)
    #expect(transfers { _ = x.moved(to: gpu) } == (0, 0))
    let (value, slope) = valueAndGradient(at: x) { x in (x * x).sum() }
    #expect(value.device == gpu && slope.device == gpu)
    #expect(slope.scalars == (host + host).scalars)
  }

  @Test("Tensors on two devices do not meet: the diagnostic says where they lie, at the line, and how to move them")
  func acrossDevices() throws {
    let other = Device(try OpenCLHarness.device.get().separateCopy())
    let (a, b) = (host.moved(to: gpu), host.moved(to: other))
    let line = "DeviceTensorTests.swift:\(#line + 2)"
    expectFailure("device.C1", ["operand 1 lies on opencl:0", "moved(to: …)", line]) {
      _ = try withDiagnostics { a + b }
    }
    let onHost = compile(options: CompileOptions(device: .reference)) { (x: Tensor<Float>) in x + 1 }
    expectFailure("device.C1", ["arg0 lies on opencl:0, and the program runs on reference"]) { _ = try onHost.run(a) }
    let capturing = compile { (x: Tensor<Float>) in x + a }
    #expect(try capturing.run(host).device == gpu)
    expectFailure("device.C1", ["a captured tensor lies on opencl:0"]) { _ = try capturing.run(b) }
    expectFailure("device.C1", ["lies on"]) { _ = try gradient { (x: Tensor<Float>) in (x * a).sum() }.run(b) }
    expectFailure("trace.C3", ["device", "moved(to:)"]) {
      _ = try trace(host) { x in
        _ = x.device
        return x.moved(to: gpu)
      }
    }
    #expect((a.moved(to: other) + b).device == other)
  }

  @Test("A training step reads x and y from the host, keeps its state on the device, and gives the reference's bits")
  func training() throws {
    let step = compile { (w: inout [Tensor<Float>], x: Tensor<Float>, y: Tensor<Float>) in
      let (loss, gradients) = valueAndGradient(at: w) { w in
        let d = matmul(tanh(matmul(x, w[0])), w[1]) - y
        return (d * d).sum()
      }
      w = zip(w, gradients).map { $0 - 0.01 * $1 }
      return loss
    }
    func train(on device: Device, _ steps: Int) throws -> (loss: [UInt32], parameters: [[UInt32]]) {
      var w = [
        Tensor<Float>((0..<20).map { Float($0) / 19 - 0.5 }, shape: [4, 5]),
        Tensor<Float>((0..<10).map { 0.5 - Float($0) / 9 }, shape: [5, 2]),
      ]
      let y = Tensor<Float>([0, 1, 1, 0, 1, 1], shape: [3, 2])
      var losses: [UInt32] = []
      for number in 0..<steps {
        var loss = Tensor<Float>(0)
        let used = try transfers { loss = try withDevice(device) { try step.run(updating: &w, host, y) } }
        if device == gpu && number > 0 { #expect(used == (2, 0)) }
        losses.append(loss.item.bitPattern)
      }
      if device == gpu { #expect(w.allSatisfy { $0.device == gpu }) }
      return (losses, w.map { $0.scalars.map(\.bitPattern) })
    }
    let found = try train(on: gpu, 4)
    #expect(step.report.inPlaceCount == 6 && step.report.freshBufferCounts == [.moved: 2], "\(step.report)")
    let expected = try train(on: .reference, 4)
    #expect(found.loss == expected.loss && found.parameters == expected.parameters)
  }

  @Test("State that something else refers to gets fresh buffers, and the other keeps its elements")
  func sharedState() throws {
    let step = compile { (w: inout [Tensor<Float>]) in w = w.map { $0 + 1 } }
    var w = [host, host * 2].moved(to: gpu)
    let copy = w
    try step.run(updating: &w)
    #expect(step.report.inPlaceCount == 0 && step.report.freshBufferCounts == [.shared: 2])
    #expect(copy[0].scalars == host.scalars && w[0].scalars == (host + 1).scalars)
    try step.run(updating: &w)
    #expect(step.report.inPlaceCount == 2 && w[0].scalars == (host + 2).scalars)
    // Where every result reads the other's old elements the plan takes a new buffer for one.
    let swap = compile { (w: inout [Tensor<Float>]) in w = w.reversed().map { $0 + 1 } }
    try swap.run(updating: &w)
    #expect(swap.report.inPlaceCount < 2 && w[1].scalars == (host + 3).scalars)
    // A result that is a parameter shares its storage: an update must see it.
    let same = compile { (x: Tensor<Float>) in x }
    var x = [w[0]]
    let kept = try same.run(w[0])
    w = []
    let add = compile { (w: inout [Tensor<Float>]) in w = w.map { $0 + 1 } }
    try add.run(updating: &x)
    #expect(add.report.inPlaceCount == 0 && kept.scalars == x[0].scalars.map { $0 - 1 })
  }

  @Test("A captured tensor is copied to the device once; a variable again when it has another value")
  func captured() throws {
    let weight = host + 0
    let rate = Variable(Tensor<Float>(2))
    let f = compile { (x: Tensor<Float>) in x * weight * rate.value }
    let x = host.moved(to: gpu)
    var y = try f.run(x)
    #expect(try transfers { y = try f.run(x) } == (0, 0))
    #expect(y.scalars == (host * host * 2).scalars)
    rate.value = 3
    #expect(try transfers { y = try f.run(x) } == (1, 0))
    #expect(y.scalars == (host * host * 3).scalars)
    rate.value = Tensor<Float>(4).moved(to: gpu)
    #expect(try transfers { y = try f.run(x) } == (0, 0))
    #expect(y.scalars == (host * host * 4).scalars)
    let outcome = Result { try withDevice(.reference) { try f.run(host) } }
    #expect(throws: KilnError.self) { try outcome.get() }
  }

  @Test("A call without room on the device leaves the state as it was; a lost device says so, and the next one works")
  func faults() throws {
    let step = compile { (w: inout Tensor<Float>, x: Tensor<Float>) in
      w = w + x
      return (w * w).sum()
    }
    var w = host.moved(to: gpu)
    let big = Tensor<Float>.zeros([3, 4])
    _ = try step.run(updating: &w, big)
    try opencl.context().trim()
    opencl.faults.withLock { $0.allocationsLeft = 0 }
    expectFailure("memory.exhausted", ["no memory"]) { _ = try step.run(updating: &w, big) }
    opencl.faults.withLock { $0.allocationsLeft = nil }
    _ = try step.run(updating: &w, big)
    #expect(w.scalars == host.scalars)
    opencl.faults.withLock { $0.launchesLeft = 0 }
    let before = host.moved(to: gpu)
    expectFailure("device.lost", ["lost"]) { _ = try step.run(updating: &w, big) }
    expectFailure("device.lost", ["DeviceTensorTests.swift", "was lost"]) { _ = try withDiagnostics { before.scalars } }
    expectFailure("tensor.invalid", ["the update that was overwriting"]) { _ = try step.run(updating: &w, big) }
    w = host.moved(to: gpu)
    _ = try step.run(updating: &w, big)
    #expect(w.scalars == host.scalars)
  }

  @Test("A file and a module's run take and give tensors on the device")
  func files() throws {
    let path = NSTemporaryDirectory() + "kiln-device-\(UUID().uuidString).npy"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try host.moved(to: gpu).writeNPY(to: path)
    #expect(try Tensor<Float>(contentsOfNPY: path).scalars == host.scalars)
    let traced = try trace(host) { x in exp(x) }
    let found = try traced.run([AnyTensor(host.moved(to: gpu))])[0]
    #expect(found.device == gpu && found.bytes == exp(host).untyped.bytes)
  }
}
