"""Arithmetic of operands that broadcast, functions, activations, casts; for ops.py."""
import numpy as np
import torch
import torch.nn.functional as F

LINEAR, RELU, LEAKY_RELU, ELU, GELU, GELU_TANH, SILU, TANH, SIGMOID = range(9)
SHAPES = [((3, 5), (3, 5)), ((4, 1, 3), (2, 3)), ((7,), ()), ((2, 1), (1, 33))]


def record(r):
    for op, f in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div),
                  ("minimum", torch.minimum), ("maximum", torch.maximum), ("pow", torch.pow)]:
        for a, b in SHAPES:
            low = 0.2 if op == "pow" else -2
            x, y = r.floats(*a, low=low, high=3), r.floats(*b, low=0.3 if op == "div" else low, high=3)
            r.case(op, lambda t: f(t[0], t[1]), [x, y])
    # ties, zeros, whole powers of negatives
    tied = np.array([1.0, 2, -1, 0, 0, 3])
    for op, f in [("minimum", torch.minimum), ("maximum", torch.maximum)]:
        r.case(op, lambda t: f(t[0], t[1]), [tied, np.array([1.0, 1, -1, 0, 2, 4])])
    r.case("pow", lambda t: t[0] ** t[1], [np.array([-2.0, -2, -1.5, 0, 0, 3, 1, -3]), np.array([2.0, 3, -2, 2, 0, 0, 5, 0])],
           fixed=[1])
    r.case("pow", lambda t: t[0] ** t[1], [np.array([0.0, 2, 0.5, 1]), np.array([2.0, 0, -3, 4])], fixed=[0])
    for op, f in [("equal", torch.eq), ("not_equal", torch.ne), ("less", torch.lt), ("less_equal", torch.le),
                  ("greater", torch.gt), ("greater_equal", torch.ge)]:
        for x, y in [(r.whole(4, 5), r.whole(5)), (tied, np.array([1.0, 1, np.nan, -0.0, 2, np.inf]))]:
            r.case(op, lambda t: f(t[0], t[1]), [x, y], fixed=[0, 1])
    for c, a, b in [((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), ()), ((), (2, 3), (2, 3))]:
        r.case("where", lambda t: torch.where(t[0], t[1], t[2]), [r.whole(*c).astype(bool), r.floats(*a), r.floats(*b)])

    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 80, -80, 1, -1])
    for op, f, low, high in [("neg", torch.neg, -2, 2), ("abs", torch.abs, -2, 2), ("sign", torch.sign, -2, 2),
                             ("exp", torch.exp, -5, 5), ("log", torch.log, 0.01, 9), ("sqrt", torch.sqrt, 0.01, 9),
                             ("square", torch.square, -3, 3), ("erf", torch.erf, -4, 4)]:
        r.case(op, lambda t: f(t[0]), [r.floats(5, 13, low=low, high=high)], fixed=[0] if op == "sign" else [])
        r.case(op, lambda t: f(t[0]), [special], fixed=[0])

    x = np.concatenate([r.floats(60, low=-6, high=6), [0, -0.0, 30, -30, 1e-4, -1e-4]])
    flat = np.array([np.inf, 100, -100, 1e4, -1e4, np.nan])
    for kind, alpha, f in [(LINEAR, 1, lambda v: v * 1), (RELU, 1, F.relu),
                           (LEAKY_RELU, 0.01, lambda v: F.leaky_relu(v, 0.01)),
                           (LEAKY_RELU, 0.3, lambda v: F.leaky_relu(v, 0.3)),
                           (ELU, 1, F.elu), (ELU, 0.5, lambda v: F.elu(v, 0.5)),
                           (GELU, 1, F.gelu), (GELU_TANH, 1, lambda v: F.gelu(v, approximate="tanh")),
                           (SILU, 1, F.silu), (TANH, 1, torch.tanh), (SIGMOID, 1, torch.sigmoid)]:
        given = dict(ints=dict(activation=kind), reals=dict(alpha=alpha))
        r.case("activation", lambda t: f(t[0]), [x], **given)
        r.case("activation", lambda t: f(t[0]), [flat], fixed=[0], **given)
        r.case("activation", lambda t: f(t[0]), [np.array([100.0, -100, 40, -40])], **given)

    dtypes = dict(BOOL=0, U8=1, I32=8)
    for to, kind in [(torch.int32, "I32"), (torch.bool, "BOOL")]:
        r.case("cast", lambda t: t[0].to(to), [r.floats(40, low=-9, high=9)], ints=dict(dtype=dtypes[kind]), fixed=[0])
