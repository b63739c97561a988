"""Classifying 100,000 mails: the leader and one worker against the leader alone."""

from common import best, connect, load_spam, row, train_model

db = connect()
load_spam(db)
train_model(db, "spam", "spam_train", "label", "body", '{"holdout": 0}')
db.execute("DROP TABLE IF EXISTS many_mails")
db.execute("CREATE UNLOGGED TABLE many_mails AS SELECT body FROM spam_train, generate_series(1, 21) LIMIT 100000")
db.execute("ALTER TABLE many_mails SET (parallel_workers = 1)")
db.execute("VACUUM ANALYZE many_mails")
QUERY = "SELECT aiaas_classify('spam', body), count(*) FROM many_mails GROUP BY 1"

serial = best(lambda: db.execute(QUERY))
db.execute("SET max_parallel_workers_per_gather = 1")
parallel = best(lambda: db.execute(QUERY))
row("classify 100,000 mails: leader and one worker", f"{parallel:.2f} s", f"leader alone {serial:.2f} s",
    f"{serial / parallel:.2f}x", "1.8x")
