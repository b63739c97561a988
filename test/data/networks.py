#!/usr/bin/env python3
"""Whole networks trained by PyTorch for some steps, for test/unit/test_networks.c.

    python3 test/data/networks.py [NAME ...] > test/data/networks.json

Weights and rows are numbers that both sides compute (number() below), so only losses are
recorded: of each step, and of the first batch in inference after the last.  Layers are lowered
by layers.py; steps are torch.optim's, in double precision.
"""
import json
import sys

import numpy as np
import torch

from layers import Network, Packed, dense, layer

MASK = (1 << 64) - 1


def seed_of(text):
    """FNV-1a."""
    h = 0xCBF29CE484222325
    for c in text.encode():
        h = (h ^ c) * 0x100000001B3 & MASK
    return h


def bits(text, n):
    """Element i: splitmix64 of the state seed + i."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed_of(text)) + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(text, *shape):
    """In [0, 1), of 24 bits."""
    return (bits(text, int(np.prod(shape))) >> np.uint64(40)).astype(np.float64).reshape(shape) / (1 << 24)


def whole(text, below, *shape):
    return (bits(text, int(np.prod(shape))) % np.uint64(below)).astype(np.int64).reshape(shape)


def weights(name, shape, kind):
    """In +- 2^-k, 4^k the fan in, more or less; vectors in +- 1/16, those of norms around 1."""
    fan = int(np.prod(shape[:-1]))
    k = fan.bit_length() // 2 if len(shape) > 1 else 4
    return (2 * uniform(name, *shape) - 1) / (1 << k) + (1 if name.endswith("gamma") else 0)


def batch(case, b):
    feeds, rows = {}, case["rows"]
    for f in case["feeds"]:
        key = "%s.%d" % (f["name"], b)
        if f["kind"] == "tokens":
            x = whole(key, f["size"], rows, f["length"])
            feeds[f["name"]] = Packed(torch.tensor(x).unbind(0))
        elif f["kind"] == "numbers":
            feeds[f["name"]] = torch.tensor(uniform(key, rows, f["size"]))
        else:
            feeds[f["name"]] = torch.tensor(uniform(key, rows, f["height"], f["width"], f["channels"]))
    if case["nlabels"]:
        return feeds, torch.tensor(whole("targets.%d" % b, case["nlabels"], rows))
    x = next(iter(feeds.values()))[:, :1].numpy()
    noise = uniform("targets.%d" % b, rows, 1)
    return feeds, torch.tensor((2 * x + 1 + (noise - 0.5) / 4).astype(np.float32).astype(np.float64))


TEXT = lambda size, length: {"name": "text", "kind": "tokens", "size": size, "length": length}
IMAGE = lambda n: {"name": "image", "kind": "image", "height": n, "width": n, "channels": 1}
ADAM = {"type": "adam", "learning_rate": 0.001}
MAKE = {"adam": lambda p, o: torch.optim.Adam(p, o["learning_rate"]), "sgd": lambda p, o: torch.optim.SGD(p, o["learning_rate"])}

CASES = [
    dict(name="a", feeds=[TEXT(10000, 100)], nlabels=2, rows=32, batches=8, steps=12, optimizer=ADAM, loss="binary_crossentropy",
         layers=[layer("embedding", input_dim=10000, output_dim=64), layer("lstm", units=64), dense(1, "sigmoid")]),
    dict(name="a with both biases", feeds=[TEXT(10000, 100)], nlabels=2, rows=8, batches=4, steps=6, optimizer=ADAM,
         loss="binary_crossentropy",
         layers=[layer("embedding", input_dim=10000, output_dim=64), layer("lstm", units=64, recurrent_bias=True),
                 dense(1, "sigmoid")]),
    dict(name="b", feeds=[TEXT(500, 10)], nlabels=2, rows=1, batches=40, steps=120, optimizer=ADAM, loss="binary_crossentropy",
         layers=[layer("embedding", input_dim=500, output_dim=10), layer("global_average_pooling"), dense(1, "sigmoid")]),
    dict(name="c on 12 x 12", feeds=[IMAGE(12)], nlabels=10, rows=8, batches=4, steps=6, optimizer=ADAM,
         loss="categorical_crossentropy",
         layers=[layer("conv2d", filters=64, kernel_size=3, activation="relu"), layer("flatten"), dense(1024, "relu"),
                 dense(10, "softmax")]),
    dict(name="d", feeds=[{"name": "numbers", "kind": "numbers", "size": 1}], nlabels=0, rows=32, batches=10, steps=1000,
         optimizer={"type": "sgd", "learning_rate": 0.01}, loss="mse", layers=[dense(1)]),
    dict(name="e", feeds=[TEXT(1000, 20)], nlabels=4, rows=16, batches=4, steps=8, optimizer=ADAM, loss="categorical_crossentropy",
         layers=[layer("embedding", input_dim=1000, output_dim=32), layer("lstm", units=128, return_sequences=True),
                 layer("lstm", units=128), dense(4, "softmax")]),
    dict(name="mlp", feeds=[{"name": "numbers", "kind": "numbers", "size": 784}], nlabels=10, rows=32, batches=4, steps=12,
         optimizer=ADAM, loss="categorical_crossentropy", layers=[dense(256, "relu"), dense(10, "softmax")]),
    dict(name="cnn", feeds=[IMAGE(28)], nlabels=10, rows=8, batches=4, steps=8, optimizer=ADAM, loss="categorical_crossentropy",
         layers=[layer("conv2d", filters=32, kernel_size=3, activation="relu"), layer("max_pooling2d"),
                 layer("conv2d", filters=64, kernel_size=3, activation="relu"), layer("max_pooling2d"), layer("flatten"),
                 dense(128, "relu"), dense(10, "softmax")]),
    dict(name="encoder", feeds=[TEXT(1000, 64)], nlabels=2, rows=4, batches=4, steps=8, optimizer=ADAM, loss="binary_crossentropy",
         layers=[layer("embedding", input_dim=1000, output_dim=128), layer("positional_encoding"),
                 layer("transformer_encoder", heads=4, units=512), layer("transformer_encoder", heads=4, units=512),
                 layer("global_average_pooling"), dense(1, "sigmoid")]),
]


def train(case):
    net = Network({"layers": case["layers"], "loss": case["loss"]}, weights)
    net.length = True
    feeds, targets = batch(case, 0)
    rows = torch.ones(case["rows"], dtype=torch.float64)
    net.forward(feeds, False)
    optimizer = MAKE[case["optimizer"]["type"]](list(net.parameters.values()), case["optimizer"])
    losses = []
    for step in range(case["steps"]):
        x, y = batch(case, step % case["batches"])
        optimizer.zero_grad()
        loss = net.loss(net.forward(x, True), y, rows)
        loss.backward()
        optimizer.step()
        losses.append(float("%.9g" % loss))
    with torch.no_grad():
        last = net.loss(net.forward(feeds, False), targets, rows)
    case = dict(case, losses=losses, last=float("%.9g" % last), parameters=sum(p.numel() for p in net.parameters.values()))
    case["spec"] = {"layers": case.pop("layers"), "loss": case.pop("loss")}
    case["optimizer"] = json.dumps(case["optimizer"])
    case["spec"] = json.dumps(case["spec"])
    return case


def main():
    torch.set_num_threads(1)
    done = [train(c) for c in CASES if len(sys.argv) < 2 or c["name"] in sys.argv[1:]]
    print('{"torch": "%s", "cases": [%s]}' % (torch.__version__, ",\n".join(json.dumps(c) for c in done)))


main()
