"""Stages that say whether the back end is right: build, kernels, repeats, sanitize, parity."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

from stage import ROOT, Context, Result, first_line, run, run_json

PROGRAMS = ["attune_test", "attune_replay", "attune_gpu_bench"]


def architecture() -> str:
    """Of the GPU that is there: of Hopper the a target, which alone has its instructions."""
    major, minor = first_line(
        ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    ).split(".")
    return f"{major}{minor}{'a' if major == '9' else ''}-real"


def cublas() -> dict[str, str]:
    """Where Python's packages have cuBLASLt, for machines without the toolkit's own."""
    for place in filter(None, sys.path):
        for found in sorted(Path(place).glob("nvidia/*/lib/libcublasLt.so.1*")):
            return {"ATTUNE_CUBLAS": str(found)}
    return {}


def build(context: Context) -> Result:
    """Configures and compiles for the GPU that is there, and nothing else."""
    options = ["-DATTUNE_TESTS=ON", "-DCMAKE_BUILD_TYPE=Release"]
    targets = list(PROGRAMS)
    if context.cuda:
        options += ["-DATTUNE_CUDA=ON", f"-DCMAKE_CUDA_ARCHITECTURES={architecture()}"]
        targets.append("attune_cuda")
    else:
        options.append("-DATTUNE_CUDA=OFF")
    fresh = not (context.build / "CMakeCache.txt").exists()
    generator = ["-G", "Ninja"] if fresh and shutil.which("ninja") else []
    configured = run(context, ["cmake", "-S", ROOT, "-B", context.build, *generator, *options])
    if configured.code != 0:
        return Result(False, f"cmake: {configured.why}")
    jobs = str(os.cpu_count())
    made = run(
        context, ["cmake", "--build", context.build, "--target", *targets, "--parallel", jobs]
    )
    if made.code != 0:
        failed = re.search(r"error[: ].*", made.output + made.errors)
        return Result(False, f"compiler: {failed.group(0)[:160] if failed else made.why}")
    ceilings, measured = run_json(
        context, [context.program("attune_gpu_bench"), "ceilings", "--device", context.device]
    )
    if not measured:
        return Result(False, f"the device cannot be used: {ceilings.why}")
    product, copy = measured["product_tflops"], measured["copy_gbps"]
    summary = f"{made.seconds:.0f} s; products {product:.4g} TFLOP/s, copy {copy:.4g} GB/s"
    return Result(True, summary, {"seconds": made.seconds, "ceilings": measured})


def tests(context: Context, words: str = "", **env: str) -> Result:
    """The native tests on the device alone: each case against a reference in float64."""
    command = [context.program("attune_test"), *([words] if words else [])]
    ended = run(context, command, ATTUNE_DEVICES=context.device, **env)
    counts = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", ended.output, re.M)
    if not counts:
        return Result(False, ended.why)
    passed, failed, skipped = map(int, counts.groups())
    names = re.findall(r"^FAILED (.*)$", ended.output, re.M)
    first = f"; first: {names[0]}" if names else ""
    summary = f"{passed} passed, {failed} failed, {skipped} skipped{first}"
    data = {"passed": passed, "failed": failed, "skipped": skipped, "failures": names}
    return Result(ended.code == 0 and failed == 0, summary, data)


def kernels(context: Context) -> Result:
    """Outputs begin as NaN, so that what a kernel does not write is found."""
    return tests(context)


def repeats(context: Context) -> Result:
    """Every op thirty times, with the same bits each time."""
    times = "30" if context.cuda else "4"
    return tests(context, ATTUNE_REPEATS=times)


# Tool → what runs under it. Initcheck wants memory of the device alone, which the tests' is not.
SANITIZERS = {
    "memcheck": ["attention", "cross_entropy", "norm", "adamw", "embedding"],
    "racecheck": ["attention", "norm", "cross_entropy"],
    "synccheck": ["attention", "norm"],
    "initcheck": [],
}


def sanitize(context: Context) -> Result:
    """compute-sanitizer over the kernels with shared memory, and over two steps of a model."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not context.cuda or not Path(tool).exists():
        return Result(None, "no compute-sanitizer, or no GPU")
    jobs: list[tuple[str, str, list[str]]] = []
    for name, filters in SANITIZERS.items():
        step = [context.program("attune_replay"), context.records / "llama", "--steps", "2"]
        jobs.append((name, "two steps", [*step, "--device", "cuda"]))
        for words in filters:
            jobs.append((name, words, [context.program("attune_test"), words]))
    data, bad, done = {}, [], 0
    for name, what, command in jobs:
        if context.left() < 10:
            break
        options = ["--tool", name, "--error-exitcode", "9", "--print-limit", "5"]
        ended = run(
            context,
            [tool, *options, *command],
            limit=120,
            ATTUNE_DEVICES="cuda",
            ATTUNE_REPEATS="1",
        )
        errors = re.search(r"ERROR SUMMARY: (\d+) error|RACECHECK SUMMARY: (\d+) hazard", ended.output)
        found = "not finished" if ended.code is None else errors.group(0) if errors else ended.why
        data[f"{name} {what}"] = found
        done += ended.code == 0
        if ended.code not in (0, None):
            bad.append(f"{name} {what}: {found}")
    left = len(jobs) - done - len(bad)
    summary = f"{done} of {len(jobs)} clean, {left} not finished in time"
    return Result(not bad and done > 0, "; ".join([summary, *bad[:2]]), data)


def parity(context: Context) -> Result:
    """Runs of the processor, step by step on this device; in bfloat16 within PyTorch's distance."""
    proof = context.records / "proof.json"
    if not proof.exists():
        return Result(None, f"no {proof}: npx tsx scripts/gpu/prepare.ts makes it, with Node")
    data, bad, worst = {}, [], 0.0
    replays = json.loads(proof.read_text())["replays"]
    for entry in replays:
        words = [str(word) for word in entry["arguments"]]
        if context.device == "cuda-host" and entry["name"].startswith("parity"):
            words += ["--steps", "1"]  # the layer is slow
        command = [context.program("attune_replay"), context.records / entry["record"]]
        ended, found = run_json(context, [*command, "--device", context.device, *words])
        data[entry["name"]] = found or ended.why
        if ended.code != 0:
            said = f"loss off by {found['loss_difference']:.2g}" if found else ended.why
            bad.append(f"{entry['name']}: {said}")
        elif found["dtype"] == "float32":
            worst = max(worst, found["loss_difference"])
    summary = f"{len(replays) - len(bad)} of {len(replays)}; float32 losses within {worst:.2g}"
    return Result(not bad, "; ".join([summary, *bad[:3]]), data)
