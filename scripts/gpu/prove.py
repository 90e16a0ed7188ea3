"""Builds, checks and measures the GPU back end on a machine with a GPU, in one go.

    python3 scripts/gpu/prove.py                          every stage
    python3 scripts/gpu/prove.py --stage build,kernels    some of them
    python3 scripts/gpu/prove.py --backend cuda-host      a dry run without a GPU, at small sizes

Needs nvcc, CMake, the headers of cuBLAS and Python; no Node and no network. With PyTorch,
transformers and PEFT the peers are measured too. Each stage has a limit of its own and none stops
the next; a table comes last, and the script ends with 1 where a stage failed. Stages may run in
calls of their own: what they found is kept in the build folder, and written together to
bench/results/gpu-proof.json and gpu-bench.json (in a dry run beside it), and to $OUT where that is
set. docs/gpu.md has more.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import hopper
import measure
import proof
from stage import ROOT, Context, Result, machine

# Name → what runs, its limit in seconds, and the file that its results go to.
STAGES = {
    "build": (proof.build, 480, "proof"),
    "kernels": (proof.kernels, 420, "proof"),
    "parity": (proof.parity, 240, "proof"),
    "plan": (measure.plan, 240, "proof"),
    "repeats": (proof.repeats, 420, "proof"),
    "sanitize": (proof.sanitize, 480, "proof"),
    "hopper": (hopper.hopper, 570, "proof"),
    "ops": (measure.ops, 480, "bench"),
    "adapters": (measure.adapters, 120, "bench"),
    "train": (measure.train, 1200, "bench"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", default=",".join(STAGES), help="names, separated by commas")
    parser.add_argument("--backend", default="cuda", help="cuda, cuda:1, cuda-host or cpu")
    parser.add_argument("--build", help="build folder; build-gpu, in a dry run build-dry")
    parser.add_argument("--records", default=str(ROOT / "runs" / "gpu"), help="of prepare.ts")
    parser.add_argument("--runs", default="", help="of train: parts of names, such as 8b-lora-4096")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for the whole call")
    given = parser.parse_args()
    given.stages = given.stage.split(",")
    unknown = [name for name in given.stages if name not in STAGES]
    if unknown:
        parser.error(f"no stage is called {unknown[0]}; there are {', '.join(STAGES)}")
    return given


def commit(records: Path) -> str:
    """Of the sources; where git's folder is not carried along, as prepare.ts noted it."""
    described = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    if described.returncode == 0:
        return described.stdout.strip()
    try:
        return json.loads((records / "proof.json").read_text())["commit"]
    except (OSError, KeyError):
        return "unknown"


def publish(context: Context, common: dict) -> None:
    """Everything that was found so far, by file."""
    dry = not context.cuda
    target = context.build / "results" if dry else ROOT / "bench" / "results"
    target.mkdir(parents=True, exist_ok=True)
    for kind in ("proof", "bench"):
        found = {}
        for name, (_, _, where) in STAGES.items():
            path = context.build / "stages" / f"{name}.json"
            if where == kind and path.exists():
                found[name] = json.loads(path.read_text())
        if not found:
            continue
        path = target / f"gpu-{kind}.json"
        path.write_text(json.dumps({**common, "stages": found}, indent=1) + "\n")
        if os.environ.get("OUT"):
            shutil.copy(path, os.environ["OUT"])
    if os.environ.get("OUT"):
        shutil.copy(context.log, os.environ["OUT"])


def main() -> int:
    given = arguments()
    if given.backend == "cuda" and not machine()["gpu"]:
        print("no NVIDIA GPU here (nvidia-smi lists none); --backend cuda-host is a dry run without")
        return 2
    context = Context(given.backend, Path(), Path(given.records).resolve(), Path(), [])
    folder = given.build or ("build-gpu" if context.cuda else "build-dry")
    context.build = ROOT / folder
    context.runs = list(filter(None, given.runs.split(",")))
    (context.build / "stages").mkdir(parents=True, exist_ok=True)
    context.log = context.build / "prove.log"
    if "build" in given.stages:
        context.log.write_text("")
    context.env = proof.cublas() if context.cuda else {}
    ends = time.monotonic() + given.seconds
    common = {
        "command": "python3 scripts/gpu/prove.py " + " ".join(sys.argv[1:]),
        "commit": commit(context.records),
        "backend": given.backend,
        "machine": machine(),
    }
    rows = []
    for name in given.stages:
        work, limit, _ = STAGES[name]
        start = time.monotonic()
        context.deadline = min(start + limit, ends)
        print(f"== {name}", flush=True)
        try:
            result = work(context)
        except Exception as error:  # the next stages still say what they can
            result = Result(False, f"{type(error).__name__}: {error}")
        seconds = time.monotonic() - start
        state = {True: "ok", False: "FAILED", None: "not here"}[result.passed]
        rows.append((name, state, seconds, result.summary))
        print(f"   {state} in {seconds:.0f} s: {result.summary}", flush=True)
        stored = {"state": state, "seconds": seconds, "summary": result.summary, **result.data}
        (context.build / "stages" / f"{name}.json").write_text(json.dumps(stored))
        publish(context, common)
    print(f"\n{common['machine']['gpu'] or given.backend}, commit {common['commit']}")
    for name, state, seconds, summary in rows:
        print(f"{name:<10}{state:<10}{seconds:>6.0f} s  {summary}")
    return 1 if any(state == "FAILED" for _, state, _, _ in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
