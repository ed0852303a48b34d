// swift-tools-version: 6.2
import PackageDescription

/// Every target of Kiln: its name, its folder and the arrows it may follow (see Documentation/Architecture.md).
/// `KILN_STRICT=1` turns warnings into errors; CI sets it.
let strict = Context.environment["KILN_STRICT"] == "1"
let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

func library(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}
func cModule(_ name: String, _ path: String) -> Target { .target(name: name, path: path) }
func program(_ name: String, _ path: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: path, resources: resources, swiftSettings: settings)
}
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: settings)
}

let package = Package(
  name: "Kiln",
  products: [
    .library(name: "Kiln", targets: ["Kiln"]),
    .library(name: "KilnIR", targets: ["KilnIR"]),
  ],
  dependencies: [],
  targets: [
    library("KilnIR", "IR"),
    library("KilnPasses", "Passes", ["KilnIR"]),
    cModule("CRuntime", "Runtime/CRuntime"),
    cModule("CLLVM", "Runtime/CLLVM"),
    cModule("COpenBLAS", "Runtime/COpenBLAS"),
    cModule("COpenCL", "Runtime/COpenCL"),
    library("KilnRuntime", "Runtime/Core", ["KilnIR", "CRuntime"]),
    library("KilnCPU", "Runtime/CPU", ["KilnIR", "KilnRuntime", "CLLVM", "COpenBLAS"]),
    library("KilnOpenCL", "Runtime/OpenCL", ["KilnIR", "KilnRuntime", "COpenCL"]),
    tests("IRTests", ["KilnIR"]),
    tests("FileTests", ["KilnIR", "KilnPasses"], exclude: ["Cases"]),
    library("KilnTesting", "Tests/Support", ["KilnIR"]),
    tests("PassesTests", ["KilnIR", "KilnPasses", "KilnTesting"]),
    tests("CompilerTests", ["KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnTesting"]),
    cModule("CCallSite", "Sources/CCallSite"),
    library("Kiln", "Sources/Kiln", ["KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "CCallSite"]),
    tests("KilnTests", ["Kiln", "KilnIR"]),
    tests("RuntimeTests", ["KilnIR", "KilnRuntime", "KilnCPU"]),
    tests("OpenCLTests", ["KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL", "KilnTesting"]),
  ]
)
