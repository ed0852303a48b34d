import Kiln

// A planet around its star, in 1,000 steps of a leapfrog, and how the end depends on the first velocity.

func orbit(_ velocity: Tensor<Double>) -> (end: Tensor<Double>, energies: Tensor<Double>) {
  func pull(_ place: Tensor<Double>) -> Tensor<Double> {
    let r = place.norm()
    return -place / (r * r * r)
  }
  let start = [Tensor<Double>([1, 0]), velocity]
  let (last, energies) = scan(start, length: 1000) { (state: [Tensor<Double>]) in
    let half = state[1] + 0.005 * pull(state[0])
    let place = state[0] + 0.01 * half
    let velocity = half + 0.005 * pull(place)
    let energy = 0.5 * (velocity * velocity).sum() - 1 / place.norm()
    return ([place, velocity], energy)
  }
  return (last[0], energies)
}

let velocity = Tensor<Double>([0, 1.1])
let (end, energies) = orbit(velocity)
print("end: \(end)")
print("the energy stays: \((energies.max() - energies.min()).item < 1e-4)")

let slopes = jacobian(at: velocity) { velocity in orbit(velocity).end }
let small = Tensor<Double>([0, 1e-6])
let difference = (orbit(velocity + small).end - orbit(velocity - small).end) / 2e-6
print("derivative and difference agree: \(slopes[0..., 1].isClose(to: difference, relativeTolerance: 1e-5))")
