"""Writes test/golden/trained_tokens.json: how many tokens TRL trains of rows of ../shared.

    python scripts/golden/trained_tokens.py ../shared test/golden/trained_tokens.json

The chat templates are attune's presets, whose {% generation %} blocks TRL reads. TRL is right on these
rows: nothing is cut, prompts end where a token ends, and no message writes a control token. (With
GPT-NeoX's tokenizer it drops every span that begins with a space, whose offsets that tokenizer trims.)
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

os.environ["CUDA_VISIBLE_DEVICES"] = ""

from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

ROOT = Path(__file__).resolve().parents[2]
ADDED = ["<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}


def presets() -> dict[str, str]:
    code = "import('./src/template/presets.ts').then(({presets}) => console.log(JSON.stringify(presets)))"
    return json.loads(subprocess.check_output(["node", "--import", "tsx", "-e", code], cwd=ROOT, text=True))


def sharegpt(path: Path) -> list[dict]:
    """Conversations of people and the model alone."""
    rows = json.loads(path.read_text())
    roles = lambda row: {turn["from"] for turn in row["conversations"]}
    spoken = [row["conversations"] for row in rows if "gpt" in roles(row) and roles(row) <= set(ROLES)]
    return [{"messages": [{"role": ROLES[turn["from"]], "content": turn["value"]} for turn in turns]} for turns in spoken]


def instructions(path: Path) -> list[dict]:
    question = lambda row: row["instruction"] + ("\n" + row["input"] if row["input"] else "")
    turns = lambda row: [{"role": "user", "content": question(row)}, {"role": "assistant", "content": row["output"]}]
    return [{"messages": turns(row)} for row in json.loads(path.read_text())]


def problems(path: Path) -> list[dict]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{"prompt": row["question"] + "\n", "completion": row["answer"]} for row in rows]


def cases(data: Path) -> dict[str, list[dict]]:
    return {
        "conversations": sharegpt(data / "chat/dummy_conversation.json"),
        "tools": sharegpt(data / "toolcall/glaive_toolcall_en_demo.json"),
        "instructions": instructions(data / "instruct/instruction-data.json"),
        "alpaca-zh": instructions(data / "alpaca-en/alpaca_zh_demo.json"),
        "problems": problems(data / "gsm8k/test.jsonl"),
    }


def prepare(tokenizer, rows: list[dict]) -> list[dict]:
    size = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **size))
    config = SFTConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, report_to="none", max_length=None,
        assistant_only_loss="messages" in rows[0],
    )  # fmt: skip
    trainer = SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    return trainer.train_dataset.to_list()


def main() -> None:
    shared, templates, found = Path(sys.argv[1]), presets(), []
    data = cases(shared / "data")
    runs = [("gpt2", "chatml", name) for name in data]
    runs += [("gpt2", "llama-3", "conversations"), ("gpt2", "zephyr", "instructions"), ("gpt2", "mistral", "conversations")]
    runs += [("gpt-neox", "chatml", "conversations"), ("gpt-neox", "zephyr", "alpaca-zh"), ("qwen2", "chatml", "alpaca-zh"), ("qwen2", "gemma", "conversations")]
    for name, preset, rows in runs:
        path = shared / "tokenizers" / name / "tokenizer.json"
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), eos_token="<|im_end|>", pad_token="<|im_end|>")
        tokenizer.add_special_tokens({"additional_special_tokens": ADDED})
        tokenizer.chat_template = templates[preset]
        prepared = prepare(tokenizer, data[rows])
        digest = hashlib.sha256()
        for row in prepared:
            digest.update(np.array(row["input_ids"] + row["labels"], dtype="<i4").tobytes())
        trained = sum(label != -100 for row in prepared for label in row["labels"])
        tokens = sum(len(row["input_ids"]) for row in prepared)
        found.append({"tokenizer": name, "template": preset, "data": rows, "rows": len(prepared), "tokens": tokens, "trained": trained, "sha256": digest.hexdigest()[:16]})  # fmt: skip
        print(found[-1])
    versions = {name: version(name) for name in ("trl", "transformers", "tokenizers")}
    lines = ",\n".join("    " + json.dumps(each) for each in found)
    Path(sys.argv[2]).write_text(f'{{\n  "versions": {json.dumps(versions)},\n  "added": {json.dumps(ADDED)},\n  "runs": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
