"""The stage that decides on Hopper's own kernels: right, and faster than the plain ones?"""

import shutil
from dataclasses import replace
from pathlib import Path

import measure
import proof
from stage import Context, Result, first_line, run

LENGTHS = (2048, 4096, 8192)
OPS = ("attention", "attention_backward")


def capability() -> str:
    return first_line(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"])


def sanitizers(context: Context) -> tuple[dict, list[str]]:
    """What compute-sanitizer says of the kernels' own tests: not finished is not bad."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    found: dict = {}
    bad = []
    if not context.cuda or not Path(tool).exists():
        return {"left out": "no compute-sanitizer, or no GPU"}, bad
    for name in ("memcheck", "synccheck", "racecheck"):
        if context.left() < 10:
            found[name] = "no time was left"
            continue
        command = [tool, "--tool", name, "--error-exitcode", "9", "--print-limit", "5"]
        test = [context.program("attune_test"), "attention_hopper"]
        env = {"ATTUNE_DEVICES": "cuda", "ATTUNE_REPEATS": "1"}
        ended = run(context, [*command, *test], limit=90, **env)
        found[name] = "clean" if ended.code == 0 else ended.why
        if ended.code not in (0, None):
            bad.append(f"{name}: {ended.why}")
    return found, bad


def rates(context: Context) -> tuple[dict, list[str]]:
    """TFLOP/s of attention inside of a step at the shapes of Llama-3.1-8B, both ways."""
    command = [context.program("attune_gpu_bench"), "step", "--device", context.device]
    found: dict = {}
    bad = []
    for length in LENGTHS:
        training = measure.Training(measure.EIGHT, 16, length, (8192,))
        for way in ("0", "1"):
            chosen = replace(context, env={**context.env, "ATTUNE_HOPPER": way})
            step, why = measure.attempt(chosen, command, training, (8192,), "--layers", "2")
            if not step:
                bad.append(f"length {length}: {why}")
                continue
            for op in step["timed"]["ops"]:
                first = op["op"].split(" ")[0]
                if first in OPS:
                    found[f"{first} {length} {'hopper' if way == '1' else 'plain'}"] = op["tflops"]
    return found, bad


def hopper(context: Context) -> Result:
    """Tests thirty times over, parity of whole runs, sanitizers; then rates, plain and Hopper's."""
    if context.cuda and not capability().startswith("9."):
        return Result(None, f"compute capability {capability()}: no Hopper")
    if not context.cuda and context.device != "cuda-host":
        return Result(None, "no CUDA device")
    times = "30" if context.cuda else "3"
    tested = proof.tests(context, "hopper", ATTUNE_REPEATS=times)
    chosen = replace(context, env={**context.env, "ATTUNE_HOPPER": "1"})
    parity = proof.parity(chosen)
    measured, failed = rates(context) if context.cuda else ({}, [])
    checked, bad = sanitizers(context)
    data: dict = {"tests": tested.summary, "parity": parity.summary, "sanitizers": checked}
    right = tested.passed is True and parity.passed is not False and not bad
    if not context.cuda:
        return Result(right, f"{tested.summary}; parity: {parity.summary}", data)
    data["tflops"] = measured
    lines = [f"    {'op':<30}{'plain':>10}{'hopper':>10}{'ratio':>8}"]
    ratios = []
    for op in OPS:
        for length in LENGTHS:
            plain, own = (measured.get(f"{op} {length} {way}") for way in ("plain", "hopper"))
            if plain and own:
                ratios.append(own / plain)
                lines.append(f"    {f'{op} {length}':<30}{plain:>10,.0f}{own:>10,.0f}{own / plain:>8.2f}")
    print("\n".join(lines))
    better = right and len(ratios) == len(OPS) * len(LENGTHS) and min(ratios) > 1
    data["default"] = "hopper" if better else "plain"
    summary = f"{tested.summary}; parity: {parity.summary}; "
    summary += f"{min(ratios):.2f} to {max(ratios):.2f} times the plain rate; " if ratios else ""
    summary += f"the default should be: {data['default']}"
    return Result(right and not failed, "; ".join([summary, *bad[:2], *failed[:2]]), data)
