"""A training loop in plain PyTorch, as transformers.Trainer with a linear schedule would step."""

import torch
from transformers import get_scheduler

from common import IGNORE, decay_names
from rows import collate


def optimizer_of(model, config: dict):
    decayed = decay_names(model)
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    decay = config["weight_decay"]
    groups = [
        {"params": [p for name, p in named if name in decayed], "weight_decay": decay},
        {"params": [p for name, p in named if name not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=config["learning_rate"],
        betas=(config["adam_beta1"], config["adam_beta2"]),
        eps=config["adam_epsilon"],
    )


def train(model, batches: list[list[dict]], config: dict) -> list[dict]:
    """One update per batch; the loss is the summed nll over the trained tokens of the step."""
    model.train()
    optimizer = optimizer_of(model, config)
    schedule = get_scheduler(
        config["lr_scheduler_type"], optimizer, config["warmup_steps"], config["max_steps"]
    )
    trainable = [p for p in model.parameters() if p.requires_grad]
    steps = []
    for rows in batches:
        ids, labels, mask = collate(rows)
        targets = labels[:, 1:]
        tokens = int((targets != IGNORE).sum())
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]),
            targets.reshape(-1),
            ignore_index=IGNORE,
            reduction="sum",
        )
        loss = loss / tokens
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trainable, config["max_grad_norm"])
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        steps.append(
            {"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": rate, "tokens": tokens}
        )
    return steps


def columns(steps: list[dict]) -> dict[str, list]:
    return {key: [step[key] for step in steps] for key in steps[0]}
