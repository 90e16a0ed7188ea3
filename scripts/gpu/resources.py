"""What each kernel takes of a multiprocessor, and that none spills registers: needs nvcc alone.

    python3 scripts/gpu/resources.py [--arch 80,86,89,90a] [--jobs N] [WORD …]

Compiles the .cu files of native/sources.json whose path contains a WORD (all where there is none),
as ptxas reports it. A kernel has many instances: the table gives the most that any takes, and the
exit code is 1 where one spills.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from stage import ROOT

COMPILING = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


@dataclass
class Kernel:
    """The most that an instance takes, by architecture."""

    source: str
    instances: set[str] = field(default_factory=set)
    registers: dict[str, int] = field(default_factory=dict)
    stack: int = 0
    spilled: int = 0
    shared: int = 0  # that is not dynamic


def name_of(mangled: str) -> str:
    """The last identifier of a mangled name, which is the function's own."""
    found, rest = "", mangled[2:]
    rest = rest[1:] if rest.startswith("N") else rest
    while digits := re.match(r"\d+", rest):
        start = digits.end()
        end = start + int(digits.group())
        found, rest = rest[start:end], rest[end:]
    return found or mangled


def compile_one(nvcc: str, source: str, arch: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        command = [nvcc, "-std=c++17", "-O3", f"-gencode=arch=compute_{arch},code=sm_{arch}"]
        command += ["-I", str(ROOT / "native"), "-Xptxas=-v", "--cubin"]
        command += ["-o", f"{scratch}/kernels.cubin", str(ROOT / source)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"{source}, sm_{arch}:\n{ended.stderr}")
    return ended.stderr


def read(report: str, source: str, kernels: dict[str, Kernel]) -> None:
    kernel, arch = None, ""
    for line in report.splitlines():
        if entry := COMPILING.search(line):
            name, arch = name_of(entry.group(1)), entry.group(2)
            kernel = kernels.setdefault(name, Kernel(source))
            kernel.instances.add(entry.group(1))
        elif kernel and (stack := STACK.search(line)):
            kernel.stack = max(kernel.stack, int(stack.group(1)))
            kernel.spilled = max(kernel.spilled, int(stack.group(2)) + int(stack.group(3)))
        elif kernel and (used := USED.search(line)):
            most = max(kernel.registers.get(arch, 0), int(used.group(1)))
            kernel.registers[arch] = most
            shared = SHARED.search(line)
            kernel.shared = max(kernel.shared, int(shared.group(1)) if shared else 0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--arch", default="80,86,89,90a")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--nvcc", default="nvcc")
    given = parser.parse_args()
    listed = json.loads((ROOT / "native/sources.json").read_text())["cuda"]
    sources = [path for path in listed if path.endswith(".cu")]
    if given.words:
        sources = [path for path in sources if any(word in path for word in given.words)]
    arches = given.arch.split(",")
    work = [(source, arch) for source in sources for arch in arches]
    kernels: dict[str, Kernel] = {}
    with ThreadPoolExecutor(given.jobs) as pool:
        reports = pool.map(lambda one: compile_one(given.nvcc, *one), work)
        for (source, _), report in zip(work, reports):
            read(report, source, kernels)
    heads = [f"sm_{arch}" for arch in arches]
    print("| kernel | instances | " + " | ".join(heads) + " | shared | stack | spills |")
    print("| --- " * (len(heads) + 5) + "|")
    for name, kernel in sorted(kernels.items()):
        registers = " | ".join(str(kernel.registers.get(head, "-")) for head in heads)
        numbers = f"{kernel.shared} | {kernel.stack} | {kernel.spilled}"
        print(f"| {name} | {len(kernel.instances)} | {registers} | {numbers} |")
    spilling = [name for name, kernel in kernels.items() if kernel.spilled > 0]
    if spilling:
        sys.exit(f"registers are spilled by {', '.join(spilling)}")


if __name__ == "__main__":
    main()
