"""Writes distribution.txt: two-sided tails of Student's t, and quantiles, by mpmath and scipy.

A line: "tail T FREEDOM P" or "quantile ALPHA FREEDOM T"; freedom 0 is the normal distribution.
"""

import itertools

import mpmath
from scipy import stats

mpmath.mp.dps = 40


def tail(t, n):
    if n == 0:
        return mpmath.erfc(mpmath.mpf(t) / mpmath.sqrt(2))
    t, n = mpmath.mpf(t), mpmath.mpf(n)
    return mpmath.betainc(n / 2, mpmath.mpf(1) / 2, 0, n / (n + t * t), regularized=True)


with open("test/data/distribution.txt", "w", encoding="ascii") as file:
    for t, n in itertools.product((1e-8, 0.01, 0.3, 1, 1.96, 3, 8, 30, 37),
                                  (0, 0.5, 1, 2, 3, 10, 29, 59, 60, 61, 100, 1000, 19999, 20001, 1000000)):
        print("tail", repr(t), repr(n), mpmath.nstr(tail(t, n), 17), file=file)
    for alpha, n in itertools.product((0.5, 0.05, 0.01, 1e-6), (0, 1, 2, 3, 10, 100, 10000, 1000000)):
        value = stats.norm.isf(alpha / 2) if n == 0 else stats.t.isf(alpha / 2, n)
        print("quantile", repr(alpha), repr(n), repr(float(value)), file=file)
