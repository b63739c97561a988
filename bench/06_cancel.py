"""The time from a cancel request to the end of the statement, the worst of 100 in each phase."""

import os
import random
import signal
import threading
import time

import psycopg

from common import best, connect, load_spam, row, train_model

TRIES = int(os.environ.get("AIAAS_CANCEL_TRIES", "100"))

db = connect()
load_spam(db)
train_model(db, "spam", "spam_train", "label", "body", '{"holdout": 0}')
db.execute("DROP TABLE IF EXISTS huge, topics, large, file")
db.execute("CREATE TABLE huge (body text)")
db.execute("ALTER TABLE huge ALTER body SET STORAGE EXTERNAL")
db.execute("INSERT INTO huge SELECT string_agg(body, ' ') FROM (SELECT body FROM spam_train, generate_series(1, 7) LIMIT 29000) b")
db.execute("CREATE TABLE topics AS SELECT 'l' || i % 100 AS label, string_agg(md5((i * 100 + j)::text), ' ') AS body"
           " FROM generate_series(1, 3000) i, generate_series(1, 60) j GROUP BY i")
db.execute("SET maintenance_work_mem = '512MB'")
db.execute("SELECT aiaas_train('topics', 'label', model => 'large',"
           " options => '{\"holdout\": 0, \"min_df\": 1, \"hash_bits\": 22}')")
db.execute("CREATE TABLE file AS SELECT string_agg(data, '' ORDER BY chunk) AS data FROM aiaas_export('large')")


def worst(query):
    """Cancel at random moments of the query; milliseconds until it has ended."""
    duration = best(lambda: db.execute(query), 1)
    latencies = []
    generator = random.Random(1)
    while len(latencies) < TRIES:
        sent = []

        def cancel():
            # what pg_cancel_backend does, without the time that a connection for it takes
            sent.append(time.perf_counter())
            os.kill(db.info.backend_pid, signal.SIGINT)

        timer = threading.Timer(generator.random() * duration * 0.9, cancel)
        timer.start()
        try:
            db.execute(query)
        except psycopg.errors.QueryCanceled:
            latencies.append((time.perf_counter() - sent[0]) * 1000)
        timer.join()
        try:
            # one that came too late for the query
            db.execute("SELECT 1")
        except psycopg.errors.QueryCanceled:
            pass
    return max(latencies)


TRAIN = "SELECT aiaas_train('{}', 'label', model => 'cancelled', features => '{{body}}', options => '{}')"
for phase, query in (
        ("training", TRAIN.format("spam_train", "{}")),
        ("training by logistic regression", TRAIN.replace(", options", ", algorithm => 'logistic_regression', options").format("spam_train", "{}")),
        ("training 100 labels", TRAIN.format("topics", '{"min_df": 1, "hash_bits": 22}')),
        ("classifying", "SELECT count(aiaas_classify('spam', body)) FROM spam_train"),
        ("evaluating", "SELECT * FROM aiaas_evaluate('large', 'topics')"),
        ("loading a model of 8 MB", "SELECT aiaas_unload('large'), aiaas_classify('large', 'x')"),
        ("exporting it", "SELECT count(*) FROM aiaas_export('large')"),
        ("importing it", "SELECT aiaas_import('cancelled', data) FROM file"),
        ("aggregating 2 million labels", "SELECT aiaas_f1(i % 1000, i % 999) FROM generate_series(1, 2000000) i"),
        ("aggregating 2 million scores", "SELECT aiaas_roc_auc(i % 2 = 0, random()) FROM generate_series(1, 2000000) i"),
        ("classifying one text of 100 MB", "SELECT aiaas_classify('spam', body) FROM huge"),
        ("explaining it", "SELECT count(*) FROM huge, aiaas_explain('spam', body)"),
        ("tokenizing it", "SELECT array_length(aiaas_tokenize('spam', body), 1) FROM huge")):
    row(f"cancel while {phase}, worst of {TRIES}", f"{worst(query):.1f} ms", must="20 ms")
