import Testing

@Suite("Labels of diagnostics")
struct LabelTests {
  @Test("every label of the source is in a page, and every label in a page is in the source")
  func labels() throws {
    let (source, pages) = (try Labels.ofSource(), try Labels.ofPages())
    #expect(source.count > 200)
    let missing = source.filter { pages[$0.key] == nil }.map { "\($0.key) (\($0.value))" }.sorted()
    if !missing.isEmpty { Issue.record("labels in no page: \(missing.joined(separator: ", "))") }
    let unknown = pages.filter { source[$0.key] == nil }.map { "\($0.key) (\($0.value))" }.sorted()
    if !unknown.isEmpty { Issue.record("labels that nothing makes: \(unknown.joined(separator: ", "))") }
  }
}
