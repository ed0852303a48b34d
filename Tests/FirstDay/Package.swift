// swift-tools-version: 6.2
import PackageDescription

// What a user writes on the first day, from the README and the pages alone. `Utilities/first-day` builds and runs it.

func program(_ name: String, _ products: [String] = ["Kiln"], resources: [Resource] = []) -> Target {
  .executableTarget(
    name: name, dependencies: products.map { .product(name: $0, package: "Kiln") }, path: name, resources: resources,
    swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
  name: "FirstDay",
  dependencies: [.package(name: "Kiln", path: "../..")],
  targets: [
    program("Regression"),
    program("Classifier"),
    program("Filter"),
    program("Newton"),
    program("PerExample"),
    program("Orbit"),
    program("SaveAndLoad"),
    program("Tutorial", ["Kiln", "KilnData", "KilnNN"]),
    program("Embedding", resources: [.copy("Resources/dense.kiln")]),
  ]
)
