"""Fitted models of a small table and what scikit-learn says of its rows: writes serve_table.json.

Run with scikit-learn (1.5 or later):  python3 test/data/serve_table.py
Three numbers, one with missing values, and a category with missing values: 80 rows from a fixed seed.
Features in the order of src/ml/feature/tabular.h: the numbers standardised, the indicator behind its
column's, then the levels in C order with the missing one last.  Models: ridge regression, logistic
regressions of two and three labels, support vector machines with RBF and polynomial kernels.  Of the
machines also integrated gradients, by a sum of 20,000 steps, added up by column.
"""
import json
import os

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

ROWS = 80
STEPS = 20000

rng = np.random.default_rng(7)
a = np.round(rng.normal(100, 20, ROWS), 2)
b = np.round(rng.exponential(3, ROWS), 3)
c = np.round(rng.uniform(-1, 1, ROWS), 4)
missing_b = rng.uniform(size=ROWS) < 0.15
level = rng.integers(0, 4, ROWS)		# 3: missing
names = np.array(["blue", "green", "red", None], dtype=object)[level]

filled = np.where(missing_b, b[~missing_b].mean(), b)


def scaled(x):
	return (x - x.mean()) / x.std()


features = np.column_stack([scaled(a), scaled(filled), missing_b, scaled(c)] + [level == k for k in range(4)]).astype(float)
columns = [[0], [1, 2], [3], [4, 5, 6, 7]]
score = 1.5 * features[:, 0] - features[:, 1] * features[:, 3] + 0.8 * (level == 1) - 0.5 * (level == 3) + rng.normal(0, 0.5, ROWS)
two = (score > 0).astype(int)
three = np.digitize(score, [-0.7, 0.9])

result = {"rows": [[float(a[i]), None if missing_b[i] else float(b[i]), float(c[i]), names[i]] for i in range(ROWS)]}

ridge = Ridge(alpha=0.3).fit(features, score)
result["ridge"] = {"weights": [ridge.coef_.tolist()], "bias": [float(ridge.intercept_)],
	"predictions": ridge.predict(features).tolist()}

for key, y in (("two", two), ("three", three)):
	m = LogisticRegression(C=2.0, max_iter=10000, tol=1e-10).fit(features, y)
	result[key] = {"weights": m.coef_.tolist(), "bias": m.intercept_.tolist(),
		"predictions": m.predict_proba(features).tolist()}

for key, m in (("rbf", SVC(C=3.0, gamma=0.2)), ("polynomial", SVC(C=1.0, kernel="poly", degree=3, gamma=0.3, coef0=1.0))):
	vectors_of = features.astype(np.float32)
	m.fit(vectors_of, two)
	v = m.support_vectors_.astype(np.float32).astype(float)
	coefficients = m.dual_coef_[0].astype(np.float32).astype(float)
	x = features.astype(float)
	if key == "rbf":
		def value(p):
			return np.exp(-0.2 * ((p[:, None, :] - v[None]) ** 2).sum(2)) @ coefficients + m.intercept_[0]

		def gradient(p):
			d = p[:, None, :] - v[None]
			k = np.exp(-0.2 * (d ** 2).sum(2)) * coefficients
			return -0.4 * np.einsum("sv,svj->sj", k, d)
	else:
		def value(p):
			return (0.3 * p @ v.T + 1.0) ** 3 @ coefficients + m.intercept_[0]

		def gradient(p):
			return (0.9 * (0.3 * p @ v.T + 1.0) ** 2 * coefficients) @ v
	assert np.abs(value(x) - m.decision_function(vectors_of)).max() < 1e-4
	steps = (np.arange(STEPS) + 0.5) / STEPS
	parts = []
	for i in range(12):
		g = x[i] * sum(gradient(chunk[:, None] * x[i]).sum(0) for chunk in np.array_split(steps, 20)) / STEPS
		parts.append([float(g[of].sum()) for of in columns])
	result[key] = {"vectors": v.tolist(), "coefficients": coefficients.tolist(), "bias": [float(m.intercept_[0])],
		"predictions": value(x).tolist(), "base": float(value(np.zeros((1, 8)))[0]), "parts": parts}

with open(os.path.join(os.path.dirname(__file__), "serve_table.json"), "w") as f:
	json.dump(result, f)
	f.write("\n")
