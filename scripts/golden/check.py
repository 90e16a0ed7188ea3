"""What the two checkers share: ids and logits as attune's tests write them."""

import json
from pathlib import Path

import numpy
import torch


def read_ids(path: Path) -> torch.Tensor:
    """A JSON list of token ids, one document."""
    return torch.tensor([json.loads(path.read_text())])


def read_logits(path: Path, tokens: int) -> torch.Tensor:
    """Raw little-endian float32, [tokens, vocabulary]."""
    values = numpy.fromfile(path, dtype="<f4")
    return torch.from_numpy(values.reshape(tokens, -1))


def difference(model, ids: torch.Tensor, ours: torch.Tensor) -> dict:
    model.eval()
    with torch.no_grad():
        theirs = model(input_ids=ids, use_cache=False).logits[0].float()
    if theirs.shape != ours.shape:
        raise SystemExit(f"logits are {list(ours.shape)}, expected {list(theirs.shape)}")
    return {
        "max_abs_difference": (theirs - ours).abs().max().item(),
        "max_abs_logit": theirs.abs().max().item(),
    }
