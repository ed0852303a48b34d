import Kiln

// Where does Himmelblau's function have its minimum near (3, 2.5)? Newton's method, with the Hessian.

func himmelblau(_ x: Tensor<Double>) -> Tensor<Double> {
  let a = x[0] * x[0] + x[1] - 11
  let b = x[0] + x[1] * x[1] - 7
  return a * a + b * b
}

var x = Tensor<Double>([3.5, 2.5])
for step in 1...8 {
  let g = gradient(at: x) { x in himmelblau(x) }
  let h = hessian(at: x) { x in himmelblau(x) }
  let determinant = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
  let move = stacked([h[1, 1] * g[0] - h[0, 1] * g[1], h[0, 0] * g[1] - h[1, 0] * g[0]]) / determinant
  x -= move
  print("step \(step): \(himmelblau(x).item < 1e-20 ? "there" : "on the way")")
}
print(x)
