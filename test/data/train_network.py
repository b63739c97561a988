#!/usr/bin/env python3
"""Whole trainings in PyTorch from given first weights, for test/unit/test_train_programs.c.

    python3 test/data/train_network.py      writes train_network_{a,b,c,d,e,f,g}.safetensors beside itself

The five textbook programs of the README, small, one of many things at once, and one of series.
Networks are those of layers.py; rows are visited in order.  Of each case: "rows" (words of a text,
-1: none more; pixels; numbers; or series [rows, steps, channels], NaN: none more), "targets" (classes or numbers), "validates", the first values of
parameters and states under aiaas's names, and what each epoch recorded: "losses" (of its rows
while they were learnt), "metrics", "validation_losses", "validation_metrics".  The metadata
"options" are those of aiaas_train.
"""
import json
import os

import numpy as np
import torch
from safetensors.numpy import save_file

from layers import Network, Packed

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(11)


def dense(units, activation="linear"):
    return {"type": "dense", "units": units, "activation": activation}


def texts(n, words, longest, shortest=1):
    """Rows of word numbers; the more often a word's number is divisible by 3, the more class 1."""
    rows = -np.ones((n, longest), np.int32)
    score = np.zeros(n)
    for i in range(n):
        length = rng.integers(shortest, longest + 1)
        rows[i, :length] = np.minimum(rng.exponential(words / 4, length).astype(int), words - 1)
        score[i] = (rows[i, :length] % 3 == 0).mean() if length else 0
    return rows, score


def vocabulary(rows, most):
    """Numbers of words: by frequency, then in C order; 1 for all others."""
    counts = {}
    for w in rows[rows >= 0]:
        counts[w] = counts.get(w, 0) + 1
    order = sorted(counts, key=lambda w: (-counts[w], ("w%d" % w).encode()))[:most - 2]
    return {w: i + 2 for i, w in enumerate(order)}


def first_values(name, shape, kind):
    a = rng.uniform(-0.3, 0.3, shape) if len(shape) > 1 else rng.uniform(-0.1, 0.1, shape)
    a = {"mean": np.zeros(shape), "variance": np.ones(shape)}.get(kind, a)
    return a.astype(np.float32).astype(np.float64)


def optimizer_of(options, parameters):
    o = options.get("optimizer", "adam")
    o = {"type": o} if isinstance(o, str) else o
    rate = o.get("learning_rate", 0.001 if o["type"] in ("adam", "adamw") else 0.01)
    if o["type"] == "adam":
        return torch.optim.Adam(parameters, rate)
    if o["type"] == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=o["weight_decay"])
    return torch.optim.SGD(parameters, rate)


def right(net, y, targets):
    if targets.dtype != torch.int64:
        return ((y[:, 0] - targets[:, 0]) ** 2).sum().item()
    guess = (y[:, 0] > 0).long() if y.shape[1] == 1 else y.argmax(1)
    return (guess == targets).sum().item()


def case(name, rows, targets, options, lengths=None, validates=None):
    spec = {k: options[k] for k in ("layers", "loss")}
    n = len(rows)
    validates = np.zeros(n, np.uint8) if validates is None else validates
    learn = np.flatnonzero(validates == 0)
    judge = np.flatnonzero(validates)
    if rows.dtype == np.int32:
        most = next(l["input_dim"] for l in options["layers"] if l["type"] == "embedding")
        number = vocabulary(rows[learn], most)
        pad = options.get("pad", 0)
        ids = [[number.get(w, 1) for w in r if w >= 0] for r in rows]
        ids = [torch.tensor(i + [0] * (pad - len(i)), dtype=torch.int64) for i in ids]
        feed = lambda which: Packed(ids[i] for i in which)
        tensors = {"rows": rows}
    elif rows.ndim == 3:
        series = [r[~np.isnan(r[:, 0])].astype(np.float64) for r in rows]
        steps = np.concatenate([series[i] for i in learn])
        scaled = [torch.tensor(((s - steps.mean(0)) / steps.std(0)).astype(np.float32)).double() for s in series]
        feed = lambda which: Packed(scaled[i] for i in which)
        tensors = {"rows": rows.astype(np.float32)}
    elif rows.dtype == np.uint8:
        feed = lambda which: torch.tensor(rows[which].astype(np.float32) / np.float32(255)).double()
        tensors = {"rows": rows}
    else:
        feed = lambda which: torch.tensor(rows[which])
        tensors = {"rows": rows.astype(np.float32)}
    t = torch.tensor(targets)
    t = t if t.dtype == torch.int64 else t[:, None]
    net = Network(spec, first_values)
    net.length = options.get("pad", 0)
    with torch.no_grad():
        net.forward({"feed": feed(learn[:4])}, False)
    for kind in (net.parameters, net.states):
        for key, value in kind.items():
            tensors[key] = value.detach().numpy().astype(np.float32)
    if rows.ndim == 3:
        check_packed(net, scaled)
    opt = optimizer_of(options, list(net.parameters.values()))
    whole = options.get("optimizer") == "gradient_descent" or isinstance(options.get("optimizer"), dict) and \
        options["optimizer"]["type"] == "gradient_descent"
    batch = len(learn) if whole else options.get("batch_size", 32)
    record = {k: [] for k in ("losses", "metrics", "validation_losses", "validation_metrics")}
    figure = (lambda s, n: s / n) if t.dtype == torch.int64 else (lambda s, n: (s / n) ** 0.5)
    for epoch in range(options["epochs"]):
        total, hits = 0, 0
        for first in range(0, len(learn), batch):
            which = learn[first:first + batch]
            y = net.forward({"feed": feed(which)}, True)
            loss = net.loss(y, t[which], torch.ones(len(which), dtype=torch.float64))
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for key, value in net.after.items():
                    net.states[key] = value
            total += loss.item() * len(which)
            hits += right(net, y, t[which])
        record["losses"].append(total / len(learn))
        record["metrics"].append(figure(hits, len(learn)))
        if len(judge):
            with torch.no_grad():
                y = net.forward({"feed": feed(judge)}, False)
                record["validation_losses"].append(net.loss(y, t[judge], torch.ones(len(judge), dtype=torch.float64)).item())
                record["validation_metrics"].append(figure(right(net, y, t[judge]), len(judge)))
    for key, value in record.items():
        if value:
            tensors[key] = np.array(value)
    tensors["targets"] = targets.astype(np.int32 if t.dtype == torch.int64 else np.float32)
    tensors["validates"] = validates
    options = {**options, "shuffle": False, "holdout": 0}
    if len(judge):
        options["validation"] = "chosen"
    save_file(tensors, os.path.join(HERE, "train_network_%s.safetensors" % name), metadata={"options": json.dumps(options)})
    print(name, ["%.4f" % l for l in record["losses"]], ["%.4f" % l for l in record["validation_losses"]])


def check_packed(net, series):
    """The first layer, an LSTM, gives what PyTorch's own gives of a packed sequence."""
    name = net.layers[0]["name"]
    p = {k[len(name) + 1:]: v.detach() for k, v in net.parameters.items() if k.startswith(name)}
    lstm = torch.nn.LSTM(p["weight"].shape[0], p["recurrent_weight"].shape[0], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in (("weight", "weight_ih_l0"), ("recurrent_weight", "weight_hh_l0"), ("bias", "bias_ih_l0")):
            getattr(lstm, theirs).copy_(p[ours].T if p[ours].ndim == 2 else p[ours])
        lstm.bias_hh_l0.zero_()
        lengths = torch.tensor([len(s) for s in series])
        padded = torch.nn.utils.rnn.pad_sequence(series, batch_first=True)
        packed = torch.nn.utils.rnn.pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        last = lstm(packed)[1][0][0]
        y = net.forward({"feed": Packed(series)}, False)
        w, b = (net.parameters[net.layers[1]["name"] + s] for s in (".weight", ".bias"))
        assert torch.allclose(last @ w + b, y, rtol=0, atol=1e-12)


def main():
    torch.set_num_threads(1)
    embedding = lambda n, d: {"type": "embedding", "input_dim": n, "output_dim": d}
    rows, score = texts(150, 70, 20)
    case("a", rows, (score > 0.36).astype(np.int64), {
        "layers": [embedding(60, 12), {"type": "lstm", "units": 12}, dense(1, "sigmoid")], "loss": "binary_crossentropy",
        "optimizer": {"type": "adam", "learning_rate": 0.01}, "epochs": 9, "batch_size": 32, "pad": 20})
    rows, score = texts(60, 40, 10)
    case("b", rows, (score > 0.36).astype(np.int64), {
        "layers": [embedding(42, 10), {"type": "global_average_pooling"}, dense(1, "sigmoid")], "loss": "binary_crossentropy",
        "epochs": 5, "batch_size": 1, "pad": 10, "optimizer": {"type": "adam", "learning_rate": 0.005}})
    pixels = rng.integers(0, 100, (100, 9, 8, 1), dtype=np.uint8)
    kind = rng.integers(0, 4, 100)
    for i, k in enumerate(kind):
        pixels[i, 4 * (k // 2):4 * (k // 2) + 4, 4 * (k % 2):4 * (k % 2) + 4] += 60
    case("c", pixels, kind, {
        "layers": [{"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"}, {"type": "flatten"},
                   dense(24, "relu"), dense(4, "softmax")], "loss": "categorical_crossentropy", "epochs": 4, "batch_size": 16,
        "images": {"photo": {"height": 9, "width": 8, "channels": 1}}})
    x = rng.uniform(0, 1, (256, 1)).astype(np.float32).astype(np.float64)
    y = (2 * x[:, 0] + 1 + rng.normal(0, 0.05, 256)).astype(np.float32).astype(np.float64)
    case("d", x, y, {"layers": [dense(1)], "loss": "mse", "optimizer": {"type": "sgd", "learning_rate": 0.01}, "epochs": 100,
                     "batch_size": 8, "standardize": False})
    rows, score = texts(160, 60, 14, 0)
    case("e", rows, np.digitize(score, [0.25, 0.45]).astype(np.int64), {
        "layers": [embedding(50, 8), {"type": "lstm", "units": 10, "return_sequences": True}, {"type": "lstm", "units": 10},
                   dense(3, "softmax")], "loss": "categorical_crossentropy", "epochs": 6, "batch_size": 16,
        "optimizer": {"type": "adam", "learning_rate": 0.01}}, validates=(np.arange(160) % 4 == 1).astype(np.uint8))
    x = rng.normal(0, 1, (96, 5)).astype(np.float32).astype(np.float64)
    y = (x[:, 0] * x[:, 1] - x[:, 2]).astype(np.float32).astype(np.float64)
    case("f", x, y, {"layers": [dense(8, "linear"), {"type": "batch_normalization", "momentum": 0.8},
                                {"type": "activation", "activation": "tanh"}, dense(1)], "loss": "huber",
                     "optimizer": {"type": "gradient_descent", "learning_rate": 0.1}, "epochs": 30, "standardize": False},
         validates=(np.arange(96) % 5 == 1).astype(np.uint8))

    rows = np.full((120, 15, 2), np.nan, np.float32)
    kind = rng.integers(0, 2, 120)
    for i, k in enumerate(kind):
        length, phase = rng.integers(3, 16), rng.uniform(0, 6)
        wave = np.sin(np.arange(length) * (0.5 + 0.5 * k) + phase)
        rows[i, :length, 0] = wave + rng.normal(0, 0.1, length)
        rows[i, :length, 1] = 1000 + 50 * np.cos(np.arange(length) * 0.7 + phase) + rng.normal(0, 5, length)
    case("g", rows, kind, {
        "layers": [{"type": "lstm", "units": 10}, dense(1, "sigmoid")], "loss": "binary_crossentropy", "epochs": 8,
        "batch_size": 16, "columns": {"pulse": "series"}, "optimizer": {"type": "adam", "learning_rate": 0.01}},
        validates=(np.arange(120) % 4 == 1).astype(np.uint8))


if __name__ == "__main__":
    main()
