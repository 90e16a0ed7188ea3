"""Six steps of TRL's own SFTTrainer on the rows of parity.py: test/golden/trl.json."""

import tempfile
import warnings

import torch
import torch.nn.functional as F
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from common import GOLDEN, IGNORE, STORIES, targets_of, versions, write_json
from rows import digest, prompt_completion

STEPS = 6
ROWS = 64
ADAPTER = GOLDEN / "adapters" / "stories260K"
SHARED_CONFIG = dict(
    max_length=512,
    per_device_train_batch_size=8,
    max_steps=STEPS,
    learning_rate=2e-4,
    lr_scheduler_type="linear",
    warmup_steps=2,
    weight_decay=0.01,
    max_grad_norm=1.0,
    train_sampling_strategy="sequential",
    logging_steps=1,
    gradient_checkpointing=False,
    bf16=False,
    seed=42,
)
KEYS = ("loss", "grad_norm", "learning_rate", "mean_token_accuracy", "entropy", "num_tokens", "epoch")
RUNS = {
    "full": dict(),
    "lora": dict(),
    "full_accumulated": dict(per_device_train_batch_size=2, gradient_accumulation_steps=4),
    "full_packed": dict(packing=True, packing_strategy="bfd", per_device_train_batch_size=2),
    "lora_packed": dict(packing=True, packing_strategy="bfd", per_device_train_batch_size=2),
    "full_dft": dict(loss_type="dft"),
}


def alone(documents: list[dict]) -> float:
    """Loss of step 1 with every document computed by itself."""
    model = AutoModelForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    total = tokens = 0
    for document in documents:
        targets = targets_of(torch.tensor(document["labels"]))
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([document["ids"]])).logits[0]
        total += F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum").item()
        tokens += int((targets != IGNORE).sum())
    return total / tokens


def documents_of(rows: list[dict], lengths: list[list[int]] | None) -> list[dict]:
    if lengths is None:
        return rows
    documents = []
    for row, parts in zip(rows, lengths):
        start = 0
        for length in parts:
            documents.append({key: row[key][start : start + length] for key in ("ids", "labels")})
            start += length
    return documents


def run(name: str, changes: dict) -> dict:
    model = AutoModelForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    if name.startswith("lora"):
        model = PeftModel.from_pretrained(model, ADAPTER, is_trainable=True)
    with tempfile.TemporaryDirectory() as output:
        config = SFTConfig(
            output_dir=output,
            use_cpu=True,
            completion_only_loss=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **{**SHARED_CONFIG, **changes},
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(prompt_completion(limit=ROWS)),
            processing_class=AutoTokenizer.from_pretrained(STORIES),
        )
        table = trainer.train_dataset
        trainer.train()
    log = [row for row in trainer.state.log_history if "loss" in row]
    rows = [{"ids": row["input_ids"], "labels": row["labels"]} for row in table]
    result = {
        "changes": changes,
        "steps": {key: [row[key] for row in log] for key in KEYS},
        "row_tokens": [len(row["ids"]) for row in rows],
        "row_sha256": digest(rows),
    }
    lengths = None
    if "seq_lengths" in table.column_names:
        lengths = [list(parts) for parts in table["seq_lengths"]]
        result["document_tokens"] = lengths
    if name != "full_dft":
        first = rows[: 2 if lengths else 8]
        result["first_loss_documents_apart"] = alone(documents_of(first, lengths))
    print(name, result["steps"]["loss"], result["steps"]["grad_norm"])
    return result


def main() -> None:
    warnings.filterwarnings("ignore")
    write_json(
        GOLDEN / "trl.json",
        {
            "versions": versions("trl", "peft", "datasets", "accelerate"),
            "model": "../shared/models/stories260K",
            "data": f"../shared/data/gsm8k/train.jsonl, first {ROWS} rows",
            "adapter": "adapters/stories260K",
            "config": SHARED_CONFIG,
            "runs": {name: run(name, changes) for name, changes in RUNS.items()},
        },
    )


main()
