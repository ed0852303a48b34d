import Foundation
import Kiln
import KilnIR

extension Workload {
  /// The program that `Benchmarks/compare` makes of a file of workloads: measures one of them and prints the result as
  /// JSON. Its command line is NAME SIZE THREADS SECONDS.
  public static func main(_ workloads: [Workload]) throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let workload = workloads.first(where: { $0.name == arguments[1] }),
      let size = Int(arguments[2]), let threads = Int(arguments[3]), let seconds = Double(arguments[4])
    else { return stop("usage: \(arguments[0]) NAME SIZE THREADS SECONDS", status: 2) }
    let result: WorkloadResult
    do throws(KilnError) {
      result = try workload.measure(seconds: seconds, cores: threads, on: .cpu, size: size)
    } catch {
      return stop("\(error)", status: 1)
    }
    print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
  }

  private static func stop(_ message: String, status: Int32) {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(status)
  }
}
