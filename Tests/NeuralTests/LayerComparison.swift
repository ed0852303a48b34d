import Kiln
import KilnNN
import Testing

/// A layer and its input, as one thing to take a gradient of.
struct LayerAndInput<Body: Layer>: TensorTree where Body.Input: TensorTree {
  var layer: Body
  var input: Body.Input

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layer, "layer")
    visitor.visit(&input, "input")
  }
}

/// The numbers of a file of cases.
struct LayerCases {
  let file: SafetensorsFile

  init(_ name: String) throws { file = try SafetensorsFile(Fixture.path(name)) }

  /// The part of a case, as numbers of `type` where it is real.
  func tensor<Element: TensorElement>(_ name: String, _ type: Element.Type) throws -> Tensor<Element> {
    let found = try file.tensor(name)
    if let tensor = Tensor<Element>(found) { return tensor }
    return try #require(Tensor<Double>(found)).converted(to: type)
  }

  /// `tree` with the tensors of the case, all of them and no others.
  func loaded<Tree: TensorTree, Scalar: TensorReal>(_ tree: Tree, _ name: String, _ type: Scalar.Type) throws -> Tree {
    let prefix = "\(name).weights."
    let names = file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    #expect(Set(names) == Set(tree.tensors.map(\.name)), "\(name)")
    var tree = tree
    try tree.updateTensors { key, old in
      let new = try tensor(prefix + key, type)
      #expect(new.dimensions == old.dimensions, "\(name): \(key)")
      return AnyTensor(new)
    }
    return tree
  }

  /// Whether `found` agrees with the part of a case: 1e-10 of the greatest magnitude in f64, 1e-5 in f32.
  func compare<Scalar: TensorReal>(_ found: Tensor<Scalar>, _ name: String) throws {
    let expected = try tensor(name, Double.self)
    let numbers = found.converted(to: Double.self)
    guard numbers.dimensions == expected.dimensions else {
      Issue.record("\(name), \(Scalar.self): \(found.type), expected \(expected.type)")
      return
    }
    var scale = expected.scalars.map(\.magnitude).max() ?? 0
    // A gradient that vanishes, such as that of a key's bias, is a sum of others that cancel each other.
    if scale < 1e-12 { scale = try tensor("\(name.prefix { $0 != "." }).cotangent", Double.self).max().item }
    let error = zip(numbers.scalars, expected.scalars).map { ($0 - $1).magnitude / scale }.max() ?? 0
    #expect(error <= (Scalar.self == Double.self ? 1e-10 : 1e-5), "\(name), \(Scalar.self)")
  }

  /// Compares the output, the gradients by input and parameters, and the statistics afterwards with those of the case.
  func compare<Scalar: TensorReal, Body: Layer>(
    _ name: String, _ layer: Body, _ type: Scalar.Type, training: Bool = false
  ) throws where Body.Input: TensorTree, Body.Output == Tensor<Scalar> {
    try compare(name, layer, type) { (all: inout LayerAndInput<Body>) in
      var pass = training ? ForwardPass(training: RandomKey(seed: 1)) : .inference
      return all.layer(all.input, &pass)
    } input: {
      if let input = try tensor("\(name).input", Int32.self, ifReal: false) as? Body.Input { return input }
      return try #require(try tensor("\(name).input", type) as? Body.Input)
    }
  }

  private func tensor(_ name: String, _ type: Int32.Type, ifReal: Bool) throws -> Tensor<Int32>? {
    Tensor<Int32>(try file.tensor(name))
  }

  func compare<Scalar: TensorReal, Body: Layer>(
    _ name: String, _ layer: Body, _ type: Scalar.Type,
    _ call: @escaping @Sendable (inout LayerAndInput<Body>) -> Tensor<Scalar>, input: () throws -> Body.Input
  ) throws where Body.Input: TensorTree {
    var all = LayerAndInput(layer: try loaded(layer, name, type), input: try input())
    let start = all
    let step = compile { (all: inout LayerAndInput<Body>, cotangent: Tensor<Scalar>) in
      let result = valueAndGradient(updating: &all) { all in
        let y = call(&all)
        return ((y * cotangent).sum(), y)
      }
      return (result.auxiliary, result.gradient)
    }
    let (output, gradient) = try step.run(updating: &all, try tensor("\(name).cotangent", type))
    try compare(output, "\(name).output")
    let isTrained = zip(gradient.layer.tensors, gradient.layer.isTrained)
    for (entry, isTrained) in isTrained where isTrained {
      try compare(try #require(Tensor<Scalar>(entry.tensor)), "\(name).gradients.\(entry.name)")
    }
    for (number, entry) in gradient.input.tensors.enumerated() {
      if let slope = Tensor<Scalar>(entry.tensor) {
        try compare(slope, "\(name).gradient\(number == 0 ? "" : "\(number + 1)")")
      }
    }
    for entry in all.layer.tensors where file.names.contains("\(name).after.\(entry.name)") {
      try compare(try #require(Tensor<Scalar>(entry.tensor)), "\(name).after.\(entry.name)")
    }
    // Central differences need the digits of f64.
    guard Scalar.self == Double.self else { return }
    let report = try checkGradients(at: start, samples: 4) { (all: LayerAndInput<Body>) in
      var all = all
      // Statistics are constants of the derivative, and no constants of a difference.
      let own = start.layer.tensors
      var place = 0
      let isTrained = start.layer.isTrained
      all.layer.updateTensors { _, tensor in
        defer { place += 1 }
        return isTrained[place] ? tensor : own[place].tensor
      }
      return call(&all)
    }
    #expect(report.passes, "\(name): \(report)")
  }
}
