// swift-tools-version: 6.2
import CompilerPluginSupport
import PackageDescription

/// Every target of Kiln: its name, its folder and the arrows it may follow (see Documentation/Architecture.md).
/// `KILN_STRICT=1` turns warnings into errors; CI sets it.
let strict = Context.environment["KILN_STRICT"] == "1"
/// Of a module that, as a user's, imports Kiln alone: the members of shapes and element types are KilnIR's.
let userSettings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])
let settings: [SwiftSetting] = userSettings + [.enableUpcomingFeature("MemberImportVisibility")]

/// What `Utilities/docs` needs; other builds do not fetch it.
let documentation: [Package.Dependency] =
  Context.environment["KILN_DOCS"] == "1"
  ? [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")] : []

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
/// A library of swift-syntax. Without the trait it is neither fetched nor built, and what needs it compiles to nothing.
func syntax(_ name: String) -> Target.Dependency {
  .product(name: name, package: "swift-syntax", condition: .when(traits: ["Macros"]))
}

func library(
  _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource] = [], settings: [SwiftSetting] = settings
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: exclude, resources: resources, swiftSettings: settings)
}
func cModule(_ name: String, _ path: String) -> Target { .target(name: name, path: path) }
func program(
  _ name: String, _ path: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
  resources: [Resource] = [], settings: [SwiftSetting] = settings
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: path, exclude: exclude, resources: resources, swiftSettings: settings)
}
func plugin(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
  .macro(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}
func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], settings: [SwiftSetting] = settings
) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: settings)
}

let package = Package(
  name: "Kiln",
  products: [
    .library(name: "Kiln", targets: ["Kiln"]),
    .library(name: "KilnIR", targets: ["KilnIR"]),
    // What runs plans on the processor: no compiler of programs is in it.
    .library(name: "KilnRuntime", targets: ["KilnIR", "KilnRuntime", "KilnCPU"]),
    .executable(name: "kiln", targets: ["KilnTool"]),
    .library(name: "KilnNN", targets: ["KilnNN"]),
    .library(name: "KilnData", targets: ["KilnData"]),
    .library(name: "KilnMacros", targets: ["KilnMacros"]),
    // What `Benchmarks/compare` measures workloads of files with.
    .library(name: "KilnBenchmarks", targets: ["KilnBenchmarks"]),
  ],
  traits: [.trait(name: "Macros", description: "The macros of KilnMacros, which are built on swift-syntax.")],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
    .package(url: "https://github.com/swiftlang/swift-syntax", from: "603.0.1"),
  ] + documentation,
  targets: [
    library("KilnIR", "IR"),
    library("KilnPasses", "Passes", ["KilnIR"]),
    cModule("CRuntime", "Runtime/CRuntime"),
    cModule("CLLVM", "Runtime/CLLVM"),
    cModule("COpenBLAS", "Runtime/COpenBLAS"),
    cModule("COpenCL", "Runtime/COpenCL"),
    library("KilnRuntime", "Runtime/Core", ["KilnIR", "CRuntime", system]),
    library("KilnCPU", "Runtime/CPU", ["KilnIR", "KilnRuntime", "CLLVM", "COpenBLAS", "CRuntime"]),
    library("KilnOpenCL", "Runtime/OpenCL", ["KilnIR", "KilnRuntime", "COpenCL"]),
    program("kiln-gpu-bench", "Sources/GPUBench", ["KilnIR", "KilnPasses", "KilnRuntime", "KilnOpenCL", system]),
    library("KilnOracles", "Tests/Oracles", ["KilnIR"]),
    program("kiln-accuracy", "Tests/Accuracy", ["Kiln", "KilnIR", "KilnOracles", "KilnTesting"]),
    program("kiln-interrupted", "Tests/Interrupted", ["Kiln", "KilnData", "KilnNN"]),
    tests("IRTests", ["KilnIR", "KilnOracles", "KilnTesting"]),
    tests(
      "FileTests", ["Kiln", "KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL", "KilnBackends"],
      exclude: ["Cases"]),
    library("KilnTesting", "Tests/Support", ["KilnIR"]),
    library(
      "KilnBackends", "Tests/Backends",
      ["Kiln", "KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL", "KilnTesting"]),
    tests("PassesTests", ["KilnIR", "KilnPasses", "KilnTesting"]),
    cModule("CAllocationCounter", "Tests/CAllocationCounter"),
    tests(
      "CompilerTests",
      [
        "Kiln", "CAllocationCounter", "KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnTesting", "KilnBackends",
      ]),
    cModule("CCallSite", "Sources/CCallSite"),
    library(
      "Kiln", "Sources/Kiln",
      ["KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL", "CCallSite", system]),
    library("KilnNN", "Sources/KilnNN", ["Kiln"], settings: userSettings),
    plugin(
      "KilnMacroPlugin", "Sources/KilnMacroPlugin",
      [
        syntax("SwiftCompilerPlugin"), syntax("SwiftDiagnostics"), syntax("SwiftSyntax"), syntax("SwiftSyntaxBuilder"),
        syntax("SwiftSyntaxMacros"),
      ]),
    library("KilnMacros", "Sources/KilnMacros", ["Kiln", "KilnMacroPlugin", "KilnNN"], settings: userSettings),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", path: "Sources/CPNG", providers: [.apt(["libpng-dev"])]),
    library(
      "KilnData", "Sources/KilnData",
      ["Kiln", "CPNG", "CZlib", .product(name: "SwiftCSV", package: "SwiftCSV")],
      resources: [.embedInCode("Resources/digits.csv.gz")], settings: userSettings),
    library(
      "KilnBenchmarks", "Benchmarks", ["Kiln", "KilnIR", "KilnNN", "KilnPasses"],
      exclude: ["Growth.md", "Plots", "RESULTS.md", "Workloads.md", "compare", "growth", "peer", "workloads.py"]),
    program(
      "KilnTool", "Sources/KilnTool",
      [
        "Kiln", "KilnBenchmarks", "KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    library("WordPiece", "Examples/WordPiece"),
    program("Hello", "Examples/Hello", ["Kiln"]),
    program("Digits", "Examples/Digits", ["Kiln", "KilnData", "KilnIR", "KilnNN"], exclude: ["README.md"]),
    program(
      "Networks", "Examples/Networks",
      ["Kiln", "KilnData", "KilnNN", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      resources: [.copy("Resources")], settings: userSettings),
    program(
      "MiniLM", "Examples/MiniLM",
      ["Kiln", "KilnNN", "WordPiece", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      resources: [.embedInCode("Resources/sentences.txt")], settings: userSettings),
    tests("ToolTests", []),
    tests("DocumentationTests", ["Kiln", "KilnIR", "KilnTesting"]),
    tests("WordPieceTests", ["WordPiece"]),
    tests("MiniLMTests", ["Kiln", "KilnNN", "MiniLM"], exclude: ["Fixtures"], settings: userSettings),
    tests("SurfaceTests", ["Kiln", "KilnNN", "KilnTesting"]),
    tests("KilnTests", ["Kiln", "KilnIR", "KilnRuntime"]),
    tests("SpecialPointTests", ["Kiln", "KilnIR"], exclude: ["Tables"]),
    tests("TreeTests", ["Kiln", "KilnIR"], exclude: ["Fixtures"]),
    tests("MisuseTests", ["Kiln", "KilnIR"]),
    tests("DataTests", ["CZlib", "Kiln", "KilnData", "KilnNN"], settings: userSettings),
    tests("NeuralTests", ["Kiln", "KilnNN"], exclude: ["Fixtures"], settings: userSettings),
    tests("MacroTests", ["Kiln", "KilnMacros", "KilnNN", "KilnTesting"], settings: userSettings),
    tests("RuntimeTests", ["KilnIR", "KilnRuntime", "KilnCPU", "KilnTesting"]),
    tests(
      "OpenCLTests", ["KilnIR", "KilnPasses", "KilnRuntime", "KilnOpenCL", "KilnTesting", "KilnBackends", "Kiln"]),
  ]
)
