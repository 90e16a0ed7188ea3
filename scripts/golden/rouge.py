"""test/golden/rouge.json: ROUGE-L of pairs of real rows, by index: seeds, Alpaca, GSM8K's test.

The F-measure of the longest common subsequence as Lin (2004) defines it, with the tokens and the
floating-point operations of rouge_score 0.1.2: lower case, runs of a-z and 0-9, precision and recall
as quotients, 2 p r / (p + r). Only the standard library is needed; with rouge_score installed its
scores are compared, too.

usage: python scripts/golden/rouge.py ../shared/data
"""

import json
import pathlib
import platform
import random
import re
import sys

try:
    from rouge_score import rouge_scorer
except ImportError:
    rouge_scorer = None


def tokens(text):
    return re.findall("[a-z0-9]+", text.lower())


def subsequence(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        above = 0
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], above + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def score(a, b):
    a, b = tokens(a), tokens(b)
    length = subsequence(a, b)
    if length == 0:
        return 0.0
    precision, recall = length / len(b), length / len(a)
    return 2 * precision * recall / (precision + recall)


def main():
    data = pathlib.Path(sys.argv[1])
    rows = [json.loads(line) for line in open(data / "self-instruct/seed_tasks.jsonl")]
    texts = [row["instruction"] for row in rows]
    texts += [row["instruction"] for row in json.load(open(data / "alpaca-en/alpaca_en_demo.json"))]
    texts += [json.loads(line)["question"] for line in open(data / "gsm8k/test.jsonl")]
    plain = [i for i, text in enumerate(texts) if text.isascii()]
    random.seed(1)
    scored = {}
    for _ in range(60000):
        a, b = random.sample(plain, 2)
        scored[a, b] = score(texts[a], texts[b])
    # The most alike of many, and some of the rest.
    ranked = sorted(scored.items(), key=lambda item: -item[1])
    chosen = ranked[:100] + random.sample(ranked, 100)
    compared = 0
    if rouge_scorer is not None:
        scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
        for (a, b), found in chosen:
            assert scorer.score(texts[a], texts[b])["rougeL"].fmeasure == found, (a, b)
            compared += 1
    pairs = [[a, b, found] for (a, b), found in chosen]
    made = {"python": platform.python_version(), "rouge_score": compared > 0, "pairs": pairs}
    pathlib.Path("test/golden/rouge.json").write_text(json.dumps(made) + "\n")
    print(f"{len(pairs)} pairs, {compared} compared with rouge_score")


main()
