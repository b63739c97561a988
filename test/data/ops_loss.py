"""Losses; for ops.py.  Each row's loss is weighted, and their sum scaled."""
import numpy as np
import torch
import torch.nn.functional as F


def record(r):
    def case(op, loss, x, targets, ints=None, reals=None):
        """loss(x, t) -> a loss for each row, or for each row and output (of which the mean counts)."""
        def f(t):
            each = loss(t[0], t[1])
            each = each.mean(1) if each.ndim == 2 else each
            total = t[3] * (t[2] * each).sum()
            return total, torch.autograd.grad(total, t[0], retain_graph=True)[0]

        r.case(op, f, [x, targets, r.floats(len(x), low=0, high=2), np.array(0.37)], ints=ints, reals=reals,
               fixed=(1, 2, 3), unread=(1,))

    for rows, k in [(4, 1), (3, 5), (1, 33), (7, 2)]:
        x, t = r.floats(rows, k, low=-3, high=3), r.floats(rows, k, low=-3, high=3)
        t[0, 0] = x[0, 0]
        case("mse", lambda x, t: F.mse_loss(x, t, reduction="none"), x, t)
        case("mae", lambda x, t: F.l1_loss(x, t, reduction="none"), x, t)
        for delta in (1.0, 0.3):
            case("huber", lambda x, t: F.huber_loss(x, t, reduction="none", delta=delta), x, t, reals=dict(delta=delta))
        t = r.floats(rows, k, low=0, high=1)
        for s in (0, 0.1):
            case("sigmoid_cross_entropy",
                 lambda x, t: F.binary_cross_entropy_with_logits(x, t * (1 - s) + s / 2, reduction="none"), 20 * x, t,
                 reals=dict(label_smoothing=s))
        t = r.whole(rows, k, high=2).astype(np.float64)
        for power in (1, 2):
            case("hinge", lambda x, t: torch.clamp(1 - (2 * t - 1) * x, min=0) ** power, x, t, ints=dict(power=power))
    x, t = r.floats(9, 1, low=-3, high=3), r.whole(9)
    for s in (0, 0.2):
        case("sigmoid_cross_entropy", lambda x, t: F.binary_cross_entropy_with_logits(
            x, (t.reshape(-1, 1) * (1 - s) + s / 2).double(), reduction="none"), x, t, reals=dict(label_smoothing=s))
    for power in (1, 2):
        case("hinge", lambda x, t: torch.clamp(0.7 - (2 * t.reshape(-1, 1) - 1) * x, min=0) ** power, x, t,
             ints=dict(power=power), reals=dict(margin=0.7))
    for rows, k in [(5, 2), (4, 7), (3, 1), (2, 130)]:
        x, t = r.floats(rows, k, low=-4, high=4), r.whole(rows, high=k)
        for power in (1, 2):
            for margin in (1.0, 0.4):
                case("multi_hinge", lambda x, t: F.multi_margin_loss(x, t.long(), p=power, margin=margin, reduction="none"),
                     x, t, ints=dict(power=power), reals=dict(margin=margin))
        for s in (0, 0.1, 1):
            case("softmax_cross_entropy",
                 lambda x, t: F.cross_entropy(x, t.long(), label_smoothing=s, reduction="none"), x, t,
                 reals=dict(label_smoothing=s))
    case("softmax_cross_entropy", lambda x, t: F.cross_entropy(x, t.long(), reduction="none"),
         np.array([[1e4, -1e4], [800.0, 0]]), np.array([1, 0], dtype=np.int32))
