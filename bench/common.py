"""What the benchmarks share: the server, the data, the clock, a row of the table."""

import os
import random
import subprocess
import sys
import time

import psycopg

DATA = os.environ["AIAAS_TEST_DATA"]


def connect():
    # a prepared plan would outlive a change of max_parallel_workers_per_gather
    return psycopg.connect("", autocommit=True, prepare_threshold=None)


def value(db, query, parameters=None):
    return db.execute(query, parameters).fetchone()[0]


def best(run, times=3):
    """Seconds of the fastest of some runs."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def row(what, ours, peer="", ratio="", must=""):
    print(f"| {what} | {ours} | {peer} | {ratio} | {must} |", flush=True)


def ratio(ours, peer):
    """How many times faster, from two durations."""
    return f"{peer / ours:.1f}x"


def read_tsv(name):
    path = f"{DATA}/{name}"
    if not os.path.exists(path):
        print(f"{sys.argv[0]}: left out, for {path} is not here", file=sys.stderr)
        sys.exit(0)
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def load(db, table, columns, rows):
    """A fresh table with the rows, vacuumed: as it would be read in production."""
    db.execute("CREATE EXTENSION IF NOT EXISTS aiaas")
    db.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    db.execute(f"CREATE TABLE {table} ({', '.join(c + ' text' for c in columns)})")
    with db.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for fields in rows:
            copy.write_row(fields)
    db.execute(f"VACUUM ANALYZE {table}")


def load_spam(db):
    train, test = read_tsv("spam/train.tsv"), read_tsv("spam/test.tsv")
    load(db, "spam_train", ("label", "body"), train)
    load(db, "spam_test", ("label", "body"), test)
    return train, test


def load_packages(db):
    """The descriptions that apt knows, split at random: four fifths, one fifth."""
    listing = subprocess.run("apt-cache dumpavail | awk -f demo/packages.awk", shell=True,
                             check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t")[1:] for line in listing.splitlines()]
    random.Random(1).shuffle(rows)
    fifth = len(rows) // 5
    load(db, "packages_train", ("section", "description"), rows[fifth:])
    load(db, "packages_test", ("section", "description"), rows[:fifth])
    return rows[fifth:], rows[:fifth]


def train_model(db, model, source, target, feature, options="{}"):
    """Trained anew, from table to deployed model; returns the seconds of the best of three."""
    def run():
        db.execute(f"DROP TABLE IF EXISTS {model}")
        start = time.perf_counter()
        db.execute("SELECT aiaas_train(%s, %s, model => %s, features => %s, options => %s)",
                   (source, target, model, [feature], options))
        seconds.append(time.perf_counter() - start)

    seconds = []
    for _ in range(3):
        run()
    return min(seconds)


def linear_svc(train, test, vectorizer, c):
    """Peer: scikit-learn.  Seconds to fit and to predict, accuracy."""
    from sklearn.svm import LinearSVC

    labels, texts = zip(*train)
    start = time.perf_counter()
    matrix = vectorizer.fit_transform(texts)
    model = LinearSVC(C=c).fit(matrix, labels)
    fitted = time.perf_counter()
    predicted = model.predict(vectorizer.transform([text for _, text in test]))
    done = time.perf_counter()
    right = sum(a == b for a, (b, _) in zip(predicted, test))
    return fitted - start, done - fitted, right / len(test)


def words(ngrams=(1, 1), min_df=1):
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, ngram_range=ngrams, min_df=min_df)


def fasttext_model(train, test, **settings):
    """Peer: fastText.  Seconds to fit and to predict, accuracy."""
    import tempfile

    import fasttext

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.writelines(f"__label__{label} {text}\n" for label, text in train)
        file.flush()
        start = time.perf_counter()
        model = fasttext.train_supervised(file.name, thread=1, verbose=0, **settings)
        fitted = time.perf_counter()
    predicted = [labels[0] for labels in model.predict([text for _, text in test])[0]]
    done = time.perf_counter()
    right = sum(a == f"__label__{b}" for a, (b, _) in zip(predicted, test))
    return fitted - start, done - fitted, right / len(test)
