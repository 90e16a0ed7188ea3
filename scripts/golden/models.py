"""Tiny random checkpoints in Hugging Face layout: test/golden/models/.

Weights are wide (std 0.3) so that attention is not flat, and norms are random, so that a norm
weight or a bias left out shows.
"""

import json
import shutil

import torch
from transformers import LlamaConfig, LlamaForCausalLM, OPTConfig, OPTForCausalLM

from common import GOLDEN, versions, write_json

MODELS = GOLDEN / "models"

LLAMA = dict(
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=96,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
)
OPT = dict(
    hidden_size=32,
    ffn_dim=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    vocab_size=96,
    max_position_embeddings=128,
    dropout=0.0,
    attention_dropout=0.0,
    activation_dropout=0.0,
    layerdrop=0.0,
    pad_token_id=1,
    bos_token_id=2,
    eos_token_id=2,
)


def randomise(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = "norm" in name
            parameter.copy_(1 + 0.2 * noise if norm and name.endswith("weight") else 0.3 * noise)


def build() -> dict[str, torch.nn.Module]:
    models = {
        "llama": LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=False)),
        "llama3": LlamaForCausalLM(
            LlamaConfig(
                **{**LLAMA, "num_key_value_heads": 1},
                head_dim=12,
                tie_word_embeddings=True,
                rope_parameters={
                    "rope_type": "llama3",
                    "rope_theta": 10000.0,
                    "factor": 8.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 32,
                },
            )
        ),
        "opt": OPTForCausalLM(OPTConfig(**OPT)),
        "opt350": OPTForCausalLM(
            OPTConfig(**OPT, word_embed_proj_dim=20, do_layer_norm_before=False)
        ),
    }
    for seed, model in enumerate(models.values()):
        randomise(model, seed)
    return models


def version4(config: dict) -> dict:
    """The same configuration as transformers 4 wrote it."""
    old = {key: value for key, value in config.items() if key not in ("dtype", "rope_parameters")}
    old["torch_dtype"] = config["dtype"]
    old["rope_theta"] = config["rope_parameters"]["rope_theta"]
    old["rope_scaling"] = None
    old["transformers_version"] = "4.46.3"
    return dict(sorted(old.items()))


def main() -> None:
    shutil.rmtree(MODELS, ignore_errors=True)
    models = build()
    for name, model in models.items():
        model.save_pretrained(MODELS / name)
    models["llama"].save_pretrained(MODELS / "llama-sharded", max_shard_size="45KB")
    models["llama"].save_pretrained(MODELS / "llama-v4")
    config = json.loads((MODELS / "llama-v4" / "config.json").read_text())
    (MODELS / "llama-v4" / "config.json").write_text(json.dumps(version4(config), indent=2) + "\n")
    models["llama"].to(torch.bfloat16).save_pretrained(MODELS / "llama-bf16")
    for extra in MODELS.glob("*/generation_config.json"):
        extra.unlink()
    write_json(MODELS / "versions.json", versions())


main()
