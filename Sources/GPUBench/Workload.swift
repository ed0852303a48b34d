import KilnIR
import KilnPasses

/// A program to measure: its text for a size, and the work that it does.
struct Workload {
  var name: String
  /// The size measured, and the one that the kernel interpreter checks.
  var size: [Int]
  var checkedSize: [Int]
  /// Bytes that must move at least, and operations, for a size.
  var bytes: ([Int]) -> Double
  var operations: ([Int]) -> Double
  var text: ([Int]) -> String
  /// Parameters with respect to which `loss` is differentiated first; empty for none.
  var gradient: [Int] = []

  /// The plan of the program for a size.
  func plan(_ size: [Int], for device: DeviceDescription) throws(KilnError) -> ExecutionPlan {
    var module = try Module(parsing: text(size), file: name)
    var entry = "main"
    if !gradient.isEmpty {
      let derived = try Differentiation.valueAndGradient(of: entry, in: module, withRespectTo: gradient)
      (module, entry) = (derived.module, derived.name)
    }
    return try Compilation(module, entry: entry, for: device).plan
  }
}

extension Workload {
  /// The workloads; `scale` 1 for devices with memory of their own, less for processors.
  static func all(isLarge: Bool) -> [Workload] {
    let n = isLarge ? 1 << 26 : 1 << 21
    let rows = isLarge ? 16384 : 1024
    let matrices = isLarge ? [512, 1024, 2048, 4096] : [128, 512]
    let pointwise = Workload(
      name: "chain of 6", size: [n], checkedSize: [10_007], bytes: { 12 * Double($0[0]) },
      operations: { 6 * Double($0[0]) },
      text: chain)
    let plain = [
      pointwise,
      Workload(
        name: "softmax", size: [rows, 1024], checkedSize: [5, 1025], bytes: { 8 * Double($0[0] * $0[1]) },
        operations: { 30 * Double($0[0] * $0[1]) }, text: softmax),
      Workload(
        name: "layer norm", size: [rows, 1024], checkedSize: [5, 1025], bytes: { 8 * Double($0[0] * $0[1]) },
        operations: { 8 * Double($0[0] * $0[1]) }, text: layerNorm),
      Workload(
        name: "sum of all", size: [n], checkedSize: [70_001], bytes: { 4 * Double($0[0]) },
        operations: { Double($0[0]) },
        text: {
          "func @main(%x: f32[\($0[0])]) -> (f32[]) {\n  %s: f32[] = reduce(%x) {kind = sum, axes = [0]}\n  return %s\n}"
        }),
      Workload(
        name: "sum of columns", size: [rows, 2048], checkedSize: [2050, 33], bytes: { 4 * Double($0[0] * $0[1]) },
        operations: { Double($0[0] * $0[1]) },
        text: {
          "func @main(%x: f32[\($0[0]),\($0[1])]) -> (f32[\($0[1])]) {\n"
            + "  %s: f32[\($0[1])] = reduce(%x) {kind = sum, axes = [0]}\n  return %s\n}"
        }),
    ]
    let squares = matrices.map { m in
      Workload(
        name: "matmul \(m)", size: [1, m, m, m], checkedSize: [1, 67, 70, 530], bytes: matmulBytes,
        operations: matmulOperations, text: { matmul(Array($0.dropFirst())) })
    }
    let others = [
      Workload(
        name: "matmul 4 rows", size: [1, 4, 4096, 4096], checkedSize: [1, 4, 65, 1030], bytes: matmulBytes,
        operations: matmulOperations, text: { matmul(Array($0.dropFirst())) }),
      Workload(
        name: "batched matmul", size: [isLarge ? 64 : 8, 256, 256, 256], checkedSize: [3, 33, 65, 40],
        bytes: matmulBytes,
        operations: matmulOperations, text: batched),
      Workload(
        name: "mlp step", size: [isLarge ? 4096 : 256, 784, 512], checkedSize: [20, 33, 17],
        bytes: { 4 * Double($0[0] * $0[1] + 2 * $0[1] * $0[2] + 4 * $0[0] * $0[2]) },
        operations: { 4 * Double($0[0] * $0[1] * $0[2]) + 6 * Double($0[0] * $0[2] * 10) }, text: mlp, gradient: [1, 2]),
    ]
    return plain + squares + others
  }

  private static func matmulBytes(_ s: [Int]) -> Double {
    4 * Double(s[0]) * Double(s[1] * s[3] + s[3] * s[2] + s[1] * s[2])
  }
  private static func matmulOperations(_ s: [Int]) -> Double { 2 * Double(s[0] * s[1]) * Double(s[2] * s[3]) }

  private static func chain(_ s: [Int]) -> String {
    let t = "f32[\(s[0])]"
    return """
      func @main(%x: \(t), %y: \(t)) -> (\(t)) {
        %a: \(t) = multiply(%x, %y)
        %b: \(t) = add(%a, %x)
        %c: \(t) = maximum(%b, %y)
        %d: \(t) = subtract(%c, %a)
        %e: \(t) = multiply(%d, %d)
        %f: \(t) = add(%e, %y)
        return %f
      }
      """
  }

  private static func softmax(_ s: [Int]) -> String {
    let (t, r) = ("f32[\(s[0]),\(s[1])]", "f32[\(s[0])]")
    return """
      func @main(%x: \(t)) -> (\(t)) {
        %m: \(r) = reduce(%x) {kind = max, axes = [1]}
        %mb: \(t) = broadcast(%m) {axes = [0]}
        %c: \(t) = subtract(%x, %mb)
        %e: \(t) = exp(%c)
        %s: \(r) = reduce(%e) {kind = sum, axes = [1]}
        %sb: \(t) = broadcast(%s) {axes = [0]}
        %y: \(t) = divide(%e, %sb)
        return %y
      }
      """
  }

  private static func layerNorm(_ s: [Int]) -> String {
    let (t, r) = ("f32[\(s[0]),\(s[1])]", "f32[\(s[0])]")
    return """
      func @main(%x: \(t)) -> (\(t)) {
        %n: \(r) = constant() {value = \(Float(s[1]))}
        %s: \(r) = reduce(%x) {kind = sum, axes = [1]}
        %m: \(r) = divide(%s, %n)
        %mb: \(t) = broadcast(%m) {axes = [0]}
        %c: \(t) = subtract(%x, %mb)
        %q: \(t) = multiply(%c, %c)
        %ss: \(r) = reduce(%q) {kind = sum, axes = [1]}
        %v: \(r) = divide(%ss, %n)
        %eps: \(r) = constant() {value = 0.00001}
        %ve: \(r) = add(%v, %eps)
        %i: \(r) = rsqrt(%ve)
        %ib: \(t) = broadcast(%i) {axes = [0]}
        %y: \(t) = multiply(%c, %ib)
        return %y
      }
      """
  }

  /// [rows, columns, terms].
  private static func matmul(_ s: [Int]) -> String {
    """
    func @main(%x: f32[\(s[0]),\(s[2])], %w: f32[\(s[2]),\(s[1])]) -> (f32[\(s[0]),\(s[1])]) {
      %y: f32[\(s[0]),\(s[1])] = dot(%x, %w) {batch = [], contract = [[1, 0]]}
      return %y
    }
    """
  }

  private static func batched(_ s: [Int]) -> String {
    """
    func @main(%x: f32[\(s[0]),\(s[1]),\(s[3])], %w: f32[\(s[0]),\(s[3]),\(s[2])]) -> (f32[\(s[0]),\(s[1]),\(s[2])]) {
      %y: f32[\(s[0]),\(s[1]),\(s[2])] = dot(%x, %w) {batch = [[0, 0]], contract = [[2, 1]]}
      return %y
    }
    """
  }

  /// [batch, inputs, hidden units]: the loss of a perceptron with ten outputs, for its gradient.
  private static func mlp(_ s: [Int]) -> String {
    let (h, o) = ("f32[\(s[0]),\(s[2])]", "f32[\(s[0]),10]")
    return """
      func @main(%x: f32[\(s[0]),\(s[1])], %w: f32[\(s[1]),\(s[2])], %v: f32[\(s[2]),10], %t: \(o)) -> (f32[]) {
        %0: \(h) = dot(%x, %w) {batch = [], contract = [[1, 0]]}
        %1: \(h) = tanh(%0)
        %2: \(o) = dot(%1, %v) {batch = [], contract = [[1, 0]]}
        %3: \(o) = subtract(%2, %t)
        %4: \(o) = multiply(%3, %3)
        %5: f32[] = reduce(%4) {kind = sum, axes = [0, 1]}
        return %5
      }
      """
  }
}
