extension Device {
  /// The devices of this machine, the best first. The processor is missing where it cannot be compiled for; the interpreters
  /// are there everywhere.
  public static let available: [Device] = (isProcessorAvailable ? [.cpu] : []) + [.reference, .kernelReference]
}
