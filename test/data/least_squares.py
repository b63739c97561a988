"""Reference solutions of least squares: writes least_squares.txt.

Run with statsmodels and scikit-learn (1.5 or later):  python3 test/data/least_squares.py

NIST's reference data sets for linear regression (Norris, Pontius, Longley and
Wampler 1 to 5) are solved in rational numbers, exactly; weighted ones by
statsmodels' WLS; ridge by its formula at 50 digits' worth of rationals; lasso
and elastic net by scikit-learn far below its default tolerance.

Each set: "set name n d alpha l1_ratio tolerance", n rows "x.. y weight", then
"intercept, its standard error", then d of "weight, standard error", then
"residual total"; nan where there is none.  tolerance: relative error that the
test allows.
"""
import os
from fractions import Fraction

import numpy as np
import statsmodels.api as sm
import statsmodels.datasets.longley
from sklearn.linear_model import ElasticNet

out = []


def put(name, x, y, w, alpha, l1_ratio, tolerance, intercept, coef, se0, se, residual, total):
    n, d = x.shape
    out.append(f"set {name} {n} {d} {alpha!r} {l1_ratio!r} {tolerance!r}")
    for i in range(n):
        out.append(" ".join("%.17g" % v for v in [*x[i], y[i], w[i]]))
    out.append("%.17g %.17g" % (intercept, se0))
    for j in range(d):
        out.append("%.17g %.17g" % (coef[j], se[j]))
    out.append("%.17g %.17g" % (residual, total))


def solve(a, b):
    """Gauss-Jordan in rationals: the inverse of a, and its product with b."""
    n = len(a)
    m = [list(a[i]) + [Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    for i in range(n):
        p = next(r for r in range(i, n) if m[r][i] != 0)
        m[i], m[p] = m[p], m[i]
        m[i] = [v / m[i][i] for v in m[i]]
        for r in range(n):
            if r != i and m[r][i] != 0:
                m[r] = [v - m[r][i] * u for v, u in zip(m[r], m[i])]
    inverse = [row[n:] for row in m]
    return inverse, [sum(u * v for u, v in zip(row, b)) for row in inverse]


def root(f):
    """Square root of a rational, as a double."""
    return float(f) ** 0.5


def exact(name, x, y, tolerance, w=None, alpha=0.0):
    """x and y: as decimal strings or numbers, taken as the doubles they are."""
    x = np.array(x, float)
    y = np.array(y, float)
    w = np.ones(len(y)) if w is None else w
    n, d = x.shape
    rows = [[Fraction(1)] + [Fraction(v) for v in r] for r in x]
    f = [Fraction(v) for v in y]
    s = [Fraction(v) for v in w]
    total_w = sum(s)
    a = [[sum(s[i] * rows[i][j] * rows[i][k] for i in range(n)) for k in range(d + 1)] for j in range(d + 1)]
    for j in range(1, d + 1):
        a[j][j] += Fraction(alpha) * total_w
    b = [sum(s[i] * rows[i][j] * f[i] for i in range(n)) for j in range(d + 1)]
    inverse, beta = solve(a, b)
    residual = sum(s[i] * (f[i] - sum(u * v for u, v in zip(beta, rows[i]))) ** 2 for i in range(n))
    mean = sum(u * v for u, v in zip(s, f)) / total_w
    total = sum(s[i] * (f[i] - mean) ** 2 for i in range(n))
    sigma2 = residual / (n - d - 1)
    se = [root(sigma2 * inverse[j][j]) if alpha == 0 else float("nan") for j in range(d + 1)]
    put(name, x, y, w, alpha, 0.0, tolerance, float(beta[0]), [float(v) for v in beta[1:]], se[0], se[1:],
        float(residual), float(total))


norris = """0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9 777.0
559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3 228.1
998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0
10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1 449.2 448.9 0.2 0.5""".split()
exact("norris", [[float(v)] for v in norris[1::2]], [float(v) for v in norris[::2]], 1e-12)

pontius = """.11019 .21956 .32949 .43899 .54803 .65694 .76562 .87487 .98292 1.09146 1.20001 1.30822 1.41599 1.52399 1.63194
1.73947 1.84646 1.95392 2.06128 2.16844 .11052 .22018 .32939 .43886 .54798 .65739 .76596 .87474 .98300 1.09150
1.20004 1.30818 1.41613 1.52408 1.63159 1.73965 1.84696 1.95445 2.06177 2.16829""".split()
load = [150000.0 * (1 + i % 20) for i in range(40)]
exact("pontius", [[v, v * v] for v in load], [float(v) for v in pontius], 1e-10)

longley = statsmodels.datasets.longley.load_pandas()
exact("longley", longley.exog.values, longley.endog.values, 1e-9)

steps = np.arange(21.0)
powers = [[v ** k for k in range(1, 6)] for v in steps]
wampler1 = sum(steps ** k for k in range(6))
wampler2 = sum(0.1 ** k * steps ** k for k in range(6))
wampler3 = np.array([760, -2042, 2111, -1684, 3888, 1858, 11379, 17560, 39287, 64382, 113159, 175108, 273291, 400186,
                     581243, 811568, 1121004, 1506550, 2002767, 2611612, 3369180.0])
noise = wampler3 - wampler1
exact("wampler1", powers, wampler1, 1e-6)
exact("wampler2", powers, wampler2, 1e-6)
exact("wampler3", powers, wampler3, 1e-6)
exact("wampler4", powers, wampler1 + 100 * noise, 1e-6)
exact("wampler5", powers, wampler1 + 10000 * noise, 1e-6)

rng = np.random.default_rng(11)
x = rng.normal(size=(60, 6)) * [1, 10, 0.1, 1, 3, 1000] + [0, 100, 5, -3, 0, 1e6]
y = np.round(x @ [1, -0.5, 4, 0, 0.3, 0.002] + 7 + rng.normal(size=60), 6)
w = np.round(rng.uniform(0.1, 4, 60), 3)
exact("weighted", x, y, 1e-10, w=w)
fit = sm.WLS(y, sm.add_constant(x), weights=w).fit()
put("statsmodels", x, y, w, 0.0, 0.0, 1e-8, fit.params[0], fit.params[1:], fit.bse[0], fit.bse[1:], fit.ssr,
    fit.centered_tss)
nothing = [float("nan")] * 6
exact("ridge", x, y, 1e-10, w=w, alpha=0.25)
for name, alpha, l1_ratio in (("lasso", 0.05, 1.0), ("net", 0.1, 0.5), ("sparse", 1.0, 0.9)):
    scaled = (x - x.mean(0)) / x.std(0)
    fit = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-15, max_iter=1_000_000).fit(scaled, y, sample_weight=w)
    error = y - fit.predict(scaled)
    mean = (w * y).sum() / w.sum()
    put(name, scaled, y, w, alpha, l1_ratio, 1e-8, fit.intercept_, fit.coef_, float("nan"), nothing,
        (w * error ** 2).sum(), (w * (y - mean) ** 2).sum())

with open(os.path.join(os.path.dirname(__file__), "least_squares.txt"), "w") as file:
    file.write("\n".join(out) + "\n")
