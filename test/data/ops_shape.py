"""Ops that move elements, tables of rows; for ops.py."""
import numpy as np
import torch
import torch.nn.functional as F


def record(r):
    for dims, to in [((2, 3, 4), (6, 4)), ((12,), (3, 1, 4)), ((), (1, 1)), ((0, 3), (3, 0))]:
        r.case("reshape", lambda t: t[0].reshape(to), [r.floats(*dims)], dims=to)
    for order in [(1, 0), (2, 0, 1), (0, 1), (3, 1, 2, 0)]:
        r.case("transpose", lambda t: t[0].permute(order), [r.floats(*[2, 3, 4, 5][:len(order)])],
               ints={f"dim{i}": d for i, d in enumerate(order)})
    for axis, begin, end, step in [(0, 1, 3, 1), (1, -4, -1, 1), (2, 0, 7, 2), (1, 1, 5, 3), (0, 2, 2, 1), (2, 1, 1000, 3)]:
        where = [slice(None)] * 3
        where[axis] = slice(begin, end, step)
        r.case("slice", lambda t: t[0][tuple(where)], [r.floats(4, 5, 7)], ints=dict(axis=axis, begin=begin, end=end, step=step))
    for axis, before, after, value in [(0, 1, 2, 0), (1, 0, 3, 0.5), (2, 2, 0, -1)]:
        width = [0, 0] * (2 - axis) + [before, after]
        r.case("pad", lambda t: F.pad(t[0], width, value=value), [r.floats(2, 3, 4)],
               ints=dict(axis=axis, before=before, after=after), reals=dict(value=value))
    for axis, sizes in [(0, (1, 2)), (1, (3, 0, 2)), (2, (4,)), (1, (1, 1, 1, 1))]:
        dims = [[s if d == axis else [2, 3, 4][d] for d in range(3)] for s in sizes]
        r.case("concat", lambda t: torch.cat(t, dim=axis), [r.floats(*d) for d in dims], ints=dict(axis=axis))
    for dims, to in [((3, 1), (2, 3, 4)), ((), (2, 2)), ((1, 1, 5), (3, 2, 5))]:
        r.case("broadcast_to", lambda t: t[0].expand(to), [r.floats(*dims)], dims=to)
        r.case("sum_to", lambda t: t[0].sum_to_size(dims), [r.floats(*to)], dims=dims)
    for rows, width, indices in [(5, (3,), (7,)), (9, (2, 4), (2, 3)), (4, (), (6,)), (1, (33,), (5,)), (6, (8,), ())]:
        r.case("gather", lambda t: t[0][t[1].long()], [r.floats(rows, *width), r.whole(*indices, high=rows)])

        def scatter(t):
            flat = t[0].reshape(int(np.prod(indices)), -1)
            return torch.zeros(rows, flat.shape[1]).index_add(0, t[1].reshape(-1).long(), flat).reshape(rows, *width)

        r.case("scatter_add", scatter, [r.floats(*indices, *width), r.whole(*indices, high=rows)], dims=(rows, *width))
