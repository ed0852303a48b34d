public import Kiln

extension Dataset where Input == Tensor<Float>, Target == Tensor<Int32> {
  /// 1,797 handwritten digits: images f32[1797, 8, 8], row by row, each pixel between 0 (white) and 1 (black) in steps
  /// of 1/16, and labels i32[1797] between 0 and 9.
  ///
  /// ```swift
  /// let digits = try Dataset.digits
  /// print(digits.inputs.shape, digits.targets[0..<3])
  /// let (training, heldOut) = try digits.split(heldOut: 297, key: RandomKey(seed: 1))
  /// ```
  /// Source: the test part of the UCI data set "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak,
  /// 1998), licensed CC BY 4.0 (https://doi.org/10.24432/C50P49). It is a part of the library, so no file is read.
  /// - Throws: `gzip.C1` if the copy in the library is damaged.
  public static var digits: Dataset {
    get throws(KilnError) {
      let text = try inflated(PackageResources.digits_csv_gz[...], "digits.csv.gz")
      let numbers = text.split { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\n") }
        .map { $0.reduce(0) { value, digit in value * 10 + Int32(digit) - 48 } }
      let rows = numbers.count / 65
      let pixels = numbers.indices.filter { $0 % 65 != 64 }.map { Float(numbers[$0]) / 16 }
      let labels = (0..<rows).map { numbers[$0 * 65 + 64] }
      return try Dataset(inputs: Tensor(pixels, shape: [rows, 8, 8]), targets: Tensor(labels))
    }
  }
}
