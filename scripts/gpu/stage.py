"""What the stages of prove.py share: where things lie, and running programs under a limit."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Context:
    """One call of the script."""

    device: str  # cuda, or for a dry run cuda-host or cpu
    build: Path
    records: Path
    log: Path
    runs: list[str]  # of the train stage; empty: all
    deadline: float = float("inf")  # of the stage, as time.monotonic gives it
    env: dict[str, str] = field(default_factory=dict)

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda") and self.device != "cuda-host"

    def program(self, name: str) -> str:
        return str(self.build / name)

    def left(self) -> float:
        return self.deadline - time.monotonic()


@dataclass
class Result:
    """Of a stage: passed is None where it could not be run here."""

    passed: bool | None
    summary: str
    data: dict = field(default_factory=dict)


@dataclass
class Ended:
    code: int | None  # None: it ran past its limit
    output: str
    errors: str
    seconds: float

    @property
    def why(self) -> str:
        lines = (self.errors or self.output).strip().splitlines()
        last = lines[-1][:160] if lines else "no output"
        return "ran past its limit" if self.code is None else f"code {self.code}: {last}"


def run(context: Context, command: list[str], limit: float = float("inf"), **env: str) -> Ended:
    """Runs a program to its end or to the nearer of two limits, and notes it in the log."""
    start = time.monotonic()
    seconds = max(1.0, min(limit, context.left()))
    timeout = None if seconds == float("inf") else seconds
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **context.env, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=timeout)
        code = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, errors = child.communicate()
        code = None
    ended = Ended(code, output, errors, time.monotonic() - start)
    shown = " ".join([*(f"{k}={v}" for k, v in env.items()), shlex.join(map(str, command))])
    with open(context.log, "a") as log:
        log.write(f"$ {shown}\n{output}{errors}[{ended.code}, {ended.seconds:.1f} s]\n\n")
    return ended


def run_json(context: Context, command: list[str], **how) -> tuple[Ended, dict | None]:
    """The same for a program whose last line is a JSON object."""
    ended = run(context, command, **how)
    lines = ended.output.strip().splitlines()
    try:
        return ended, json.loads(lines[-1])
    except (IndexError, ValueError):
        return ended, None


def first_line(command: list[str], pattern: str = "(.*)") -> str:
    """What the first line that matches says; empty where the program is not there."""
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(pattern, text)
    return found.group(1).strip() if found else ""


def machine() -> dict:
    """What a number depends on."""
    query = lambda field: first_line(
        ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    )
    return {
        "gpu": query("name"),
        "driver": query("driver_version"),
        "memory": query("memory.total"),
        "nvcc": first_line(["nvcc", "--version"], r"(release [^\n]*)"),
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
    }
