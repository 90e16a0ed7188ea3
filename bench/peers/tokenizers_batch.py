"""The peers' side of the tokenizer benchmark: Hugging Face tokenizers, and tiktoken where it is installed.

Reads a JSON array of texts; prints one JSON object: a digest of all ids, and for each way to encode
them the least processor and wall seconds of several passes. RAYON_NUM_THREADS sets tokenizers' threads.
tiktoken is built from the vocabulary of tokenizer.json, whose pattern is its own; where its ids are
others it is not timed.
"""

import argparse
import hashlib
import json
import os
import time
from array import array
from importlib.metadata import version

from tokenizers import Tokenizer

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def digest(rows) -> str:
    hashed = hashlib.sha256()
    for ids in rows:
        hashed.update(array("i", [len(ids)]).tobytes())
        hashed.update(array("i", ids).tobytes())
    return hashed.hexdigest()[:12]


def least(run, passes: int) -> dict:
    cpu, wall = [], []
    for _ in range(passes):
        before = (time.process_time(), time.perf_counter())
        run()
        cpu.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    return {"cpu": min(cpu), "wall": min(wall)}


def in_tiktoken(path: str):
    """The same tokenizer in tiktoken, or None: byte-level with a merge's rank in the order of ids."""
    try:
        import tiktoken
    except ImportError:
        return None
    with open(path) as file:
        value = json.load(file)
    if (value.get("decoder") or {}).get("type") != "ByteLevel":
        return None
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
    ranks = {
        bytes(byte_of[c] for c in token): i
        for token, i in value["model"]["vocab"].items()
        if all(c in byte_of for c in token)
    }
    pattern = GPT2
    for part in (value["pre_tokenizer"] or {}).get("pretokenizers", []):
        if part["type"] == "Split":
            pattern = part["pattern"]["Regex"]
    return tiktoken.Encoding("same", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--tokenizer", required=True, help="tokenizer.json")
    parser.add_argument("--passes", type=int, default=3)
    args = parser.parse_args()
    with open(args.texts) as file:
        texts = json.load(file)
    tokenizer = Tokenizer.from_file(args.tokenizer)

    def batch():
        return tokenizer.encode_batch(texts, add_special_tokens=False)

    def fast():
        return tokenizer.encode_batch_fast(texts, add_special_tokens=False)

    found = digest(each.ids for each in batch())
    times = {"encode_batch": least(batch, args.passes), "encode_batch_fast": least(fast, args.passes)}
    versions = {"tokenizers": version("tokenizers")}
    if os.environ.get("RAYON_NUM_THREADS") == "1" and (other := in_tiktoken(args.tokenizer)) is not None:
        versions["tiktoken"] = version("tiktoken")
        if digest(map(other.encode_ordinary, texts)) == found:
            times["tiktoken"] = least(lambda: [other.encode_ordinary(text) for text in texts], args.passes)
    print(json.dumps({"digest": found, "times": times, "versions": versions}))


main()
