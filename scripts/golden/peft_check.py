"""Loads an adapter that attune wrote with PEFT and compares logits.

    peft_check.py --base DIR --adapter DIR --ids IDS.json --logits LOGITS.f32 [--tolerance 1e-4]

Prints one JSON object; exits with 1 above the tolerance, or where a tensor of the file was not used.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from check import difference, read_ids, read_logits
from common import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "adapter", "ids", "logits"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    base = AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, args.adapter)
    loaded = {
        name.replace(".default.", ".") for name, _ in model.named_parameters() if "lora_" in name
    }
    with safe_open(args.adapter / "adapter_model.safetensors", "pt") as file:
        written = set(file.keys())
    ids = read_ids(args.ids)
    result = difference(model, ids, read_logits(args.logits, ids.shape[1]))
    result |= {
        "tensors": len(written),
        "not_used": sorted(written - loaded),
        "not_written": sorted(loaded - written),
        "versions": versions("peft"),
    }
    print(json.dumps(result))
    failed = result["max_abs_difference"] > args.tolerance
    sys.exit(1 if failed or result["not_used"] or result["not_written"] else 0)


main()
