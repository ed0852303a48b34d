import Kiln

// Which of two rings does a point lie on? A network with one hidden layer, trained by a compiled step that updates it
// in place.

struct Dense: TensorTree {
  var weight: Tensor<Float>
  var bias: Tensor<Float>

  init(_ inputs: Int, _ outputs: Int, key: RandomKey) {
    weight = .randomNormal([inputs, outputs], standardDeviation: 0.7, key: key)
    bias = .zeros([outputs])
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { matmul(x, weight) + bias }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }
}

struct Network: TensorModel {
  var hidden: Dense
  var output: Dense

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { output(tanh(hidden(x))) }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&output, "output")
  }
}

let keys = RandomKey(seed: 1).split(4)
let count = 256
let labels = Tensor<Int32>.randomIntegers([count], in: 0..<2, key: keys[0])
let angle = Tensor<Float>.randomUniform([count], in: 0..<6.2831855, key: keys[1])
let radius = labels.converted(to: Float.self) + 1
let points = stacked([radius * cos(angle), radius * sin(angle)], axis: 1)

var network = Network(hidden: Dense(2, 16, key: keys[2]), output: Dense(16, 2, key: keys[3]))

let step = compile { (network: inout Network, points: Tensor<Float>, labels: Tensor<Int32>) in
  let (loss, gradient) = valueAndGradient(at: network) { network in
    -(logSoftmax(network(points)) * labels.oneHot(2)).sum(axes: [1]).mean()
  }
  network = network - 0.5 * gradient
  return loss
}

for number in 1...200 {
  let loss = step(updating: &network, points, labels)
  if number % 50 == 0 { print("step \(number): loss \(loss.item)") }
}
let right = (network(points).argMax(axis: 1) .== labels).converted(to: Float.self).mean()
print("right: \(right.item)")
print("programs: \(step.report.entries.count)")
