"""Small Parquet files as pandas, pyarrow and `datasets` write them, and the rows that they hold.

    python scripts/golden/parquet.py    # pyarrow 25.0.1
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parents[2] / "test/golden/parquet"
out.mkdir(exist_ok=True)

chats = [
    {
        "id": 2**40 + i,
        "score": i / 4,
        "messages": [
            {"role": "user", "content": f"frage {i} \u00fc\u4e16\U0001f600", "tool_calls": None},
            {
                "role": "assistant",
                "content": None if i % 2 else f"answer {i}\nline",
                "tool_calls": [{"function": {"name": "f", "arguments": {"x": i, "y": None}}}]
                if i % 2
                else None,
            },
        ],
        "tags": [] if i % 3 else ["a", None, "b"],
    }
    for i in range(40)
]
texts = [{"text": "row %d %s" % (i, "word " * (i % 17)), "n": i} for i in range(300)]


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def write(name, rows, **options):
    pq.write_table(pa.Table.from_pylist(rows), out / f"{name}.parquet", **options)
    (out / f"{name}.json").write_text(json.dumps(without_nulls(rows), ensure_ascii=False))


write("chats", chats, compression="zstd", row_group_size=16)
for codec in ["none", "snappy", "gzip", "brotli", "lz4"]:
    pq.write_table(
        pa.Table.from_pylist(texts), out / f"texts-{codec}.parquet", compression=codec, row_group_size=128
    )
pq.write_table(
    pa.Table.from_pylist(texts),
    out / "texts-v2.parquet",
    compression="zstd",
    data_page_version="2.0",
    use_dictionary=False,
    column_encoding={"text": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED"},
)
(out / "texts.json").write_text(json.dumps(texts))
