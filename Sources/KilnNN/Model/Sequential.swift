public import Kiln

/// Layers one after the other: the output of each is the input of the next.
///
/// ```swift
/// let keys = RandomKey(seed: 1).split(2)
/// let network = Sequential {
///   Dense(inputs: 64, outputs: 128, key: keys[0])
///   ReLU()
///   Dropout(rate: 0.2)
///   Dense(inputs: 128, outputs: 10, key: keys[1])
/// }
/// let scores = network(x)
/// ```
/// A layer whose input is not the type that the one before it gives does not compile. Shapes that do not fit are
/// reported at the line of the call, with the name of the layer: `3` of the sequence, `arg0.body.3` where a closure
/// that is traced has it as an argument. Those numbers are the names of the layers in the tree, too: `3.weight`.
public struct Sequential<Input, Output, each Element: Layer>: Layer {
  /// The layers. Only `SequentialBuilder` makes a sequence: it knows that their types follow on each other.
  private var layers: (repeat each Element)

  /// The layers that `content` lists.
  public init(@SequentialBuilder _ content: () -> Sequential) { self = content() }

  fileprivate init(layers: repeat each Element) { self.layers = (repeat each layers) }

  public mutating func callAsFunction(_ input: Input, _ pass: inout ForwardPass) -> Output {
    let place = Place(self)
    var value: Any = input
    var index = 0
    func called<Next: Layer>(_ layer: Next) -> Next {
      var layer = layer
      value = place.calling(index) { layer(value as! Next.Input, &pass) }
      index += 1
      return layer
    }
    layers = (repeat called(each layers))
    return value as! Output
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    // In place: a copy of a layer would share its tensors, and a step that updates a model replaces shared ones. Swift
    // cannot write to one element of a pack, so the elements are found by the layout of tuples, which its ABI fixes:
    // one after the other, each at the next multiple of its alignment.
    withUnsafeMutableBytes(of: &layers) { bytes in
      var (index, offset) = (0, 0)
      func visit<Next: Layer>(_: Next.Type) {
        let alignment = MemoryLayout<Next>.alignment
        offset = (offset + alignment - 1) / alignment * alignment
        visitor.enter(index)
        if let layer = bytes.baseAddress?.advanced(by: offset).assumingMemoryBound(to: Next.self) {
          layer.pointee.visit(&visitor)
        }
        visitor.leave()
        index += 1
        offset += MemoryLayout<Next>.size
      }
      repeat visit((each Element).self)
    }
  }

  fileprivate func followed<Next: Layer>(by next: Next) -> Sequential<Input, Next.Output, repeat each Element, Next>
  where Next.Input == Output {
    Sequential<Input, Next.Output, repeat each Element, Next>(layers: repeat each layers, next)
  }

  /// Tells the layers where they are. Only a diagnostic or a summary looks at the tree.
  private struct Place: @unchecked Sendable {
    let sequence: Sequential
    let outer = LayerPlace.steps
    let call: CallUnderWay

    init(_ sequence: Sequential) {
      self.sequence = sequence
      // The stack of a call is kept so deep only: what many sequences deep goes wrong has the line of the first.
      call = outer.first?.call ?? CallUnderWay()
    }

    func calling<Result>(_ index: Int, _ body: () -> Result) -> Result {
      let step = LayerPlace.Step(
        index: index, owner: { LayerPlace.argumentName(of: sequence) }, call: call)
      return LayerPlace.$steps.withValue(outer + [step], operation: body)
    }
  }
}

/// How `Sequential { … }` reads its list of layers.
@resultBuilder
public enum SequentialBuilder {
  /// The first layer.
  public static func buildPartialBlock<First: Layer>(
    first layer: First
  ) -> Sequential<First.Input, First.Output, First> {
    Sequential<First.Input, First.Output, First>(layers: layer)
  }

  /// One more layer, which takes what those before it give.
  public static func buildPartialBlock<Input, Output, each Element: Layer, Next: Layer>(
    accumulated layers: Sequential<Input, Output, repeat each Element>, next layer: Next
  ) -> Sequential<Input, Next.Output, repeat each Element, Next> where Next.Input == Output {
    layers.followed(by: layer)
  }
}

/// An array of layers of one type is a layer that calls them in turn.
///
/// ```swift
/// let keys = RandomKey(seed: 1).split(3)
/// let body = keys.map { Dense(inputs: 8, outputs: 8, key: $0) }
/// let y = body(x)
/// ```
extension Array: Layer where Element: Layer, Element.Input == Element.Output {
  public mutating func callAsFunction(_ input: Element.Input, _ pass: inout ForwardPass) -> Element.Input {
    var value = input
    for index in indices { value = self[index](value, &pass) }
    return value
  }
}
