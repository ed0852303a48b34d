// The system's functions, for drawing random numbers on the host only: what tensors compute never depends on them.
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

func naturalLogarithm(_ x: Double) -> Double { log(x) }
func sineAndCosine(_ x: Double) -> (Double, Double) { (sin(x), cos(x)) }
