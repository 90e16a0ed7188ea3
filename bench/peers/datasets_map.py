"""The peer's side of the pipeline benchmark: datasets' map over transformers' fast tokenizer.

Tokenizes conversations as TRL does: apply_chat_template with the assistant's tokens marked, one row at
a time within `map`, then labels from the mask. Prints one JSON object: seconds to import, to load the
file and to map it, rows, tokens, trained tokens, and a hash of the ids and labels of the first rows.
"""

import argparse
import hashlib
import json
import os
import time
from importlib.metadata import version

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help=".jsonl of messages")
    parser.add_argument("--tokenizer", required=True, help="directory")
    parser.add_argument("--template", required=True, help="file with the chat template")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--cache", required=True, help="datasets' cache; kept, a later run is warm")
    parser.add_argument("--hash-rows", type=int, default=0)
    args = parser.parse_args()

    start = time.perf_counter()
    import numpy
    from datasets import load_dataset
    from transformers import PreTrainedTokenizerFast

    imported = time.perf_counter()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=os.path.join(args.tokenizer, "tokenizer.json"), eos_token="<|endoftext|>"
    )
    with open(args.template) as file:
        tokenizer.chat_template = file.read()

    def encode(row):
        made = tokenizer.apply_chat_template(
            row["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        ids, mask = made["input_ids"], made["assistant_masks"]
        return {"input_ids": ids, "labels": [i if m else -100 for i, m in zip(ids, mask)]}

    data = load_dataset("json", data_files=args.data, cache_dir=args.cache, split="train")
    loaded = time.perf_counter()
    processes = args.processes if args.processes > 1 else None
    data = data.map(encode, remove_columns=data.column_names, num_proc=processes)
    mapped = time.perf_counter()

    digest = hashlib.sha256()
    for row in data.select(range(args.hash_rows)):
        digest.update(numpy.array(row["input_ids"], dtype="<i4").tobytes())
        digest.update(numpy.array(row["labels"], dtype="<i4").tobytes())
    arrow = data.with_format("arrow")
    tokens = trained = 0
    for table in arrow.iter(batch_size=10_000):
        labels = table["labels"].combine_chunks()
        flat = labels.flatten().to_numpy(zero_copy_only=False)
        tokens += len(flat)
        # The first label of a row is never used.
        firsts = flat[labels.offsets.to_numpy()[:-1] - labels.offsets[0].as_py()]
        trained += int((flat != -100).sum() - (firsts != -100).sum())
    print(
        json.dumps(
            {
                "versions": {n: version(n) for n in ("datasets", "tokenizers", "transformers")},
                "seconds": {
                    "import": imported - start,
                    "load": loaded - imported,
                    "map": mapped - loaded,
                },
                "rows": len(data),
                "tokens": tokens,
                "trained": trained,
                "hash": digest.hexdigest(),
            }
        )
    )


main()
