"""Linear and logistic regression on numbers: from the table, beside a scan of it and scikit-learn."""

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression

from common import best, connect, ratio, row, value
from tables import export, fit, make_numbers, train

db = connect()


def times(ours, other):
    return f"{ours / other:.2f}x"


def coefficients(model):
    rows = db.execute("SELECT term, estimate FROM aiaas_coefficients(%s)", (model,)).fetchall()
    return np.array([dict(rows)[f"c{i}"] for i in range(1, 21)] + [dict(rows)["(intercept)"]])


def distance(model, peer):
    expected = np.append(np.ravel(peer.coef_), np.ravel(peer.intercept_))
    return np.max(np.abs(coefficients(model) - expected)) / np.max(np.abs(expected))


make_numbers(db, "numbers", 1000000)
db.execute("SELECT count(c20) FROM numbers")
scan = best(lambda: db.execute("SELECT count(c20) FROM numbers"), 5)
ours = train(db, "numbers_model", "numbers", "y", "linear_regression", '{"holdout": 0}', 5)
start = best(lambda: export(db, "numbers", "y"), 2)
X, y = export(db, "numbers", "y")
peer, model = fit(LinearRegression, X, y)
what = "linear regression, 1 M x 20"
row(what, f"{ours * 1000:.0f} ms", f"SELECT count(c20) {scan * 1000:.0f} ms", times(ours, scan), "1.8x")
row(what, f"{ours * 1000:.0f} ms", f"LinearRegression {peer * 1000:.0f} ms, {(peer + start) * 1000:.0f} with export",
    f"{ratio(ours, peer)}, {ratio(ours, peer + start)}", "8x with export")
print(f"  largest difference of the coefficients: {distance('numbers_model', model):.1e}")
del X, y

make_numbers(db, "labels", 100000, "label")
scan = best(lambda: db.execute("SELECT count(c20) FROM labels"), 15)
X, y = export(db, "labels", "(label = 'yes')::int::float8")
start = best(lambda: export(db, "labels", "(label = 'yes')::int::float8"), 2)
what = "logistic regression, 100 k x 20"
options = '{"holdout": 0, "standardize": false}'
ours = train(db, "labels_model", "labels", "label", "logistic_regression", options, 15)
peer, model = fit(lambda: LogisticRegression(solver="newton-cholesky", tol=1e-6), X, y, times=5)
row(what, f"{ours * 1000:.0f} ms", f"SELECT count(c20) {scan * 1000:.0f} ms", times(ours, scan), "3x")
row(what, f"{ours * 1000:.0f} ms", f"newton-cholesky {peer * 1000:.0f} ms, {(peer + start) * 1000:.0f} with export",
    f"{ratio(ours, peer)}, {ratio(ours, peer + start)}", "1.2x, 10x with export")
print(f"  largest difference of the coefficients: {distance('labels_model', model):.1e}")
