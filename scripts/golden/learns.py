"""Fine-tuning that learns, in plain PyTorch: test/golden/learns.json.

stories260K on the Alpaca rows, one in ten held out, as prompt and completion under the published
prompts. What is compared is the loss of the held-out rows, every token of theirs weighing the same:
before, and after one epoch or the numbers of epochs that are given.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import GOLDEN, IGNORE, SHARED, STORIES, versions, write_json
from loop import train
from rows import collate, tokenize

DATA = SHARED / "data" / "alpaca-en" / "alpaca_en_demo.json"
HELD_OUT = 10
CONFIG = dict(
    dtype="float32",
    max_length=512,
    per_device_train_batch_size=8,
    learning_rate=5e-3,
    lr_scheduler_type="cosine",
    warmup_steps=10,
    weight_decay=0.01,
    adam_beta1=0.9,
    adam_beta2=0.999,
    adam_epsilon=1e-8,
    max_grad_norm=1.0,
    train_sampling_strategy="sequential",
)
TASK = "Below is an instruction that describes a task"
CONTEXT = ", paired with an input that provides further context"
WANTED = ". Write a response that appropriately completes the request."


def prompt(row: dict[str, str]) -> str:
    """The prompts that Alpaca was published with."""
    given = f"\n\n### Input:\n{row['input']}" if row["input"] else ""
    opening = TASK + (CONTEXT if row["input"] else "") + WANTED
    return f"{opening}\n\n### Instruction:\n{row['instruction']}{given}\n\n### Response:"


def prepared(rows: list[dict[str, str]], tokenizer) -> list[dict]:
    """Token ids and labels, of the rows that keep something to train after truncation."""
    kept = []
    for row in rows:
        pair = tokenize({"prompt": prompt(row), "completion": row["output"]}, tokenizer)
        ids, labels = (tokens[: CONFIG["max_length"]] for tokens in pair)
        if any(label != IGNORE for label in labels[1:]):
            kept.append({"ids": ids, "labels": labels})
    return kept


@torch.no_grad()
def held_out_nll(model, rows: list[dict]) -> float:
    model.eval()
    total, tokens = 0.0, 0
    for row in rows:
        ids, labels, mask = collate([row])
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[0, :-1]
        total += torch.nn.functional.cross_entropy(
            logits, labels[0, 1:], ignore_index=IGNORE, reduction="sum"
        ).item()
        tokens += int((labels[0, 1:] != IGNORE).sum())
    return total / tokens


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(STORIES)
    rows = json.loads(DATA.read_text())
    held = prepared(rows[::HELD_OUT], tokenizer)
    rest = prepared([row for i, row in enumerate(rows) if i % HELD_OUT], tokenizer)
    size = CONFIG["per_device_train_batch_size"]
    batches = [rest[i : i + size] for i in range(0, len(rest), size)]
    fresh = lambda: AutoModelForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    result = {
        "versions": versions(),
        "data": "../shared/data/alpaca-en/alpaca_en_demo.json",
        "held_out": f"every {HELD_OUT}th row, from the first",
        "config": CONFIG,
        "rows": {"trained": len(rest), "held_out": len(held)},
        "held_out_tokens": sum(sum(l != IGNORE for l in row["labels"][1:]) for row in held),
        "held_out_nll": {"0": held_out_nll(fresh(), held)},
    }
    print(result, flush=True)
    for epochs in map(int, sys.argv[1:] or ("1",)):
        model = fresh()
        steps = train(model, batches * epochs, {**CONFIG, "max_steps": epochs * len(batches)})
        result["held_out_nll"][epochs] = held_out_nll(model, held)
        print(epochs, steps[0], steps[-1], result["held_out_nll"], flush=True)
    write_json(GOLDEN / "learns.json", result)


if __name__ == "__main__":
    main()
