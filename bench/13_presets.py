"""Presets of networks beside the very same networks in PyTorch: means over seeds, and our linear model's result.

    AIAAS_BENCH_PRESETS=cnn,lstm    presets to look at (default: all)
    AIAAS_BENCH_SEEDS=3             trainings of each (default: 5)
    AIAAS_BENCH_NETWORK='{...}'     options in place of {"network": the preset}, such as other layers

Both sides have the same rows, words by the same numbers, layers, first values by the same rules, optimiser, and the
weights of the epoch with the best validation loss; what each draws is its own.  That they are the same is checked
with our weights in PyTorch, on test rows.
"""

import json
import os
import sys
import time

import numpy as np

try:
    import torch
    from torch_network import BatchedNetwork, fit, outputs, predicted
except ImportError as error:
    print(f"{sys.argv[0]}: left out, {error.name} is not installed", file=sys.stderr)
    sys.exit(0)
from sklearn.metrics import roc_auc_score

from common import connect, load, read_tsv, row, value
from tables import load_flights

PRESETS = ("mlp", "text_average", "cnn", "lstm", "transformer")
CHOSEN = [p for p in os.environ.get("AIAAS_BENCH_PRESETS", "").split(",") if p] or PRESETS
SEEDS = int(os.environ.get("AIAAS_BENCH_SEEDS", "5"))
NUMBERS = ["day", "sched_dep_time", "sched_arr_time", "distance", "hour", "minute", "month"]
CATEGORIES = ["carrier", "origin", "dest"]
FLIGHTS = 50000

torch.set_num_threads(1)
db = connect()
db.execute("CREATE EXTENSION IF NOT EXISTS aiaas")
db.execute("SET maintenance_work_mem = '512MB'")
db.execute("SET client_min_messages = warning")


def stored():
    """Tensors and metadata of the network that was trained last."""
    data = b"".join(bytes(r[0]) for r in db.execute("SELECT data FROM aiaas_export('bench_network') ORDER BY chunk"))
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    metadata = header.pop("__metadata__")
    types = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I32": "<i4", "U32": "<u4", "U64": "<u8", "I64": "<i8"}
    tensors = {name: np.frombuffer(data[end + t["data_offsets"][0]:end + t["data_offsets"][1]],
                                   types[t["dtype"]]).reshape(t["shape"]) for name, t in header.items()}
    return tensors, metadata


class Texts:
    """A table of texts: columns label and body."""

    features, metric = ["body"], "accuracy"

    def __init__(self, name):
        self.name = name
        for part in ("train", "test"):
            rows = [(fields[-3], fields[-1]) if len(fields) > 2 else fields for fields in read_tsv(f"{name}/{part}.tsv")]
            load(db, f"presets_{part}", ("label", "body"), rows)

    def rows(self, part, labels, spec):
        """Numbers of words by aiaas_vocabulary(), and classes."""
        number = dict(db.execute("SELECT word, number FROM aiaas_vocabulary('bench_network') WHERE number > 1").fetchall())
        found = db.execute(f"SELECT aiaas_tokenize('bench_network', body), label FROM presets_{part} ORDER BY ctid").fetchall()
        return [[number.get(w, 1) for w in words[:spec["max_length"]]] for words, _ in found], [labels.index(l) for _, l in found]

    def ours(self):
        return value(db, "SELECT value FROM aiaas_evaluate('bench_network', 'presets_test') WHERE metric = 'accuracy'")

    def theirs(self, y, targets):
        return (predicted(y) == targets).double().mean().item()


class Flights:
    """Is a flight late?  From the schedule alone."""

    name, features, metric = "flights", NUMBERS + CATEGORIES, "roc_auc"

    def __init__(self):
        load_flights(db)
        for part in ("train", "test"):
            db.execute(f"DROP TABLE IF EXISTS presets_{part} CASCADE")
            db.execute(f"CREATE TABLE presets_{part} AS SELECT {', '.join(self.features)}, late::text AS label "
                       f"FROM flights_{part} WHERE arr_delay IS NOT NULL ORDER BY md5(flights_{part}::text) LIMIT {FLIGHTS}")

    def rows(self, part, labels, spec):
        """Standardised numbers, categories one-hot by the levels that the model has."""
        tensors, metadata = stored()
        columns = json.loads(metadata["table"])["columns"]
        names = [c["name"] for c in columns]
        found = db.execute(f"SELECT {', '.join(names)}, label FROM presets_{part} ORDER BY ctid").fetchall()
        learn = db.execute(f"SELECT {', '.join(names)} FROM presets_train WHERE NOT validates").fetchall()
        levels = [tensors["levels"][a:b].tobytes().decode() for a, b in
                  zip([0, *tensors["level_end"]], tensors["level_end"])]
        blocks = []
        for i, column in enumerate(columns):
            values = [r[i] for r in found]
            if column["role"] == "number":
                known = np.array([r[i] for r in learn], float)
                blocks.append(((np.array(values, float) - known.mean()) / known.std())[:, None])
                continue
            own, levels = levels[:column["levels"]], levels[column["levels"]:]
            at = {level: k for k, level in enumerate(own)}
            hot = np.zeros((len(values), len(own) + column["other"]))
            hot[range(len(values)), [at.get(v, len(own)) for v in values]] = 1
            blocks.append(hot)
        return np.concatenate(blocks, 1).astype(np.float32), [labels.index(r[-1]) for r in found]

    def ours(self):
        return value(db, "SELECT aiaas_roc_auc(label::boolean, aiaas_score('bench_network', t, 'true')) FROM presets_test t")

    def theirs(self, y, targets):
        return roc_auc_score(targets, y[:, 0])


def train(data, preset, seed):
    options = {"network": preset, **json.loads(os.environ.get("AIAAS_BENCH_NETWORK", "{}"))}
    if "layers" in options:
        del options["network"]
    db.execute("DROP TABLE IF EXISTS bench_network")
    db.execute("SELECT aiaas_train('presets_train', 'label', model => 'bench_network', features => %s, algorithm => 'network', options => %s)",
               (data.features, json.dumps({"epochs": 10, "patience": 2, "validation": "validates", "holdout": 0, "seed": seed, **options})))


def check_equal(data, spec, rows, labels):
    """Our weights in PyTorch give our probabilities."""
    tensors, _ = stored()
    sample = rows[:200]
    y = outputs(BatchedNetwork(spec, tensors), sample)
    p = torch.sigmoid(y[:, 0]) if y.shape[1] == 1 else torch.softmax(y, 1)[:, -1]
    whole = "body" if data.features == ["body"] else "t"
    ours = [r[0] for r in db.execute(f"SELECT aiaas_score('bench_network', {whole}, %s) FROM presets_test t ORDER BY ctid LIMIT 200",
                                     (labels[-1],))]
    difference = max(abs(a - b) for a, b in zip(ours, p.tolist()))
    if difference > 1e-4:
        sys.exit(f"{data.name}: PyTorch's network is another one: probabilities differ by {difference}")


def mean(values):
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0
    return f"{np.mean(values):.4f} ± {error:.4f}"


def measure(data, preset, linear):
    ours, theirs, seconds = [], [], [0, 0]
    for seed in range(SEEDS):
        start = time.perf_counter()
        train(data, preset, seed)
        seconds[0] += time.perf_counter() - start
        ours.append(data.ours())
    spec = value(db, "SELECT aiaas_network_spec('bench_network')")
    spec = spec if isinstance(spec, dict) else json.loads(spec)
    labels = json.loads(stored()[1]["labels"])
    rows, targets = data.rows("train", labels, spec)
    judged, truth = (data.rows("test", labels, spec))
    check_equal(data, spec, judged, labels)
    validates = np.array([r[0] for r in db.execute("SELECT validates FROM presets_train ORDER BY ctid")])
    for seed in range(SEEDS):
        start = time.perf_counter()
        net, _ = fit(spec, rows, torch.tensor(targets), validates, seed)
        seconds[1] += time.perf_counter() - start
        theirs.append(data.theirs(outputs(net, judged), torch.tensor(truth)))
    row(f"{data.name}, network {preset}: {data.metric}, mean of {SEEDS} seeds; seconds of a training (linear: {linear:.4f})",
        f"{mean(ours)}; {seconds[0] / SEEDS:.1f}", f"{mean(theirs)}; {seconds[1] / SEEDS:.1f}",
        f"{np.mean(ours) - np.mean(theirs):+.4f}", "-0.005")


def presets(data, names):
    names = [name for name in names if name in CHOSEN]
    if not names:
        return
    data = data()
    # the same tenth chooses the epoch on both sides
    db.execute("ALTER TABLE presets_train ADD validates boolean")
    db.execute("UPDATE presets_train SET validates = hashtext(presets_train::text) % 10 = 0")
    db.execute("VACUUM FULL ANALYZE presets_train")
    db.execute("DROP TABLE IF EXISTS bench_linear")
    db.execute("SELECT aiaas_train('presets_train', 'label', model => 'bench_linear', features => %s)", (data.features,))
    if data.metric == "accuracy":
        linear = value(db, "SELECT value FROM aiaas_evaluate('bench_linear', 'presets_test') WHERE metric = 'accuracy'")
    else:
        linear = value(db, "SELECT aiaas_roc_auc(label::boolean, aiaas_score('bench_linear', t, 'true')) FROM presets_test t")
    for name in names:
        measure(data, name, linear)


presets(Flights, PRESETS[:1])
presets(lambda: Texts("sentiment_en"), PRESETS[1:])
presets(lambda: Texts("reviews_zh"), PRESETS[1:])
