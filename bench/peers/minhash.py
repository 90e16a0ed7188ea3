"""Near-duplicates with datasketch: the settings of `attune data dedupe`, rows that are kept to a file.

Words and shingles as there; candidates of LSH count as duplicates, as is usual with datasketch.
usage: python bench/peers/minhash.py rows.jsonl
"""

import json
import platform
import re
import sys
import time

import datasketch
from datasketch import MinHash, MinHashLSH


def shingles(text, size=5):
    words = re.findall("[a-z0-9]+", text.lower())
    last = max(1, len(words) - size + 1)
    return {" ".join(words[i : i + size]).encode() for i in range(last)}


def main():
    start = time.process_time()
    lsh = MinHashLSH(threshold=0.8, num_perm=128)
    kept = 0
    with open(sys.argv[1]) as rows, open(sys.argv[1] + ".peer", "w") as output:
        for number, line in enumerate(rows):
            signature = MinHash(num_perm=128, seed=42)
            signature.update_batch(shingles(json.loads(line)["text"]))
            if lsh.query(signature):
                continue
            lsh.insert(number, signature)
            output.write(line)
            kept += 1
    seconds = time.process_time() - start
    versions = f"datasketch {datasketch.__version__}, Python {platform.python_version()}"
    print(json.dumps({"seconds": seconds, "kept": kept, "versions": versions}))


main()
