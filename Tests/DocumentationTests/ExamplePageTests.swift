import Foundation
import Kiln
import Testing

// The functions of the pages in Documentation/Examples, as they stand there.

func softPlus(_ x: Tensor<Double>) -> Tensor<Double> {
  let f = withDerivative(
    { (x: Tensor<Double>) in maximum(x, 0) + log(1 + exp(-abs(x))) },
    pullback: { at in at.cotangent * exp(at.input - at.value) })
  return f(x)
}

func softPlusSlopes(_ x: Tensor<Double>) -> (reverse: Tensor<Double>, forward: Tensor<Double>, each: Tensor<Double>) {
  let reverse = gradient(at: x) { x in softPlus(x).sum() }
  let (_, forward) = jvp(at: x, along: Tensor<Double>.ones(x.shape)) { x in softPlus(x) }
  let each = vmap { (x: Tensor<Double>) in gradient(at: x) { x in softPlus(x) } }(x)
  return (reverse, forward, each)
}

func perExampleGradients(_ w: Tensor<Double>, _ x: Tensor<Double>, _ y: Tensor<Double>) -> Tensor<Double> {
  let forOne = { @Sendable (w: Tensor<Double>, x: Tensor<Double>, y: Tensor<Double>) in
    gradient(at: w) { w in
      let error = tanh((w * x).sum()) - y
      return error * error
    }
  }
  return vmap(forOne, axes: [nil, 0, 0])(w, x, y)
}

func newton(_ start: Tensor<Double>, steps: Int, of f: @escaping (Tensor<Double>) -> Tensor<Double>) -> Tensor<Double> {
  var x = start
  for _ in 0..<steps {
    let g = gradient(at: x, of: f)
    let h = hessian(at: x, of: f)
    let determinant = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
    let step = stacked([h[1, 1] * g[0] - h[0, 1] * g[1], h[0, 0] * g[1] - h[1, 0] * g[0]]) / determinant
    x = x - step
  }
  return x
}

func rosenbrock(_ x: Tensor<Double>) -> Tensor<Double> {
  let (a, b) = (x[0], x[1])
  let valley = b - a * a
  return (1 - a) * (1 - a) + 100 * valley * valley
}

func misra1a(_ b: Tensor<Double>, _ x: Tensor<Double>) -> Tensor<Double> { b[0] * (1 - exp(-b[1] * x)) }

func gaussNewton(
  _ start: Tensor<Double>, steps: Int, residuals: @escaping (Tensor<Double>) -> Tensor<Double>
) -> Tensor<Double> {
  var b = start
  for _ in 0..<steps {
    let r = residuals(b)
    let j = jacobian(at: b, of: residuals)
    let a = matmul(j.transposed(1, 0), j)
    let g = matmul(j.transposed(1, 0), r)
    let determinant = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    b = b - stacked([a[1, 1] * g[0] - a[0, 1] * g[1], a[0, 0] * g[1] - a[1, 0] * g[0]]) / determinant
  }
  return b
}

func flight(_ launch: Tensor<Double>) -> (end: Tensor<Double>, path: Tensor<Double>) {
  let gravity = Tensor<Double>([0, -9.81])
  let start = [Tensor<Double>.zeros([2]), launch]
  let (last, path) = scan(start, length: 200) { (state: [Tensor<Double>]) in
    let (position, velocity) = (state[0], state[1])
    let speed = sqrt((velocity * velocity).sum())
    let acceleration = gravity - 0.05 * speed * velocity
    return ([position + 0.01 * velocity, velocity + 0.01 * acceleration], position)
  }
  return (last[0], path)
}

func aim(at target: Tensor<Double>, from guess: Tensor<Double>, steps: Int) -> Tensor<Double> {
  var launch = guess
  for _ in 0..<steps {
    let miss = flight(launch).end - target
    let j = jacobian(at: launch) { launch in flight(launch).end }
    let determinant = j[0, 0] * j[1, 1] - j[0, 1] * j[1, 0]
    launch =
      launch - stacked([j[1, 1] * miss[0] - j[0, 1] * miss[1], j[0, 0] * miss[1] - j[1, 0] * miss[0]]) / determinant
  }
  return launch
}

@Suite("Example pages")
struct ExamplePageTests {
  @Test("a derivative of one's own is right where the plain one is not a number")
  func customDerivative() throws {
    let x = Tensor<Double>([-800, -1, 0, 2, 800])
    let slopes = softPlusSlopes(x)
    let expected = [0, 1 / (1 + exp(1.0)), 0.5, 1 / (1 + exp(-2.0)), 1]
    for found in [slopes.reverse, slopes.forward, slopes.each] {
      #expect(zip(found.scalars, expected).allSatisfy { abs($0 - $1) < 1e-15 }, "\(found)")
    }
    let report = try checkGradients(at: Tensor<Double>([-1, 0.5, 2])) { x in softPlus(x) }
    assert(report.passes, "\(report)")
  }

  @Test("per-example gradients are the gradients of the examples, bit for bit")
  func perExample() {
    let w = Tensor<Double>([0.5, -1])
    let x = Tensor<Double>([[1, 2], [3, -1], [0.5, 0.25]])
    let y = Tensor<Double>([1, 0, -1])
    let all = perExampleGradients(w, x, y)
    for i in 0..<3 {
      let one = perExampleGradients(w, x[i].reshaped(to: [1, 2]), y[i].reshaped(to: [1]))
      #expect(all[i].scalars == one.scalars)
    }
  }

  @Test("Newton's method is at the minimum of Rosenbrock's function after seven steps")
  func newtonsMethod() {
    let x = newton(Tensor<Double>([-1.2, 1]), steps: 7, of: rosenbrock).scalars
    #expect(abs(x[0] - 1) < 1e-8 && abs(x[1] - 1) < 1e-8, "\(x)")
  }

  @Test("the fit reproduces NIST's certified values of Misra1a to eight digits")
  func curveFitting() {
    let x = Tensor<Double>([
      77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0,
    ])
    let y = Tensor<Double>([
      10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78,
    ])
    let b = gaussNewton(Tensor([250, 0.0005] as [Double]), steps: 8) { b in misra1a(b, x) - y }
    let residuals = misra1a(b, x) - y
    let squares = (residuals * residuals).sum().item
    for (found, certified) in zip(b.scalars + [squares], [238.94212918, 0.00055015643181, 0.12455138894]) {
      #expect(abs(found - certified) <= 1e-8 * certified, "\(found)")
    }
  }

  @Test("the ball that is aimed by derivatives of its flight arrives")
  func simulation() {
    let target = Tensor<Double>([8, 3])
    let launch = aim(at: target, from: Tensor([6, 10] as [Double]), steps: 8)
    let (end, path) = flight(launch)
    #expect(end.isClose(to: target, relativeTolerance: 1e-9), "\(end)")
    #expect(path.dimensions == [200, 2])
  }

  @Test("the tutorial is the program that Utilities/first-day builds and runs")
  func tutorial() throws {
    let blocks = try Example.blocks(ofPage: "Documentation/Tutorial.md")
    let program = blocks.map { $0.code.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    #expect(blocks.count > 5)
    #expect(try Repository.text("Tests/FirstDay/Tutorial/main.swift") == program)
  }

  @Test("the pages show the code that is tested")
  func pages() throws {
    func lines(_ text: some StringProtocol) -> String {
      text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
    }
    let files = ["Tests/DocumentationTests/ExamplePageTests.swift"] + Repository.files(in: ["Examples"], ["swift"])
    let source = lines(try files.map { try Repository.text($0) }.joined(separator: "\n"))
    for page in Repository.files(in: ["Documentation/Examples"], ["md"]) {
      let parts = try Repository.text(page).components(separatedBy: "```swift\n").dropFirst()
      #expect(!parts.isEmpty)
      for part in parts { #expect(source.contains(lines(part.components(separatedBy: "```")[0])), "\(page)") }
    }
  }
}
