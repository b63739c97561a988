"""Writes train_table.json: what scikit-learn makes of flights.csv, by hand-made features, that
test_train_table.c holds whole trainings to: figures on the rows held out (every fifth), and the
weights of the fit on all rows (with the features as fitted to the rows that learn).

Run with pandas and scikit-learn installed: python3 test/data/train_table.py
"""

import json
import os

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

here = os.path.dirname(os.path.abspath(__file__))
flights = pd.read_csv(os.path.join(here, "flights.csv"), dtype={"carrier": str, "origin": str, "dest": str})
flights["held"] = np.arange(len(flights)) % 5 == 4
# more missing values than these flights have
flights.loc[np.arange(len(flights)) % 7 == 3, "air_time"] = np.nan
flights = flights[flights["arr_delay"].notna()].reset_index(drop=True)
learn = ~flights["held"].values
RARE = 10


def features(numbers, categories):
    dense, hot = [], []
    for name in numbers:
        x = flights[name].astype(float).values
        missing = np.isnan(x)
        filled = np.where(missing, x[learn & ~missing].mean(), x)
        dense.append((filled - filled[learn].mean()) / filled[learn].std())
        if missing[learn].any():
            dense.append(missing.astype(float))
    for name in categories:
        counts = flights[name][learn].value_counts()
        named = sorted(counts[counts >= RARE].index)
        hot += [(flights[name] == level).astype(float).values for level in named]
        if (counts < RARE).any():
            hot.append((~flights[name].isin(named)).astype(float).values)
    return np.column_stack(dense + hot)


def binary_figures(y, p, score):
    return {"accuracy": metrics.accuracy_score(y, p > 0.5), "roc_auc": metrics.roc_auc_score(y, score),
            "log_loss": metrics.log_loss(y, p), "brier": metrics.brier_score_loss(y, p)}


cases = []
late = (flights["arr_delay"] > 15).values.astype(int)

X = features(["distance", "sched_dep_time", "air_time"], ["carrier", "origin", "dest"])
model = LogisticRegression(C=1, tol=1e-10, max_iter=10000).fit(X[learn], late[learn])
p = model.predict_proba(X[~learn])[:, 1]
figures = binary_figures(late[~learn], p, p)
model.fit(X, late)
cases.append({"algorithm": "logistic_regression", "task": "classification", "options": {}, "target": "late",
              "columns": ["distance", "sched_dep_time", "air_time", "carrier", "origin", "dest"],
              "metrics": figures, "weights": model.coef_.tolist(), "bias": model.intercept_.tolist(), "tolerance": 1e-4})

origin = flights["origin"].values
X = features(["distance", "sched_dep_time"], ["carrier"])
model = LogisticRegression(C=1, tol=1e-10, max_iter=10000).fit(X[learn], origin[learn])
p = model.predict_proba(X[~learn])
figures = {"accuracy": metrics.accuracy_score(origin[~learn], model.predict(X[~learn])),
           "log_loss": metrics.log_loss(origin[~learn], p),
           "f1": metrics.f1_score(origin[~learn], model.predict(X[~learn]), average="macro")}
model.fit(X, origin)
cases.append({"algorithm": "auto", "task": "classification", "options": {"c": 1}, "target": "origin",
              "columns": ["distance", "sched_dep_time", "carrier"],
              "metrics": figures, "weights": model.coef_.tolist(), "bias": model.intercept_.tolist(), "tolerance": 1e-3})

X = features(["distance", "dep_delay", "air_time"], ["carrier", "origin"])
y = flights["arr_delay"].values
alpha = 0.01
model = Ridge(alpha=alpha * learn.sum(), solver="cholesky").fit(X[learn], y[learn])
f = model.predict(X[~learn])
figures = {"mse": metrics.mean_squared_error(y[~learn], f), "rmse": metrics.mean_squared_error(y[~learn], f) ** 0.5,
           "mae": metrics.mean_absolute_error(y[~learn], f), "r2": metrics.r2_score(y[~learn], f)}
model = Ridge(alpha=alpha * len(y), solver="cholesky").fit(X, y)
cases.append({"algorithm": "linear_regression", "task": "regression", "options": {"alpha": alpha}, "target": "arr_delay",
              "columns": ["distance", "dep_delay", "air_time", "carrier", "origin"],
              "metrics": figures, "weights": [model.coef_.tolist()], "bias": [model.intercept_], "tolerance": 1e-8})

X = features(["distance", "sched_dep_time"], ["carrier", "origin"])
model = LinearSVC(C=1, tol=1e-8, max_iter=100000, dual=False).fit(X[learn], late[learn])
figures = {"roc_auc": metrics.roc_auc_score(late[~learn], model.decision_function(X[~learn]))}
model.fit(X, late)
cases.append({"algorithm": "svm", "task": "classification", "options": {"epochs": 10000, "tolerance": 1e-7}, "target": "late",
              "columns": ["distance", "sched_dep_time", "carrier", "origin"],
              "metrics": figures, "weights": model.coef_.tolist(), "bias": model.intercept_.tolist(), "tolerance": 1e-3})

json.dump({"rows": len(flights), "held": int((~learn).sum()), "cases": cases},
          open(os.path.join(here, "train_table.json"), "w"))
