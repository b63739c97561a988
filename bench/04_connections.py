"""A model's first use in a new connection, and what 50 connections on it hold in memory."""

import statistics
import time

from common import connect, load_spam, row, train_model, value

CONNECTIONS = 50

db = connect()
load_spam(db)
train_model(db, "spam", "spam_train", "label", "body", '{"holdout": 0}')
CALL = "SELECT aiaas_classify('spam', 'Dear friend, buy now')"
db.execute(CALL)


def first(query):
    """Median milliseconds of a query that is its connection's first."""
    seconds = []
    for _ in range(100):
        with connect() as fresh:
            start = time.perf_counter()
            fresh.execute(query)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


row("first call in a new connection, beyond SELECT 1", f"{first(CALL) - first('SELECT 1'):.2f} ms", must="1 ms")


def private_bytes(query):
    """Private memory of each of many connections after the query, the median."""
    held = [connect() for _ in range(CONNECTIONS)]
    sizes = []
    for one in held:
        one.execute(query)
    for one in held:
        with open(f"/proc/{one.info.backend_pid}/smaps") as file:
            sizes.append(1024 * sum(int(line.split()[1]) for line in file if line.startswith("Private_")))
    copies = value(db, "SELECT count(*) FROM aiaas.shared_models WHERE model::regclass = 'spam'::regclass")
    for one in held:
        one.close()
    return statistics.median(sizes), copies


base, _ = private_bytes("SELECT 1")
used, copies = private_bytes(CALL)
row(f"{CONNECTIONS} connections on one model: private memory of each beyond SELECT 1 (copies of the model)",
    f"{(used - base) / 1e6:.2f} MB ({copies})", must="1 MB (1)")
