"""Fifty optimizer steps of plain PyTorch on real rows: test/golden/parity.json.

Eight documents a step, padded, not packed; the loss of a step is its summed negative
log-likelihood over its trained tokens. Once in float32 and once in float64, which tells how far
rounding alone moves the numbers.
"""

import shutil
import time

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from common import GOLDEN, STORIES, exact_rms_norm, versions, write_json
from loop import columns, train
from rows import digest, prepared

STEPS = 50
BATCH = 8
ADAPTER = GOLDEN / "adapters" / "stories260K"
CONFIG = dict(
    model="../shared/models/stories260K",
    data="../shared/data/gsm8k/train.jsonl",
    dtype="float32",
    max_length=512,
    per_device_train_batch_size=BATCH,
    max_steps=STEPS,
    learning_rate=2e-4,
    lr_scheduler_type="linear",
    warmup_steps=5,
    weight_decay=0.01,
    adam_beta1=0.9,
    adam_beta2=0.999,
    adam_epsilon=1e-8,
    max_grad_norm=1.0,
    packing=False,
    completion_only_loss=True,
    train_sampling_strategy="sequential",
)
LORA = dict(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear")


def base(dtype: torch.dtype):
    model = AutoModelForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    return model.to(dtype)


def write_initial_adapter() -> None:
    """PEFT's own initialisation: A uniform, B zero."""
    torch.manual_seed(2024)
    model = get_peft_model(base(torch.float32), LoraConfig(**LORA, task_type="CAUSAL_LM"))
    for config in model.peft_config.values():
        config.base_model_name_or_path = CONFIG["model"]
        config.target_modules = sorted(config.target_modules)
    shutil.rmtree(ADAPTER, ignore_errors=True)
    model.save_pretrained(ADAPTER)
    (ADAPTER / "README.md").unlink(missing_ok=True)


def prepare(method: str, dtype: torch.dtype):
    model = base(dtype)
    if method == "lora":
        model = PeftModel.from_pretrained(model, ADAPTER, is_trainable=True).to(dtype)
    return model


def main() -> None:
    rows = prepared(STEPS * BATCH, CONFIG["max_length"])
    batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    write_initial_adapter()
    exact_rms_norm()  # the same arithmetic where the type is float32
    runs = {}
    for method in ("full", "lora"):
        start = time.time()
        narrow = train(prepare(method, torch.float32), batches, CONFIG)
        wide = train(prepare(method, torch.float64), batches, CONFIG)
        floor = {
            "loss": max(abs(a["loss"] - b["loss"]) for a, b in zip(narrow, wide)),
            "grad_norm_relative": max(
                abs(a["grad_norm"] / b["grad_norm"] - 1) for a, b in zip(narrow, wide)
            ),
        }
        print(method, floor, narrow[0], narrow[-1], f"{time.time() - start:.0f} s")
        runs[method] = {
            "float32": columns(narrow),
            "float64": {key: columns(wide)[key] for key in ("loss", "grad_norm")},
            "float32_from_float64": floor,
        }
    write_json(
        GOLDEN / "parity.json",
        {
            "versions": versions("peft"),
            "config": CONFIG,
            "lora": {**LORA, "adapter": "adapters/stories260K"},
            "rows": [row["index"] for row in rows],
            "row_tokens": [len(row["ids"]) for row in rows],
            "row_sha256": digest(rows),
            "runs": runs,
        },
    )


if __name__ == "__main__":
    main()
