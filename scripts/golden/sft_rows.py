"""Writes test/golden/sft_rows.json: rows as TRL prepares them, from text to ids, labels and packs.

Run with Python that has TRL 1.13 and transformers 5.18:
    python scripts/golden/sft_rows.py ../shared test/golden/sft_rows.json
The tokenizer is the shared GPT-2; the model plays no part in preparing data.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig, SFTTrainer

MARKED = (
    "{% for m in messages %}<|{{ m['role'] }}|>{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}<|end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

WORDS = ["one", "two", " three", "caf\u00e9", "\n", "\U0001f600", " 42", ", and", " then", "."]


def sentence(start: int, count: int) -> str:
    return "".join(WORDS[(start * 7 + i * i) % len(WORDS)] for i in range(count))


TEXT = [{"text": sentence(i, 3 + 5 * i % 23)} for i in range(12)]
COMPLETION = [
    {"prompt": sentence(i, 2 + i) + "\n", "completion": sentence(i + 5, 4 + 3 * i % 17)} for i in range(12)
]
CHAT = [
    {
        "messages": [
            {"role": "user", "content": sentence(i, 4)},
            {"role": "assistant", "content": sentence(i + 1, 2 + i)},
            {"role": "user", "content": "Go on"},
            {"role": "assistant", "content": " ok "},
        ]
    }
    for i in range(6)
]

CASES = [
    ("text", TEXT, {"max_length": None}),
    ("text, cut", TEXT, {"max_length": 12}),
    ("text, cut at the start", TEXT, {"max_length": 12, "truncation_mode": "keep_end"}),
    ("prompt and completion", COMPLETION, {"max_length": None}),
    ("prompt and completion, all trained", COMPLETION, {"max_length": None, "completion_only_loss": False}),
    ("prompt and completion, packed", COMPLETION, {"max_length": 24, "packing": True}),
    ("text, packed and split", TEXT, {"max_length": 10, "packing": True, "packing_strategy": "bfd_split"}),
    ("messages, assistant only", CHAT, {"max_length": None, "assistant_only_loss": True}),
    ("messages, all trained", CHAT, {"max_length": None, "assistant_only_loss": False}),
]


def tokenizer_directory(shared: Path) -> str:
    folder = Path(tempfile.mkdtemp())
    (folder / "tokenizer.json").write_bytes((shared / "tokenizers/gpt2/tokenizer.json").read_bytes())
    config = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    return str(folder)


def prepare(tokenizer, rows: list[dict], options: dict) -> list:
    size = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=50257, **size))
    config = SFTConfig(output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, report_to="none", **options)
    trainer = SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    return [
        {"ids": row["input_ids"], "labels": row["labels"], "lengths": row.get("seq_lengths") or [len(row["input_ids"])]}
        for row in trainer.train_dataset
    ]


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_directory(Path(sys.argv[1])))
    tokenizer.chat_template = MARKED
    cases = [
        {"name": name, "options": options, "rows": rows, "expected": prepare(tokenizer, rows, options)}
        for name, rows, options in CASES
    ]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(sys.argv[2]).write_text(f'{{"template":{json.dumps(MARKED)},\n"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
