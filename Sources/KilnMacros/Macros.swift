#if Macros
  import Kiln
  import KilnNN

  /// Makes a struct a `TensorTree`: writes its `visit`, which shows every stored property.
  ///
  /// ```swift
  /// @TensorTree
  /// struct Training {
  ///   var network: Dense<Float>
  ///   var momentum: [Tensor<Float>] = []
  ///   var rate = 0.1
  ///   @Ignored var name = "training"
  /// }
  /// ```
  /// Trees (tensors, layers, arrays, optionals and dictionaries of them) are visited; other values are constants of the
  /// program, and have to be `Hashable` and `Sendable`. What is neither does not compile, unless it is `@Ignored`.
  /// A property with a tree is a `var`. Properties of an `#if` are shown where it holds; computed and static ones are
  /// not stored.
  @attached(extension, conformances: TensorTree, names: named(visit))
  public macro TensorTree() = #externalMacro(module: "KilnMacroPlugin", type: "TensorTreeMacro")

  /// Makes a struct a layer that is made of layers: writes its `visit` as `@TensorTree` does, and the conformance.
  ///
  /// ```swift
  /// @Module
  /// struct Branches {
  ///   var left = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
  ///   var right = Sequential {
  ///     Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 2))
  ///     Dropout(rate: 0.5)
  ///   }
  ///   mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
  ///     left(x, &pass) + right(x, &pass)
  ///   }
  /// }
  /// ```
  /// The struct is a `Layer` if its call takes a pass, and a `PureLayer` if it takes none.
  @attached(extension, conformances: Layer, PureLayer, names: named(visit))
  public macro Module() = #externalMacro(module: "KilnMacroPlugin", type: "ModuleMacro")

  /// Leaves a stored property out of the tree that `@TensorTree` or `@Module` writes.
  ///
  /// The property has no part in the program: a compiled function does not see that it changed, gradients and updated
  /// trees keep its value, and files do not have it. A property with tensors cannot be left out (`tree.C2`).
  @attached(peer)
  public macro Ignored() = #externalMacro(module: "KilnMacroPlugin", type: "IgnoredMacro")
#endif
