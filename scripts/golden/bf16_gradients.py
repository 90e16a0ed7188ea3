"""How far PyTorch's bfloat16 gradients are from its float32: test/golden/bf16_gradients.json.

One batch of parity.py, all weights trained, nothing updated. Losses of a run in bfloat16 tell little
of an implementation: rounding the weights alone moves them as far as the arithmetic does
(`rounded_weights`: the same loss in float32 from weights that were rounded, once all of them and
once the matrices alone). Gradients do tell.
"""

import copy

import torch

from common import GOLDEN, versions, write_json
from parity import BATCH, prepare
from parity_bf16 import step_loss
from rows import prepared


def rounded(model, least_dims: int):
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in copied.parameters():
            if parameter.dim() >= least_dims:
                parameter.copy_(parameter.to(torch.bfloat16).float())
    return copied


def main() -> None:
    torch.set_num_threads(1)
    rows = prepared(BATCH, 256)
    single = prepare("full", torch.float32)
    half = copy.deepcopy(single).to(torch.bfloat16)
    losses = {}
    for name, model in (("float32", single), ("bfloat16", half)):
        loss = step_loss(model, rows)
        loss.backward()
        losses[name] = loss.item()
    with torch.no_grad():
        losses["rounded_weights"] = step_loss(rounded(single, 1), rows).item()
        losses["rounded_matrices"] = step_loss(rounded(single, 2), rows).item()
    errors, wrong, all_of = {}, 0.0, 0.0
    for (name, p), (_, q) in zip(single.named_parameters(), half.named_parameters()):
        apart = (q.grad.float() - p.grad).double().square().sum().item()
        size = p.grad.double().square().sum().item()
        errors[name] = (apart / size) ** 0.5
        wrong, all_of = wrong + apart, all_of + size
    write_json(
        GOLDEN / "bf16_gradients.json",
        {
            "versions": versions(),
            "rows": [{"ids": row["ids"], "labels": row["labels"]} for row in rows],
            "loss": losses,
            "relative_error": (wrong / all_of) ** 0.5,
            "relative_errors": errors,
        },
    )
    print(losses, (wrong / all_of) ** 0.5)


if __name__ == "__main__":
    main()
