"""Rows of GSM8K as TRL 1.13 prepares them: question and answer as prompt and completion."""

import hashlib
import json

import torch
from transformers import AutoTokenizer

from common import GSM8K, IGNORE, STORIES


def prompt_completion(split: str = "train", limit: int | None = None) -> list[dict[str, str]]:
    lines = (GSM8K / f"{split}.jsonl").read_text().splitlines()[:limit]
    rows = map(json.loads, lines)
    return [{"prompt": row["question"], "completion": row["answer"]} for row in rows]


def tokenize(row: dict[str, str], tokenizer) -> tuple[list[int], list[int]]:
    """The end of sequence joins the completion's text; the mask is cut at the prompt's length."""
    text = row["prompt"] + row["completion"]
    if not row["completion"].endswith(tokenizer.eos_token):
        text += tokenizer.eos_token
    ids = tokenizer(text)["input_ids"]
    prompt = tokenizer(row["prompt"])["input_ids"]
    if ids[: len(prompt)] != prompt:
        raise ValueError("the prompt's tokens are no prefix of the whole")
    return ids, [IGNORE] * len(prompt) + ids[len(prompt) :]


def prepared(count: int, max_length: int) -> list[dict]:
    """The first `count` rows that keep something to train after truncation, in file order."""
    tokenizer = AutoTokenizer.from_pretrained(STORIES)
    kept = []
    for index, row in enumerate(prompt_completion()):
        ids, labels = (tokens[:max_length] for tokens in tokenize(row, tokenizer))
        if all(label == IGNORE for label in labels[1:]):
            continue
        kept.append({"index": index, "ids": ids, "labels": labels})
        if len(kept) == count:
            break
    return kept


def digest(rows: list[dict]) -> list[str]:
    """First 16 hex digits of SHA-256 over ids then labels as little-endian int32, per row."""
    pack = lambda values: torch.tensor(values, dtype=torch.int32).numpy().tobytes()
    hashes = (hashlib.sha256(pack(row["ids"]) + pack(row["labels"])) for row in rows)
    return [value.hexdigest()[:16] for value in hashes]


def collate(rows: list[dict]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Right-padded ids, labels and attention mask."""
    width = max(len(row["ids"]) for row in rows)
    pad = lambda values, fill: values + [fill] * (width - len(values))
    ids = torch.tensor([pad(row["ids"], 0) for row in rows])
    labels = torch.tensor([pad(row["labels"], IGNORE) for row in rows])
    mask = torch.tensor([pad([1] * len(row["ids"]), 0) for row in rows])
    return ids, labels, mask
