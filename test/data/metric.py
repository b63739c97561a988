#!/usr/bin/env python3
"""Writes metric.txt: predictions, and scikit-learn's figures for them.

    python3 test/data/metric.py > test/data/metric.txt      (scikit-learn 1.9.1)

A case is "case NAME", its rows, and its figures:
    row ACTUAL PREDICTED        labels, without spaces
    score ACTUAL SCORE          ACTUAL 0 or 1; a probability in cases with log_loss
    number ACTUAL PREDICTED     numbers
    is FIGURE VALUE [LABEL]     repr of the double
"""
import numpy as np
from sklearn import metrics

rng = np.random.default_rng(20)


def labels(name, actual, predicted):
    print("case", name)
    for a, p in zip(actual, predicted):
        print("row", a, p)
    print("is accuracy", repr(float(metrics.accuracy_score(actual, predicted))))
    print("is balanced_accuracy", repr(float(metrics.balanced_accuracy_score(actual, predicted))))
    print("is mcc", repr(float(metrics.matthews_corrcoef(actual, predicted))))
    for kind in ("precision", "recall", "f1"):
        score = getattr(metrics, kind + "_score")
        print("is", kind, repr(float(score(actual, predicted, average="macro", zero_division=0))))
        print("is", kind + "_weighted", repr(float(score(actual, predicted, average="weighted", zero_division=0))))
        known = sorted(set(actual) | set(predicted))
        for label, value in zip(known, score(actual, predicted, labels=known, average=None, zero_division=0)):
            print("is", kind + "_label", repr(float(value)), label)


def scores(name, actual, score, probability=False):
    print("case", name)
    for a, s in zip(actual, score):
        print("score", a, repr(float(s)))
    print("is roc_auc", repr(float(metrics.roc_auc_score(actual, score))))
    print("is pr_auc", repr(float(metrics.average_precision_score(actual, score))))
    if probability:
        print("is log_loss", repr(float(metrics.log_loss(actual, score))))
        print("is brier", repr(float(metrics.brier_score_loss(actual, score))))


labels("binary", rng.choice(["ham", "spam"], 60, p=[.7, .3]), rng.choice(["ham", "spam"], 60, p=[.6, .4]))
labels("three", rng.choice(["positive", "neutral", "negative"], 90), rng.choice(["positive", "neutral", "negative"], 90))
labels("never-predicted", ["a"] * 5 + ["b"] * 3 + ["c"], ["a"] * 4 + ["b"] * 5)
labels("never-actual", ["a", "a", "b"], ["a", "c", "d"])
labels("one", ["a"] * 4, ["a"] * 4)
many = np.array(["c%d" % i for i in range(40)])
actual = rng.choice(many, 400)
labels("many", actual, np.where(rng.random(400) < .6, actual, rng.choice(many, 400)))

actual = rng.integers(0, 2, 200)
scores("spread", actual, rng.normal(actual, 1.5))
scores("ties", actual, np.round(rng.normal(actual, 1.5)))
p = 1 / (1 + np.exp(-rng.normal(4 * actual - 2, 2)))
scores("probabilities", actual, p, True)
scores("confident", actual, np.where(rng.random(200) < .95, actual, 1 - actual) * (1 - 2e-12) + 1e-12 + rng.normal(0, 1e-13, 200), True)
scores("certain", [1, 0, 1, 1], [1.0, 0.0, 0.0, 0.25], True)
scores("wide", [1, 0, 1, 0, 1, 0], [1e300, -1e300, 5e-324, 0.0, -1e-300, -5e-324])


def numbers(name, actual, predicted):
    print("case", name)
    for a, p in zip(actual, predicted):
        print("number", repr(float(a)), repr(float(p)))
    for figure, function in (("mse", metrics.mean_squared_error), ("mae", metrics.mean_absolute_error),
                             ("mape", metrics.mean_absolute_percentage_error), ("r2", metrics.r2_score),
                             ("rmse", metrics.root_mean_squared_error),
                             ("median_absolute_error", metrics.median_absolute_error)):
        print("is", figure, repr(float(function(actual, predicted))))


y = rng.normal(50, 10, 201)
numbers("numbers", y, y + rng.normal(0, 3, 201))
numbers("far-from-0", 1e9 + y, 1e9 + y + rng.normal(0, 3, 201))
numbers("even", np.round(y[:100]), np.round(y[:100] + rng.normal(0, 3, 100)))
numbers("worse-than-the-mean", [1, 2, 3], [3, 1, -5])
