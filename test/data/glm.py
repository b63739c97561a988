"""Writes glm.json: solutions of scikit-learn and statsmodels that test_logistic.c and
test_svm_linear.c hold ours to.

The tables are drawn by the engine's generator of random numbers (splitmix, base/hash.h), so that
the tests draw the same ones: toy_problem.h has the same formulas.  Features are the numbers as they
are, then the levels of two categories, one-hot.  Run with scikit-learn and statsmodels installed:
python3 test/data/glm.py
"""

import json
import os

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC, LinearSVR

NUMBERS, LEVELS, CLASSES = 6, (7, 23), 4
COLUMNS = 3 * NUMBERS + 2 + CLASSES + 1


def draw(rows):
    """Uniform numbers [rows][COLUMNS]."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, rows * COLUMNS + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(float) * 2.0**-53).reshape(rows, COLUMNS)


def table(rows):
    u = draw(rows)
    numbers = np.zeros((rows, NUMBERS))
    for j in range(NUMBERS):
        numbers[:, j] = (u[:, 3 * j] + u[:, 3 * j + 1] + u[:, 3 * j + 2] - 1.5) * (j + 1)
    at = 3 * NUMBERS
    levels = [np.floor(u[:, at + k] * u[:, at + k] * n).astype(int) for k, n in enumerate(LEVELS)]
    f = numbers[:, 0] - 0.5 * numbers[:, 1] + 0.25 * numbers[:, 3] + 0.1 * levels[0] - 0.05 * levels[1]
    noise = u[:, at + 2:at + 2 + CLASSES] - 0.5
    binary = (f + 4 * noise[:, 0] > 0.25).astype(int)
    scores = np.stack([f * (c - 1.5) + 4 * noise[:, c] + 0.5 * (levels[0] == c) for c in range(CLASSES)], 1)
    many = scores.argmax(1)
    number = 3 * f + 4 * noise[:, 0] + 2 * noise[:, 1] * noise[:, 2]
    weight = (0.5 + u[:, at + 2 + CLASSES]).astype(np.float32).astype(float)
    X = np.hstack([numbers] + [np.eye(n)[level] for n, level in zip(LEVELS, levels)])
    return X, {"binary": binary, "many": many, "number": number}, weight


cases = []


def case(learner, rows, target, options, model, tolerance, weighted=False, errors=None):
    cases.append({"learner": learner, "rows": rows, "target": target, "options": json.dumps(options),
                  "weighted": weighted, "weights": np.atleast_2d(model.coef_).tolist(),
                  "bias": np.atleast_1d(model.intercept_).tolist(), "tolerance": tolerance,
                  "errors": errors or []})


def logistic(rows, target, options, weighted=False, solver="newton-cholesky", **settings):
    X, y, weight = table(rows)
    model = LogisticRegression(solver=solver, tol=1e-11, max_iter=20000, **settings)
    model.fit(X, y[target], sample_weight=weight if weighted else None)
    case("logistic_regression", rows, target, options, model, 1e-4, weighted)


class Unpenalised:
    """Logit of statsmodels; the first level of each category is left out."""

    def __init__(self, rows):
        X, y, _ = table(rows)
        first = [NUMBERS, NUMBERS + LEVELS[0]]
        kept = [k for k in range(X.shape[1]) if k not in first]
        fit = sm.Logit(y["binary"], sm.add_constant(X[:, kept])).fit(method="newton", tol=1e-14, maxiter=100, disp=0)
        self.coef_ = np.zeros(X.shape[1])
        self.coef_[kept] = fit.params[1:]
        self.intercept_ = fit.params[0]
        self.errors = np.zeros(1 + X.shape[1])
        self.errors[[0] + [1 + k for k in kept]] = fit.bse


BIG, SMALL = 24000, 3000
logistic(BIG, "binary", {"c": 0.5}, C=0.5)
logistic(BIG, "binary", {"c": 0.01}, True, C=0.01)
logistic(BIG, "many", {"c": 0.02}, C=0.02)
logistic(SMALL, "many", {"c": 0.5}, True, C=0.5)
logistic(SMALL, "binary", {"c": 0.05, "penalty": "l1"}, solver="saga", C=0.05, l1_ratio=1)
logistic(BIG, "binary", {"c": 0.01, "penalty": "elastic_net", "l1_ratio": 0.5}, solver="saga", C=0.01, l1_ratio=0.5)
logistic(SMALL, "many", {"c": 0.05, "penalty": "elastic_net", "l1_ratio": 0.7}, solver="saga", C=0.05, l1_ratio=0.7)
plain = Unpenalised(BIG)
case("logistic_regression", BIG, "binary", {"penalty": "none"}, plain, 1e-7, errors=plain.errors.tolist())


def machine(kind, rows, target, options, weighted=False, **settings):
    X, y, weight = table(rows)
    model = kind(tol=1e-11, max_iter=20000000, **settings)
    model.fit(X, y[target], sample_weight=weight if weighted else None)
    case("svm", rows, target, options, model, 1e-4, weighted)


machine(LinearSVC, BIG, "binary", {"c": 0.1}, C=0.1, dual=False)
machine(LinearSVC, BIG, "many", {"c": 0.01}, True, C=0.01, dual=False)
machine(LinearSVR, BIG, "number", {"c": 0.1, "loss": "squared_epsilon_insensitive", "epsilon": 0.5}, C=0.1,
        epsilon=0.5, loss="squared_epsilon_insensitive", dual=False)
machine(LinearSVC, 400, "binary", {"c": 0.2, "loss": "hinge"}, C=0.2, loss="hinge")
machine(LinearSVC, 400, "many", {"c": 0.1, "loss": "hinge"}, True, C=0.1, loss="hinge")
machine(LinearSVR, 400, "number", {"c": 0.1, "epsilon": 0.5}, C=0.1, epsilon=0.5)
machine(LinearSVR, 400, "number", {"c": 0.2, "epsilon": 0}, True, C=0.2, epsilon=0)

with open(os.path.join(os.path.dirname(__file__), "glm.json"), "w", encoding="utf-8") as file:
    json.dump({"cases": cases}, file)
    file.write("\n")
