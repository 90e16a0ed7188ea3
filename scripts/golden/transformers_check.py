"""Loads a checkpoint that attune wrote with transformers, and compares it.

    transformers_check.py --checkpoint DIR [--ids IDS.json --logits LOGITS.f32] [--like DIR]
                          [--tolerance 1e-4]

`--like` names a checkpoint whose tensors must be the same: names, types, shapes and bytes, single
file or shards. Prints one JSON object; exits with 1 where something differs.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from check import difference, read_ids, read_logits
from common import versions


def tensors_of(directory: Path) -> dict[str, tuple]:
    """Type, shape and digest of the bytes of every tensor, read without a library."""
    found = {}
    for path in sorted(directory.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            for name, entry in header.items():
                start, end = entry["data_offsets"]
                file.seek(8 + length + start)
                digest = hashlib.sha256(file.read(end - start)).hexdigest()
                found[name] = (entry["dtype"], tuple(entry["shape"]), digest)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    for name in ("ids", "logits", "like"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    model, report = AutoModelForCausalLM.from_pretrained(
        args.checkpoint, dtype=torch.float32, output_loading_info=True
    )
    problems = {key: sorted(map(str, value)) for key, value in report.items() if value}
    result = {"loading_problems": problems, "versions": versions()}
    failed = bool(problems)
    if args.logits:
        ids = read_ids(args.ids)
        result |= difference(model, ids, read_logits(args.logits, ids.shape[1]))
        failed |= result["max_abs_difference"] > args.tolerance
    if args.like:
        ours, theirs = tensors_of(args.checkpoint), tensors_of(args.like)
        names = sorted(ours.keys() | theirs.keys())
        result["different_tensors"] = [n for n in names if ours.get(n) != theirs.get(n)]
        result["same_tensors"] = len(names) - len(result["different_tensors"])
        failed |= bool(result["different_tensors"])
    print(json.dumps(result))
    sys.exit(1 if failed else 0)


main()
