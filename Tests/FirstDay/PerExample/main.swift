import Kiln

// The mean gradient with every example's part clipped to length 1, so that the outlier does not decide.

let w = Tensor<Float>([0.5, -0.25])
let x = Tensor<Float>([[1, 2], [2, -1], [-1, 1], [100, 50]])
let y = Tensor<Float>([1, 0, 1, -1])

func slopes(_ w: Tensor<Float>, _ x: Tensor<Float>, _ y: Tensor<Float>) -> Tensor<Float> {
  gradient(at: w) { w in
    let error = (w * x).sum() - y
    return error * error
  }
}

let each = vmap(slopes, axes: [nil, 0, 0])(w, x, y)
let lengths = each.norm(axes: [1], keepDims: true)
let clipped = each * minimum(1 / lengths, 1)
print(each)
print(clipped.mean(axes: [0]))
