import Kiln

// Finds the filter that turned one image into another.

let image = Tensor<Float>.randomNormal([1, 12, 12, 1], key: RandomKey(seed: 3))
let edges = Tensor<Float>([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).reshaped(to: [3, 3, 1, 1])
let target = conv2d(image, edges, padding: .same)

let update = compile { (filter: Tensor<Float>, image: Tensor<Float>, target: Tensor<Float>) in
  let slope = gradient(at: filter) { filter in
    let error = conv2d(image, filter, padding: .same) - target
    return (error * error).mean()
  }
  return filter - 0.3 * slope
}

var filter = Tensor<Float>.zeros([3, 3, 1, 1])
for _ in 0..<200 { filter = update(filter, image, target) }
print(round(filter.reshaped(to: [3, 3]) * 1000) / 1000)
print("largest error: \(abs(filter - edges).max().item < 1e-3 ? "below" : "above") 0.001")
