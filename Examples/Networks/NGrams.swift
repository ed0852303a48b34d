import Foundation

/// Models of texts that count: the probability of a character after the `order` - 1 before it, mixed with that after
/// fewer as Witten and Bell do ("The zero-frequency problem", 1991): (c(h, x) + t(h) p'(x)) / (c(h) + t(h)), with t(h)
/// the kinds of characters that were seen after h, and p' the probability after one character fewer. In the end it is
/// the same for all characters.
struct NGrams {
  private struct Follower {
    var total = 0
    var counts: [Int32: Int] = [:]
  }

  private let followers: [ArraySlice<Int32>: Follower]
  private let alphabetCount: Int

  /// Counts for the models of all orders up to `longest`.
  init(longest: Int, of text: [Int32]) {
    var followers: [ArraySlice<Int32>: Follower] = [:]
    for place in text.indices {
      for length in 0..<min(longest, place + 1) {
        let history = text[place - length..<place]
        followers[history, default: Follower()].total += 1
        followers[history, default: Follower()].counts[text[place], default: 0] += 1
      }
    }
    self.followers = followers
    alphabetCount = Int(text.max() ?? 0) + 1
  }

  private func probability(of next: Int32, after history: ArraySlice<Int32>) -> Double {
    var result = 1 / Double(alphabetCount)
    for length in 0...history.count {
      guard let found = followers[history.suffix(length)] else { break }
      let kinds = Double(found.counts.count)
      result = (Double(found.counts[next] ?? 0) + kinds * result) / (Double(found.total) + kinds)
    }
    return result
  }

  /// The mean of -log2 of the probabilities by the model of one order.
  func bits(of text: [Int32], order: Int) -> Double {
    let sum = text.indices.map { -log2(probability(of: text[$0], after: text[max(0, $0 - order + 1)..<$0])) }
    return sum.reduce(0, +) / Double(text.count)
  }
}
