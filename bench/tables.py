"""What the benchmarks of tables share: tables of random numbers, the flights, export by COPY."""

import csv
import gzip
import os
import sys
import threading
import time

import numpy as np

from common import DATA, best, value


def make_numbers(db, table, rows, target="y"):
    """20 normal columns c1..c20 and a number, label or sign that depends on them."""
    db.execute("CREATE EXTENSION IF NOT EXISTS aiaas")
    db.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    db.execute("SELECT setseed(0.5)")
    # the sum of three uniform numbers is near enough to a normal one
    columns = ", ".join(f"(random() + random() + random() - 1.5) * 2 AS c{i}" for i in range(1, 21))
    score = " + ".join(f"{(i * 7 % 11 - 5) / 5} * c{i}" for i in range(1, 21))
    noise = "(random() + random() + random() - 1.5)"
    kinds = {"y": f"{score} + 3 + {noise} AS y",
             "label": f"CASE WHEN {score} + 4 * {noise} > 0 THEN 'yes' ELSE 'no' END AS label",
             # a ring: no line tells the classes apart
             "ring": f"CASE WHEN c1 * c1 + c2 * c2 + c3 * c3 + {noise} > 3 THEN 'out' ELSE 'in' END AS label"}
    db.execute(f"CREATE TABLE {table} AS SELECT *, {kinds[target]} "
               f"FROM (SELECT {columns} FROM generate_series(1, {rows}) OFFSET 0) numbers")
    db.execute(f"VACUUM ANALYZE {table}")


def export(db, table, target=None):
    """The rows as numpy has them fastest: binary COPY of a fixed width; the target as a number."""
    columns = ", ".join(f"c{i}" for i in range(1, 21)) + (f", {target}" if target else "")
    n = 21 if target else 20
    with db.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)") as copy:
        data = b"".join(copy)
    row = np.dtype([("fields", ">i2"), ("values", [("size", ">i4"), ("value", ">f8")], n)])
    rows = np.frombuffer(data, row, offset=19, count=(len(data) - 21) // row.itemsize)
    matrix = np.ascontiguousarray(rows["values"]["value"], dtype=np.float64)
    return (matrix[:, :20], matrix[:, 20]) if target else matrix


def train(db, model, source, target, algorithm, options, times=3):
    """From table to deployed model, each time anew; seconds of the best."""
    def run():
        db.execute("SELECT aiaas_train(%s, %s, model => %s, algorithm => %s, options => %s)",
                   (source, target, model, algorithm, options))
    seconds = []
    for _ in range(times):
        db.execute(f"DROP TABLE IF EXISTS {model}")
        seconds.append(best(run, 1))
    return min(seconds)


def fit(make, *data, times=3):
    """Seconds of the best of some fits of a peer's model, and the model."""
    seconds = []
    for _ in range(times):
        model = make()
        start = time.perf_counter()
        model.fit(*data)
        seconds.append(time.perf_counter() - start)
    return min(seconds), model


def load_flights(db):
    """The flights, as a user would load them; rows as dictionaries for the peer."""
    path = f"{DATA}/flights"
    if not os.path.exists(path):
        print(f"{sys.argv[0]}: left out, for {path} is not here", file=sys.stderr)
        sys.exit(0)
    types = {"carrier": "text", "tailnum": "text", "origin": "text", "dest": "text", "time_hour": "timestamptz"}
    parts = {}
    db.execute("CREATE EXTENSION IF NOT EXISTS aiaas")
    for part in "train", "test":
        with gzip.open(f"{path}/{part}.csv.gz", "rt", encoding="utf-8") as file:
            text = file.read()
        rows = list(csv.DictReader(text.splitlines()))
        columns = ", ".join(f"{c} {types.get(c, 'integer')}" for c in rows[0])
        db.execute(f"DROP TABLE IF EXISTS flights_{part} CASCADE")
        db.execute(f"CREATE TABLE flights_{part} ({columns})")
        with db.cursor().copy(f"COPY flights_{part} FROM STDIN (FORMAT csv, HEADER, NULL 'NA')") as copy:
            copy.write(text)
        db.execute(f"ALTER TABLE flights_{part} ADD COLUMN late boolean GENERATED ALWAYS AS (arr_delay > 15) STORED")
        db.execute(f"VACUUM ANALYZE flights_{part}")
        parts[part] = rows
    return parts


class PeakMemory:
    """The most memory of its own that the backend of a connection has while the block runs, in MB."""

    def __init__(self, db):
        self.pid = value(db, "SELECT pg_backend_pid()")
        self.peak = 0

    def read(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("RssAnon"))

    def watch(self):
        while not self.done:
            self.peak = max(self.peak, self.read())
            time.sleep(0.002)

    def __enter__(self):
        self.done = False
        self.before = self.read()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.done = True
        self.thread.join()
        self.used = self.peak - self.before
