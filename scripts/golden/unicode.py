"""Writes src/tokenizer/pattern/unicode-data.ts: character classes as Hugging Face's tokenizers see them.

Patterns of tokenizer.json run there in Oniguruma, whose Unicode version is its own: newer JavaScript
engines know letters that it does not. So the classes are asked of it, character by character.
Run with Python that has tokenizers 0.23 (as transformers 5.18 installs it):
    python scripts/golden/unicode.py src/tokenizer/pattern/unicode-data.ts
"""

import json
import subprocess
import sys
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
)
SCRIPTS = "Han Hiragana Katakana Hangul Latin Greek Cyrillic Arabic Hebrew Thai".split()
LIMIT = 0x110000
CHARACTERS = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def members(pattern: str) -> set[int]:
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    found: set[int] = set()
    for at in range(0, len(CHARACTERS), 1 << 16):
        text = "".join(map(chr, CHARACTERS[at : at + (1 << 16)]))
        found.update(ord(piece) for piece, _ in split.pre_tokenize_str(text))
    return found


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def property(name: str) -> str:
    return "\\p{" + name + "}"


def categories() -> str:
    of = ["Cn"] * LIMIT
    for name in CATEGORIES:
        for code in members(property(name)):
            assert of[code] == "Cn", hex(code)
            of[code] = name
    of[0xD800:0xE000] = ["Cs"] * 0x800
    runs, start = "", 0
    for code in range(1, LIMIT + 1):
        if code < LIMIT and of[code] == of[start]:
            continue
        runs += of[start] + (base36(code - start) if code - start > 1 else "")
        start = code
    check_shorthands(of)
    return runs


def check_shorthands(of: list[str]) -> None:
    digit = {c for c in CHARACTERS if of[c] == "Nd"}
    space = {c for c in CHARACTERS if of[c][0] == "Z"} | {*range(9, 14), 0x85}
    for pattern, expected in ((r"\d", digit), (r"\s", space)):
        different = members(pattern) ^ expected
        assert not different, (pattern, len(different), [hex(c) for c in sorted(different)][:20])


def ranges(found: set[int]) -> str:
    """Gaps and lengths in turn."""
    edges = sorted({c for c in found if c - 1 not in found} | {c + 1 for c in found if c + 1 not in found})
    return " ".join(base36(edge - before) for before, edge in zip([0, *edges], edges))


def late_marks() -> set[int]:
    """Characters that Unicode reorders or composes and the NFC of tokenizers, which is older, does not."""
    probes = "const m=['\\u0301','\\u0327','\\u0334'],a=[];for(let c=0x300;c<0x110000;c++){if(c>=0xd800&&c<0xe000)" \
        "continue;const s=String.fromCodePoint(c);for(const t of m)for(const p of['x'+s+t,'x'+t+s])" \
        "if(p.normalize('NFC')!==p)a.push(p)}process.stdout.write(JSON.stringify(a))"
    changed = json.loads(subprocess.check_output(["node", "-e", probes]))
    nfc = normalizers.NFC()
    late = {ord(c) for text in changed if nfc.normalize_str(text) == text for c in text if c not in "x\u0301\u0327\u0334"}
    return late | {0x11930, 0x11935}


def lines(text: str) -> str:
    return "\n".join(f"  '{text[at : at + 94]}'," for at in range(0, len(text), 94))


def main() -> None:
    scripts = "\n".join(f"  {name}: [\n{lines(ranges(members(property(name))))}\n  ]," for name in [*SCRIPTS, "Word"])
    Path(sys.argv[1]).write_text(
        f"// Made by scripts/golden/unicode.py from tokenizers {tokenizers.__version__}: not to be edited.\n\n"
        "/** General categories of all code points in order: category, and length in base 36 where not 1. */\n"
        f"export const categoryRuns = [\n{lines(categories())}\n].join('');\n\n"
        "/** Gaps and lengths of what NFC leaves alone there: marks younger than its tables. */\n"
        f"export const lateMarks = [\n{lines(ranges(late_marks()))}\n];\n\n"
        "/** Scripts, and what \\\\w stands for: gaps and lengths in turn, in base 36. */\n"
        f"export const scriptRanges: Record<string, string[]> = {{\n{scripts}\n}};\n"
    )


if __name__ == "__main__":
    main()
