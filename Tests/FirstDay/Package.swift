// swift-tools-version: 6.2
import PackageDescription

// What a user writes on the first day, from the README and the pages alone. `Utilities/first-day` builds and runs it.

func program(_ name: String, resources: [Resource] = []) -> Target {
  .executableTarget(
    name: name, dependencies: [.product(name: "Kiln", package: "Kiln")], path: name, resources: resources,
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
    program("Embedding", resources: [.copy("Resources/dense.kiln")]),
  ]
)
