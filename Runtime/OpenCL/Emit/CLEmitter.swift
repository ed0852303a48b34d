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
  let kernel: Kernel
  let mapping: WorkMapping
  let style: CLStyle
  let name: String
  let reducedTypes: [DType]
  var out = SourceWriter()
  var operations: CLOperations

  init(_ kernel: Kernel, _ mapping: WorkMapping, _ style: CLStyle, name: String) {
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
  func body(_ stage: Kernel.Stage, _ point: Point) -> [String] {
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
      case .load(let buffer, let affine):
        out.line("const \(dtype.clRegister) \(name) = \(load(buffer, self.affine(affine, point.coordinates)));")
      case .gather(let buffer, let affine, let indices, let bounds):
        let chosen = indices.map { (names[$0.value.index], kernel.dtype(of: $0.value, in: stage.body), $0) }
        gather(name, buffer, self.affine(affine, point.coordinates), chosen, bounds)
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

  /// Applies the effects of a stage that are not reductions.
  func effects(_ stage: Kernel.Stage, _ names: [String], _ point: Point) {
    for effect in stage.effects {
      switch effect {
      case .store(let buffer, let affine, let value):
        let type = kernel.buffers[buffer].dtype.clMemory
        out.line("b\(buffer)[\(self.affine(affine, point.coordinates))] = (\(type))\(names[value.index]);")
      case .storeScratch(let row, let value):
        let type = kernel.scratchRows[row].clMemory
        out.line("((__global \(type) *)\(point.scratchRows[row]))[\(point.element)] = (\(type))\(names[value.index]);")
      case .scatter(let buffer, let affine, let indices, let combiner, let bounds, let value):
        let chosen = indices.map { (names[$0.value.index], kernel.dtype(of: $0.value, in: stage.body), $0) }
        scatter(buffer, self.affine(affine, point.coordinates), chosen, combiner, bounds, names[value.index])
      // Outside of its lines a scan or a sort is of one element.
      case .scanReduce(_, let value, let buffer, let affine):
        let type = kernel.buffers[buffer].dtype.clMemory
        out.line("b\(buffer)[\(self.affine(affine, point.coordinates))] = (\(type))\(names[value.index]);")
      case .argSort(_, let buffer, let affine):
        out.line("b\(buffer)[\(self.affine(affine, point.coordinates))] = 0;")
      case .reduce, .argReduce, .dot: break
      }
    }
  }

  // MARK: - Indices that are data

  /// A value of a body that is an index, with its dtype.
  private typealias ChosenIndex = (name: String, dtype: DType, index: DataIndex)

  /// Declares `<name>i0` …, the indices in range, and gives the condition under which they may be used.
  private func bounded(_ name: String, _ chosen: [ChosenIndex], _ bounds: IndexBounds) -> String {
    for (number, choice) in chosen.enumerated() {
      let place = "\(name)i\(number)"
      let last = "((long)\(value(choice.index.extent)) - 1)"
      let wide =
        choice.dtype.isSignedInteger
        ? "(long)\(choice.name)" : "(\(choice.name) > (ulong)\(last) ? \(last) + 1 : (long)\(choice.name))"
      out.line("long \(place) = \(wide);")
      if bounds == .clamp { out.line("\(place) = \(place) < 0 ? 0 : \(place) > \(last) ? \(last) : \(place);") }
      out.line("const int \(name)ok\(number) = \(place) >= 0 && \(place) <= \(last);")
      if bounds == .check {
        let words = "status[launch + 2] = (int)\(choice.name); status[launch + 3] = (int)((long)\(choice.name) >> 32);"
        out.line("if (!\(name)ok\(number)) { status[launch] = \(choice.index.site); \(words) }")
      }
    }
    return chosen.isEmpty ? "1" : chosen.indices.map { "\(name)ok\($0)" }.joined(separator: " && ")
  }

  /// The element that indices in range lead to.
  private func place(_ name: String, _ start: String, _ chosen: [ChosenIndex]) -> String {
    chosen.enumerated().reduce(start) { text, choice in
      "\(text) + (\(index))\(name)i\(choice.offset) * \(value(choice.element.index.stride))"
    }
  }

  private func gather(
    _ name: String, _ buffer: Int, _ start: String, _ chosen: [ChosenIndex], _ bounds: IndexBounds
  ) {
    let isInside = bounded(name, chosen, bounds)
    out.line("\(kernel.buffers[buffer].dtype.clRegister) \(name) = 0;")
    out.line("if (\(isInside)) \(name) = \(load(buffer, place(name, start, chosen)));")
  }

  /// One update; points come one after the other (R5).
  private func scatter(
    _ buffer: Int, _ start: String, _ chosen: [ChosenIndex], _ combiner: ScatterCombiner, _ bounds: IndexBounds,
    _ update: String
  ) {
    let dtype = kernel.buffers[buffer].dtype
    let name = "s\(buffer)"
    let isInside = bounded(name, chosen, bounds)
    out.open("if (\(isInside))")
    out.line("const \(index) \(name)e = \(place(name, start, chosen));")
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
