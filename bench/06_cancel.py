"""The time from a cancel request to the end of the statement, the worst of 100 in each phase."""

import random
import threading
import time

import psycopg

from common import best, connect, load_spam, row, train_model

TRIES = 100

db = connect()
load_spam(db)
train_model(db, "spam", "spam_train", "label", "body", '{"holdout": 0}')
db.execute("CREATE TABLE IF NOT EXISTS huge (body text)")
db.execute("ALTER TABLE huge ALTER body SET STORAGE EXTERNAL")
db.execute("TRUNCATE huge")
db.execute("INSERT INTO huge SELECT string_agg(body, ' ') FROM (SELECT body FROM spam_train, generate_series(1, 7) LIMIT 29000) b")


def worst(query):
    """Cancel at random moments of the query; milliseconds until it has ended."""
    duration = best(lambda: db.execute(query), 1)
    latencies = []
    generator = random.Random(1)
    while len(latencies) < TRIES:
        sent = []

        def cancel():
            sent.append(time.perf_counter())
            db.cancel()

        timer = threading.Timer(generator.random() * duration * 0.9, cancel)
        timer.start()
        try:
            db.execute(query)
        except psycopg.errors.QueryCanceled:
            latencies.append((time.perf_counter() - sent[0]) * 1000)
        timer.join()
    return max(latencies)


for phase, query in (
        ("training", "SELECT aiaas_train('spam_train', 'label', model => 'cancelled', features => '{body}',"
                     " options => '{\"deploy\": false}')"),
        ("classifying", "SELECT count(aiaas_classify('spam', body)) FROM spam_train"),
        ("one text of 100 MB", "SELECT aiaas_classify('spam', body) FROM huge")):
    row(f"cancel while {phase}, worst of {TRIES}", f"{worst(query):.1f} ms", must="20 ms")
