/// Numbers that are drawn as a line, one for each epoch.
struct Curve {
  let name: String
  let values: [Double]

  /// An SVG file of curves. The axis of the values begins with 0.
  static func plot(_ curves: [Curve], title: String, across: String, up: String) -> String {
    let (width, height, left, top) = (480.0, 280.0, 60.0, 30.0)
    let count = max(2, curves.map(\.values.count).max() ?? 0)
    let greatest = curves.flatMap(\.values).filter(\.isFinite).max() ?? 1
    let scale = greatest > 0 ? greatest : 1
    func x(_ index: Int) -> Double { left + width * Double(index) / Double(count - 1) }
    func y(_ value: Double) -> Double { top + height * (1 - value / scale) }
    func rounded(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
    func text(_ x: Double, _ y: Double, _ text: String, _ anchor: String, _ color: String = "#333") -> String {
      "<text x=\"\(rounded(x))\" y=\"\(rounded(y))\" text-anchor=\"\(anchor)\" fill=\"\(color)\">\(text)</text>"
    }
    let colors = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"]
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 560 350\" font-family=\"sans-serif\" font-size=\"12\">",
      text(left + width / 2, 18, title, "middle"), text(left + width / 2, top + height + 34, across, "middle"),
      text(left - 8, top - 10, up, "end"),
    ]
    for part in 0...4 {
      let value = scale * Double(part) / 4
      let end = rounded(left + width)
      lines.append(
        "<path d=\"M\(rounded(left)),\(rounded(y(value)))H\(end)\" stroke=\"#ddd\" fill=\"none\"/>")
      lines.append(text(left - 8, y(value) + 4, rounded(value), "end"))
    }
    lines.append(text(left, top + height + 16, "1", "middle"))
    lines.append(text(left + width, top + height + 16, "\(count)", "middle"))
    for (number, curve) in curves.enumerated() {
      let color = colors[number % colors.count]
      let points = curve.values.enumerated().filter(\.element.isFinite).map { "\(rounded(x($0))),\(rounded(y($1)))" }
      lines.append(
        "<polyline points=\"\(points.joined(separator: " "))\" stroke=\"\(color)\" fill=\"none\" stroke-width=\"2\"/>")
      lines.append(text(left + width, top + 16 * Double(number + 1), curve.name, "end", color))
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }
}
