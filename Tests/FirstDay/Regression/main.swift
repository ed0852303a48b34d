import Kiln

// A line through noisy points, by gradient descent.

let key = RandomKey(seed: 7)
let x = Tensor<Float>.randomUniform([200], in: -1..<1, key: key.folding(in: 0))
let noise = Tensor<Float>.randomNormal([200], standardDeviation: 0.05, key: key.folding(in: 1))
let y = 3 * x + 0.5 + noise

var slope = Tensor<Float>(0)
var offset = Tensor<Float>(0)
for step in 1...100 {
  let (loss, (slopeGradient, offsetGradient)) = valueAndGradient(at: slope, offset) { slope, offset in
    let error = slope * x + offset - y
    return (error * error).mean()
  }
  slope -= 0.5 * slopeGradient
  offset -= 0.5 * offsetGradient
  if step % 25 == 0 { print("step \(step): loss \(loss.item)") }
}
print("y = \(slope.item) x + \(offset.item)")
