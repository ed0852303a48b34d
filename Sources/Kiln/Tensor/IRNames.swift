public import KilnIR

// The types of the IR that come up in everyday code, so that `import Kiln` is enough to name them.

public typealias Shape = KilnIR.Shape
public typealias Dimension = KilnIR.Dimension
public typealias DType = KilnIR.DType
public typealias TensorType = KilnIR.TensorType
public typealias Module = KilnIR.Module
public typealias KilnError = KilnIR.KilnError
public typealias Diagnostic = KilnIR.Diagnostic
public typealias IndexBounds = KilnIR.IndexBounds
public typealias ScatterCombiner = KilnIR.ScatterCombiner
