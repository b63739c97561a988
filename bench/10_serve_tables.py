"""Using models of tables: prediction by record, two processes instead of one, memory."""

from common import best, connect, row, value
from tables import PeakMemory, make_numbers, train

db = connect()
make_numbers(db, "numbers", 1000000)
train(db, "numbers_model", "numbers", "y", "linear_regression", '{"holdout": 0}', 1)
SUMS = f"SELECT {', '.join(f'sum(c{i})' for i in range(1, 21))} FROM numbers"
PREDICT = "SELECT sum(aiaas_predict('numbers_model', n)) FROM numbers n"
ITEMS = ", ".join(f"c{i}" for i in range(1, 21))

db.execute(PREDICT)
sums = best(lambda: db.execute(SUMS))
ours = best(lambda: db.execute(PREDICT))
row("predict 1 M rows x 20 by record", f"{ours * 1000:.0f} ms", f"SELECT sum(c1), ... {sums * 1000:.0f} ms",
    f"{ours / sums:.2f}x", "2x")



# Leader and one worker over the leader alone.  Each in a connection of its own: workers load what
# their leader has loaded, and a JIT compiler, once loaded for one query, takes them 10 ms.
def train_once(db):
    train(db, "numbers_again", "numbers", "y", "linear_regression", '{"holdout": 0}', 1)


for what, run in (
        ("the plain sums", lambda db: db.execute(SUMS)),
        ("linear_regression", train_once),
        ("aiaas_linear_regression", lambda db: db.execute(f"SELECT aiaas_linear_regression(y, ARRAY[{ITEMS}]) FROM numbers")),
        ("predict", lambda db: db.execute(PREDICT)),
        ("evaluate", lambda db: db.execute("SELECT * FROM aiaas_evaluate('numbers_model', 'numbers')"))):
    with connect() as other:
        other.execute("SET parallel_setup_cost = 0")
        other.execute("SET parallel_tuple_cost = 0")
        other.execute("SET min_parallel_table_scan_size = 0")
        seconds = {0: [], 1: []}
        for _ in range(7):
            for workers in seconds:
                other.execute(f"SET max_parallel_workers_per_gather = {workers}")
                seconds[workers].append(best(lambda: run(other), 1))
    alone, both = min(seconds[0]), min(seconds[1])
    row(f"1 M x 20, {what}: leader and one worker", f"{both * 1000:.0f} ms", f"leader alone {alone * 1000:.0f} ms",
        f"{alone / both:.2f}x", "" if what == "the plain sums" else "1.8x")

db.execute("DROP TABLE IF EXISTS wide")
db.execute("CREATE TABLE wide AS SELECT 'level ' || i % 100000 AS level, i % 7 + random() AS x, "
           "((i % 100000) % 10)::float8 + i % 7 + random() AS y FROM generate_series(1, 2000000) i")
db.execute("VACUUM ANALYZE wide")
with PeakMemory(db) as memory:
    seconds = best(lambda: train(db, "wide_model", "wide", "y", "linear_regression",
                                 '{"holdout": 0, "rare": 1, "columns": {"level": "category"}}', 1), 1)
row("100,000 one-hot columns, 2 M rows", f"{memory.used:.0f} MB, {seconds:.1f} s", must="200 MB")
