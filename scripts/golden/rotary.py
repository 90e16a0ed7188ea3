"""Rotary frequencies as transformers computes them, into test/golden/rotary.json."""

import json
import pathlib

from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LLAMA3 = [(64, 500000.0, 32.0, 8192), (128, 500000.0, 8.0, 8192), (16, 10000.0, 4.0, 64)]


def llama3(size, theta, factor, original):
    rope = {"rope_type": "llama3", "rope_theta": theta, "factor": factor, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": original}
    return {"hidden_size": size * 2, "num_attention_heads": 2, "head_dim": size, "max_position_embeddings": 131072,
            "rope_parameters": rope}


def plain(size, **more):
    return {"hidden_size": size * 2, "num_attention_heads": 2, "max_position_embeddings": 4096, **more}


configs = [llama3(*case) for case in LLAMA3]
configs += [
    plain(64, rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 3.0}),
    plain(64, rope_theta=10000.0),
    plain(8, rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    plain(128, rope_theta=500000.0),
]
cases = [
    {"config": c, "frequencies": LlamaRotaryEmbedding(LlamaConfig(**c)).inv_freq.tolist()} for c in configs
]
json.dump(cases, pathlib.Path(__file__).parents[2].joinpath("test/golden/rotary.json").open("w"))
