"""Writes test/golden/tokenizers/*.json: ids of Hugging Face's tokenizers for adversarial text.

Run with Python that has tokenizers 0.23 (as transformers 5.18 installs it):
    python scripts/golden/token_ids.py ../shared test/golden/tokenizers
strings.json holds the texts; NAME.json, for each text, the ids, or a hash of many.
"""

import hashlib
import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

TOKENIZERS = {
    "gpt2": "tokenizers/gpt2",
    "gpt-neox": "tokenizers/gpt-neox",
    "qwen2": "tokenizers/qwen2",
    "stories260K": "models/stories260K",
}

WRITTEN = [
    "",
    " ",
    "\n",
    "Hello, world!",
    "  double  space ",
    "I'm, you're, he'LL, WE'VE, don't, it's, 'S, '\u017f",
    "tab\tand\ttabs\t\t\tend",
    "line\r\nCRLF\r\n\r\nend\r",
    "\u0085NEL\u0085 and \ufeffBOM\ufeff, \u00a0no-break\u00a0 \u3000ideographic \u2028line \u180e",
    "zero\u200bwidth\u200djoin",
    "1 12 123 1234 12345 3.14159 1,000,000 \u00b2 \u00bd \u2167 \u0661\u0662",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f",
    "caf\u00e9 cafe\u0301 \u00f1 n\u0303 \u00c5 A\u030a \u212b \u0301alone",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u1100\u116e\u11a8 \uac00\u11a8",
    "\u4e2d\u6587\u5206\u8bcd\u3002\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\uff0c\u6df7\u5408text",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0643\u064e\u062a\u064e\u0628\u064e",
    "\u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947 \u0e44\u0e17\u0e22 \u0915\u093c \u0958 \u0dd9\u0dca",
    "def f(x):\n    if x:\n        return {'a': [1, 2]}\n\treturn None\n",
    "const a = `${b}`; // \u201cquotes\u201d && x ?? y != null;\n/* end */",
    "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>",
    "<|padding|>x<|im_start|>y</s>z<s><unk> <0x0A>",
    "\u2581 \u0120 \u010a \u00ff \x00 \x1f \x7f",
    "x" * 700, " " * 300, "\n" * 120, "a " * 400, "ab" * 350, "=" * 333, "\u00e9" * 200,
    "https://example.com/a?b=c&d=%20#e user@example.org C:\\dir\\file.txt",
    "ALLCAPS MixedCase snake_case kebab-case camelCase",
    "\U0001d165 \U00010348 \U0001d7d8 \ufb01 \u00df \u0130 \u0131",
]

PIECES = list("abcXYZ 0123456789 \t\n\r'\".,!?<>|()[]{}_-+=$`^~@#%&*\\/;:") + [
    "\u0085", "\ufeff", "\u00a0", "\u200d", "\u2028", "\u3000", "'s", "'S", "'\u017f", "'re", "'LL",
    "  ", "   ", "\n\n", "\r\n", "<|endoftext|>", "</s>", "e\u0301", "\u00e9", "A\u030a", "\u0301",
    "\uac01", "\u1100\u1161\u11a8", "\u00df", "\u4e2d", "\u65e5\u672c", "\U0001f600",
    "\U0001f468\u200d\U0001f469", "\u0645\u0631", "\u064b", "\u0928\u092e", "\u00b2", "\u2581", "\u0120", "K\u212a",
]


def texts() -> list[str]:
    rng = random.Random(7)
    made = ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 24))) for _ in range(220)]
    return WRITTEN + made


def summary(ids: list[int]) -> list[int] | str:
    if len(ids) <= 40:
        return ids
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]


def main() -> None:
    shared, target = Path(sys.argv[1]), Path(sys.argv[2])
    strings = texts()
    write(target / "strings.json", strings)
    for name, folder in TOKENIZERS.items():
        tokenizer = Tokenizer.from_file(str(shared / folder / "tokenizer.json"))
        write(target / f"{name}.json", [summary(tokenizer.encode(text).ids) for text in strings])


def write(path: Path, rows: list) -> None:
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
