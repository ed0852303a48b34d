public import KilnIR

// The types of the IR that come up in everyday code, so that `import Kiln` is enough to name them.

/// The extents of a tensor, outermost first.
public typealias Shape = KilnIR.Shape
/// One extent of a shape.
public typealias Dimension = KilnIR.Dimension
/// The type of the elements: `f32`, `i64`, `bool`.
public typealias DType = KilnIR.DType
/// Element type and shape: `f32[2,3]`.
public typealias TensorType = KilnIR.TensorType
/// A program: functions of tensor operations, which can be printed, read, transformed and run.
public typealias Module = KilnIR.Module
/// What Kiln throws: one diagnostic or several.
public typealias KilnError = KilnIR.KilnError
/// A mistake: what was expected and found, where, and under which label.
public typealias Diagnostic = KilnIR.Diagnostic
/// What an index outside of its axis means.
public typealias IndexBounds = KilnIR.IndexBounds
/// What scattering does with the element that is there.
public typealias ScatterCombiner = KilnIR.ScatterCombiner
