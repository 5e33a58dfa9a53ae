"""Writes internal/data/testdata/*.parquet with pyarrow, the reference library, and expected.json with what is in them.

    pip install pyarrow && python scripts/data/parquet_fixtures.py internal/data/testdata

The files hold the same samples in four layouts; pages are tiny, so that rows begin, end and go on in the middle of them.
"""
import json
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

out = sys.argv[1]
rng = random.Random(7)
rows = []
for i in range(57):
    pictures = rng.choice([0, 1, 1, 1, 2, 3])
    turns = []
    for t in range(rng.randint(1, 3)):
        mark = "<image>" * pictures + "\n" if t == 0 and pictures else ""
        turns.append(["human", f"{mark}Question {t} of row {i}, é?"])
        turns.append(["gpt", "word " * rng.randint(1, 9) + str(i)])
    rows.append({"id": f"row-{i}", "turns": turns,
                 "images": [bytes(rng.randrange(256) for _ in range(rng.randint(1, 90))).hex() for _ in range(pictures)]})

conv = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))
msgs = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
pics = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
pic = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(name, columns, **options):
    pq.write_table(pa.table(columns), f"{out}/{name}.parquet", data_page_size=150, write_batch_size=3,
                   row_group_size=options.pop("row_group_size", 20), **options)


ids = pa.array([r["id"] for r in rows])
froms = pa.array([[{"from": f, "value": v} for f, v in r["turns"]] for r in rows], conv)
images = pa.array([[{"bytes": bytes.fromhex(b), "path": f"p{k}.jpg"} for k, b in enumerate(r["images"])] or None for r in rows], pics)
write("list-snappy-v1", {"id": ids, "images": images, "conversations": froms}, compression="snappy", data_page_version="1.0")
write("list-zstd-v2", {"id": ids, "images": images, "conversations": froms}, compression="zstd", data_page_version="2.0", use_dictionary=False)
names = {"human": "user", "gpt": "assistant"}
chat = pa.array([[{"role": names[f], "content": v} for f, v in r["turns"]] for r in rows], msgs)
plain = pa.array([[bytes.fromhex(b) for b in r["images"]] for r in rows], pa.list_(pa.binary()))
write("bytes-gzip-v1", {"other": pa.array(range(len(rows))), "messages": chat, "images": plain, "id": ids}, compression="gzip",
      data_page_version="1.0", use_dictionary=["messages.list.element.role"])
# One picture at most in this layout: the others are left out of it.
one = [r for r in rows if len(r["images"]) < 2]
write("struct-none-v2", {
    "conversations": pa.array([json.dumps([{"from": f, "value": v} for f, v in r["turns"]]) for r in one]),
    "image": pa.array([{"bytes": bytes.fromhex(r["images"][0]), "path": None} if r["images"] else None for r in one], pic),
    "id": pa.array([int(r["id"][4:]) for r in one], pa.int64()),
}, compression="none", data_page_version="2.0", row_group_size=1000)
with open(f"{out}/expected.json", "w") as f:
    json.dump(rows, f, indent=1)
