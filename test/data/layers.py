#!/usr/bin/env python3
"""Networks of each layer in PyTorch: outputs, losses, gradients, for test/unit/test_layers.c.

    python3 test/data/layers.py [COUNT]     writes layers.safetensors beside itself

A case is a specification as aiaas takes it, lowered here to PyTorch's modules, row by row where
rows are sequences, so that nothing of packing is shared.  Parameters have aiaas's names and
layouts; the modules are run on views of them (torch.func.functional_call), so that gradients
come in the same layout.  Double precision; all numbers are such as a float holds.

Of each case: NAME.feed.F, NAME.targets, NAME.weights, NAME.p.P (parameters), NAME.g.P (their
gradients), NAME.s.S and NAME.t.S (states before and after), NAME.output, NAME.loss, and
NAME.inference (outputs in inference, with the states before).
"""
import json
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file

call = torch.func.functional_call


class Packed(list):
    """A sequence for each row: tensors [length, channels], or of ids [length]."""


def same(size, window, stride, dilation):
    """TensorFlow's padding for ceil(size / stride) outputs."""
    total = max((-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def pair(x):
    return tuple(x) if isinstance(x, list) else (x, x)


ACTIVATIONS = {
    "linear": lambda x: x, "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu, "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "softmax": lambda x: F.softmax(x, -1),
}


def mapped(f, x):
    return Packed(f(t) for t in x) if isinstance(x, Packed) else f(x)


class Network:
    """spec: {"layers": [...], "loss": ...}; make(name, shape, kind) gives a parameter's first values."""

    def __init__(self, spec, make):
        self.spec, self.make = spec, make
        self.parameters, self.states = {}, {}
        self.layers, counts = [], {}
        for layer in spec["layers"]:
            counts[layer["type"]] = counts.get(layer["type"], 0) + 1
            self.layers.append({"name": "%s_%d" % (layer["type"], counts[layer["type"]]), **layer})

    def p(self, suffix, *shape, kind="weight"):
        name = self.name + "." + suffix
        if name not in self.parameters:
            self.parameters[name] = torch.tensor(self.make(name, shape, kind), requires_grad=True)
        return self.parameters[name]

    def state(self, suffix, n, kind):
        name = self.name + "." + suffix
        if name not in self.states:
            self.states[name] = torch.tensor(self.make(name, (n,), kind))
        return self.states[name]

    def forward(self, feeds, training):
        """Logits where the loss begins with the last activation."""
        flows = dict(feeds)
        x = next(iter(feeds.values())) if len(feeds) == 1 else None
        self.after = {}
        for i, layer in enumerate(self.layers):
            self.name, self.training = layer["name"], training
            inputs = layer.get("inputs", [])
            inputs = [inputs] if isinstance(inputs, str) else inputs
            bare = i == len(self.layers) - 1 and (layer.get("activation"), self.loss_type()) in (
                ("sigmoid", "binary_crossentropy"), ("softmax", "categorical_crossentropy"))
            options = {k: v for k, v in layer.items() if k not in ("type", "name", "inputs") and "initializer" not in k}
            if bare:
                options["activation"] = "linear"
            xs = [flows[n] for n in inputs] if inputs else [x]
            x = flows[self.name] = getattr(self, layer["type"])(*xs, **options)
        return x

    def loss_type(self):
        loss = self.spec["loss"]
        return loss if isinstance(loss, str) else loss["type"]

    def loss(self, y, targets, weights):
        """The weighted mean of the rows' losses."""
        loss = self.spec["loss"] if isinstance(self.spec["loss"], dict) else {"type": self.spec["loss"]}
        kind, smooth = loss["type"], loss.get("label_smoothing", 0)
        if kind == "categorical_crossentropy":
            each = F.cross_entropy(y, targets, reduction="none", label_smoothing=smooth)
        elif kind == "binary_crossentropy":
            t = targets.to(y.dtype) * (1 - smooth) + smooth / 2
            each = F.binary_cross_entropy_with_logits(y[:, 0], t, reduction="none")
        elif kind == "hinge" and y.shape[1] == 1:
            each = F.relu(1 - (2 * targets.to(y.dtype) - 1) * y[:, 0])
        elif kind == "hinge":
            each = F.multi_margin_loss(y, targets, reduction="none")
        else:
            f = {"mse": F.mse_loss, "mae": F.l1_loss,
                 "huber": lambda a, b, reduction: F.huber_loss(a, b, reduction=reduction, delta=loss.get("delta", 1))}[kind]
            each = f(y, targets, reduction="none").mean(1)
        return (each * weights).sum() / weights.sum()

    # -- layers --

    def dense(self, x, units, activation="linear", use_bias=True):
        n = (x[0] if isinstance(x, Packed) else x).shape[-1]
        w = self.p("weight", n, units)
        b = self.p("bias", units) if use_bias else None
        return mapped(lambda t: ACTIVATIONS[activation](F.linear(t, w.T, b)), x)

    def embedding(self, x, input_dim, output_dim):
        w = self.p("weight", input_dim, output_dim)
        return mapped(lambda t: F.embedding(t, w), x)

    def activation(self, x, activation="relu", alpha=None):
        f = ACTIVATIONS[activation]
        if alpha is not None:
            f = {"leaky_relu": lambda t: F.leaky_relu(t, alpha), "elu": lambda t: F.elu(t, alpha)}[activation]
        return mapped(f, x)

    def dropout(self, x, rate):
        return x if rate == 0 else mapped(lambda t: F.dropout(t, rate, self.training), x)

    def layer_normalization(self, x, epsilon=1e-5):
        n = (x[0] if isinstance(x, Packed) else x).shape[-1]
        g, b = self.p("gamma", n), self.p("beta", n)
        return mapped(lambda t: F.layer_norm(t, (n,), g, b, epsilon), x)

    def batch_normalization(self, x, momentum=0.99, epsilon=1e-3):
        packed = isinstance(x, Packed)
        lengths = [len(t) for t in x] if packed else None
        flat = torch.cat(list(x)) if packed else x
        shape, n = flat.shape, flat.shape[-1]
        module = nn.BatchNorm1d(n, epsilon, 1 - momentum).double()
        module.train(self.training)
        values = {"weight": self.p("gamma", n), "bias": self.p("beta", n),
                  "running_mean": self.state("running_mean", n, "mean").clone(),
                  "running_var": self.state("running_variance", n, "variance").clone(),
                  "num_batches_tracked": torch.tensor(0)}
        y = call(module, values, (flat.reshape(-1, n),)).reshape(shape)
        self.after[self.name + ".running_mean"] = values["running_mean"]
        self.after[self.name + ".running_variance"] = values["running_var"]
        return Packed(y.split(lengths)) if packed else y

    def flatten(self, x):
        return torch.stack([t.reshape(-1) for t in x])

    def reshape(self, x, shape):
        y = torch.stack(list(x)).reshape(len(x), *shape)
        return Packed(y) if len(shape) == 2 else y

    def add(self, *xs):
        return Packed(sum(ts) for ts in zip(*xs)) if isinstance(xs[0], Packed) else sum(xs)

    def multiply(self, *xs):
        product = lambda ts: torch.stack(list(ts)).prod(0)
        return Packed(product(ts) for ts in zip(*xs)) if isinstance(xs[0], Packed) else product(xs)

    def concatenate(self, *xs):
        return Packed(torch.cat(ts, -1) for ts in zip(*xs)) if isinstance(xs[0], Packed) else torch.cat(xs, -1)

    def conv2d(self, x, filters, kernel_size, strides=1, padding="valid", dilation=1, groups=1, activation="linear",
               use_bias=True):
        (kh, kw), s, d = pair(kernel_size), pair(strides), pair(dilation)
        w = self.p("weight", kh, kw, x.shape[3] // groups, filters)
        b = self.p("bias", filters) if use_bias else None
        x = x.permute(0, 3, 1, 2)
        if padding == "same":
            x = F.pad(x, same(x.shape[3], kw, s[1], d[1]) + same(x.shape[2], kh, s[0], d[0]))
        return ACTIVATIONS[activation](F.conv2d(x, w.permute(3, 2, 0, 1), b, s, 0, d, groups).permute(0, 2, 3, 1))

    def conv1d(self, x, filters, kernel_size, strides=1, padding="valid", dilation=1, groups=1, activation="linear",
               use_bias=True):
        even = self.even(x)
        w = self.p("weight", *([1] if even else []), kernel_size, x[0].shape[1] // groups, filters)
        w = w.reshape(kernel_size, -1, filters)
        b = self.p("bias", filters) if use_bias else None

        def one(t):
            n = len(t)
            if padding == "same":
                t = F.pad(t, (0, 0) + (same(n, kernel_size, strides, dilation) if even else same(n, kernel_size, 1, dilation)))
            if n == 0 or len(t) < (kernel_size - 1) * dilation + 1:
                return t.new_zeros(0, filters)
            return F.conv1d(t.T[None], w.permute(2, 1, 0), b, strides, 0, dilation, groups)[0].T

        return mapped(lambda t: ACTIVATIONS[activation](one(t)), x)

    def even(self, x):
        return self.length > 0 and len({len(t) for t in x}) == 1

    def pool2d(self, x, mode, pool_size=2, strides=None, padding="valid"):
        k = pair(pool_size)
        s = pair(strides if strides is not None else pool_size)
        x = x.permute(0, 3, 1, 2)
        pads = same(x.shape[3], k[1], s[1], 1) + same(x.shape[2], k[0], s[0], 1) if padding == "same" else (0, 0, 0, 0)
        if mode == "max":
            return F.max_pool2d(F.pad(x, pads, value=-torch.inf), k, s).permute(0, 2, 3, 1)
        count = F.avg_pool2d(F.pad(torch.ones_like(x), pads), k, s)
        return (F.avg_pool2d(F.pad(x, pads), k, s) / count).permute(0, 2, 3, 1)

    def max_pooling2d(self, x, **o):
        return self.pool2d(x, "max", **o)

    def average_pooling2d(self, x, **o):
        return self.pool2d(x, "average", **o)

    def pool1d(self, x, mode, pool_size=2, strides=None, padding="valid"):
        stride = strides if strides is not None else pool_size
        even = self.even(x)

        def one(t):
            n = len(t)
            pads = (0, 0)
            if padding == "same":
                pads = same(n, pool_size, stride if even else 1, 1)
            if n == 0 or n + sum(pads) < pool_size:
                return t.new_zeros(0, t.shape[1])
            pads = (0, 0) + pads
            if mode == "max":
                return F.max_pool1d(F.pad(t, pads, value=-torch.inf).T[None], pool_size, stride)[0].T
            count = F.avg_pool1d(F.pad(torch.ones_like(t), pads).T[None], pool_size, stride)[0].T
            return F.avg_pool1d(F.pad(t, pads).T[None], pool_size, stride)[0].T / count

        return mapped(one, x)

    def max_pooling1d(self, x, **o):
        return self.pool1d(x, "max", **o)

    def average_pooling1d(self, x, **o):
        return self.pool1d(x, "average", **o)

    def global_average_pooling(self, x):
        if isinstance(x, Packed):
            return torch.stack([t.mean(0) if len(t) else t.new_zeros(t.shape[1]) for t in x])
        return x.mean((1, 2))

    def global_max_pooling(self, x):
        if isinstance(x, Packed):
            return torch.stack([t.max(0).values if len(t) else t.new_zeros(t.shape[1]) for t in x])
        return x.amax((1, 2))

    def cell(self, kind, gates, x, units, layers=1, bidirectional=False, return_sequences=False, dropout=0,
             use_bias=True, recurrent_bias=False, activation="tanh", unit_forget_bias=True):
        n = x[0].shape[1]
        names = {"nonlinearity": activation} if kind is nn.RNN else {}
        module = kind(n, units, layers, bias=use_bias, bidirectional=bidirectional, **names).double()
        values = {}
        for layer in range(layers):
            inputs = n if layer == 0 else units * (2 if bidirectional else 1)
            for back in ([False, True] if bidirectional else [False]):
                prefix = ("%d." % (layer + 1) if layers > 1 else "") + ("reverse_" if back else "")
                at = "_l%d%s" % (layer, "_reverse" if back else "")
                values["weight_ih" + at] = self.p(prefix + "weight", inputs, gates * units).T
                values["weight_hh" + at] = self.p(prefix + "recurrent_weight", units, gates * units).T
                if use_bias:
                    values["bias_ih" + at] = self.p(prefix + "bias", gates * units)
                    values["bias_hh" + at] = self.p(prefix + "recurrent_bias", gates * units) if recurrent_bias else \
                        torch.zeros(gates * units, dtype=torch.float64)
        outputs, lasts = Packed(), []
        wide = units * (2 if bidirectional else 1)
        for t in x:
            if len(t) == 0:
                outputs.append(t.new_zeros(0, wide))
                lasts.append(t.new_zeros(wide))
                continue
            y, state = call(module, values, (t[:, None],))
            h = state[0] if isinstance(state, tuple) else state
            outputs.append(y[:, 0])
            lasts.append(torch.cat([h[-2, 0], h[-1, 0]]) if bidirectional else h[-1, 0])
        return outputs if return_sequences else torch.stack(lasts)

    def rnn(self, x, units, **o):
        return self.cell(nn.RNN, 1, x, units, **o)

    def gru(self, x, units, **o):
        return self.cell(nn.GRU, 3, x, units, **{"recurrent_bias": True, **o})

    def lstm(self, x, units, **o):
        return self.cell(nn.LSTM, 4, x, units, **o)

    def multi_head_attention(self, x, heads, key_dim=None, causal=False, dropout=0, use_bias=True):
        c = x[0].shape[1]
        if key_dim is None or key_dim * heads == c:
            module = nn.MultiheadAttention(c, heads, bias=use_bias, batch_first=True).double()
            values = {"in_proj_weight": self.p("qkv_weight", c, 3 * c).T, "out_proj.weight": self.p("output_weight", c, c).T}
            if use_bias:
                values["in_proj_bias"] = self.p("qkv_bias", 3 * c)
                values["out_proj.bias"] = self.p("output_bias", c)

            def one(t):
                mask = nn.Transformer.generate_square_subsequent_mask(len(t), dtype=torch.float64) if causal else None
                return call(module, values, (t[None], t[None], t[None]),
                            {"attn_mask": mask, "is_causal": causal, "need_weights": False})[0][0]
        else:
            wide = heads * key_dim
            w, v = self.p("qkv_weight", c, 3 * wide), self.p("output_weight", wide, c)
            wb, vb = (self.p("qkv_bias", 3 * wide), self.p("output_bias", c)) if use_bias else (0, 0)

            def one(t):
                q, k, u = ((t @ w + wb).reshape(len(t), 3, heads, key_dim).permute(1, 2, 0, 3))
                y = F.scaled_dot_product_attention(q, k, u, is_causal=causal)
                return y.permute(1, 0, 2).reshape(len(t), wide) @ v + vb
        return mapped(lambda t: one(t) if len(t) else t, x)

    def transformer_encoder(self, x, heads, units, activation="gelu", dropout=0, norm_first=True, causal=False, epsilon=1e-5):
        c = x[0].shape[1]
        module = nn.TransformerEncoderLayer(c, heads, units, 0, ACTIVATIONS[activation], epsilon, True, norm_first).double()
        p = self.p
        values = {
            "norm1.weight": p("attention_norm_gamma", c), "norm1.bias": p("attention_norm_beta", c),
            "self_attn.in_proj_weight": p("attention_qkv_weight", c, 3 * c).T,
            "self_attn.in_proj_bias": p("attention_qkv_bias", 3 * c),
            "self_attn.out_proj.weight": p("attention_output_weight", c, c).T,
            "self_attn.out_proj.bias": p("attention_output_bias", c),
            "norm2.weight": p("norm_gamma", c), "norm2.bias": p("norm_beta", c),
            "linear1.weight": p("hidden_weight", c, units).T, "linear1.bias": p("hidden_bias", units),
            "linear2.weight": p("output_weight", units, c).T, "linear2.bias": p("output_bias", c),
        }

        def one(t):
            mask = nn.Transformer.generate_square_subsequent_mask(len(t), dtype=torch.float64) if causal else None
            return call(module, values, (t[None],), {"src_mask": mask, "is_causal": causal})[0]
        return mapped(lambda t: one(t) if len(t) else t, x)

    def positional_encoding(self, x, kind="sinusoidal", max_length=None):
        c = x[0].shape[1]
        if kind == "learned":
            w = self.p("weight", max_length, c)
            return mapped(lambda t: t + w[:len(t)], x)
        angle = lambda n: torch.arange(n)[:, None] / 10000.0 ** (torch.arange(0, c, 2) / c).double()
        wave = lambda n: torch.stack([angle(n).sin(), angle(n).cos()], -1).reshape(n, -1)[:, :c]
        return mapped(lambda t: t + wave(len(t)), x)


# ---- cases ----

NUMBERS = {"name": "numbers", "kind": "numbers", "size": 5}
TEXT = {"name": "text", "kind": "tokens", "size": 11}
PADDED = {"name": "text", "kind": "tokens", "size": 11, "length": 6}
IMAGE = {"name": "image", "kind": "image", "height": 7, "width": 6, "channels": 3}
SERIES = {"name": "series", "kind": "series", "size": 3}
LENGTHS = [4, 1, 7, 5]


def dense(units, activation="linear", **o):
    return {"type": "dense", "units": units, "activation": activation, **o}


def layer(type_, **o):
    return {"type": type_, **o}


EMBED = layer("embedding", input_dim=11, output_dim=6)
POOL = layer("global_average_pooling")
END = dense(1)

CASES = []


def case(feeds, *layers, loss="mse", nlabels=0, lengths=None, tail=None):
    feeds = feeds if isinstance(feeds, list) else [feeds]
    CASES.append({"feeds": feeds, "spec": {"layers": list(layers), "loss": loss}, "nlabels": nlabels,
                  "lengths": lengths if lengths is not None else LENGTHS})


def cases():
    vector = lambda *l, **o: case(NUMBERS, dense(6, "tanh"), *l, END, **o)
    image = lambda *l, **o: case(IMAGE, dense(4, "tanh"), *l, layer("flatten"), END, **o)
    words = lambda *l, **o: case(TEXT, EMBED, *l, END, **o)
    padded = lambda *l, **o: case(PADDED, EMBED, *l, END, **o)

    for name in ACTIVATIONS:
        vector(dense(7, name))
        vector(layer("activation", activation=name))
        image(layer("conv2d", filters=3, kernel_size=3, activation=name))
    vector(dense(4, "relu", use_bias=False))
    vector(layer("activation", activation="leaky_relu", alpha=0.3))
    vector(layer("activation", activation="elu", alpha=0.7))
    vector(layer("dropout", rate=0))
    vector(layer("layer_normalization"))
    vector(layer("layer_normalization", epsilon=0.1))
    vector(layer("batch_normalization"))
    vector(layer("batch_normalization", momentum=0.7, epsilon=0.01), layer("activation"))
    image(layer("batch_normalization", momentum=0.9))
    image(layer("layer_normalization"))
    words(layer("batch_normalization"), POOL)
    words(layer("layer_normalization"), POOL)
    # images
    image()
    for options in ({}, {"strides": 2}, {"strides": [2, 1], "padding": "same"}, {"padding": "same"}, {"dilation": 2},
                    {"dilation": [1, 2], "padding": "same"}, {"groups": 2}, {"groups": 4, "padding": "same", "use_bias": False}):
        image(layer("conv2d", filters=8, kernel_size=[3, 2], **options))
    for kind in ("max_pooling2d", "average_pooling2d"):
        for options in ({}, {"pool_size": 3, "strides": 1}, {"pool_size": [2, 3], "padding": "same"},
                        {"pool_size": 3, "strides": 2, "padding": "same"}):
            image(layer(kind, **options))
    for options in ({}, {"pool_size": 3, "strides": 1}, {"pool_size": 2, "padding": "same"}, {"pool_size": [5, 4]}):
        for activation in ("linear", "relu", "tanh"):
            image(layer("conv2d", filters=5, kernel_size=3, padding="same", activation=activation),
                  layer("max_pooling2d", **options))
    case(IMAGE, layer("conv2d", filters=4, kernel_size=3, activation="relu", name="c"), layer("max_pooling2d", pool_size=2),
         layer("flatten", name="a"), layer("global_average_pooling", inputs="c", name="b"),
         layer("concatenate", inputs=["a", "b"]), END)
    case(IMAGE, dense(4, "tanh"), layer("global_max_pooling"), END)
    case(IMAGE, dense(4, "tanh"), POOL, END)
    # shapes
    case(NUMBERS, dense(12, "tanh"), layer("reshape", shape=[4, 3]), layer("lstm", units=4), END)
    case(NUMBERS, dense(12, "tanh"), layer("reshape", shape=[2, 3, 2]), layer("conv2d", filters=2, kernel_size=2),
         layer("flatten"), END)
    case(IMAGE, dense(2, "tanh"), layer("reshape", shape=[7, 12]), layer("gru", units=4), END)
    case(IMAGE, dense(2, "tanh"), layer("reshape", shape=[12, 7]), layer("conv1d", filters=3, kernel_size=3),
         layer("flatten"), END)
    case(NUMBERS, dense(6, "tanh"), layer("reshape", shape=[6]), END)
    padded(layer("reshape", shape=[4, 9]), layer("conv1d", filters=3, kernel_size=2), layer("reshape", shape=[9]))
    # sequences
    words(POOL)
    words(layer("global_max_pooling"))
    words(dense(3, "tanh"), POOL)
    words(POOL, lengths=[3, 0, 2, 5])
    words(layer("global_max_pooling"), lengths=[3, 0, 2, 5])
    words(layer("dropout", rate=0), POOL)
    padded(layer("flatten"))
    padded(POOL)
    for way, end in ((words, POOL), (padded, layer("flatten"))):
        for options in ({}, {"padding": "same"}, {"strides": 2}, {"dilation": 2, "padding": "same"}, {"groups": 2},
                        {"use_bias": False, "activation": "relu"}, {"activation": "gelu", "padding": "same", "strides": 2}):
            way(layer("conv1d", filters=4, kernel_size=3, **options), end)
        for kind in ("max_pooling1d", "average_pooling1d"):
            for options in ({}, {"pool_size": 3, "strides": 1, "padding": "same"}, {"pool_size": 3}):
                way(layer(kind, **options), end)
        way(layer("conv1d", filters=4, kernel_size=3, activation="relu", padding="same"), layer("max_pooling1d"),
            layer("conv1d", filters=3, kernel_size=2), end)
        way(layer("conv1d", filters=4, kernel_size=2), layer("lstm", units=3))
        way(layer("lstm", units=4, return_sequences=True), end)
    words(layer("conv1d", filters=4, kernel_size=3), POOL, lengths=[3, 0, 2, 5])
    for kind in ("rnn", "gru", "lstm"):
        for options in ({}, {"recurrent_bias": True}, {"recurrent_bias": False}, {"use_bias": False}, {"bidirectional": True},
                        {"layers": 2}, {"layers": 2, "bidirectional": True}):
            words(layer(kind, units=5, **options))
            if options != {"use_bias": False}:
                words(layer(kind, units=5, return_sequences=True, **options), POOL)
        words(layer(kind, units=5), lengths=[3, 0, 2, 5])
        words(layer(kind, units=33))
        case(SERIES, dense(4, "tanh"), layer(kind, units=3), END)
    words(layer("rnn", units=5, activation="relu"))
    words(layer("lstm", units=5, return_sequences=True), layer("lstm", units=4))
    for options in ({}, {"causal": True}, {"key_dim": 5}, {"key_dim": 4, "causal": True}, {"use_bias": False}):
        words(layer("multi_head_attention", heads=2, **options), POOL)
    words(layer("multi_head_attention", heads=3), POOL, lengths=[3, 0, 2, 5])
    for options in ({}, {"norm_first": False}, {"causal": True}, {"activation": "relu", "epsilon": 0.01},
                    {"activation": "tanh", "norm_first": False, "causal": True}):
        words(layer("transformer_encoder", heads=2, units=10, **options), POOL)
    words(layer("positional_encoding"), POOL)
    words(layer("positional_encoding"), layer("transformer_encoder", heads=3, units=8), layer("transformer_encoder", heads=2, units=7),
          POOL)
    words(layer("positional_encoding", kind="learned", max_length=9), layer("multi_head_attention", heads=1), POOL)
    # graphs
    case(NUMBERS, dense(6, "tanh", name="a"), dense(6, "relu", name="b"), layer("add", inputs=["a", "b"]), END)
    case(NUMBERS, dense(6, "tanh", name="a"), dense(6, "relu", name="b"), dense(6, "relu", inputs="a", name="c"),
         layer("multiply", inputs=["a", "b", "c"]), layer("concatenate", inputs=["a", "multiply_1", "b"]), END)
    case(TEXT, {**EMBED, "name": "e"}, layer("conv1d", filters=6, kernel_size=3, padding="same", name="c"),
         layer("add", inputs=["e", "c"], name="s"), layer("concatenate", inputs=["s", "e"]), layer("lstm", units=3), END)
    case([TEXT, NUMBERS, IMAGE], {**EMBED, "inputs": "text"}, {**POOL, "name": "a"}, dense(4, "relu", inputs="numbers", name="b"),
         layer("conv2d", filters=2, kernel_size=3, inputs="image"), layer("flatten", name="c"),
         layer("concatenate", inputs=["a", "b", "c"]), END)
    case([{**TEXT, "name": "first"}, {**TEXT, "name": "second", "size": 8}],
         layer("embedding", input_dim=11, output_dim=4, inputs="first"), layer("lstm", units=4, name="a"),
         layer("embedding", input_dim=9, output_dim=4, inputs="second"), {**POOL, "name": "b"},
         layer("multiply", inputs=["a", "b"]), END)
    # losses
    body = [dense(6, "tanh")]
    for loss in ("mae", "huber", {"type": "huber", "delta": 0.2}):
        case(NUMBERS, *body, END, loss=loss)
    case(NUMBERS, *body, dense(1, "sigmoid"), loss="mse")
    for loss in ("binary_crossentropy", {"type": "binary_crossentropy", "label_smoothing": 0.2}):
        case(NUMBERS, *body, dense(1, "sigmoid"), loss=loss, nlabels=2)
        case(NUMBERS, *body, dense(1), loss=loss, nlabels=2)
        case(NUMBERS, *body, dense(1), layer("activation", activation="sigmoid"), loss=loss, nlabels=2)
    for loss in ("categorical_crossentropy", {"type": "categorical_crossentropy", "label_smoothing": 0.1}):
        for nlabels in (2, 3):
            case(NUMBERS, *body, dense(nlabels, "softmax"), loss=loss, nlabels=nlabels)
            case(NUMBERS, *body, dense(nlabels), loss=loss, nlabels=nlabels)
    case(NUMBERS, *body, dense(3), layer("activation", activation="softmax"), loss="categorical_crossentropy", nlabels=3)
    case(NUMBERS, *body, dense(1), loss="hinge", nlabels=2)
    case(NUMBERS, *body, dense(3), loss="hinge", nlabels=3)


def record(number, c, tensors):
    rng = np.random.default_rng(1000 + number)
    floats = lambda *s: rng.uniform(-1, 1, s).astype(np.float32).astype(np.float64)
    rows = len(c["lengths"])
    feeds, name = {}, c["name"]
    length = 0
    for f in c["feeds"]:
        lengths = [f["length"]] * rows if f.get("length") else c["lengths"]
        length = max(length, f.get("length", 0))
        if f["kind"] == "numbers":
            x = floats(rows, f["size"])
        elif f["kind"] == "image":
            x = floats(rows, f["height"], f["width"], f["channels"])
        elif f["kind"] == "series":
            x = floats(sum(lengths), f["size"])
        else:
            x = rng.integers(0, f["size"], sum(lengths))
        tensors["%s.feed.%s" % (name, f["name"])] = x.astype(np.int32 if f["kind"] == "tokens" else np.float32)
        t = torch.tensor(x)
        feeds[f["name"]] = Packed(t.split(list(lengths))) if f["kind"] in ("tokens", "series") else t

    def make(name, shape, kind):
        return {"mean": floats(*shape) * 0.25, "variance": floats(*shape) * 0.25 + 1.25}.get(
            kind, floats(*shape) if "weight" in kind else floats(*shape))

    net = Network(c["spec"], make)
    # sequences of one length stay so, whatever comes of them
    net.length = length or any(l["type"] == "reshape" for l in c["spec"]["layers"])
    y = net.forward(feeds, True)
    after = net.after
    outputs = y.shape[1]
    classes = net.loss_type() in ("hinge", "binary_crossentropy", "categorical_crossentropy")
    targets = torch.tensor(rng.integers(0, c["nlabels"], rows)) if classes else torch.tensor(floats(rows, outputs))
    weights = torch.tensor(np.float32(rng.uniform(0.5, 1.5, rows)).astype(np.float64))
    loss = net.loss(y, targets, weights)
    loss.backward()
    with torch.no_grad():
        inference = net.forward(feeds, False)
    put = lambda key, value: tensors.__setitem__("%s.%s" % (name, key), np.ascontiguousarray(
        value.detach().numpy().astype(np.int32 if value.dtype == torch.int64 else np.float32)))
    put("targets", targets)
    put("weights", weights)
    put("output", y)
    put("inference", inference)
    put("loss", loss.reshape(1))
    for key, value in net.parameters.items():
        put("p." + key, value)
        put("g." + key, value.grad if value.grad is not None else torch.zeros_like(value))
    for key, value in net.states.items():
        put("s." + key, value)
        put("t." + key, after[key])


def main():
    torch.set_num_threads(1)
    tensors = {}
    cases()
    chosen = CASES[:int(sys.argv[1])] if len(sys.argv) > 1 else CASES
    for i, c in enumerate(chosen):
        c["name"] = "%d" % i
        record(i, c, tensors)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.safetensors")
    save_file(tensors, path, metadata={"cases": json.dumps(chosen, separators=(",", ":")),
                                       "torch": torch.__version__.split("+")[0]})
    print("%d cases" % len(chosen))


if __name__ == "__main__":
    main()
