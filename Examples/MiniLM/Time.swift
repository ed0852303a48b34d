import ArgumentParser
import Foundation
import Kiln

/// `MiniLM time`: how long a sentence takes.
struct Time: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the milliseconds of a sentence, one after the other, round by round.")

  @Option(help: "How often all sentences are gone through.")
  var rounds = 5
  @Flag(help: "Wait for a line of input before each round, so that several programs take turns.")
  var turns = false
  @OptionGroup var options: EncoderOptions

  func validate() throws {
    if rounds < 1 { throw ValidationError("--rounds takes a positive number, found \(rounds)") }
  }

  func run() throws {
    let encoder = try options.encoder()
    let all = Sentences.own.map(encoder.pieces)
    // What is measured is a warm call: everything is compiled before.
    for pieces in all { _ = try encoder.embedding(of: pieces).scalars }
    for _ in 0..<rounds {
      if turns, readLine() == nil { return }
      let start = ContinuousClock.now
      for pieces in all { _ = try encoder.embedding(of: pieces).scalars }
      print(fixed((ContinuousClock.now - start) / .milliseconds(1) / Double(all.count), digits: 4))
      fflush(nil)
    }
  }
}

/// A number with so many digits behind the point.
func fixed(_ value: some BinaryFloatingPoint, digits: Int) -> String { String(format: "%.\(digits)f", Double(value)) }
