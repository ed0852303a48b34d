import ArgumentParser
import Foundation

/// The command line of Kiln. Exit status: 0 done, 1 the program is wrong, 2 the command line is wrong, 3 the machine
/// lacks something, 4 the tool crashed, which is a bug in Kiln.
@main
struct Main {
  static func main() {
    CrashReport.install()
    do {
      var command = try Root.parseAsRoot()
      try command.run()
    } catch let error as ToolError {
      write(error.text)
      exit(error.status)
    } catch {
      let text = Root.fullMessage(for: error)
      // Help and version are asked for with errors too; those succeed.
      if Root.exitCode(for: error) == .success {
        print(text)
      } else {
        write(text)
        exit(ToolError.usage)
      }
    }
  }

  private static func write(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

struct Root: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kiln", abstract: "Runs, transforms and shows tensor programs.",
    version: version,
    subcommands: [Run.self, Opt.self, Show.self, Bench.self, Devices.self, Cache.self])
}
