import KilnIR

/// Programs of branches and loops for comparisons of one way to run with another.
public enum ControlPrograms {
  /// The text of each, with a function `main`.
  public static let texts: [(name: String, text: String)] = [
    (
      "branches that compute, pass on, repeat and make up",
      """
      func @work(%x: f32[3], %y: f32[3]) -> (f32[3], f32[3], f32[3], i32[], f32[3]) {
        %0: f32[3] = add(%x, %y)
        %1: i32[] = constant() {value = 7}
        return %0, %y, %0, %1, %x
      }

      func @idle(%x: f32[3], %y: f32[3]) -> (f32[3], f32[3], f32[3], i32[], f32[3]) {
        %0: i32[] = constant() {value = -7}
        %1: f32[3] = constant() {value = 0.5}
        return %y, %y, %1, %0, %1
      }

      func @main(%p: bool[], %x: f32[3], %y: f32[3]) -> (f32[3], f32[3], f32[3], i32[], f32[3], f32[3]) {
        %0: f32[3], %1: f32[3], %2: f32[3], %3: i32[], %4: f32[3] = cond(%p, %x, %y) {then = @work, else = @idle}
        %5: f32[3] = multiply(%0, %2)
        return %0, %1, %2, %3, %4, %5
      }
      """
    ),
    (
      "swaps and shifts of carried values",
      """
      func @rotate(%a: f32[2,2], %b: f32[2,2], %c: f32[2,2], %d: f32[2,2]) -> (f32[2,2], f32[2,2], f32[2,2], f32[2,2], f32[2,2]) {
        %0: f32[2,2] = add(%c, %d)
        return %b, %a, %d, %0, %a
      }

      func @main(%a: f32[2,2], %b: f32[2,2]) -> (f32[2,2], f32[2,2], f32[2,2], f32[2,2], f32[5,2,2]) {
        %0: f32[2,2] = constant() {value = 1.0}
        %1: f32[2,2], %2: f32[2,2], %3: f32[2,2], %4: f32[2,2], %5: f32[5,2,2] = scan(%a, %b, %b, %0) {body = @rotate, carried = 4, length = 5}
        return %1, %2, %3, %4, %5
      }
      """
    ),
    (
      "three values in a ring",
      """
      func @ring(%a: f32[], %b: f32[], %c: f32[]) -> (f32[], f32[], f32[]) {
        return %b, %c, %a
      }

      func @main(%a: f32[], %b: f32[], %c: f32[]) -> (f32[], f32[], f32[]) {
        %0: f32[], %1: f32[], %2: f32[] = scan(%a, %b, %c) {body = @ring, carried = 3, length = 4}
        return %0, %1, %2
      }
      """
    ),
    (
      "a recurrence with a product and a scan from the end",
      """
      func @cell(%h: f32[4,8], %x: f32[4,8], %w: f32[8,8]) -> (f32[4,8], f32[4,8], f32[4]) {
        %0: f32[4,8] = dot(%h, %w) {batch = [], contract = [[1, 0]]}
        %1: f32[4,8] = add(%0, %x)
        %2: f32[4,8] = tanh(%1)
        %3: f32[4] = reduce(%2) {kind = sum, axes = [1]}
        return %2, %2, %3
      }

      func @main(%h: f32[4,8], %xs: f32[6,4,8], %w: f32[8,8]) -> (f32[4,8], f32[6,4,8], f32[6,4], f32[6,4,8]) {
        %0: f32[4,8], %1: f32[6,4,8], %2: f32[6,4] = scan(%h, %xs, %w) {body = @cell, carried = 1, captured = 1, length = 6}
        %3: f32[4,8], %4: f32[6,4,8], %5: f32[6,4] = scan(%0, %1, %w) {body = @cell, carried = 1, captured = 1, length = 6, reverse = true}
        return %3, %1, %5, %4
      }
      """
    ),
    (
      "scans in scans over slices of slices",
      """
      func @inner(%s: f32[5], %x: f32[5], %k: f32[]) -> (f32[5], f32[5], f32[5]) {
        %0: f32[5] = broadcast(%k) {axes = []}
        %1: f32[5] = multiply(%s, %0)
        %2: f32[5] = add(%1, %x)
        return %2, %s, %x
      }

      func @outer(%s: f32[5], %t: f32[5], %xs: f32[3,5], %k: f32[]) -> (f32[5], f32[5], f32[3,5], f32[3,5], f32[5]) {
        %0: f32[5], %1: f32[3,5], %2: f32[3,5] = scan(%s, %xs, %k) {body = @inner, carried = 1, captured = 1, length = 3}
        %3: f32[5], %4: f32[3,5], %5: f32[3,5] = scan(%t, %1, %k) {body = @inner, carried = 1, captured = 1, length = 3, reverse = true}
        return %0, %3, %1, %5, %t
      }

      func @main(%s: f32[5], %xs: f32[4,3,5], %k: f32[]) -> (f32[5], f32[5], f32[4,3,5], f32[4,3,5], f32[4,5]) {
        %0: f32[5], %1: f32[5], %2: f32[4,3,5], %3: f32[4,3,5], %4: f32[4,5] = scan(%s, %s, %xs, %k) {body = @outer, carried = 2, captured = 1, length = 4}
        return %0, %1, %2, %3, %4
      }
      """
    ),
    (
      "a while with a branch in it, on computed predicates",
      """
      func @isBelow(%i: i32[], %x: f32[7], %n: i32[], %step: f32[7]) -> (bool[]) {
        %0: bool[] = less(%i, %n)
        return %0
      }

      func @up(%x: f32[7], %step: f32[7]) -> (f32[7]) {
        %0: f32[7] = add(%x, %step)
        return %0
      }

      func @down(%x: f32[7], %step: f32[7]) -> (f32[7]) {
        %0: f32[7] = subtract(%x, %step)
        %1: f32[7] = multiply(%0, %step)
        return %1
      }

      func @body(%i: i32[], %x: f32[7], %n: i32[], %step: f32[7]) -> (i32[], f32[7]) {
        %0: i32[] = constant() {value = 1}
        %1: i32[] = add(%i, %0)
        %2: i32[] = and(%i, %0)
        %3: bool[] = equal(%2, %0)
        %4: f32[7] = cond(%3, %x, %step) {then = @up, else = @down}
        return %1, %4
      }

      func @main(%x: f32[7], %step: f32[7]) -> (i32[], f32[7], i32[], f32[7]) {
        %0: i32[] = constant() {value = 0}
        %1: i32[] = constant() {value = 6}
        %2: i32[], %3: f32[7] = while(%0, %x, %1, %step) {condition = @isBelow, body = @body, captured = 2}
        %4: i32[], %5: f32[7] = while(%1, %x, %0, %step) {condition = @isBelow, body = @body, captured = 2}
        return %2, %3, %4, %5
      }
      """
    ),
    (
      "loops in a branch, and predicates that are parameters",
      """
      func @isSet(%p: bool[], %q: bool[], %x: f32[3]) -> (bool[]) {
        return %p
      }

      func @clear(%p: bool[], %q: bool[], %x: f32[3]) -> (bool[], bool[], f32[3]) {
        %0: f32[3] = add(%x, %x)
        return %q, %p, %0
      }

      func @never(%x: f32[3]) -> (bool[]) {
        %0: bool[] = constant() {value = false}
        return %0
      }

      func @twice(%x: f32[3]) -> (f32[3]) {
        %0: f32[3] = add(%x, %x)
        return %0
      }

      func @loops(%p: bool[], %x: f32[3]) -> (f32[3]) {
        %0: bool[] = constant() {value = false}
        %1: bool[], %2: bool[], %3: f32[3] = while(%p, %0, %x) {condition = @isSet, body = @clear}
        %4: f32[3] = while(%3) {condition = @never, body = @twice}
        %5: f32[3] = scan(%4) {body = @twice, carried = 1, length = 3}
        return %5
      }

      func @none(%p: bool[], %x: f32[3]) -> (f32[3]) {
        return %x
      }

      func @main(%p: bool[], %q: bool[], %x: f32[3]) -> (f32[3], f32[3], f32[3]) {
        %0: f32[3] = cond(%p, %q, %x) {then = @loops, else = @none}
        %1: bool[] = not(%p)
        %2: f32[3] = cond(%1, %q, %0) {then = @loops, else = @none}
        %3: f32[3] = cond(%q, %p, %2) {then = @loops, else = @none}
        return %0, %2, %3
      }
      """
    ),
    (
      "turns without end: none, and values without elements",
      """
      func @body(%s: f32[2], %e: f32[0,3], %x: f32[2], %z: f32[4,0]) -> (f32[2], f32[0,3], f32[2], f32[4,0]) {
        %0: f32[2] = add(%s, %x)
        %1: f32[0,3] = negate(%e)
        return %0, %1, %s, %z
      }

      func @main(%s: f32[2], %e: f32[0,3], %xs: f32[3,2], %none: f32[0,2], %zs: f32[3,4,0], %nothing: f32[0,4,0]) -> (f32[2], f32[0,3], f32[3,2], f32[3,4,0], f32[2], f32[0,3], f32[0,2], f32[0,4,0]) {
        %0: f32[2], %1: f32[0,3], %2: f32[3,2], %3: f32[3,4,0] = scan(%s, %e, %xs, %zs) {body = @body, carried = 2, length = 3}
        %4: f32[2], %5: f32[0,3], %6: f32[0,2], %7: f32[0,4,0] = scan(%0, %1, %none, %nothing) {body = @body, carried = 2, length = 0}
        return %0, %1, %2, %3, %4, %5, %6, %7
      }
      """
    ),
    (
      "odd sizes and all kinds of elements, sliced in place",
      """
      func @body(%a: u8[3], %b: f16[5], %c: f64[], %x: u8[3], %y: f16[5], %z: bool[7], %w: i64[3]) -> (u8[3], f16[5], f64[], bool[7], i64[3], u8[3]) {
        %0: u8[3] = add(%a, %x)
        %1: f16[5] = multiply(%b, %y)
        %2: f64[5] = convert(%1)
        %3: f64[] = reduce(%2) {kind = sum, axes = [0]}
        %4: f64[] = add(%c, %3)
        %5: bool[7] = not(%z)
        %6: i64[3] = reverse(%w) {axes = [0]}
        return %0, %1, %4, %5, %6, %0
      }

      func @main(%a: u8[3], %b: f16[5], %c: f64[], %x: u8[5,3], %y: f16[5,5], %z: bool[5,7], %w: i64[5,3]) -> (u8[3], f16[5], f64[], bool[5,7], i64[5,3], u8[5,3]) {
        %0: u8[3], %1: f16[5], %2: f64[], %3: bool[5,7], %4: i64[5,3], %5: u8[5,3] = scan(%a, %b, %c, %x, %y, %z, %w) {body = @body, carried = 3, length = 5, reverse = true}
        return %0, %1, %2, %3, %4, %5
      }
      """
    ),
    (
      "carried values that stay, views of xs, and a result used twice",
      """
      func @body(%k: f32[3,2], %s: f32[2,3], %x: f32[3,2], %i: i32[]) -> (f32[3,2], f32[2,3], f32[2,3], f32[3,2], f32[6]) {
        %0: f32[2,3] = transpose(%x) {permutation = [1, 0]}
        %1: f32[2,3] = add(%s, %0)
        %2: f32[2,3] = transpose(%k) {permutation = [1, 0]}
        %3: f32[2,3] = multiply(%1, %2)
        %4: f32[6] = reshape(%3)
        return %k, %3, %3, %x, %4
      }

      func @main(%k: f32[3,2], %s: f32[6], %xs: f32[3,2,4], %i: i32[]) -> (f32[3,2], f32[2,3], f32[4,2,3], f32[4,3,2], f32[4,6], f32[3,2]) {
        %0: f32[2,3] = reshape(%s)
        %1: f32[4,3,2] = transpose(%xs) {permutation = [2, 0, 1]}
        %2: f32[3,2], %3: f32[2,3], %4: f32[4,2,3], %5: f32[4,3,2], %6: f32[4,6] = scan(%k, %0, %1, %i) {body = @body, carried = 2, captured = 1, length = 4}
        %7: f32[3,2] = add(%2, %k)
        return %2, %3, %4, %5, %6, %7
      }
      """
    ),
    (
      "loops one after the other on the same value",
      """
      func @grow(%a: f32[33], %x: f32[33]) -> (f32[33]) {
        %0: f32[33] = fma(%a, %x, %x)
        return %0
      }

      func @main(%a: f32[33], %x: f32[33], %xs: f32[4,33]) -> (f32[33], f32[33], f32[33]) {
        %0: f32[33] = negate(%a)
        %1: f32[33] = scan(%0, %xs) {body = @grow, carried = 1, length = 4}
        %2: f32[33] = scan(%1, %xs) {body = @grow, carried = 1, length = 4, reverse = true}
        %3: f32[33] = scan(%2, %x) {body = @grow, carried = 1, captured = 1, length = 2}
        %4: f32[33] = scan(%2, %2) {body = @grow, carried = 1, captured = 1, length = 2}
        %5: f32[33] = scan(%a, %xs) {body = @grow, carried = 1, length = 4}
        return %3, %4, %5
      }
      """
    ),
    (
      "one value at several operands, read in two orders",
      """
      func @turned(%b: f32[], %c: f32[5], %d: f32[5]) -> (f32[5], f32[5]) {
        %0: f32[5] = broadcast(%b) {axes = []}
        %1: f32[5] = multiply(%d, %0)
        %2: f32[] = reduce(%c) {kind = sum, axes = [0]}
        %3: f32[5] = broadcast(%2) {axes = []}
        %4: f32[5] = add(%1, %3)
        %5: f32[5] = reverse(%c) {axes = [0]}
        %6: f32[5] = subtract(%d, %5)
        return %4, %6
      }

      func @reversed(%b: f32[], %c: f32[5], %d: f32[5]) -> (f32[5], f32[5]) {
        %0: f32[5] = reverse(%c) {axes = [0]}
        %1: f32[5] = subtract(%d, %0)
        return %d, %1
      }

      func @turn(%c: f32[5], %d: f32[5]) -> (f32[5]) {
        %0: f32[5] = reverse(%d) {axes = [0]}
        %1: f32[5] = add(%c, %0)
        return %1
      }

      func @branch(%c: f32[5], %d: f32[5], %p: bool[], %b: f32[]) -> (f32[5], f32[5]) {
        %0: f32[5] = add(%c, %d)
        %1: f32[5], %2: f32[5] = cond(%p, %b, %0, %0) {then = @turned, else = @reversed}
        return %1, %2
      }

      func @isBelow(%i: i32[], %c: f32[5], %d: f32[5]) -> (bool[]) {
        %0: i32[] = constant() {value = 3}
        %1: bool[] = less(%i, %0)
        return %1
      }

      func @next(%i: i32[], %c: f32[5], %d: f32[5]) -> (i32[], f32[5]) {
        %0: i32[] = constant() {value = 1}
        %1: i32[] = add(%i, %0)
        %2: f32[5] = call(%c, %d) {callee = @turn}
        return %1, %2
      }

      func @main(%p: bool[], %q: bool[], %b: f32[], %x: f32[5]) -> (f32[5], f32[5], f32[5], f32[5], f32[5]) {
        %0: f32[5] = negate(%x)
        %1: f32[5], %2: f32[5] = cond(%p, %b, %0, %0) {then = @turned, else = @reversed}
        %3: f32[5] = negate(%1)
        %4: f32[5], %5: f32[5] = cond(%q, %b, %3, %3) {then = @reversed, else = @turned}
        %6: f32[5] = negate(%2)
        %7: f32[5] = scan(%6, %6) {body = @turn, carried = 1, captured = 1, length = 2}
        %8: i32[] = constant() {value = 0}
        %9: f32[5] = negate(%7)
        %10: i32[], %11: f32[5] = while(%8, %9, %9) {condition = @isBelow, body = @next, captured = 1}
        %12: f32[5], %13: f32[5] = scan(%11, %11, %p, %b) {body = @branch, carried = 2, captured = 2, length = 2}
        return %4, %5, %7, %12, %13
      }
      """
    ),
    (
      "data instead of indices, within a loop",
      """
      func @body(%table: f32[5,2], %i: i32[3], %x: f32[3,2]) -> (f32[5,2], i32[3], f32[3,2]) {
        %0: f32[3,2] = gather(%table, %i) {axis = 0, bounds = clamp}
        %1: f32[3,2] = add(%0, %x)
        %2: f32[5,2] = scatter(%table, %i, %1) {axis = 0, combiner = add, bounds = drop}
        %3: i32[3] = constant() {value = 1}
        %4: i32[3] = add(%i, %3)
        return %2, %4, %0
      }

      func @main(%table: f32[5,2], %xs: f32[4,3,2]) -> (f32[5,2], i32[3], f32[4,3,2]) {
        %0: i32[3] = constant() {value = [0, 2, 2]}
        %1: f32[5,2], %2: i32[3], %3: f32[4,3,2] = scan(%table, %0, %xs) {body = @body, carried = 2, length = 4}
        return %1, %2, %3
      }
      """
    ),
  ]

  public static var names: [String] { texts.map(\.name) }

  /// The program with inputs drawn from a seed.
  public static func program(_ number: Int, seed: UInt64) throws -> RandomProgram {
    let module = try Module(parsing: texts[number].text, file: texts[number].name)
    var random = SplitMix64(seed: seed)
    let inputs = try (module["main"]?.parameters ?? []).map { parameter in
      parameter.type == TensorType(.bool, .scalar)
        ? try TensorValue(parameter.type, bits: [random.next() & 1]) : try random.tensor(parameter.type)
    }
    return RandomProgram(module: module, entry: "main", inputs: inputs)
  }
}
