"""How far PyTorch's own bfloat16 moves the fifty steps of parity.py from their float32.

Two ways of computing in bfloat16: `bfloat16`, weights and activations in bfloat16 beside float32
masters that the optimizer steps, and `autocast`, which keeps the residual stream in float32.
test/golden/parity_bf16.json has the losses of both; how they differ from float32 is what another
implementation in bfloat16 may differ too.
"""

import copy

import torch

from common import GOLDEN, IGNORE, versions, write_json
from loop import columns, optimizer_of
from parity import BATCH, CONFIG, STEPS, prepare
from rows import collate, prepared
from transformers import get_scheduler


def step_loss(model, rows: list[dict]):
    ids, labels, mask = collate(rows)
    targets = labels[:, 1:]
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(
        logits.float().reshape(-1, logits.shape[-1]),
        targets.reshape(-1),
        ignore_index=IGNORE,
        reduction="sum",
    )
    return loss / int((targets != IGNORE).sum())


def train(method: str, batches: list[list[dict]], autocast: bool) -> list[dict]:
    masters = prepare(method, torch.float32)
    model = masters if autocast else copy.deepcopy(masters).to(torch.bfloat16)
    masters.train()
    model.train()
    optimizer = optimizer_of(masters, CONFIG)
    schedule = get_scheduler(
        CONFIG["lr_scheduler_type"], optimizer, CONFIG["warmup_steps"], CONFIG["max_steps"]
    )
    pairs = [
        (master, half)
        for master, half in zip(masters.parameters(), model.parameters())
        if master.requires_grad
    ]
    steps = []
    for rows in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = step_loss(model, rows)
        loss.backward()
        for master, half in pairs:
            if master is not half:
                master.grad, half.grad = half.grad.float(), None
        norm = torch.nn.utils.clip_grad_norm_(
            [master for master, _ in pairs], CONFIG["max_grad_norm"]
        )
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for master, half in pairs:
                if master is not half:
                    half.copy_(master)
        steps.append({"loss": loss.item(), "grad_norm": norm.item()})
    return steps


def distance(ours: list[float], theirs: list[float]) -> dict[str, float]:
    apart = torch.tensor(ours, dtype=torch.float64) - torch.tensor(theirs, dtype=torch.float64)
    return {"largest": apart.abs().max().item(), "rms": apart.square().mean().sqrt().item()}


def main() -> None:
    import json

    reference = json.loads((GOLDEN / "parity.json").read_text())
    rows = prepared(STEPS * BATCH, CONFIG["max_length"])
    batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    runs = {}
    for method in ("full", "lora"):
        single = reference["runs"][method]["float32"]
        runs[method] = {}
        for name in ("bfloat16", "autocast"):
            steps = columns(train(method, batches, name == "autocast"))
            norms = [abs(a / b - 1) for a, b in zip(steps["grad_norm"], single["grad_norm"])]
            runs[method][name] = {
                **steps,
                "loss_from_float32": distance(steps["loss"], single["loss"]),
                "grad_norm_from_float32_relative": max(norms),
            }
            print(method, name, runs[method][name]["loss_from_float32"], max(norms))
    write_json(GOLDEN / "parity_bf16.json", {"versions": versions("peft"), "runs": runs})


if __name__ == "__main__":
    main()
