"""What the fixture scripts share: paths, versions, seeds and a decoder that really is float64."""

import json
import os
import platform
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers
from transformers.models.llama import modeling_llama

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "test" / "golden"
SHARED = ROOT.parent / "shared"
STORIES = SHARED / "models" / "stories260K"
GSM8K = SHARED / "data" / "gsm8k"
IGNORE = -100

torch.set_num_threads(int(os.environ.get("GOLDEN_THREADS", "2")))
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def versions(*extra: str) -> dict[str, str]:
    from importlib.metadata import version

    names = ("torch", "transformers", "safetensors", *extra)
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def write_json(path: Path, value) -> None:
    """Indented, with lists of numbers kept on one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_render(value, 0) + "\n")


def _render(value, depth: int) -> str:
    flat = json.dumps(value)
    scalar = lambda item: not isinstance(item, (dict, list))
    if scalar(value) or not value or len(flat) <= 100 - 2 * depth:
        return flat
    if isinstance(value, list) and all(map(scalar, value)):
        return flat
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_render(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + "  " * depth + "}"
    items = [inner + _render(item, depth + 1) for item in value]
    return "[\n" + ",\n".join(items) + "\n" + "  " * depth + "]"


def exact_rms_norm() -> None:
    """transformers computes RMSNorm in float32 whatever the model's type; this keeps float64."""

    def forward(self, hidden):
        wide = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * wide.to(hidden.dtype)

    modeling_llama.LlamaRMSNorm.forward = forward


def targets_of(labels: torch.Tensor) -> torch.Tensor:
    """Labels as Hugging Face writes them, shifted: position t predicts label t + 1."""
    return torch.cat([labels[1:], torch.full((1,), IGNORE, dtype=labels.dtype)])


def decay_names(model: torch.nn.Module) -> set[str]:
    """Parameters that transformers.Trainer decays: no norms, no biases."""
    from transformers.trainer_pt_utils import get_parameter_names

    forbidden = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
    return set(get_parameter_names(model, [torch.nn.LayerNorm], forbidden))
