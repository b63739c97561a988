"""Writes learners.json: solutions of scikit-learn and statsmodels that test_learners.c holds ours to.

A table of 5 numbers and a category of 4 levels; features are the numbers as they are and the
levels one-hot.  Run with scikit-learn and statsmodels installed: python3 test/data/learners.py
"""

import json
import os

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC, LinearSVR

rng = np.random.default_rng(11)
N = 400
numbers = np.round(rng.normal(size=(N, 5)) * [1, 2, 0.5, 1, 1] + [0, 1, 0, -1, 3], 3)
level = rng.integers(0, 4, N)
weight = np.round(rng.uniform(0.5, 2, N), 2)
hot = np.eye(4)[level]
X = np.hstack([numbers, hot])
f = numbers @ [1, -0.6, 0.8, 0, 0.2] + np.array([0.5, -0.5, 0, 1])[level]
binary = (f + rng.logistic(size=N) > 0).astype(int)
three = np.clip(np.round(f + rng.normal(size=N)).astype(int), -1, 1) + 1
number = np.round(3 * f + rng.normal(size=N), 3)
cases = []


def case(learner, target, options, weights, bias, tolerance, scores=None, weighted=False, errors=None):
    cases.append({"learner": learner, "target": target, "options": json.dumps(options), "weighted": weighted,
                  "weights": np.atleast_2d(weights).tolist() if weights is not None else [],
                  "bias": np.atleast_1d(bias).tolist(), "tolerance": tolerance,
                  "scores": np.asarray(scores).reshape(N, -1)[:50].tolist() if scores is not None else [],
                  "errors": errors or []})


def logistic(target, y, options, weighted=False, **settings):
    model = LogisticRegression(tol=1e-10, max_iter=100000, **settings)
    model.fit(X, y, sample_weight=weight if weighted else None)
    case("logistic_regression", target, options, model.coef_, model.intercept_, 1e-5, weighted=weighted)


logistic("binary", binary, {"c": 1}, C=1)
logistic("binary", binary, {"c": 0.1}, weighted=True, C=0.1)
logistic("binary", binary, {"c": 0.3, "penalty": "l1"}, C=0.3, l1_ratio=1, solver="saga")
logistic("binary", binary, {"c": 0.5, "penalty": "elastic_net", "l1_ratio": 0.4}, C=0.5, l1_ratio=0.4, solver="saga")
logistic("three", three, {"c": 1}, C=1)
logistic("three", three, {"c": 0.2, "penalty": "l1"}, C=0.2, l1_ratio=1, solver="saga")

# Unpenalised: the first level is left out, and statsmodels has standard errors.
design = sm.add_constant(np.hstack([numbers, hot[:, 1:]]))
fit = sm.Logit(binary, design).fit(method="newton", tol=1e-14, maxiter=100, disp=0)
order = [1, 2, 3, 4, 5, None, 6, 7, 8]
case("logistic_regression", "binary", {"penalty": "none"},
     [0 if k is None else fit.params[k] for k in order], fit.params[0], 1e-8,
     errors=[fit.bse[0]] + [0 if k is None else fit.bse[k] for k in order])

# The intercept is a feature that is always 1, penalised like any.
for target, y in ("binary", binary), ("three", three):
    model = LinearSVC(C=0.5, dual=False, tol=1e-12, max_iter=1000000).fit(X, y)
    case("svm", target, {"c": 0.5}, model.coef_, model.intercept_, 1e-4)
model = LinearSVC(C=0.5, dual=False, tol=1e-12, max_iter=1000000).fit(X, binary, sample_weight=weight)
case("svm", "binary", {"c": 0.5}, model.coef_, model.intercept_, 1e-4, weighted=True)
model = LinearSVC(C=0.5, loss="hinge", tol=1e-10, max_iter=10000000).fit(X, binary)
case("svm", "binary", {"c": 0.5, "loss": "hinge", "tolerance": 2e-6, "epochs": 100000}, model.coef_, model.intercept_, 1e-4)
model = LinearSVR(C=0.5, epsilon=0.2, loss="squared_epsilon_insensitive", dual=False, tol=1e-12, max_iter=1000000)
model.fit(X, number)
case("svm", "number", {"c": 0.5, "loss": "squared_epsilon_insensitive", "epsilon": 0.2}, model.coef_,
     model.intercept_, 1e-4)
model = LinearSVR(C=0.5, epsilon=0.2, tol=1e-10, max_iter=10000000).fit(X, number)
case("svm", "number", {"c": 0.5, "epsilon": 0.2, "tolerance": 1e-5}, model.coef_, model.intercept_, 1e-4)

for options, settings in (({"kernel": "rbf"}, {"kernel": "rbf"}),
                          ({"kernel": "rbf", "gamma": 0.5, "c": 10}, {"kernel": "rbf", "gamma": 0.5, "C": 10}),
                          ({"kernel": "polynomial", "degree": 2, "gamma": 0.2, "coef0": 1},
                           {"kernel": "poly", "degree": 2, "gamma": 0.2, "coef0": 1})):
    model = SVC(tol=1e-6, **settings).fit(X, binary)
    case("svm", "binary", options | {"tolerance": 1e-5}, None, model.intercept_, 2e-3, model.decision_function(X))
rest = [SVC(tol=1e-6).fit(X, three == c).decision_function(X) for c in range(3)]
case("svm", "three", {"kernel": "rbf", "tolerance": 1e-5}, None, [0, 0, 0], 2e-3, np.array(rest).T)


def descend(loss_slope, y, penalty, rate, epochs, batch, update):
    """The textbook program, rows in order; returns weights, bias, losses per epoch."""
    w, state, losses = np.zeros(X.shape[1] + 1), {}, []
    A = np.hstack([X, np.ones((N, 1))])
    for _ in range(epochs):
        total = 0
        for start in range(0, N, batch):
            a, b = A[start:start + batch], y[start:start + batch]
            loss, slope = loss_slope(a @ w, b)
            total += loss.sum()
            g = a.T @ slope / len(b) + penalty * np.append(w[:-1], 0)
            w = update(w, g, rate, state)
        losses.append(total / N)
    return w[:-1], w[-1], losses


def log_loss(f, y):
    return np.logaddexp(0, -y * f), -y / (1 + np.exp(y * f))


def squared(f, y):
    return (f - y) ** 2 / 2, f - y


def sgd(w, g, rate, state):
    return w - rate * g


def momentum(w, g, rate, state):
    state["v"] = 0.9 * state.get("v", 0) + g
    return w - rate * state["v"]


def adam(w, g, rate, state):
    state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g ** 2
    return w - rate * (state["m"] / (1 - 0.9 ** state["t"])) / (np.sqrt(state["v"] / (1 - 0.999 ** state["t"])) + 1e-8)


sign = 2 * binary - 1
for name, update, batch in ("sgd", sgd, 32), ("full_batch", sgd, N), ("momentum", momentum, 50), ("adam", adam, 7):
    options = {"optimizer": name, "learning_rate": 0.05, "epochs": 6, "shuffle": False, "c": 2}
    if name != "full_batch":
        options["batch_size"] = batch
    w, b, losses = descend(log_loss, sign, 1 / (2 * N), 0.05, 6, batch, update)
    case("gradient_descent", "binary", options, w, b, 1e-9)
    cases[-1]["losses"] = losses
    options = {"optimizer": name, "learning_rate": 0.01, "epochs": 4, "shuffle": False, "alpha": 0.1, "penalty": "l2"}
    if name != "full_batch":
        options["batch_size"] = batch
    w, b, losses = descend(squared, number, 0.1, 0.01, 4, batch, update)
    case("gradient_descent", "number", options, w, b, 1e-9)
    cases[-1]["losses"] = losses

with open(os.path.join(os.path.dirname(__file__), "learners.json"), "w", encoding="utf-8") as file:
    json.dump({"numbers": numbers.tolist(), "level": level.tolist(), "weight": weight.tolist(),
               "binary": binary.tolist(), "three": three.tolist(), "number": number.tolist(), "cases": cases}, file)
