#!/usr/bin/env python3
"""Steps of PyTorch's optimisers and schedulers, for test/unit/test_optimizer.c.

    python3 test/data/optimizers.py > test/data/optimizers.json

EPOCHS x STEPS steps over ROWS x WIDTH weights in single precision, with gradients that do
not depend on the weights (so that nothing but the step is compared); rows of some gradients
are 0, as those of an embedding that no row of a batch touches.
"""
import json
import math

import torch

EPOCHS, STEPS, ROWS, WIDTH = 9, 4, 6, 5
LOSSES = [1.0, 0.9, 0.95, 0.89999, 0.91, 0.92, 0.7, 0.8, 0.9]  # of epochs, for plateaus

torch.manual_seed(5)
start = torch.randint(-64, 65, (ROWS, WIDTH)).float() / 64
gradients = torch.randint(-96, 97, (EPOCHS * STEPS, ROWS, WIDTH)).float() / 64
for t in range(EPOCHS * STEPS):
    gradients[t, [t % ROWS, (3 * t + 1) % ROWS]] = 0

O = torch.optim
S = torch.optim.lr_scheduler


def plain(o):
    return None


def warm(main, n):
    """Ours: (t + 1) / n of the rate, then the schedule from its beginning."""
    def make(o):
        rise = S.LambdaLR(o, lambda t: min(1.0, (t + 1) / n))
        return S.SequentialLR(o, [rise, main(o)], [n])
    return make


CASES = [
    ({"type": "gradient_descent"}, lambda p: O.SGD(p, 0.01), plain),
    ({"type": "sgd", "learning_rate": 0.1}, lambda p: O.SGD(p, 0.1), plain),
    ({"type": "sgd", "learning_rate": 0.1, "weight_decay": 0.05}, lambda p: O.SGD(p, 0.1, weight_decay=0.05), plain),
    ({"type": "momentum"}, lambda p: O.SGD(p, 0.01, momentum=0.9), plain),
    ({"type": "momentum", "momentum": 0.5, "weight_decay": 0.1},
     lambda p: O.SGD(p, 0.01, momentum=0.5, weight_decay=0.1), plain),
    ({"type": "nesterov", "momentum": 0.8}, lambda p: O.SGD(p, 0.01, momentum=0.8, nesterov=True), plain),
    ({"type": "adagrad"}, lambda p: O.Adagrad(p, 0.01), plain),
    ({"type": "adagrad", "initial_accumulator_value": 0.1, "epsilon": 0.001, "weight_decay": 0.02},
     lambda p: O.Adagrad(p, 0.01, initial_accumulator_value=0.1, eps=0.001, weight_decay=0.02), plain),
    ({"type": "rmsprop"}, lambda p: O.RMSprop(p, 0.001, alpha=0.9), plain),
    ({"type": "rmsprop", "rho": 0.7, "momentum": 0.6, "epsilon": 0.01, "weight_decay": 0.03},
     lambda p: O.RMSprop(p, 0.001, alpha=0.7, momentum=0.6, eps=0.01, weight_decay=0.03), plain),
    ({"type": "adam"}, lambda p: O.Adam(p), plain),
    ({"type": "adam", "learning_rate": 0.02, "beta1": 0.7, "beta2": 0.9, "epsilon": 0.001, "weight_decay": 0.1},
     lambda p: O.Adam(p, 0.02, betas=(0.7, 0.9), eps=0.001, weight_decay=0.1), plain),
    ({"type": "adamw"}, lambda p: O.AdamW(p), plain),
    ({"type": "adamw", "learning_rate": 0.02, "weight_decay": 0.5},
     lambda p: O.AdamW(p, 0.02, weight_decay=0.5), plain),
    ({"type": "sgd", "clip_norm": 1.5}, lambda p: O.SGD(p, 0.01), plain),
    ({"type": "adam", "clip_norm": 100}, lambda p: O.Adam(p), plain),
    ({"type": "momentum", "clip_value": 0.25}, lambda p: O.SGD(p, 0.01, momentum=0.9), plain),
    ({"type": "adamw", "clip_norm": 2, "clip_value": 0.125, "weight_decay": 0.5}, lambda p: O.AdamW(p, weight_decay=0.5), plain),
    ({"type": "sgd", "schedule": "constant"}, lambda p: O.SGD(p, 0.01), plain),
    ({"type": "sgd", "schedule": {"type": "step", "every": 2}}, lambda p: O.SGD(p, 0.01), lambda o: S.StepLR(o, 2)),
    ({"type": "sgd", "schedule": {"type": "step", "every": 5, "factor": 0.5, "unit": "step"}},
     lambda p: O.SGD(p, 0.01), lambda o: S.StepLR(o, 5, 0.5)),
    ({"type": "adam", "schedule": "exponential"}, lambda p: O.Adam(p), lambda o: S.ExponentialLR(o, 0.95)),
    ({"type": "sgd", "schedule": {"type": "cosine"}}, lambda p: O.SGD(p, 0.01),
     lambda o: S.CosineAnnealingLR(o, EPOCHS)),
    ({"type": "sgd", "schedule": {"type": "cosine", "minimum": 0.002, "unit": "step"}}, lambda p: O.SGD(p, 0.01),
     lambda o: S.CosineAnnealingLR(o, EPOCHS * STEPS, 0.002)),
    ({"type": "sgd", "schedule": {"type": "constant", "warmup": 3}}, lambda p: O.SGD(p, 0.01),
     lambda o: S.LambdaLR(o, lambda t: min(1.0, (t + 1) / 3))),
    ({"type": "adam", "schedule": {"type": "cosine", "warmup": 10, "unit": "step"}}, lambda p: O.Adam(p),
     warm(lambda o: S.CosineAnnealingLR(o, EPOCHS * STEPS - 10), 10)),
    ({"type": "sgd", "schedule": {"type": "step", "every": 2, "warmup": 2, "factor": 0.3}}, lambda p: O.SGD(p, 0.01),
     warm(lambda o: S.StepLR(o, 2, 0.3), 2)),
    ({"type": "sgd", "schedule": {"type": "reduce_on_plateau", "patience": 1, "factor": 0.5}}, lambda p: O.SGD(p, 0.01),
     lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=1)),
    ({"type": "sgd", "schedule": {"type": "reduce_on_plateau", "patience": 0, "factor": 0.1, "cooldown": 2,
                                  "threshold": 0.1, "minimum": 0.0005}}, lambda p: O.SGD(p, 0.01),
     lambda o: S.ReduceLROnPlateau(o, factor=0.1, patience=0, cooldown=2, threshold=0.1, min_lr=0.0005)),
]


def run(options, make, schedule):
    w = torch.nn.Parameter(start.clone())
    o = make([w])
    s = schedule(o)
    plan = options.get("schedule")
    by_steps = isinstance(plan, dict) and plan.get("unit") == "step"
    weights, rates = [], []
    for epoch in range(EPOCHS):
        for step in range(STEPS):
            w.grad = gradients[epoch * STEPS + step].clone()
            if "clip_norm" in options:
                torch.nn.utils.clip_grad_norm_([w], options["clip_norm"])
            if "clip_value" in options:
                torch.nn.utils.clip_grad_value_([w], options["clip_value"])
            rates.append(o.param_groups[0]["lr"])
            o.step()
            weights.append(w.detach().clone())
            if s is not None and by_steps:
                s.step()
        if s is not None and not by_steps:
            s.step(LOSSES[epoch]) if isinstance(s, S.ReduceLROnPlateau) else s.step()
    keep = [STEPS - 1, EPOCHS * STEPS // 2, EPOCHS * STEPS - 1]
    return {"optimizer": json.dumps(options), "rates": [float("%.12g" % r) for r in rates],
            "steps": [k + 1 for k in keep],
            "weights": [[float("%.9g" % x) for x in weights[k].flatten().tolist()] for k in keep]}


def main():
    torch.set_num_threads(1)
    assert all(math.isfinite(x) for x in LOSSES)
    cases = [run(*case) for case in CASES]
    print('{"torch": "%s", "epochs": %d, "steps_per_epoch": %d, "rows": %d, "width": %d,' %
          (torch.__version__, EPOCHS, STEPS, ROWS, WIDTH))
    print('"losses": %s,' % json.dumps(LOSSES))
    print('"start": %s,' % json.dumps(start.flatten().tolist()))
    print('"gradients": [%s],' % ",\n".join(json.dumps(g.flatten().tolist()) for g in gradients))
    print('"cases": [%s]}' % ",\n".join(json.dumps(c) for c in cases))


main()
