import Foundation

/// The words of a text before they are split into pieces: lower case, without accents, each punctuation mark and
/// each Chinese character a word of its own (BERT's basic tokenizer).
enum BasicWords {
  static func split(_ text: String) -> [String] {
    var spaced = String.UnicodeScalarView()
    for scalar in text.unicodeScalars where scalar.value != 0 && scalar.value != 0xFFFD {
      if isSpace(scalar) {
        spaced.append(" ")
      } else if isControl(scalar) {
        continue
      } else if isChinese(scalar) {
        spaced.append(contentsOf: [" ", scalar, " "])
      } else {
        spaced.append(scalar)
      }
    }
    let plain = String(spaced).lowercased().decomposedStringWithCanonicalMapping
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func finish() {
      if !word.isEmpty { words.append(String(word)) }
      word = String.UnicodeScalarView()
    }
    for scalar in plain.unicodeScalars where scalar.properties.generalCategory != .nonspacingMark {
      if isSpace(scalar) {
        finish()
      } else if isPunctuation(scalar) {
        finish()
        words.append(String(scalar))
      } else {
        word.append(scalar)
      }
    }
    finish()
    return words
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
      || scalar.properties.generalCategory == .spaceSeparator
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse, .surrogate, .unassigned: true
    default: false
    }
  }

  /// Whether `scalar` is in a block of CJK ideographs; kana and hangul are written as words.
  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B820...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// Whether `scalar` is punctuation, or a mark of ASCII that Unicode counts among the symbols (`$`, `+`, `^`).
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }
}
