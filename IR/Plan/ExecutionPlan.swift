/// What to run, in which order, on which memory: the static plan of one function for one device.
///
/// Steps are stored flat; `loop`, `branch` and `repeat` own ranges of later steps, so regions nest like brackets.
public struct ExecutionPlan: Hashable, Sendable {
  public var name: String
  /// What it was lowered for.
  public var device: DeviceDescription
  /// All parameters of the function, hidden ones included.
  public var parameters: [Function.Parameter]
  public var results: [Result]
  /// Data that the plan owns: dense constants.
  public var constants: [Literal]
  /// Distinct kernels; launches refer to them.
  public var kernels: [Kernel]
  public var slots: [Slot]
  public var steps: [Step]
  /// Launches that run together, in their order.
  public var chains: [LaunchChain]
  public var memory: MemoryPlan
  /// Results that may be written over a parameter's memory if its owner gives it away.
  public var donations: [Donation]
  /// Donations that were asked for and are not safe: a run that binds such a result to its parameter's memory writes it
  /// elsewhere first.
  public var refusedDonations: [Donation]

  public init(
    name: String, device: DeviceDescription, parameters: [Function.Parameter], results: [Result],
    constants: [Literal], kernels: [Kernel], slots: [Slot], steps: [Step], chains: [LaunchChain] = [],
    memory: MemoryPlan, donations: [Donation], refusedDonations: [Donation] = []
  ) {
    self.name = name
    self.device = device
    self.parameters = parameters
    self.results = results
    self.constants = constants
    self.kernels = kernels
    self.slots = slots
    self.steps = steps
    self.chains = chains
    self.memory = memory
    self.donations = donations
    self.refusedDonations = refusedDonations
  }

  /// A result of the function.
  public struct Result: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
      /// Written by the plan into memory of its own.
      case written
      /// The bytes of a parameter.
      case parameter(Int)
      /// The bytes of an earlier result.
      case result(Int)
    }

    public var type: TensorType
    public var source: Source

    public init(_ type: TensorType, _ source: Source) {
      self.type = type
      self.source = source
    }
  }

  /// A buffer of the plan and where it lies.
  public struct Slot: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
      case parameter(Int)
      case result(Int)
      case constant(Int)
      /// Byte offset in the arena.
      case arena(Int)
      /// Byte offset in a thread's memory for the block that it has come to; the slot's chain is the one that uses it.
      case block(Int)
      /// One of the equal parts of an earlier slot, in order: the part that belongs to the turn of the repeat at
      /// `step`.
      case element(of: Int, step: Int)
    }

    public var type: TensorType
    public var place: Place
    /// What lies there, for people: the name of the value in the module that was lowered.
    public var name: String

    public init(_ type: TensorType, _ place: Place, name: String = "") {
      self.type = type
      self.place = place
      self.name = name
    }
  }

  public enum Step: Hashable, Sendable {
    case launch(Launch)
    /// Runs `condition`, and while the `bool` in slot `predicate` is true `body` and then `condition` again.
    case loop(condition: Range<Int>, body: Range<Int>, predicate: Int)
    /// Runs the region that the `bool` or `i32` in slot `selector` numbers; the last one if it is out of range.
    case branch([Range<Int>], selector: Int)
    /// Runs `body` `count` times. Turn i works on part i of slots that are elements; if reversed, the last part comes
    /// first.
    case `repeat`(count: Int, isReversed: Bool, body: Range<Int>)
  }

  /// One kernel on its buffers.
  public struct Launch: Hashable, Sendable {
    public var kernel: Int
    /// A slot per buffer of the kernel.
    public var slots: [Int]
    public var integers: [Int]
    /// Byte offset in the arena of the workspace, if the kernel has one.
    public var workspace: Int?
    /// The places that a status word of the kernel names, from 1.
    public var sites: [Site]
    /// The ops it computes, for people.
    public var label: String
    /// Whether a library of linear algebra computes it (`.fast` only).
    public var usesLibrary = false

    public init(kernel: Int, slots: [Int], integers: [Int], workspace: Int?, sites: [Site], label: String) {
      self.kernel = kernel
      self.slots = slots
      self.integers = integers
      self.workspace = workspace
      self.sites = sites
      self.label = label
    }
  }

  /// An op that may find an index out of range.
  public struct Site: Hashable, Sendable {
    public var spelling: String
    public var axis: Int
    public var extent: Int
    public var location: SourceLocation

    public init(spelling: String, axis: Int, extent: Int, location: SourceLocation) {
      self.spelling = spelling
      self.axis = axis
      self.extent = extent
      self.location = location
    }

    /// What is thrown for an index out of range.
    func error(index: Int64) -> KilnError {
      // Two parts of a kernel that fail at once may mix up their words; better no index than a wrong one.
      let found = index < 0 || index >= extent ? "index \(index)" : "an index"
      let isBox = spelling.hasPrefix("dynamic")
      return KilnError(
        "\(spelling).R1",
        isBox
          ? "\(found) is no start of a box along axis \(axis); starts are 0 to \(extent - 1)"
          : "\(found) is out of range for axis \(axis), which has \(extent) elements", at: location,
        notes: spelling == "scatter" ? ["the derivative of a gather is a scatter, at the line of the gather"] : [])
    }
  }

  /// `result` may be written over `parameter`.
  public struct Donation: Hashable, Sendable {
    public var parameter: Int
    public var result: Int

    public init(parameter: Int, result: Int) {
      self.parameter = parameter
      self.result = result
    }
  }

  /// Launches of a plan, in order.
  public var launches: [Launch] {
    steps.compactMap { step in
      if case .launch(let launch) = step { launch } else { nil }
    }
  }

  /// The plan with other locations of its sites: lines for raw return addresses, so that its text has them.
  package func locatingSites(_ place: (SourceLocation) -> SourceLocation) -> ExecutionPlan {
    var plan = self
    for (number, step) in steps.enumerated() {
      guard case .launch(var launch) = step else { continue }
      for site in launch.sites.indices { launch.sites[site].location = place(launch.sites[site].location) }
      plan.steps[number] = .launch(launch)
    }
    return plan
  }

  /// The slot that `slot` is a part of, directly or through other elements; itself if it is not an element.
  package func wholeSlot(of slot: Int) -> Int {
    var slot = slot
    while case .element(let whole, _) = slots[slot].place { slot = whole }
    return slot
  }

  /// The step behind step `number` and its regions.
  public func end(ofStep number: Int) -> Int {
    switch steps[number] {
    case .launch: number + 1
    case .loop(let condition, let body, _): max(condition.upperBound, body.upperBound)
    case .branch(let regions, _): regions.map(\.upperBound).max() ?? number + 1
    case .repeat(_, _, let body): body.upperBound
    }
  }

  /// Scratch bytes that each thread needs.
  public var scratchBytes: Int {
    launches.map { kernels[$0.kernel].scratchBytes($0.integers) }.max() ?? 0
  }
}
