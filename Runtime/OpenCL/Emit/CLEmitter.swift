import KilnIR

/// How a program's kernels are written, beside what they compute.
package struct CLStyle: Hashable, Sendable {
  /// See `CLOperations`.
  package var correctsProducts = false
  /// Index arithmetic in 64 bits: needed where an element index passes 2³¹.
  package var isWide = false
  /// Launch integers come from a buffer, for a kernel with more than its arguments can hold.
  package var readsIntegers = false

  var index: String { isWide ? "long" : "int" }
}

/// Writes one kernel as OpenCL C, by the mapping of its points to work items that was chosen for a launch.
///
/// Every rounding step is a statement of its own. The text depends on the kernel, the mapping and the style only.
final class CLEmitter {
  let kernel: KernelDefinition
  let mapping: WorkMapping
  let style: CLStyle
  let name: String
  let reducedTypes: [DType]
  var out = SourceWriter()
  var operations: CLOperations

  init(_ kernel: KernelDefinition, _ mapping: WorkMapping, _ style: CLStyle, name: String) {
    self.kernel = kernel
    self.mapping = mapping
    self.style = style
    self.name = name
    reducedTypes = kernel.reducedDTypes
    operations = CLOperations(correctsProducts: style.correctsProducts)
  }

  var index: String { style.index }

  /// The text of all phases: functions `name` + "_" + the number of the phase.
  func emit() -> String {
    for phase in 0..<mapping.phaseCount {
      openKernel(phase)
      switch mapping {
      case .points(let strides): emitPoints(strides: strides)
      case .rowGroups: emitRowGroups()
      case .split(let columns): phase == 0 ? emitSplitBlocks(columns: columns) : emitSplitResults()
      case .splitDot: phase == 0 ? emitSplitDotBlocks() : emitSplitResults()
      case .columnGroups: emitColumnGroups()
      case .sortGroups: emitSortGroups()
      case .tiles(let tile): emitTiles(tile)
      case .registerTiles(let tile): emitRegisterTiles(tile)
      }
      out.close()
      out.line("")
    }
    return out.text
  }

  // MARK: - The head

  /// Arguments, in the order of `KernelSignature`.
  private func openKernel(_ phase: Int) {
    let signature = KernelSignature(kernel, mapping, style)
    var parameters = kernel.buffers.indices.flatMap { ["__global uchar *p\($0)", "const ulong o\($0)"] }
    if signature.readsIntegers {
      parameters += ["__global const uchar *np", "const ulong no"]
    } else {
      parameters += (0..<kernel.integerCount).map { "const \(index) n\($0)" }
    }
    if signature.hasScratch { parameters.append("__global uchar *scratch") }
    if signature.hasStatus { parameters += ["__global int *status", "const int launch"] }
    if signature.hasZero { parameters.append("const uint z") }
    out.open(
      "__kernel \(mapping.requiredGroup(phase: phase))void \(name)_\(phase)(\(parameters.joined(separator: ", ")))")
    for (number, buffer) in kernel.buffers.enumerated() {
      let type = "__global \(buffer.isWritten ? "" : "const ")\(buffer.dtype.clMemory) *"
      out.line("\(type)const b\(number) = (\(type))(p\(number) + o\(number));")
    }
    guard signature.readsIntegers else { return }
    out.line("__global const long *const nl = (__global const long *)(np + no);")
    for number in 0..<kernel.integerCount { out.line("const \(index) n\(number) = (\(index))nl[\(number)];") }
  }

  // MARK: - Integers

  func value(_ integer: KernelInteger) -> String {
    switch integer {
    case .constant(let value): value < 0 ? "(\(value))" : "\(value)"
    case .argument(let number): "n\(number)"
    }
  }

  func product(_ factors: [KernelInteger]) -> String {
    factors.isEmpty ? "1" : factors.map(value).joined(separator: " * ")
  }

  /// The element index at these coordinates, names of integers.
  func affine(_ affine: AffineIndex, _ coordinates: [String]) -> String {
    var terms: [String] = []
    for (stride, coordinate) in zip(affine.strides, coordinates) where stride != .constant(0) && coordinate != "0" {
      terms.append(stride == .constant(1) ? coordinate : "\(value(stride)) * \(coordinate)")
    }
    if affine.offset != .constant(0) || terms.isEmpty { terms.append(value(affine.offset)) }
    return terms.joined(separator: " + ")
  }

  /// Declares `names` as the coordinates of point `number` of a row-major domain.
  func coordinates(_ names: [String], of number: String, in extents: [KernelInteger]) {
    guard let first = names.first else { return }
    guard names.count > 1 else { return out.line("const \(index) \(first) = \(number);") }
    out.line("\(index) rest_\(first) = \(number);")
    for (name, extent) in zip(names, extents).reversed().dropLast() {
      out.line(
        "const \(index) \(name) = rest_\(first) % \(value(extent)); rest_\(first) = rest_\(first) / \(value(extent));")
    }
    out.line("const \(index) \(first) = rest_\(first);")
  }

  // MARK: - Bodies

  /// Where a body is evaluated.
  struct Point {
    /// Outer coordinates, then the stage's inner ones.
    var coordinates: [String]
    /// The number of the inner point, where scratch rows are used.
    var element = "0"
    /// The scratch rows of this outer point.
    var scratchRows: [String] = []
    var reduced: (Int) -> String = { "r\($0)" }
  }

  /// Declares the values of a body, and gives their names.
  func body(_ stage: KernelDefinition.Stage, _ point: Point) -> [String] {
    var names: [String] = []
    for (number, instruction) in stage.body.enumerated() {
      let dtype = kernel.dtype(of: BodyID(number), in: stage.body)
      let name = "v\(number)"
      switch instruction {
      case .constant(let scalar):
        names.append(scalar.clConstant)
        continue
      case .reduced(let reduced):
        names.append(point.reduced(reduced))
        continue
      case .operation(let primitive, let operands, let dtype):
        let operand = kernel.dtype(of: operands[operands.count - 1], in: stage.body)
        let text = operations.expression(primitive, operands.map { names[$0.index] }, operand: operand, dtype: dtype)
        out.line("const \(dtype.clRegister) \(name) = \(text);")
      case .index(let affine, let dtype):
        out.line(
          "const \(dtype.clRegister) \(name) = (\(dtype.clRegister))(\(self.affine(affine, point.coordinates)));")
      case .load(let access) where access.data.isEmpty:
        let element = load(access.buffer, affine(access.index, point.coordinates))
        out.line("const \(dtype.clRegister) \(name) = \(element);")
      case .load(let access):
        let isInside = bounded(name, access, names, stage)
        out.line("\(dtype.clRegister) \(name) = 0;")
        out.line("if (\(isInside)) \(name) = \(load(access.buffer, place(name, access, point)));")
      case .loadScratch(let row):
        let element = "((__global const \(dtype.clMemory) *)\(point.scratchRows[row]))[\(point.element)]"
        out.line("const \(dtype.clRegister) \(name) = \(fromMemory(element, dtype));")
      }
      names.append(name)
    }
    return names
  }

  private func fromMemory(_ element: String, _ dtype: DType) -> String { dtype == .bool ? "\(element) != 0" : element }

  func load(_ buffer: Int, _ index: String) -> String {
    fromMemory("b\(buffer)[\(index)]", kernel.buffers[buffer].dtype)
  }

  /// Applies the effects of a stage that are not reductions. Outside of its loop a line has one element.
  func effects(_ stage: KernelDefinition.Stage, _ names: [String], _ point: Point) {
    for effect in stage.effects {
      switch effect {
      case .store(let value, let access): store(names[value.index], access, point)
      case .line(let operation, let value, let access):
        if operation.resultCount == 0 { continue }
        store(operation.resultOfOne?.clConstant ?? names[value.index], access, point)
      case .storeScratch(let value, let row):
        let type = kernel.scratchRows[row].clMemory
        out.line("((__global \(type) *)\(point.scratchRows[row]))[\(point.element)] = (\(type))\(names[value.index]);")
      case .scatter(let combiner, let value, let access):
        scatter(combiner, names[value.index], access, names, stage, point)
      case .reduce: break
      }
    }
  }

  private func store(_ value: String, _ access: BufferAccess, _ point: Point) {
    let type = kernel.buffers[access.buffer].dtype.clMemory
    out.line("b\(access.buffer)[\(affine(access.index, point.coordinates))] = (\(type))\(value);")
  }

  // MARK: - Indices that are data

  /// Declares `<name>i0` …, the indices in range, and gives the condition under which they may be used.
  private func bounded(
    _ name: String, _ access: BufferAccess, _ names: [String], _ stage: KernelDefinition.Stage
  ) -> String {
    for (number, data) in access.data.enumerated() {
      let (found, place) = (names[data.value.index], "\(name)i\(number)")
      let last = "((long)\(value(data.extent)) - 1)"
      let isSigned = kernel.dtype(of: data.value, in: stage.body).isSignedInteger
      let wide = isSigned ? "(long)\(found)" : "(\(found) > (ulong)\(last) ? \(last) + 1 : (long)\(found))"
      out.line("long \(place) = \(wide);")
      if access.bounds == .clamp {
        out.line("\(place) = \(place) < 0 ? 0 : \(place) > \(last) ? \(last) : \(place);")
      }
      out.line("const int \(name)ok\(number) = \(place) >= 0 && \(place) <= \(last);")
      if access.bounds == .check {
        let words = "status[launch + 2] = (int)\(found); status[launch + 3] = (int)((long)\(found) >> 32);"
        out.line("if (!\(name)ok\(number)) { status[launch] = \(data.site); \(words) }")
      }
    }
    return access.data.isEmpty ? "1" : access.data.indices.map { "\(name)ok\($0)" }.joined(separator: " && ")
  }

  /// The element that indices in range lead to.
  private func place(_ name: String, _ access: BufferAccess, _ point: Point) -> String {
    access.data.enumerated().reduce(affine(access.index, point.coordinates)) { text, data in
      "\(text) + (\(index))\(name)i\(data.offset) * \(value(data.element.stride))"
    }
  }

  /// One update; points come one after the other (R5).
  private func scatter(
    _ combiner: ScatterCombiner, _ update: String, _ access: BufferAccess, _ names: [String],
    _ stage: KernelDefinition.Stage, _ point: Point
  ) {
    let buffer = access.buffer
    let dtype = kernel.buffers[buffer].dtype
    let name = "s\(buffer)"
    let isInside = bounded(name, access, names, stage)
    out.open("if (\(isInside))")
    out.line("const \(index) \(name)e = \(place(name, access, point));")
    if let primitive = combiner.primitive {
      out.line("const \(dtype.clRegister) \(name)o = \(load(buffer, "\(name)e"));")
      let combined = operations.expression(primitive, ["\(name)o", update], operand: dtype, dtype: dtype)
      out.line("const \(dtype.clRegister) \(name)n = \(combined);")
      out.line("b\(buffer)[\(name)e] = (\(dtype.clMemory))\(name)n;")
    } else {
      out.line("b\(buffer)[\(name)e] = (\(dtype.clMemory))\(update);")
    }
    out.close()
  }
}
