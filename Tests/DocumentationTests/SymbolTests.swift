import Foundation
import KilnTesting
import Testing

@Suite("The reference")
struct SymbolTests {
  private struct Graph: Decodable {
    struct Symbol: Decodable {
      struct Identifier: Decodable { var precise: String }
      struct Names: Decodable { var title: String }
      struct Comment: Decodable {
        struct Line: Decodable { var text: String }
        var lines: [Line]
      }
      struct Place: Decodable { var uri: String }
      var identifier: Identifier
      var names: Names
      var pathComponents: [String]
      var docComment: Comment?
      var location: Place?
      var availability: [Availability]?
      struct Availability: Decodable { var isUnconditionallyUnavailable: Bool? }

      /// A name that exists to say what to write in its place.
      var isUnavailable: Bool { availability?.contains { $0.isUnconditionallyUnavailable == true } ?? false }
    }
    struct Relationship: Decodable {
      var source: String
      var sourceOrigin: Origin?
      struct Origin: Decodable { var identifier: String }
    }
    var symbols: [Symbol]
    var relationships: [Relationship]
  }

  /// What the compiler says of the public symbols of a library.
  private static func graph(_ module: String = "Kiln") throws -> Graph {
    let folder = try TemporaryFolder()
    let target = try Toolchain.info(folder).target.triple
    let outcome = try Toolchain.run(
      "swift-symbolgraph-extract",
      ["-module-name", module, "-target", target, "-minimum-access-level", "public", "-output-dir", folder.url.path]
        + BuiltModules.searchPaths(), in: folder)
    #expect(outcome.status == 0, "\(outcome.output)")
    let file = folder.url.appendingPathComponent("\(module).symbols.json")
    return try JSONDecoder().decode(Graph.self, from: Data(contentsOf: file))
  }

  @Test(
    "every public symbol of the libraries has a doc comment",
    arguments: [("Kiln", 300), ("KilnNN", 300), ("KilnData", 20)])
  func everySymbolHasAComment(module: String, leastCount: Int) throws {
    let graph = try Self.graph(module)
    // What a type has because of a protocol of others is described there.
    let inherited = Set(graph.relationships.filter { $0.sourceOrigin != nil }.map(\.source))
    let bare = graph.symbols.filter { symbol in
      symbol.docComment == nil && symbol.location != nil && !symbol.isUnavailable
        && !inherited.contains(symbol.identifier.precise)
    }
    #expect(graph.symbols.count > leastCount)
    let names = bare.map { symbol in
      let file = symbol.location?.uri.split(separator: "/").last ?? ""
      return "\(symbol.pathComponents.joined(separator: ".")) (\(file))"
    }
    if !names.isEmpty { Issue.record("without a doc comment: \(names.sorted().joined(separator: ", "))") }
  }

  @Test("the first page of the reference leads to every function, type and page")
  func everythingIsOnTheFirstPage() throws {
    let page = try Repository.text("Sources/Kiln/Kiln.docc/Kiln.md")
    let symbols = try Self.graph().symbols.filter { $0.pathComponents.count == 1 && !$0.isUnavailable }
    let names = Set(symbols.map { "``\($0.names.title)``" })
    let pages = Repository.files(in: ["Documentation"], ["md"]).filter { !$0.contains("Decisions") }
    let articles = Set(pages.map { "<doc:\(($0.split(separator: "/").last ?? "").dropLast(3))>" })
    let missing = names.union(articles).filter { !page.contains("- \($0)\n") }.sorted()
    if !missing.isEmpty { Issue.record("not in Kiln.docc/Kiln.md: \(missing.joined(separator: " "))") }
    let linked = Set(page.matches(of: #/\n- (.+)/#).map { String($0.1) })
    let unknown = linked.subtracting(names).subtracting(articles).sorted()
    if !unknown.isEmpty { Issue.record("in Kiln.docc/Kiln.md, and not there: \(unknown.joined(separator: " "))") }
  }
}
