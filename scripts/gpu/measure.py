"""Stages that measure: ops beside PyTorch's, adapters, and whole training beside transformers."""

import sys
from dataclasses import dataclass

from stage import ROOT, Context, Ended, Result, run_json

PEERS = ROOT / "bench" / "peers"
PLAN = 0.03  # how far memory in use may be from the plan


@dataclass(frozen=True)
class Training:
    """One way of training: rank 0 trains every weight."""

    shape: str
    rank: int
    length: int
    tokens: tuple[int, ...]  # of a micro-batch; the next where one does not fit
    peer: tuple[int, ...] = ()  # the same for the peer; none: it is not run

    @property
    def name(self) -> str:
        return f"{self.shape}-{'lora' if self.rank else 'full'}-{self.length}"

    def words(self, tokens: int) -> list[str]:
        pairs = {"shape": self.shape, "rank": self.rank, "length": self.length, "tokens": tokens}
        return [word for key, value in pairs.items() for word in (f"--{key}", str(value))]


EIGHT, ONE, SMALL = "llama-3.1-8b", "llama-3.2-1b", "smollm2-135m"
# The most wanted first: a stage may run out of time.
TRAININGS = [
    Training(EIGHT, 16, 4096, (16384, 8192, 4096), (8192, 4096)),
    Training(ONE, 0, 4096, (16384, 8192), (16384, 8192, 4096)),
    Training(SMALL, 16, 4096, (32768, 16384), (32768, 16384, 8192)),
    Training(EIGHT, 16, 2048, (16384, 8192)),
    Training(EIGHT, 16, 8192, (16384, 8192)),
    Training(ONE, 16, 4096, (32768, 16384), (16384, 8192)),
    Training(SMALL, 0, 4096, (32768, 16384), (32768, 16384)),
    Training(ONE, 0, 2048, (16384, 8192)),
    Training(ONE, 0, 8192, (16384, 8192)),
    Training(EIGHT, 0, 4096, (8192, 4096)),
    Training(SMALL, 16, 2048, (32768,)),
    Training(SMALL, 16, 8192, (32768,)),
]
DRY = [Training("tiny", 4, 64, (128,), (128,)), Training("tiny", 0, 64, (128,), (128,))]
FITS_NOT = 3  # the code that both sides end with


def peer_python() -> str | None:
    """An interpreter with PyTorch: this one, where it has it."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401

        return sys.executable
    except ImportError:
        return None


def attempt(context: Context, command: list[str], training: Training, sizes, *more: str):
    """The first size that fits; what ran, or why not."""
    ended: Ended | None = None
    for tokens in sizes:
        ended, found = run_json(context, [*command, *training.words(tokens), *more], limit=300)
        if ended.code == 0 and found:
            return found, ""
        if ended.code != FITS_NOT:
            break
    return None, ended.why if ended else "no size was given"


def off_plan(step: dict) -> float:
    return abs(step["peak_over_plan"] - 1)


def table_of(step: dict) -> list[str]:
    """Where the time of a step goes, and what the limit would be."""
    rows = sorted(step["timed"]["parts"], key=lambda part: -part["ms"])
    lines = [f"    {'part':<20}{'ms':>10}{'share':>8}{'limit ms':>10}{'of limit':>10}"]
    for part in rows:
        lines.append(
            f"    {part['part']:<20}{part['ms']:>10.3f}{part['share']:>8.1%}"
            f"{part['limit_ms']:>10.3f}{part['of_limit']:>10.1%}"
        )
    return lines


def train(context: Context) -> Result:
    """Tokens per second of whole steps on random weights, and the same of transformers and PEFT."""
    ours = [context.program("attune_gpu_bench"), "step", "--device", context.device]
    python = peer_python()
    peer_device = "cuda" if context.cuda else "cpu"
    more = [] if context.cuda else ["--steps", "2"]
    compiles = "1" if context.cuda else "0"
    data, bad, lines, done = {}, [], [], 0
    chosen = [t for t in (TRAININGS if context.cuda else DRY)]
    if context.runs:
        chosen = [t for t in chosen if any(word in t.name for word in context.runs)]
    for training in chosen:
        if context.left() < 45:
            data[training.name] = {"ours": "not run: no time was left"}
            continue
        step, why = attempt(context, ours, training, training.tokens, *more)
        entry: dict = {"ours": step or why}
        data[training.name] = entry
        if not step:
            bad.append(f"{training.name}: {why}")
            continue
        done += 1
        line = (
            f"  {training.name}: {step['tokens_per_second']:,.0f} tokens/s, "
            f"{step['of_limit']:.1%} of the limit {step['limit']:,.0f}; "
            f"memory {step['peak'] / 2**30:.2f} GiB, plan off by {off_plan(step):.2%}, "
            f"{step['plan']['recomputed_layers']} layers recomputed"
        )
        if context.cuda and off_plan(step) > PLAN:
            bad.append(f"{training.name}: the plan is off by {off_plan(step):.1%}")
        if training.peer and python and context.left() > 60:
            command = [python, PEERS / "torch_sft.py", "--device", peer_device]
            options = [*more, "--compile", compiles]
            found, why = attempt(context, command, training, training.peer, *options)
            if not found:  # saves memory as people do
                options += ["--checkpointing", "1"]
                found, why = attempt(context, command, training, training.peer, *options)
            entry["torch"] = found or why
            if found:
                ratio = step["tokens_per_second"] / found["tokens_per_second"]
                line += f"; {ratio:.2f} times transformers' {found['tokens_per_second']:,.0f}"
                line += " with checkpointing" if found["checkpointing"] else ""
            else:
                line += f"; transformers: {why}"
        lines += [line, *table_of(step)]
    print("\n".join(lines))
    summary = f"{done} of {len(chosen)} runs"
    return Result(not bad and done > 0, "; ".join([summary, *bad[:3]]), data)


def plan(context: Context) -> Result:
    """Memory in use on the device against the plan, where the share of the driver's own is largest."""
    command = [context.program("attune_gpu_bench"), "step", "--device", context.device]
    trainings = (
        [Training(SMALL, 16, 4096, (8192,)), Training(SMALL, 0, 8192, (8192,)), TRAININGS[0]]
        if context.cuda
        else DRY
    )
    data, bad = {}, []
    for training in trainings:
        options = ["--parts", "0", "--steps", "3"]
        step, why = attempt(context, command, training, training.tokens, *options)
        data[training.name] = step or why
        if not step:
            bad.append(f"{training.name}: {why}")
        elif context.device != "cpu" and off_plan(step) > PLAN:
            bad.append(f"{training.name}: off by {off_plan(step):.1%}")
    shown = ", ".join(
        f"{name} {off_plan(step):.2%}" for name, step in data.items() if isinstance(step, dict)
    )
    return Result(not bad, "; ".join([f"off by: {shown}", *bad]), data)


# Ours by the first word of an op's name → the peer's name.
SAME = {
    "attention": "attention",
    "attention_backward": "attention_backward",
    "add_norm": "add_norm",
    "norm": "norm",
    "norm_backward": "norm_backward",
    "activation": "activation",
    "activation_backward": "activation_backward",
    "rope": "rope",
    "cross_entropy": "cross_entropy",
    "embedding": "embedding",
    "adamw": "adamw",
}


def ops(context: Context) -> Result:
    """Each op inside of a step of two layers, as a share of what is measured, beside PyTorch's."""
    cuda = context.cuda
    training = Training(EIGHT if cuda else "tiny", 16, 4096 if cuda else 64, (8192 if cuda else 128,))
    command = [context.program("attune_gpu_bench"), "step", "--device", context.device]
    more = ["--layers", "2"] + ([] if cuda else ["--steps", "2"])
    data: dict = {}
    for rank in (16, 0):
        one = Training(training.shape, rank if cuda or not rank else 4, training.length, training.tokens)
        step, why = attempt(context, command, one, one.tokens, *more)
        if not step:
            return Result(False, f"{one.name}: {why}", data)
        data[one.name] = step
    peer: dict = {}
    python = peer_python()
    if python:
        words = ["--shape", training.shape, "--length", training.length, "--tokens", training.tokens[0]]
        words += [] if cuda else ["--device", "cpu", "--compile", "0", "--rows", "64"]
        ended, found = run_json(context, [python, PEERS / "torch_kernels.py", *words], limit=400)
        data["torch"] = found or ended.why
        peer = found["ops"] if found else {}
    seen: dict[str, dict] = {}
    for name, step in data.items():
        if name == "torch":
            continue
        for op in step["timed"]["ops"]:
            first = op["op"].split(" ")[0]
            # The largest of its kind: the head's norms have fewer rows.
            if first in SAME and op["ms"] > seen.get(first, {"ms": 0})["ms"]:
                seen[first] = op
    lines = [f"    {'op':<40}{'ms':>10}{'rate':>10}{'of limit':>10}{'torch':>10}{'ratio':>8}"]
    for first, op in sorted(seen.items()):
        unit = "TF" if "attention" in first else "GB"
        rate = op["tflops"] if unit == "TF" else op["gbps"]
        other = peer.get(SAME[first], {}).get("tflops" if unit == "TF" else "gbps")
        shown = f"{other:>10,.0f}{rate / other:>8.2f}" if other else f"{'-':>10}{'-':>8}"
        lines.append(
            f"    {op['op']:<40}{op['ms']:>10.4f}{rate:>8,.0f}{unit}{op['of_limit']:>10.1%}{shown}"
        )
    head = next(
        part for part in data[training.name if cuda else "tiny-lora-64"]["timed"]["parts"] if part["part"] == "head"
    )
    product = next(iter(data.values()))["product_tflops"]
    share = head["tflops"] / product
    lines.append(f"    head and cross-entropy: {share:.1%} of the rate of products (80 % is wanted)")
    data["head_share"] = share
    print("\n".join(lines))
    return Result(True, f"{len(seen)} ops; head {share:.0%} of the rate of products", data)


def adapters(context: Context) -> Result:
    """What adapters of rank 16 cost over the bare products, both passes."""
    sizes = ["--shape", EIGHT, "--tokens", "8192"] if context.cuda else ["--shape", "tiny", "--tokens", "128"]
    command = [context.program("attune_gpu_bench"), "adapters", "--device", context.device, *sizes]
    ended, found = run_json(context, command)
    if not found:
        return Result(False, ended.why)
    cost = found["over_bare"] - 1
    model = found["model"]["measured_ceilings"]["over_bare"] - 1
    return Result(True, f"{cost:.1%} over the bare products, {model:.1%} by the model (3 % is wanted)", found)
