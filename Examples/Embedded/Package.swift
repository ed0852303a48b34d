// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Embedded",
  dependencies: [.package(name: "Kiln", path: "../..")],
  targets: [
    .executableTarget(
      name: "Embedded", dependencies: [.product(name: "KilnRuntime", package: "Kiln")],
      swiftSettings: [.treatAllWarnings(as: .error)])
  ]
)
