"""Writes internal/parquet/testdata/*.parquet with pyarrow, the reference library, with DuckDB and with Polars, and expected.json
with what is in them.

    pip install pyarrow duckdb polars && python scripts/data/parquet_types.py internal/parquet/testdata

All files hold the same rows: every kind of value, lists within lists, structures, nulls everywhere. They differ in compression,
format of pages and encodings. Pages are tiny, so that rows begin, end and go on in the middle of them.
"""
import json
import random
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

out = sys.argv[1]
rng = random.Random(11)


def maybe(v):
    return None if rng.random() < 0.2 else v


def word():
    return rng.choice(["", "a", "köln", "a longer text", "zzz" * rng.randint(1, 9)])


rows = [{
    "flag": maybe(rng.random() < 0.5),
    "small": maybe(rng.randrange(-2**31, 2**31)),
    "big": maybe(rng.randrange(-2**63, 2**63)),
    "single": maybe(rng.randrange(-1000, 1000) / 8),
    "double": maybe(rng.gauss(0, 1)),
    "text": maybe(word()),
    "bytes": maybe(bytes(rng.randrange(256) for _ in range(rng.randint(0, 20)))),
    "fixed": maybe(bytes(rng.randrange(256) for _ in range(5))),
    "sure": i,
    "numbers": maybe([maybe(rng.randrange(9)) for _ in range(rng.randrange(5))]),
    "nested": maybe([maybe([maybe(word()) for _ in range(rng.randrange(4))]) for _ in range(rng.randrange(4))]),
    "pair": maybe({"x": maybe(i), "y": maybe({"z": maybe(word())})}),
    "pairs": maybe([maybe({"a": maybe(word()), "b": maybe([rng.randrange(5) for _ in range(rng.randrange(3))])})
                    for _ in range(rng.randrange(4))]),
    "nothing": None,
    "map": maybe([(word() + str(k), maybe(k)) for k in range(rng.randrange(4))]),
} for i in range(83)]

schema = pa.schema([
    ("flag", pa.bool_()), ("small", pa.int32()), ("big", pa.int64()), ("single", pa.float32()), ("double", pa.float64()),
    ("text", pa.string()), ("bytes", pa.binary()), ("fixed", pa.binary(5)), pa.field("sure", pa.int64(), nullable=False),
    ("numbers", pa.list_(pa.int64())), ("nested", pa.list_(pa.list_(pa.string()))),
    ("pair", pa.struct([("x", pa.int32()), ("y", pa.struct([("z", pa.string())]))])),
    ("pairs", pa.list_(pa.struct([("a", pa.string()), ("b", pa.list_(pa.int32()))]))), ("nothing", pa.string()),
    ("map", pa.map_(pa.string(), pa.int64())),
])
table = pa.Table.from_pylist(rows, schema)


def write(name, version, compression, **options):
    pq.write_table(table, f"{out}/{name}.parquet", data_page_version=version, compression=compression, data_page_size=60,
                   write_batch_size=4, row_group_size=30, **options)


write("plain-v1", "1.0", "none", use_dictionary=False)
write("plain-v2", "2.0", "snappy", use_dictionary=False)
write("dictionary-v1", "1.0", "gzip")
write("dictionary-v2", "2.0", "zstd")
write("brotli-v1", "1.0", "brotli", store_schema=False)
write("lz4-v2", "2.0", "lz4", use_compliant_nested_type=False)
write("delta-v2", "2.0", "none", use_dictionary=False, column_encoding={
    "flag": "RLE", "small": "DELTA_BINARY_PACKED", "big": "DELTA_BINARY_PACKED", "single": "BYTE_STREAM_SPLIT", "double": "BYTE_STREAM_SPLIT",
    "text": "DELTA_LENGTH_BYTE_ARRAY", "bytes": "DELTA_LENGTH_BYTE_ARRAY", "fixed": "BYTE_STREAM_SPLIT", "sure": "DELTA_BINARY_PACKED"})
# A column that a reader cannot bound, beside one that it can.
pq.write_table(table.select(["text", "sure"]), f"{out}/refused.parquet", use_dictionary=False, compression="none",
               column_encoding={"text": "DELTA_BYTE_ARRAY"})

every = table
duckdb.sql(f"copy every to '{out}/duckdb-v1.parquet' (format parquet)")
duckdb.sql(f"copy every to '{out}/duckdb-v2.parquet' (format parquet, parquet_version v2, compression zstd)")
# Polars has no maps, but what they are in a file.
pairs = pa.list_(pa.struct([("key", pa.string()), ("value", pa.int64())]))
listed = pa.array([None if r["map"] is None else [{"key": k, "value": v} for k, v in r["map"]] for r in rows], pairs)
polars.from_arrow(table.set_column(len(schema) - 1, "map", listed)).write_parquet(f"{out}/polars-v1.parquet")


def plain(v):
    if isinstance(v, bytes):
        return {"hex": v.hex()}
    if isinstance(v, list):
        return [{"key": e[0], "value": e[1]} if isinstance(e, tuple) else plain(e) for e in v]
    if isinstance(v, dict):
        return {k: plain(e) for k, e in v.items()}
    return v


with open(f"{out}/expected.json", "w") as f:
    json.dump([plain(r) for r in rows], f)
