"""An adapter that PEFT trained and saved, and what five more steps in PyTorch make of it.

Five steps, save (test/golden/adapters/continued), load again, five more with a fresh optimizer:
test/golden/continued.json. The adapter has a list of targets and a scale that is not 2.
"""

import shutil
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from common import GOLDEN, IGNORE, exact_rms_norm, versions, write_json
from loop import columns, train

BASE = GOLDEN / "models" / "llama3"
ADAPTER = GOLDEN / "adapters" / "continued"
STEPS = 5
BATCH = 4
CONFIG = dict(
    max_steps=STEPS,
    learning_rate=2e-2,
    lr_scheduler_type="linear",
    warmup_steps=0,
    weight_decay=0.01,
    adam_beta1=0.9,
    adam_beta2=0.999,
    adam_epsilon=1e-8,
    max_grad_norm=1.0,
)
LORA = dict(r=3, lora_alpha=5, lora_dropout=0.0, target_modules=["q_proj", "v_proj", "down_proj"])


def batches(seed: int) -> list[list[dict]]:
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for index in range(STEPS * BATCH):
        length = int(torch.randint(5, 40, (), generator=generator))
        ids = torch.randint(3, 96, (length,), generator=generator).tolist()
        prompt = length // 3
        rows.append({"ids": ids, "labels": [IGNORE] * prompt + ids[prompt:]})
    return [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]


def base():
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)


def main() -> None:
    warnings.filterwarnings("ignore", message="Could not find a config file")
    exact_rms_norm()
    torch.manual_seed(3)
    model = get_peft_model(base(), LoraConfig(**LORA, task_type="CAUSAL_LM"))
    for config in model.peft_config.values():
        config.base_model_name_or_path = "test/golden/models/llama3"
        config.target_modules = LORA["target_modules"]
    before = train(model, batches(1), CONFIG)
    shutil.rmtree(ADAPTER, ignore_errors=True)
    model.save_pretrained(ADAPTER)
    (ADAPTER / "README.md").unlink(missing_ok=True)

    again = batches(2)
    runs = {}
    for dtype in (torch.float32, torch.float64):
        model = PeftModel.from_pretrained(base(), ADAPTER, is_trainable=True).to(dtype)
        runs[str(dtype).removeprefix("torch.")] = columns(train(model, again, CONFIG))
    write_json(
        GOLDEN / "continued.json",
        {
            "versions": versions("peft"),
            "model": "models/llama3",
            "adapter": "adapters/continued",
            "lora": LORA,
            "config": CONFIG,
            "before": columns(before),
            "batches": again,
            "runs": runs,
        },
    )
    print(before[0]["loss"], before[-1]["loss"], runs["float32"]["loss"], runs["float64"]["loss"])


main()
