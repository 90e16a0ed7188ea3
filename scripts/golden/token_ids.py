"""Writes test/golden/tokenizers: ids of Hugging Face's tokenizers for adversarial text and real rows.

Run with Python that has tokenizers 0.23 (as transformers 5.18 installs it), from the project's root:
    python scripts/golden/token_ids.py ../shared test/golden/tokenizers
strings.json holds the texts, [unit, count] for long ones; NAME.json for each text the ids, or a hash
of many. MADE/tokenizer.json are small tokenizers of every kind that is read natively, trained on the
project's own pages. rows.json: for each file of ../shared/data, hashes of the ids of its texts in
blocks of 512: every string of every JSON value in order, each line of plain text and the whole.
"""

import gzip
import hashlib
import json
import random
import sys
from array import array
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TOKENIZERS = {
    "gpt2": "tokenizers/gpt2",
    "gpt-neox": "tokenizers/gpt-neox",
    "qwen2": "tokenizers/qwen2",
    "stories260K": "models/stories260K",
}

BLOCK = 512
CASELESS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD, SPACES = r"[^\r\n\p{L}\p{N}]?", r"\s*[\r\n]+|\s+(?!\S)|\s+"
CL100K = rf"{CASELESS}|{LEAD}\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACES}"
O200K = (
    rf"{LEAD}{UPPER}*{LOWER}+{CASELESS}?|{LEAD}{UPPER}+{LOWER}*{CASELESS}?"
    rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}"
)

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
    # What breaks readers of text: controls, directions, joiners, stacked marks, look-alikes.
    "".join(map(chr, range(0x20))), "".join(map(chr, range(0x7F, 0xA1))), "\x00" * 9, "a\x00b\x1ac",
    "\u202eright to left\u202c \u2066isolate\u2069 \u05d0\u05d1 12 \u05d2 \u0661\u0662 abc",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f \U0001f9d1\U0001f3ff\u200d\U0001f680 1\ufe0f\u20e3",
    "Z\u0351\u036b\u0343A\u0321\u034e\u0337L\u0322\u0326\u0301G\u0316O" + "\u0301\u0327\u0334" * 40,
    "\u0958\u09dc\u0340\u0341\u0374\u037e\u0387\u2000\u2126\u2329\uf900\ufb1f\U0002f800",
    "\uff21\uff42\uff43\u3000\uff11\uff12 \u24d0\u24d1 \u1d43 \u2075 \u00aa\u00ba \u02b0 \u0e33 \ufdfa",
    "\u01c5\u01c8 \u1f88 \u00df\u1e9e \u0130i\u0307 \u03c3\u03c2\u03a3 '\u017f '\u212a 'S't'RE'Ve'M'lL'D 's'",
    "\U0001e900\U0001e922 \U00010400 \U0001d400 \U00020000\U0002a6df \U000f0000 \U0010ffff \ufffe \uffff \ufdd0",
    "\u0378 \u088f \u1ac0\u1ad0 \ua7ce \u0c5c \U00016ea0 \U0001fa8f \U0002b73a \U00011de0 \U0001e6c0 \u20c1 \U00010ed0",
    "x\u0301\u07fd x\u07fd\u0327 \u0898\u0334 \u1ac1\u0301a \U00011935\U00011930 e\u0898\u0301",
    "<0x00><0x0A><0xFF><0xE2><0x96><0x81><0xff><0x100> <s> </s> <unk> <pad> [INST] <<SYS>> <bos>",
    "NULL null undefined NaN -1e309 0x7fffffff 1/0 $HOME `id` '; DROP TABLE x; -- <script>alert(1)</script> ../../etc",
    "1234567890123456789012345678901234567890 1,234,567.89 3.14.15 0b1010 1e10 \u0967\u0968\u0969\u096a \u00bd\u00be",
    "''''''''''''''''' don''t 'don't' \u2019s \u2019S rock'n'roll o'clock'll'd've",
    " \t \n \r\n \v \f \x85 \xa0 \u1680 \u2003 \u2028\u2029 \u202f \u205f \u3000 \u200b \ufeff x   \n\n  \n y\r\r\n",
    "\u2581\u2581a\u2581 \u2581 b \u2581\u2581", "\u0120\u0120 \u010a\u0109 \u0100\u0143 \u00ad\u00a0\u00ff",
    "supercalifragilistic" * 30, "\u4e2d" * 99, "\U0001f600" * 70, "aA" * 99, "a1" * 99, ". " * 99, "-_" * 99,
    "\u1112\u1161\u11ab" * 40, "\ud55c\uad6d\uc5b4\ub97c \ubc30\uc6b0\ub294", "\u0b95\u0bcd\u0bb7\u0bcd \u0d15\u0d4d \u1780\u17d2\u1789",
]

PIECES = list("abcXYZ 0123456789 \t\n\r'\".,!?<>|()[]{}_-+=$`^~@#%&*\\/;:") + [
    "\u0085", "\ufeff", "\u00a0", "\u200d", "\u2028", "\u3000", "'s", "'S", "'\u017f", "'re", "'LL",
    "  ", "   ", "\n\n", "\r\n", "<|endoftext|>", "</s>", "e\u0301", "\u00e9", "A\u030a", "\u0301",
    "\uac01", "\u1100\u1161\u11a8", "\u00df", "\u4e2d", "\u65e5\u672c", "\U0001f600",
    "\U0001f468\u200d\U0001f469", "\u0645\u0631", "\u064b", "\u0928\u092e", "\u00b2", "\u2581", "\u0120", "K\u212a",
]


# A megabyte of one character, or of two in turn.
LONG = ["a", " ", "\n", "0", "'", "\u00e9", "\u4e2d", "\U0001f600", "\u2581", "\u0301", "ab", "a ", " \n", "\ud55c", "e\u0301", "\t", "="]


def texts() -> list[str | list]:
    rng = random.Random(7)
    made = ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 24))) for _ in range(220)]
    any_kind = ["".join(map(anything, [rng] * rng.randint(1, 40))) for _ in range(150)]
    return WRITTEN + made + any_kind + [[unit, 1_000_000 // len(unit.encode())] for unit in LONG]


def anything(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(PIECES)
    code = rng.randrange(rng.choice([0x300, 0x3000, 0x20000, 0x110000]))
    return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"


def digest(rows: list[list[int]]) -> str:
    """Of the ids of texts, as little-endian int32, the number of a text's ids before them."""
    flat = array("i")
    for ids in rows:
        flat.append(len(ids))
        flat.extend(ids)
    return hashlib.sha256(flat.tobytes()).hexdigest()[:12]


def summary(ids: list[int], most: int) -> list[int] | str:
    return ids if len(ids) <= most else digest([ids])


def split(pattern: str):
    isolated = pre_tokenizers.Split(Regex(pattern), "isolated")
    return pre_tokenizers.Sequence([isolated, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def made() -> dict[str, tuple]:
    """Name: normalizer, pre-tokenizer, whether byte-level, changes to tokenizer.json."""
    marks = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    digits = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    spaces = pre_tokenizers.Split(" ", "merged_with_previous")
    meta = pre_tokenizers.Metaspace
    return {
        "cl100k": (None, split(CL100K), True, {"ignore_merges": True}),
        "o200k": (None, split(O200K), True, {}),
        "digits": (None, pre_tokenizers.Sequence(digits), True, {}),
        "prefixed": (normalizers.NFC(), pre_tokenizers.ByteLevel(add_prefix_space=True), True, {}),
        "marked": (marks, None, False, {}),
        "marked-added": (marks, None, False, {"normalized": True}),
        "replaced": (normalizers.Replace(" ", "\u2581"), spaces, False, {}),
        "metaspace": (None, meta(prepend_scheme="always", split=True), False, {"byte_fallback": False}),
        "metaspace-first": (None, meta(prepend_scheme="first", split=False), False, {}),
    }


def make(folder: Path, pages: list[str], normalizer, pre_tokenizer, byte_level: bool, changes: dict) -> Path:
    model = dict(changes)
    normalized = model.pop("normalized", False)
    tokenizer = Tokenizer(models.BPE(unk_token=None if byte_level else "<unk>", fuse_unk=not byte_level))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    # Words are learnt one by one even where they are merged in one.
    words = pre_tokenizers.Split("\u2581", "merged_with_next")
    if isinstance(pre_tokenizer, pre_tokenizers.Metaspace):
        words = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.pre_tokenizer = pre_tokenizer if byte_level else words
    fallback = [] if byte_level else [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<s>"] if byte_level else ["<unk>", "<s>", "</s>", *fallback],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if byte_level else [],
        limit_alphabet=256 if byte_level else 60,
        show_progress=False,
    )
    tokenizer.train_from_iterator(pages, trainer)
    tokenizer.decoder = decoders.ByteLevel() if byte_level else decoders.Metaspace()
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    value = json.loads(tokenizer.to_str())
    if pre_tokenizer is None:
        value["pre_tokenizer"] = None
    value["added_tokens"] = [t for t in value["added_tokens"] if not t["content"].startswith("<0x")]
    for token in value["added_tokens"]:
        token["normalized"] = normalized
    value["model"].update({"byte_fallback": not byte_level} | model)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return path


def strings_of(value) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for child in children for text in strings_of(child)]


def texts_of(path: Path) -> list[str]:
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode()
    name = path.name.removesuffix(".gz")
    if name.endswith(".txt"):
        return [*text.split("\n"), text]
    values = [json.loads(line) for line in text.split("\n") if line] if name.endswith(".jsonl") else json.loads(text)
    return strings_of(values)


def main() -> None:
    shared, target = Path(sys.argv[1]), Path(sys.argv[2])
    strings = texts()
    write(target / "strings.json", strings)
    whole = [text if isinstance(text, str) else text[0] * text[1] for text in strings]
    pages = [path.read_text() for path in sorted(Path("docs").glob("*.md"))]
    for name, how in made().items():
        tokenizer = Tokenizer.from_file(str(make(target / name, pages, *how)))
        write(target / f"{name}.json", [summary(tokenizer.encode(text).ids, 6) for text in whole])
    loaded = {name: Tokenizer.from_file(str(shared / folder / "tokenizer.json")) for name, folder in TOKENIZERS.items()}
    for name, tokenizer in loaded.items():
        write(target / f"{name}.json", [summary(tokenizer.encode(text).ids, 24) for text in whole])
    files = {}
    for path in sorted(path for path in (shared / "data").rglob("*") if path.is_file()):
        rows = texts_of(path)
        hashes = {name: blocks(tokenizer, rows) for name, tokenizer in loaded.items()}
        files[str(path.relative_to(shared / "data"))] = {"texts": len(rows), **hashes}
    body = ",\n".join(f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in files.items())
    (target / "rows.json").write_text(f'{{"tokenizers":"{tokenizers.__version__}","files":{{\n{body}\n}}}}\n')


def blocks(tokenizer: Tokenizer, rows: list[str]) -> list[str]:
    at = range(0, len(rows), BLOCK)
    return [digest([e.ids for e in tokenizer.encode_batch(rows[i : i + BLOCK])]) for i in at]


def write(path: Path, rows: list) -> None:
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
