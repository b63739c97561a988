"""Flights: a whole pipeline (categories, NULLs, scaling, fit) beside scikit-learn's on rows in memory."""

import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from common import connect, ratio, row, value
from tables import load_flights, train

db = connect()
parts = load_flights(db)
CATEGORIES = ["carrier", "origin", "dest"]
SCHEDULE = ["month", "day", "sched_dep_time", "sched_arr_time", "distance", "hour", "minute"]
DELAYS = SCHEDULE + ["dep_delay"]


def frame(part, numbers):
    table = pd.DataFrame(parts[part])
    table[numbers + ["arr_delay"]] = table[numbers + ["arr_delay"]].apply(pd.to_numeric, errors="coerce")
    table = table[table.arr_delay.notna()]
    return table[numbers + CATEGORIES], table.arr_delay.to_numpy()


def pipeline(numbers, model):
    return make_pipeline(make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=10), CATEGORIES)), model)


def timed(make, X, y):
    seconds = []
    for _ in range(3):
        model = make()
        start = time.perf_counter()
        model.fit(X, y)
        seconds.append(time.perf_counter() - start)
    return min(seconds), model


def source(numbers, target):
    return f"SELECT {', '.join(numbers + CATEGORIES)}, {target} FROM flights_train WHERE arr_delay IS NOT NULL"


columns = '"columns": {"carrier": "category", "origin": "category", "dest": "category"}'
ours = train(db, "late_model", source(SCHEDULE, "late"), "late", "logistic_regression",
             f'{{"holdout": 0, {columns}}}')
X, y = frame("train", SCHEDULE)
Z, z = frame("test", SCHEDULE)
# Its fastest solver for this; lbfgs takes longer.
peer, model = min((timed(lambda s=s: pipeline(SCHEDULE, LogisticRegression(solver=s, max_iter=1000)), X, y > 15)
                   for s in ("lbfgs", "newton-cholesky")), key=lambda p: p[0])
auc = value(db, "SELECT aiaas_roc_auc(late, aiaas_score('late_model', f, 'true')) FROM flights_test f")
row("flights, delay > 15 (AUC on the test part)", f"{ours * 1000:.0f} ms ({auc:.4f})",
    f"pipeline {peer * 1000:.0f} ms ({roc_auc_score(z > 15, model.predict_proba(Z)[:, 1]):.4f})", ratio(ours, peer),
    "8x, 0.6526")

rows = len(frame("train", DELAYS)[1])
ours = train(db, "delay_model", source(DELAYS, "arr_delay"), "arr_delay", "linear_regression",
             f'{{"holdout": 0, "task": "regression", "alpha": {1 / rows}, {columns}}}')
X, y = frame("train", DELAYS)
Z, z = frame("test", DELAYS)
peer, model = min((timed(lambda s=s: pipeline(DELAYS, Ridge(solver=s)), X, y) for s in ("auto", "sparse_cg", "lsqr")),
                  key=lambda p: p[0])
r2, rmse = db.execute("SELECT aiaas_r2(arr_delay, p), aiaas_rmse(arr_delay, p) FROM (SELECT arr_delay, "
                      "aiaas_predict('delay_model', f) AS p FROM flights_test f) predicted").fetchone()
predicted = model.predict(Z)
row("flights, arrival delay, ridge (R2, RMSE)", f"{ours * 1000:.0f} ms ({r2:.4f}, {rmse:.2f})",
    f"pipeline {peer * 1000:.0f} ms ({r2_score(z, predicted):.4f}, {root_mean_squared_error(z, predicted):.2f})",
    ratio(ours, peer), "3x, 0.8456")
