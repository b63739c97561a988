"""Features of a table by scikit-learn: writes tabular.json.

Run with scikit-learn (1.5 or later):  python3 test/data/tabular.py
Columns go through clipping at quantiles, SimpleImputer, MissingIndicator and
StandardScaler; categories through OneHotEncoder(min_frequency); dates are taken
apart by the calendar of Python.  Cases differ in their options.
"""
import datetime
import json
import math
import os

import numpy as np
import sklearn
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS, TEST = 140, 12
rng = np.random.default_rng(4)
EPOCH = datetime.datetime(2000, 1, 1)
COLUMNS = [("distance", "number", "number"), ("stops", "integer", "number"), ("flag", "boolean", "number"),
           ("whole", "number", "number"), ("constant", "number", "number"), ("carrier", "text", "category"),
           ("x", "array", "number"), ("day", "date", "date"), ("at", "timestamp", "date"),
           ("clock", "time", "date"), ("where", "enum", "category")]


def seconds(when):
    return (when - EPOCH) / datetime.timedelta(seconds=1)


def row(i):
    carriers = ["UA", "AA", "B6", "Ü", "日本", "aa", "DL, Inc.", "", "F9", "HA", "OO", "YV"]
    p = np.array([30, 25, 20, 12, 11, 10, 10, 10, 3, 2, 2, 1], float)
    null = rng.random(11) < [.1, .2, .1, 0, 0, .12, .1, .1, 0, .1, 0]
    when = datetime.datetime(1995, 1, 1) + datetime.timedelta(seconds=int(rng.integers(0, 400_000_000)))
    values = [float(np.round(rng.lognormal(6, 1), 2)), int(rng.choice(6, p=[.1, .4, .3, .1, .05, .05])),
              int(rng.random() < .3), float(rng.normal(1000, 3)), 7.25, str(rng.choice(carriers, p=p / p.sum())),
              [float(v) for v in rng.normal(2, 5, 3)], seconds(when.replace(hour=0, minute=0, second=0)),
              seconds(when), float(rng.integers(0, 86400)), str(rng.choice(["north", "south", "east"]))]
    if i % 17 == 3 and values[6] is not None:
        values[6][1] = None
    return [None if n else v for v, n in zip(values, null)]


train = [row(i) for i in range(ROWS)]
test = [row(i) for i in range(TEST - 3)]
test.append([None] * len(COLUMNS))
test.append([1e9, 100, 1, -5.0, 8.0, "never", [1e6, -1e6, 0.0], seconds(datetime.datetime(1900, 2, 28)),
             seconds(datetime.datetime(2024, 12, 31, 23, 59, 59)), 0.0, "west"])
test.append([-1e9, -100, 0, 5.0, 7.25, "HA", [0.0, 0.0, 0.0], seconds(datetime.datetime(2000, 2, 29)),
             seconds(datetime.datetime(1999, 12, 31, 12, 0, 0)), 86399.5, "east"])


def circle(share):
    return [math.sin(2 * math.pi * share), math.cos(2 * math.pi * share)]


def parts(kind, value):
    names = {"date": 5, "timestamp": 7, "time": 3}
    if value is None:
        return [math.nan] * names[kind]
    if kind == "time":
        return [value] + circle(value / 86400)
    when = EPOCH + datetime.timedelta(seconds=value)
    first = datetime.date(when.year, 1, 1)
    days = (datetime.date(when.year + 1, 1, 1) - first).days
    clock = value % 86400 / 86400
    return ([value / 86400] + (circle(clock) if kind == "timestamp" else []) + circle(when.weekday() / 7)
            + circle((when.date() - first).days / days))


def matrix(rows, j, kind):
    if kind == "array":
        return np.array([[math.nan if v is None else v for v in (r[j] or [None] * 3)] for r in rows])
    if kind in ("date", "timestamp", "time"):
        return np.array([parts(kind, r[j]) for r in rows])
    return np.array([[math.nan if r[j] is None else r[j]] for r in rows], float)


PARTS = ["day", "sin of hour", "cos of hour", "sin of weekday", "cos of weekday", "sin of day of year",
         "cos of day of year"]


def names(name, kind, n):
    which = {"date": PARTS[:1] + PARTS[3:], "timestamp": PARTS, "time": ["seconds"] + PARTS[1:3]}
    if kind in which:
        return [p + " of " + name for p in which[kind]]
    return [name] if kind != "array" else ["%s[%d]" % (name, i + 1) for i in range(n)]


def dense(o, name, kind, role, j):
    fit, use = matrix(train, j, kind), matrix(test, j, kind)
    labels = names(name, kind, fit.shape[1])
    missing = [np.isnan(m).any(axis=1, keepdims=True).astype(float) for m in (fit, use)]
    if o["winsorize"] > 0 and role != "date":
        low, high = np.nanquantile(fit, [o["winsorize"], 1 - o["winsorize"]], axis=0)
        fit, use = np.clip(fit, low, high), np.clip(use, low, high)
    how = "mean" if role == "date" else o["impute"]
    imputer = SimpleImputer(strategy=how, fill_value=o["constant"] if how == "constant" else None)
    fit = imputer.fit_transform(fit)
    use = imputer.transform(use)
    if o["standardize"]:
        scaler = StandardScaler().fit(fit)
        use = scaler.transform(use)
    if o["indicator"] and missing[0].any():
        check = MissingIndicator().fit(matrix(train, j, kind)).transform(matrix(test, j, kind))
        assert (check.any(axis=1, keepdims=True) == missing[1]).all() or kind == "array"
        use, labels = np.hstack([use, missing[1]]), labels + [name + " is null"]
    return use, labels


def hot(o, name, j):
    values = lambda rows: np.array([[r[j]] for r in rows], object)
    fit, use = values(train), values(test)
    if o["impute"] == "most_frequent":
        imputer = SimpleImputer(strategy="most_frequent", missing_values=None).fit(fit)
        fit, use = imputer.transform(fit), imputer.transform(use)
    encoder = OneHotEncoder(min_frequency=o["rare"], handle_unknown="infrequent_if_exist", sparse_output=False)
    encoder.fit(fit)
    encoded = encoder.transform(use)
    joined = encoder.infrequent_categories_[0] if encoder.infrequent_categories_[0] is not None else []
    named = [c for c in encoder.categories_[0] if c not in list(joined)]
    assert None not in list(joined)
    labels = [name + (" is null" if c is None else " = " + c) for c in named]
    if len(joined):
        labels.append(name + " = (other)")
    order = [i for i in range(len(labels)) if labels[i] != name + " is null"]
    order += [i for i in range(len(labels)) if labels[i] == name + " is null"]
    return encoded[:, order], [labels[i] for i in order]


def case(**options):
    o = dict(standardize=True, impute="mean", constant=0.0, indicator=True, rare=10, winsorize=0.0) | options
    found = [dense(o, n, k, r, j) for j, (n, k, r) in enumerate(COLUMNS) if r != "category"]
    found += [hot(o, n, j) for j, (n, k, r) in enumerate(COLUMNS) if r == "category"]
    return {"options": o, "names": sum((f[1] for f in found), []),
            "features": np.hstack([f[0] for f in found]).tolist()}


cases = [case(), case(standardize=False), case(impute="most_frequent", winsorize=0.05),
         case(impute="constant", constant=-3.5, indicator=False), case(winsorize=0.1, rare=3),
         case(rare=12, impute="constant", constant=2.0, winsorize=0.013)]
dates = [datetime.datetime(y, m, d, 6 * (y % 4), y % 60, 1) for y in
         (1, 4, 100, 400, 1582, 1600, 1700, 1899, 1900, 1904, 1969, 1996, 1999, 2000, 2001, 2004, 2023, 2024, 2100, 2400,
          9998) for m, d in ((1, 1), (2, 28), (3, 1), (12, 31))]
dates += [datetime.datetime(y, 2, 29, 23, 59, 59) for y in (4, 400, 1600, 1904, 1996, 2000, 2024, 2400)]
quantiles = []
for n, kind in ((1, "one"), (2, "two"), (777, "normal"), (1000, "ties")):
    v = rng.normal(3, 2, n) if kind != "ties" else rng.poisson(4, n).astype(float)
    q = [0.0, 0.01, 0.05, 0.25, 0.5, 0.9, 0.999, 1.0]
    quantiles.append({"name": kind, "values": v.tolist(), "mean": float(v.mean()), "deviation": float(v.std()),
                      "q": q, "quantiles": np.quantile(v, q).tolist(),
                      "mode": float(SimpleImputer(strategy="most_frequent").fit(v[:, None]).statistics_[0])})

with open(os.path.join(os.path.dirname(__file__), "tabular.json"), "w", encoding="utf-8") as f:
    json.dump({"made_by": "test/data/tabular.py, scikit-learn " + sklearn.__version__,
               "columns": [{"name": n, "type": k, "role": r} for n, k, r in COLUMNS], "train": train, "test": test,
               "cases": cases, "dates": [[seconds(d)] + parts("timestamp", seconds(d)) for d in dates],
               "summaries": quantiles}, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")
