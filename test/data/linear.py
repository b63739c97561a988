"""Reference solutions of linear classifiers: writes linear.json.

Run with scikit-learn (1.5 or later):  python3 test/data/linear.py
Objectives are those of learn/linear.h; tolerances are far below what the test
asks for, so that the figures are the optimum's.
"""
import json
import os

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

ROWS, FEATURES = 150, 24
rng = np.random.default_rng(7)

# counts: a few features tell the class, most are noise
labels = rng.integers(0, 3, ROWS)
counts = np.zeros((ROWS, FEATURES), int)
for i in range(ROWS):
    for j in rng.choice(FEATURES, rng.integers(2, 9), replace=False):
        counts[i, j] = rng.integers(1, 5)
    if rng.random() < 0.7:
        counts[i, labels[i] * 4 + rng.integers(0, 4)] += rng.integers(1, 4)
weights = np.round(rng.uniform(0.2, 3.0, ROWS), 3)
weights[5] = 0.0

# in the fixed point of feature/weight.h
df = (counts > 0).sum(0)
idf = np.floor((1 + np.log((1 + ROWS) / (1 + df))) * 2048 + 0.5) / 2048
tf = np.floor((1 + np.log(np.maximum(counts, 1))) * 64 + 0.5) / 64
tfidf = np.where(counts > 0, tf, 0) * idf
tfidf = tfidf / np.linalg.norm(tfidf, axis=1, keepdims=True)


def svm(x, y, c, w):
    m = LinearSVC(C=c, loss="squared_hinge", dual=False, tol=1e-12, max_iter=100_000)
    return m.fit(x, y, sample_weight=w)


def logistic(x, y, c, w):
    return LogisticRegression(C=c, solver="newton-cg", tol=1e-9, max_iter=10000).fit(
        x, y, sample_weight=w)


class Sparse:
    """Elastic net by FISTA in double: saga does not come near the optimum on raw counts."""

    def __init__(self, x, y, c, w, l1_ratio):
        classes = y.max() + 1
        onehot = np.eye(classes)[y]
        if classes == 2:
            onehot = onehot[:, 1:]
        x1 = np.hstack([x, np.ones((len(x), 1))])
        step = 1 / (c * np.linalg.norm(x1 * np.sqrt(w)[:, None], 2) ** 2 / 2 + 1)
        v = np.zeros((x1.shape[1], onehot.shape[1]))
        last, t = v, 1.0
        for _ in range(400_000):
            s = x1 @ v
            if classes == 2:
                p = 1 / (1 + np.exp(-s))
            else:
                p = np.exp(s - s.max(1, keepdims=True))
                p /= p.sum(1, keepdims=True)
            g = c * x1.T @ ((p - onehot) * w[:, None])
            g[:-1] += (1 - l1_ratio) * v[:-1]
            new = v - step * g
            new[:-1] = np.sign(new[:-1]) * np.maximum(np.abs(new[:-1]) - step * l1_ratio, 0)
            if np.sum((v - new) * (new - last)) > 0:
                t = 1.0
            t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
            v = new + (t - 1) / t_new * (new - last)
            change, last, t = np.abs(new - last).max(), new, t_new
            if change < 1e-13:
                break
        self.coef_, self.intercept_ = last[:-1].T, last[-1]


cases = []


def case(name, algorithm, options, tf, classes, weighted, fit):
    x = {"counts": counts.astype(float), "tfidf": tfidf}[tf]
    y = (labels > 0).astype(int) if classes == 2 else labels
    w = weights if weighted else np.ones(ROWS)
    m = fit(x, y, w)
    options = dict(options, sublinear_tf=tf == "tfidf", idf=tf == "tfidf", l2_norm=tf == "tfidf")
    cases.append({"name": name, "algorithm": algorithm, "options": json.dumps(options),
                  "classes": classes, "weighted": weighted,
                  "coef": np.round(np.atleast_2d(m.coef_), 7).tolist(),
                  "intercept": np.round(np.atleast_1d(m.intercept_), 7).tolist()})


case("svm, two classes", "svm", {"c": 1}, "counts", 2, False, lambda x, y, w: svm(x, y, 1, w))
case("svm, row weights, C = 10", "svm", {"c": 10}, "tfidf", 2, True,
     lambda x, y, w: svm(x, y, 10, w))
case("svm, three classes", "svm", {"c": 0.5}, "counts", 3, False,
     lambda x, y, w: svm(x, y, 0.5, w))
case("svm, tf-idf of unit length, row weights", "svm", {"c": 2}, "tfidf", 3, True,
     lambda x, y, w: svm(x, y, 2, w))
case("logistic, two classes", "logistic_regression", {"c": 1}, "counts", 2, False,
     lambda x, y, w: logistic(x, y, 1, w))
case("softmax, row weights", "logistic_regression", {"c": 2}, "counts", 3, True,
     lambda x, y, w: logistic(x, y, 2, w))
case("softmax, tf-idf of unit length", "logistic_regression", {"c": 10}, "tfidf", 3, False,
     lambda x, y, w: logistic(x, y, 10, w))
case("logistic, L1", "logistic_regression", {"c": 0.3, "l1_ratio": 1}, "counts", 2, False,
     lambda x, y, w: Sparse(x, y, 0.3, w, 1.0))
case("softmax, elastic net, row weights", "logistic_regression", {"c": 0.5, "l1_ratio": 0.5},
     "counts", 3, True, lambda x, y, w: Sparse(x, y, 0.5, w, 0.5))

rows = [[[int(j), int(counts[i, j])] for j in np.flatnonzero(counts[i])] for i in range(ROWS)]
with open(os.path.join(os.path.dirname(__file__), "linear.json"), "w") as out:
    json.dump({"made_by": "test/data/linear.py, scikit-learn " + sklearn.__version__,
               "features": FEATURES, "rows": rows, "labels": labels.tolist(),
               "weights": weights.tolist(), "cases": cases}, out, separators=(",", ":"))
    out.write("\n")
