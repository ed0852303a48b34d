import KilnIR
import KilnRuntime

/// Runs single operations at once, as one-instruction functions, through the pipeline that compiled functions take:
/// eager and compiled cannot differ in meaning or bits.
enum Eager {
  private struct Key: Hashable {
    let op: Op
    let operands: [InternedType]
    let device: ObjectIdentifier
  }

  /// A one-instruction function.
  private final class PreparedOp: Sendable {
    let module: Module
    let result: InternedType
    /// Elements read and written: small programs are interpreted until their third use.
    let isSmall: Bool
    /// About how many bytes one takes before it is compiled.
    static let byteCount = 4096
    private let key: Key
    private let state = Lock<(uses: Int, executable: (any Executable)?)>((0, nil))

    init(_ key: Key, module: Module, result: InternedType, isSmall: Bool) {
      self.key = key
      self.module = module
      self.result = result
      self.isSmall = isSmall
    }

    func executable(on device: Device, _ operands: [TensorCore]) throws(KilnError) -> any Executable {
      // Where results stay on the device, interpreting would mean copies.
      let mayInterpret = isSmall && device.executor.memory == nil
      let (known, isCold) = state.withLock { state -> ((any Executable)?, Bool) in
        state.uses += 1
        let isCold = mayInterpret && state.uses <= 2
        return (isCold ? nil : state.executable, isCold)
      }
      if let known { return known }
      let executor = isCold ? Device.reference.executor : device.executor
      let options = ExecutionOptions(isEager: true, arguments: operands)
      let executable = try executor.prepare(module, function: "eager", options: options)
      if !isCold {
        state.withLock { $0.executable = executable }
        let byteCount = Self.byteCount + executable.byteCount
        let dropped = programs.withLock { $0.charge(key, byteCount: byteCount) }
        withExtendedLifetime(dropped) {}
      }
      return executable
    }
  }

  private static let smallElementCount = 1024
  /// Operations with ever new attribute values or shapes (slices at thousands of places) must not fill the memory.
  private static let programs = Lock(BoundedCache<Key, PreparedOp>(limit: MemoryLimits.shared.programs / 2))

  /// Forgets every program.
  static func removeAll() {
    let dropped = programs.withLock { $0.removeAll() }
    withExtendedLifetime(dropped) {}
  }

  static func run(_ op: Op, _ operands: [TensorCore]) -> TensorCore {
    if case .movement(.reshape) = op, let type = try? op.infer(operands.map(\.type), in: Module())[0] {
      return TensorCore(viewing: operands[0], as: .of(type))
    }
    do throws(KilnError) {
      let place = try Placement.device(of: operands) { "operand \($0)" }
      let device = place ?? Device.current
      let program = try program(op, operands, device)
      let executable = try program.executable(on: device, operands)
      if let executable = executable.onDevice {
        return try executable.run(operands, on: device, CollectionOfOne(program.result))[0]
      }
      let result = try TensorCore.allocate(program.result)
      try execute(executable, operands, result)
      return result
    } catch {
      var diagnostic = error.diagnostics.first ?? Diagnostic("eager.C1", "the operation failed")
      diagnostic.location = CallSite.here()
      return Failure.poison(diagnostic, op.guess(operands))
    }
  }

  private static func execute(
    _ executable: any Executable, _ operands: [TensorCore], _ result: TensorCore
  ) throws(KilnError) {
    var failure: KilnError?
    withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: operands.count) { inputs in
      for (index, operand) in operands.enumerated() {
        inputs.initializeElement(at: index, to: UnsafeRawPointer(operand.pointer))
      }
      var output = result.pointer
      withUnsafeMutablePointer(to: &output) { output in
        do throws(KilnError) {
          try executable.run(inputs: UnsafeBufferPointer(inputs), outputs: UnsafeBufferPointer(start: output, count: 1))
        } catch {
          failure = error
        }
      }
    }
    withExtendedLifetime((operands, result)) {}
    if let failure { throw failure }
  }

  private static func program(_ op: Op, _ operands: [TensorCore], _ device: Device) throws(KilnError) -> PreparedOp {
    let key = Key(
      op: op, operands: operands.map(\.interned), device: ObjectIdentifier(device.executor))
    if let known = programs.withLock({ $0.find(key) }) { return known }
    do throws(ConstraintFailure) {
      var builder = FunctionBuilder("eager")
      var parameters: [ValueID] = []
      for (index, operand) in operands.enumerated() {
        parameters.append(builder.addParameter("x\(index)", operand.type))
      }
      let value = try builder.emitBroadcasting(op, parameters, at: .unknown)
      let result = InternedType.of(builder.type(of: value))
      let work = operands.reduce(result.elementCount) { $0 + $1.interned.elementCount }
      let program = PreparedOp(
        key, module: try Module([builder.finish([value])]), result: result, isSmall: work <= smallElementCount)
      let dropped = programs.withLock { $0.insert(program, for: key, byteCount: PreparedOp.byteCount) }
      withExtendedLifetime(dropped) {}
      return program
    } catch {
      throw KilnError(error)
    }
  }
}
