"""Reference solutions of the learner linear_regression: writes linear_regression.txt.

Run with statsmodels and scikit-learn (1.5 or later):  python3 test/data/linear_regression.py

A table of three numbers and two categories, with weights.  Features are the
numbers as they are and one column for each level, in order; "excluded" fits
leave the first level of each category out.

"rows n", n rows "number number number category category target weight"; then
fits: "fit name alpha l1_ratio excluded wide tolerance", "intercept, its
standard error" and for each feature "weight, standard error"; nan where there
is none.  wide: to be fitted in passes.  tolerance: relative to the largest
weight.
"""
import os

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import ElasticNet, Ridge

rng = np.random.default_rng(5)
N = 400
numbers = np.round(rng.normal(size=(N, 3)) * [1, 4, 0.5] + [0, 30, -2], 6)
first = np.minimum(rng.geometric(0.35, N) - 1, 5)
second = rng.integers(0, 4, N)
y = numbers @ [2.0, -0.3, 0.0] + np.array([0, 1, 2, -4, 0.5, 3.0])[first] + np.array([5, 5, 1, 0.0])[second]
y = np.round(y + rng.normal(size=N) + 100, 6)
w = np.round(rng.uniform(0.25, 3, N) * 64) / 64
features = np.hstack([numbers, np.eye(6)[first], np.eye(4)[second]])
F = features.shape[1]
nan = float("nan")
out = [f"rows {N}"]
for i in range(N):
    out.append(" ".join("%.17g" % v for v in numbers[i]) + f" {chr(97 + first[i])} {chr(112 + second[i])} " +
               "%.17g %.17g" % (y[i], w[i]))


def put(name, alpha, l1_ratio, excluded, wide, tolerance, intercept, se0, coef, se):
    out.append(f"fit {name} {alpha!r} {l1_ratio!r} {excluded} {wide} {tolerance!r}")
    out.append("%.17g %.17g" % (intercept, se0))
    out.extend("%.17g %.17g" % (c, e) for c, e in zip(coef, se))


def least_squares(name, kept, excluded, wide, tolerance):
    """WLS of the features that are kept."""
    fit = sm.WLS(y, sm.add_constant(features[:, kept]), weights=w).fit()
    coef, se = np.zeros(F), np.full(F, nan)
    coef[kept] = fit.params[1:]
    se[kept] = nan if wide else fit.bse[1:]
    put(name, 0.0, 0.0, excluded, wide, tolerance, fit.params[0], nan if wide else fit.bse[0], coef, se)


without_first = [j for j in range(F) if j not in (3, 9)]
without_last = [j for j in range(F) if j not in (8, 12)]
least_squares("excluded", without_first, 1, 0, 1e-9)
least_squares("dropped", without_last, 0, 0, 1e-9)
least_squares("excluded_wide", without_first, 1, 1, 1e-5)

# of all solutions the one with the smallest norm of weight x standard deviation
mean = np.average(features, axis=0, weights=w)
deviation = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=w))
root = np.sqrt(w)[:, None]
target = np.average(y, weights=w)
scaled = (features - mean) / deviation * root
coef = np.linalg.pinv(scaled, rcond=1e-10) @ ((y - target) * root[:, 0]) / deviation
put("minimum_norm", 0.0, 0.0, 0, 1, 1e-5, target - mean @ coef, nan, coef, np.full(F, nan))

for wide, tolerance in ((0, 1e-9), (1, 1e-5)):
    fit = Ridge(alpha=0.05 * w.sum(), solver="svd").fit(features, y, sample_weight=w)
    put("ridge", 0.05, 0.0, 0, wide, tolerance, fit.intercept_, nan, fit.coef_, np.full(F, nan))
# all levels and |w|_1 alone have many solutions: those leave the first levels out
for name, alpha, l1_ratio, kept in (("lasso", 0.02, 1.0, without_first), ("net", 0.05, 0.5, list(range(F))),
                                    ("sparse", 0.5, 0.9, list(range(F)))):
    fit = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-15, max_iter=1_000_000).fit(features[:, kept], y, sample_weight=w)
    coef = np.zeros(F)
    coef[kept] = fit.coef_
    for wide, tolerance in ((0, 1e-8), (1, 1e-4)):
        put(name, alpha, l1_ratio, int(len(kept) < F), wide, tolerance, fit.intercept_, nan, coef, np.full(F, nan))

with open(os.path.join(os.path.dirname(__file__), "linear_regression.txt"), "w") as file:
    file.write("\n".join(out) + "\n")
