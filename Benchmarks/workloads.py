"""Reads files of workloads, as Workloads.md describes them, and writes their Swift: workloads.py FILE prints it."""
import dataclasses, re, sys

SWIFT_TYPES = {"f32": "Float", "f16": "Float16", "i32": "Int32", "i8": "Int8"}
INPUT = re.compile(r"(\w+): (f32|f16|i32|i8)\[(.*)\](?: \* ([\d.]+))?(?: \+ ([\d.]+))?(?: (image|filter|index))?")


@dataclasses.dataclass
class Input:
    """Noise of seed `seed` times `scale` plus `offset`; `shape` is text, in which `n` may stand."""
    name: str
    seed: int
    dtype: str
    shape: str
    scale: float
    offset: float
    kind: str

    @property
    def swift(self):
        noise = f"Noise.tensor([{self.shape}], seed: {self.seed}, scale: {self.scale}, offset: {self.offset})"
        if self.dtype == "f32":
            return noise
        return f"{noise if self.dtype == 'f16' else f'floor({noise})'}.converted(to: {SWIFT_TYPES[self.dtype]}.self)"


@dataclasses.dataclass
class Workload:
    name: str
    text: str = ""                                          # the prose of the section
    inputs: list = dataclasses.field(default_factory=list)
    sizes: list = dataclasses.field(default_factory=list)   # what `n` stands for
    tolerance: float = 1e-4
    code: dict = dataclasses.field(default_factory=dict)    # language: (line, text)

    def declare(self, line):
        key, _, value = line.partition(": ")
        if key == "n":
            self.sizes = [int(size) for size in value.split(",")]
        elif key == "tolerance":
            self.tolerance = float(value)
        elif match := INPUT.fullmatch(line):
            name, dtype, shape, scale, offset, kind = match.groups()
            seed = len(self.inputs) + 1
            self.inputs.append(Input(name, seed, dtype, shape, float(scale or 1), float(offset or 0), kind or ""))
        else:
            raise SystemExit(f"{self.name}: expected NAME: TYPE[SHAPE] * SCALE + OFFSET KIND, found {line}")

    def swift(self, path):
        """The workload as an expression of Swift; the compiler reports mistakes at the lines of the file `path`."""
        inputs = "    let n = session.size\n" if self.sizes else ""
        inputs += "".join(f"    let {i.name} = {i.swift}\n" for i in self.inputs)
        parameters = ", ".join(f"{i.name}: Tensor<{SWIFT_TYPES[i.dtype]}>" for i in self.inputs)
        line, body = self.code["swift"]
        return f"""  Workload("{self.name}") {{ session, _ throws(KilnError) in
{inputs}    let f = compile {{ ({parameters}) in
#sourceLocation(file: "{path}", line: {line})
{body}
#sourceLocation()
    }}
    return try session.measure {{ () throws(KilnError) in try f.run({", ".join(i.name for i in self.inputs)}) }}
  }},
"""


def read(path):
    """The workloads of a file by their names: each is a `##` heading, prose, and blocks of code."""
    workloads, workload, language, start, block = {}, None, None, 0, []
    for number, line in enumerate(open(path).read().splitlines(), 1):
        if language is not None:
            if line != "```":
                block.append(line)
                continue
            workload.code[language] = (start, "\n".join(block))
            for declaration in block if language == "inputs" else []:
                workload.declare(declaration)
            language = None
        elif line.startswith("```"):
            language, start, block = line[3:], number + 1, []
        elif line.startswith("## "):
            workload = workloads.setdefault(line[3:], Workload(line[3:]))
        elif workload:
            workload.text += line + "\n"
    return workloads


def swift_program(path):
    """A program that measures any one of the workloads of a file."""
    body = "".join(workload.swift(path) for workload in read(path).values())
    return f"import Kiln\nimport KilnBenchmarks\n\ntry Workload.main([\n{body}])\n"


if __name__ == "__main__":
    print(swift_program(sys.argv[1]))
