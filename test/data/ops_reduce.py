"""Reductions, softmax, norms; for ops.py."""
import numpy as np
import torch
import torch.nn.functional as F


def record(r):
    for op, f in [("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax), ("min", torch.amin)]:
        for dims, axes in [((3, 4, 5), (2,)), ((3, 4, 5), (0,)), ((3, 4, 5), (0, 2)), ((2, 7), (0, 1)), ((33,), (0,)),
                           ((2, 3, 2, 3), (1, 2))]:
            for keep in (False, True):
                r.case(op, lambda t: f(t[0], dim=axes, keepdim=keep), [r.floats(*dims)],
                       ints=dict(axes=sum(1 << a for a in axes), keepdims=int(keep)))
    tied = np.array([[1.0, 3, 3, 2], [5, 5, 5, 5]])
    for op, f in [("max", torch.amax), ("min", torch.amin)]:
        r.case(op, lambda t: f(t[0], dim=1), [tied], ints=dict(axes=2))
        r.case(op, lambda t: f(t[0], dim=1), [np.array([[1.0, np.nan, 3], [1, np.inf, -np.inf]])], ints=dict(axes=2), fixed=[0])

    for op, f in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for dims in [(1,), (3, 1), (4, 7), (2, 3, 33), (1, 260)]:
            r.case(op, lambda t: f(t[0], dim=-1), [r.floats(*dims, low=-5, high=5)])
        r.case(op, lambda t: f(t[0], dim=-1), [np.array([[1e4, 1e4 - 3], [-1e4, -1e4 - 1], [700, -700]])])

    for dims in [(5, 7), (2, 3, 16), (4, 33), (1, 5)]:
        for gain in (False, True):
            for bias in (False, True):
                for epsilon in (1e-5, 1e-3):
                    r.case("layer_norm", lambda t: (F.layer_norm(t[0], dims[-1:], t[1], t[2], epsilon), None, None),
                           [r.floats(*dims, low=-2, high=3), r.floats(dims[-1]) if gain else None,
                            r.floats(dims[-1]) if bias else None], reals=dict(epsilon=epsilon), unread=(1, 2))

    # PyTorch has channels second; they are last here
    def batch_norm(t, epsilon):
        x = t[0].reshape(-1, t[0].shape[-1])
        running = [torch.zeros(x.shape[1]), torch.ones(x.shape[1])]
        y = F.batch_norm(x, running[0], running[1], t[1], t[2], training=True, momentum=1.0, eps=epsilon)
        return y.reshape(t[0].shape), running[0], None, running[1]

    for dims in [(6, 3), (2, 3, 2, 5), (270, 1), (2, 1), (4, 17)]:
        for gain in (False, True):
            for bias in (False, True):
                for epsilon in (1e-5, 1e-3):
                    if dims[0] > 100 and not (gain and bias):
                        continue
                    r.case("batch_norm", lambda t: batch_norm(t, epsilon),
                           [r.floats(*dims, low=-2, high=3), r.floats(dims[-1]) if gain else None,
                            r.floats(dims[-1]) if bias else None], reals=dict(epsilon=epsilon), unread=(1, 2, 3))
    for gain in (False, True):
        for bias in (False, True):
            r.case("batch_norm_running",
                   lambda t: F.batch_norm(t[0].reshape(-1, 5), t[1], t[2], t[3], t[4], eps=1e-3).reshape(t[0].shape),
                   [r.floats(2, 3, 5), r.floats(5), r.floats(5, low=0.01, high=3), r.floats(5) if gain else None,
                    r.floats(5) if bias else None], reals=dict(epsilon=1e-3), fixed=range(5))
