"""The network of a stored model in PyTorch, from its specification: padded and masked batches, first values drawn anew.

Layers are those of test/data/layers.py, which shows them to be ours; here whole batches go through them at once.
"""

import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "data"))
from layers import ACTIVATIONS, Network, call

INITIALIZERS = {
    "glorot_uniform": nn.init.xavier_uniform_, "glorot_normal": nn.init.xavier_normal_, "orthogonal": nn.init.orthogonal_,
    "he_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "uniform": lambda w: nn.init.uniform_(w, -0.05, 0.05), "normal": lambda w: nn.init.normal_(w, 0, 0.05),
    "zeros": nn.init.zeros_, "ones": nn.init.ones_,
}


class BatchedNetwork(Network):
    """A feed is numbers [rows, columns], or ids [rows, longest] whose mask [rows, longest] says which are there."""

    def __init__(self, spec, values=None):
        self.modules, self.values = {}, values
        super().__init__(spec, self.first)

    def first(self, name, shape, kind):
        """First values by the layer's initialisers, as PyTorch draws them; or those given."""
        if self.values is not None:
            return np.array(self.values[name])
        suffix = name.rsplit(".", 1)[1]
        layer = next(layer for layer in self.layers if name.startswith(layer["name"] + "."))
        role = "recurrent" if "recurrent_weight" in suffix else "bias" if suffix.endswith("bias") else "kernel"
        w = torch.empty(shape)
        if suffix.endswith("gamma"):
            nn.init.ones_(w)
        elif suffix.endswith("beta"):
            nn.init.zeros_(w)
        else:
            # PyTorch counts what goes in and out of [out, in, window]
            turned = w.permute(-1, -2, *range(len(shape) - 2)) if len(shape) > 1 else w
            INITIALIZERS[layer.get(role + "_initializer", layer.get("initializer"))](turned)
        if role == "bias" and layer.get("unit_forget_bias"):
            w[shape[0] // 4:shape[0] // 2] = 1
        return w.numpy()

    def run(self, numbers, mask=None, training=False):
        self.mask = mask
        for module in self.modules.values():
            module.train(training)
        return self.forward({"feed": numbers}, training)

    def module(self, make):
        if self.name not in self.modules:
            self.modules[self.name] = make().train(self.training)
        return self.modules[self.name]

    def global_average_pooling(self, x):
        return (x * self.mask[..., None]).sum(1) / self.mask.sum(1, keepdim=True).clamp(min=1)

    def global_max_pooling(self, x):
        return x.masked_fill(~self.mask[..., None], -torch.inf).amax(1)

    def conv1d(self, x, filters, kernel_size, strides=1, padding="valid", dilation=1, groups=1, activation="linear", use_bias=True):
        assert (strides, padding, kernel_size % 2) == (1, "same", 1)
        w = self.p("weight", kernel_size, x.shape[2] // groups, filters)
        b = self.p("bias", filters) if use_bias else None
        x = (x * self.mask[..., None]).transpose(1, 2)
        return ACTIVATIONS[activation](F.conv1d(x, w.permute(2, 1, 0), b, 1, "same", dilation, groups).transpose(1, 2))

    def lstm(self, x, units, layers=1, bidirectional=False, return_sequences=False, dropout=0, use_bias=True,
             recurrent_bias=False, unit_forget_bias=True):
        assert (layers, return_sequences, use_bias, recurrent_bias) == (1, False, True, False)
        module = self.module(lambda: nn.LSTM(x.shape[2], units, batch_first=True, bidirectional=bidirectional))
        values = {}
        for at, prefix in [("_l0", "")] + [("_l0_reverse", "reverse_")] * bidirectional:
            values["weight_ih" + at] = self.p(prefix + "weight", x.shape[2], 4 * units).T
            values["weight_hh" + at] = self.p(prefix + "recurrent_weight", units, 4 * units).T
            values["bias_ih" + at] = self.p(prefix + "bias", 4 * units)
            values["bias_hh" + at] = torch.zeros(4 * units)
        packed = nn.utils.rnn.pack_padded_sequence(x, self.mask.sum(1), batch_first=True, enforce_sorted=False)
        h = call(module, values, (packed,))[1][0]
        return torch.cat(list(h), 1)

    def transformer_encoder(self, x, heads, units, activation="gelu", dropout=0, norm_first=True, causal=False, epsilon=1e-5):
        assert not causal
        c, p = x.shape[2], self.p

        def make():
            module = nn.TransformerEncoderLayer(c, heads, units, dropout, ACTIVATIONS[activation], epsilon, True, norm_first)
            module.self_attn.dropout = 0    # of its weights: ours has none
            return module
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
        return call(self.module(make), values, (x,), {"src_key_padding_mask": ~self.mask})

    def positional_encoding(self, x, kind="sinusoidal", max_length=None):
        n, c = x.shape[1:]
        if kind == "learned":
            return x + self.p("weight", max_length, c)[:n]
        angle = torch.arange(n)[:, None] / 10000.0 ** (torch.arange(0, c, 2) / c)
        return x + torch.stack([angle.sin(), angle.cos()], -1).reshape(n, -1)[:, :c]


def batch_of(rows, which):
    """Numbers of words, padded: ids and mask; a row without words has one of padding.  Or numbers as they are."""
    if isinstance(rows, np.ndarray):
        return torch.tensor(rows[which]), None
    texts = [rows[i] or [0] for i in which]
    ids = np.zeros((len(texts), max(map(len, texts))), np.int64)
    mask = np.zeros(ids.shape, bool)
    for i, text in enumerate(texts):
        ids[i, :len(text)] = text
        mask[i, :len(text)] = True
    return torch.tensor(ids), torch.tensor(mask)


def outputs(net, rows, batch=256):
    """Logits of all rows, those of equal length together."""
    order = np.arange(len(rows)) if isinstance(rows, np.ndarray) else np.argsort([len(r) for r in rows], kind="stable")
    with torch.no_grad():
        pieces = [net.run(*batch_of(rows, order[i:i + batch])) for i in range(0, len(order), batch)]
    y = torch.cat(pieces)
    return y[torch.tensor(np.argsort(order))]


def predicted(y):
    return (y[:, 0] > 0).long() if y.shape[1] == 1 else y.argmax(1)


def fit(spec, rows, targets, validates, seed):
    """Train as aiaas does with these options: Adam, each epoch a new order, weights of the best one."""
    options = {k: v for k, v in spec["optimizer"].items()
               if k in ("type", "learning_rate", "beta1", "beta2", "epsilon", "weight_decay")}
    assert spec["optimizer"]["schedule"] == {"type": "constant", "unit": "epoch", "warmup": 0}
    torch.manual_seed(seed)
    net = BatchedNetwork(spec)
    learn, judge = np.flatnonzero(~validates), np.flatnonzero(validates)
    pick = lambda which: rows[which] if isinstance(rows, np.ndarray) else [rows[i] for i in which]
    with torch.no_grad():
        net.run(*batch_of(rows, learn[:2]))
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options["type"]]
    optimizer = kind(net.parameters.values(), options["learning_rate"], (options["beta1"], options["beta2"]),
                     options["epsilon"], options["weight_decay"], fused=True)
    shuffled = np.random.default_rng(seed)
    judged, truth = pick(judge), targets[judge]
    best, best_epoch, kept = np.inf, 0, None
    for epoch in range(1, spec["epochs"] + 1):
        order = shuffled.permutation(learn)
        for first in range(0, len(order), spec["batch_size"]):
            which = order[first:first + spec["batch_size"]]
            y = net.run(*batch_of(rows, which), training=True)
            loss = net.loss(y, targets[which], torch.ones(len(which)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        y = outputs(net, judged)
        value = net.loss(y, truth, torch.ones(len(judge))).item()
        if value < best:
            best, best_epoch, kept = value, epoch, {k: v.detach().clone() for k, v in net.parameters.items()}
        elif epoch - best_epoch >= spec["patience"]:
            break
    with torch.no_grad():
        for name, parameter in net.parameters.items():
            parameter.copy_(kept[name])
    return net, best_epoch
