"""Reads a dataset's Parquet files with pyarrow, and compares types, order and values with its manifest and with the
JSON lines of the same rows.

Arguments: folder of the Parquet files, folder of the JSON lines, manifest, for each dataset. A line of output for each
of them says how much is equal.
"""
import datetime
import glob
import json
import os
import sys

import pyarrow
import pyarrow.parquet

TEXT = pyarrow.string()
TYPES = {
    "Text": TEXT,
    "Int": pyarrow.int64(),
    "Float": pyarrow.float64(),
    "Bool": pyarrow.bool_(),
    "Time": pyarrow.timestamp("us", tz="UTC"),
    # JSON, because not every reader takes lists and structures.
    "TextList": TEXT,
    "Variant": TEXT,
}
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def micros(text):
    """Microseconds since 1970; the services write up to seven digits."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = (datetime.datetime.fromisoformat(whole) - EPOCH) // MICROSECOND
    return seconds + int(fraction[:6].ljust(6, "0"))


def expected(kind, value):
    return micros(value) if kind == "Time" and value is not None else value


def values(kind, column):
    """The values of a column as those of JSON."""
    if kind == "Time":
        return column.cast(pyarrow.int64()).to_pylist()
    if kind in ("TextList", "Variant"):
        return [None if value is None else json.loads(value) for value in column.to_pylist()]
    return column.to_pylist()


def read_lines(folder):
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            rows += [json.loads(line) for line in file]
    return rows


def compare(parquet, lines, manifest):
    with open(manifest, encoding="utf-8") as file:
        columns = [(column["name"], column["type"]) for column in json.load(file)["columns"]]
    rows, first = read_lines(lines), 0
    for path in sorted(glob.glob(os.path.join(parquet, "*.parquet"))):
        file = pyarrow.parquet.ParquetFile(path)
        types = [(field.name, field.type) for field in file.schema_arrow]
        wanted = [(name, TYPES[kind]) for name, kind in columns]
        assert types == wanted, f"{path} has {types}, not {wanted}"
        codecs = {file.metadata.row_group(0).column(index).compression for index in range(len(columns))}
        assert codecs == {"SNAPPY"}, f"{path} is compressed with {codecs}"
        table = file.read()
        part = rows[first : first + table.num_rows]
        first += table.num_rows
        for name, kind in columns:
            ours, theirs = values(kind, table[name]), [expected(kind, row[name]) for row in part]
            different = [(a, b) for a, b in zip(ours, theirs) if a != b]
            assert not different, f"{path}, {name}: {different[0]}"
    assert first == len(rows), f"{first} rows, not {len(rows)}"
    print(f"{first} rows of {len(columns)} columns are equal")


for number in range(1, len(sys.argv), 3):
    compare(*sys.argv[number : number + 3])
