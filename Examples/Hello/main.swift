import Kiln

func predict(_ x: Tensor<Float>, _ w: Tensor<Float>) -> Tensor<Float> {
  softmax(matmul(x, w))
}

let x = Tensor<Float>([[1, 2, 3], [4, 5, 6]])
let w = Tensor<Float>([[1, 0], [0, 1], [0.5, -0.5]])

print(try trace(x, w) { x, w in predict(x, w) })  // the program, as text

let compiled = compile { (x: Tensor<Float>, w: Tensor<Float>) in predict(x, w) }
print(compiled(x, w))  // one static plan, made at the first call

print(gradient(at: w) { w in log(predict(x, w)[0..., 0]).sum() })
