"""Whole training steps of networks with Adam, the engine alone, beside PyTorch: equal weights, equal batches."""

import glob
import json
import os
import subprocess
import sys
import time

import numpy as np

# freshly mapped pages at each step would slow the peer
if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
    os.environ.update(MALLOC_MMAP_THRESHOLD_=str(1 << 30), MALLOC_TRIM_THRESHOLD_=str(1 << 31), MALLOC_TOP_PAD_=str(1 << 28))
    os.execv(sys.executable, [sys.executable, *sys.argv])

try:
    import torch
    import torch.nn as nn
    from safetensors.numpy import save_file
except ImportError as error:
    print(f"{sys.argv[0]}: left out, {error.name} is not installed", file=sys.stderr)
    sys.exit(0)

from common import ratio, row

STEPS, ROWS, WORDS = 100, 32, 10000
PROGRAM = "build/network"


def compile_driver():
    objects = [c[:-1] + "o" for c in glob.glob("src/ml/*/*.c")]
    subprocess.run(["gcc", "-O2", "-Isrc/ml", "-D_GNU_SOURCE", "-o", PROGRAM, "bench/network.c", *objects,
                    "-licuuc", "-ljpeg", "-lpng", "-lm"], check=True)


def dense(units, activation="linear"):
    return {"type": "dense", "units": units, "activation": activation}


def panels_in(module):
    """Weights as the engine names them: [in, out], [kh, kw, in, out], [in, gates x units]; in order."""
    for child in module.children():
        if isinstance(child, nn.Linear):
            yield child.weight.t()
            yield child.bias
        elif isinstance(child, nn.Conv2d):
            yield child.weight.permute(2, 3, 1, 0)
            yield child.bias
        elif isinstance(child, nn.Embedding):
            yield child.weight
        elif isinstance(child, nn.TransformerEncoderLayer):
            attention = child.self_attn
            yield from child.norm1.parameters()
            yield attention.in_proj_weight.t()
            yield attention.in_proj_bias
            yield from panels_in(nn.ModuleList([attention.out_proj]))
            yield from child.norm2.parameters()
            yield from panels_in(nn.ModuleList([child.linear1, child.linear2]))
        elif isinstance(child, nn.LSTM):
            yield child.weight_ih_l0.t()
            yield child.weight_hh_l0.t()
            yield child.bias_ih_l0
        else:
            yield from panels_in(child)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, x):
        return self.layers(x)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
                                          nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.hidden = nn.Sequential(nn.Linear(1600, 128), nn.ReLU())
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        # flattened as [height, width, channels]
        return self.out(self.hidden(self.convolutions(x).permute(0, 2, 3, 1).flatten(1)))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 128)
        self.blocks = nn.Sequential(*[nn.TransformerEncoderLayer(128, 4, 512, 0.0, "gelu", batch_first=True,
                                                                 norm_first=True) for _ in range(2)])
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.blocks(self.embedding(x)).mean(1))


class Lstm(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 64)
        self.lstm = nn.LSTM(64, units, batch_first=True)
        self.lstm.bias_hh_l0.data.zero_()
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.out = nn.Linear(units, 1)

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0][:, -1])[:, 0]


def lstm_layers(units):
    return [{"type": "embedding", "input_dim": WORDS, "output_dim": 64}, {"type": "lstm", "units": units}, dense(1)]


CASES = [
    ("MLP 784-256-10", Mlp, [dense(256, "relu"), dense(10)], 10, (784,), "2.5x"),
    ("CNN 32-64-128", Cnn,
     [{"type": "conv2d", "filters": 32, "kernel_size": [3, 3], "activation": "relu"}, {"type": "max_pooling2d"},
      {"type": "conv2d", "filters": 64, "kernel_size": [3, 3], "activation": "relu"}, {"type": "max_pooling2d"},
      {"type": "flatten"}, dense(128, "relu"), dense(10)], 10, (28, 28, 1), "1.8x"),
    ("encoder, 2 layers, d 128, T=64", Encoder,
     [{"type": "embedding", "input_dim": WORDS, "output_dim": 128},
      *[{"type": "transformer_encoder", "heads": 4, "units": 512, "activation": "gelu"}] * 2,
      {"type": "global_average_pooling"}, dense(10)], 10, 64, "2.2x", "3.8x"),
    ("LSTM(64), T=100", lambda: Lstm(64), lstm_layers(64), 2, 100, "1.5x", "2.5x"),
    ("LSTM(128), T=100", lambda: Lstm(128), lstm_layers(128), 2, 100, "1.25x"),
]


def batches(shape, classes, seed=1):
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, (STEPS, ROWS)).astype(np.int32)
    if isinstance(shape, int):
        x = random.integers(2, WORDS, (STEPS, ROWS, shape)).astype(np.int32)
    else:
        x = random.random((STEPS, ROWS, *shape), dtype=np.float32)
        x += y.reshape(STEPS, ROWS, *([1] * len(shape))) * np.float32(0.01)
    return x, y


def prepare(x, y, classes, channels_last):
    xs = [torch.from_numpy(b) for b in x]
    if x.ndim == 5:
        xs = [b.permute(0, 3, 1, 2) for b in xs]
        xs = [b.to(memory_format=torch.channels_last) if channels_last else b.contiguous() for b in xs]
    elif x.dtype == np.int32:
        xs = [b.long() for b in xs]
    ys = [torch.from_numpy(b).float() if classes == 2 else torch.from_numpy(b).long() for b in y]
    return xs, ys


def torch_steps(model, xs, ys, classes, form, seconds):
    """Losses of the first STEPS steps, and the best milliseconds of one."""
    loss_of = nn.BCEWithLogitsLoss() if classes == 2 else nn.CrossEntropyLoss()
    weights = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.Adam(weights, lr=1e-3, fused=True)
    forward = torch.compile(model) if form == "compile" else model
    losses, best, began, s = [], 1e9, time.perf_counter(), 0
    while s < STEPS or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        loss = loss_of(forward(xs[s % STEPS]), ys[s % STEPS])
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        best = min(best, time.perf_counter() - start)
        if s < STEPS:
            losses.append(loss.item())
        s += 1
    return losses, best * 1e3


def torch_infer(model, xs, n, seconds):
    best, began = 1e9, time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            for i in range(10):
                model(xs[i][:n])
            best = min(best, (time.perf_counter() - start) / 10)
    return best * 1e3


def run_engine(path, seconds):
    """Losses of the first STEPS steps, and milliseconds by name."""
    lines = subprocess.run([PROGRAM, path, str(seconds)], check=True, capture_output=True, text=True).stdout.split("\n")
    return [float(v) for v in lines[:STEPS]], {k: float(v) for k, v in (line.rsplit(" ", 1) for line in lines[STEPS:] if line)}


def difference(a, b):
    return f"{max(abs(p - q) for p, q in zip(a, b)):.1e}"


def measure(name, make, layers, classes, shape, must, must_bf16=None, seconds=3):
    torch.manual_seed(7)
    model = make()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    x, y = batches(shape, classes)
    tensors = {"x": x, "y": y}
    for i, p in enumerate(panels_in(model)):
        tensors[f"p{i}"] = np.array(p.detach().numpy(), order="C")
    path = "build/network.safetensors"
    loss = "binary_crossentropy" if classes == 2 else "categorical_crossentropy"
    metadata = {"spec": json.dumps({"layers": layers, "loss": loss}), "classes": str(classes), "words": str(WORDS)}
    save_file(tensors, path, metadata)
    ours, numbers = run_engine(path, seconds)

    best, form_of, losses = 1e9, None, None
    forms = ["eager", "channels_last"] if x.ndim == 5 else ["eager"]
    for form in forms + (["compile"] if hasattr(torch, "compile") else []):
        model.load_state_dict(state)
        if form == "channels_last":
            model = model.to(memory_format=torch.channels_last)
        xs, ys = prepare(x, y, classes, form == "channels_last")
        try:
            these, milliseconds = torch_steps(model, xs, ys, classes, form, seconds)
        except Exception as error:  # a compiler that is not there
            print(f"  {form}: {type(error).__name__}")
            continue
        losses = losses or these
        if milliseconds < best:
            best, form_of = milliseconds, form
    row(f"step of {name}", f"{numbers['step']:.3f} ms", f"PyTorch {torch.__version__} {form_of} {best:.3f} ms",
        ratio(numbers["step"], best), must)
    if must_bf16:
        save_file(tensors, path, {**metadata, "precision": "bf16"})
        rounded, narrow = run_engine(path, seconds)
        row(f"step of {name}, bf16", f"{narrow['step']:.3f} ms", f"PyTorch {torch.__version__} {form_of}, f32 {best:.3f} ms",
            ratio(narrow["step"], best), must_bf16)
        print(f"  largest difference of losses in {STEPS} steps from those in f32: {difference(rounded, ours)}")
    xs, _ = prepare(x, y, classes, False)
    model.eval()
    for n in (1, ROWS):
        peer = torch_infer(model, xs, n, seconds / 4)
        mine = numbers[f"infer {n}"]
        row(f"{name}: inference, {n} rows", f"{mine:.4f} ms", f"PyTorch {peer:.4f} ms", ratio(mine, peer), "1.5x")
    model = make().double()
    model.load_state_dict(state)
    xs, ys = prepare(x, y, classes, False)
    double = [v.double() if v.is_floating_point() else v for v in xs], [v.double() if classes == 2 else v for v in ys]
    exact, _ = torch_steps(model, *double, classes, "eager", 0)
    print(f"  largest difference of losses in {STEPS} steps: {difference(ours, losses)} from PyTorch's, "
          f"{difference(ours, exact)} from those in double (PyTorch's: {difference(losses, exact)})")


torch.set_num_threads(1)
os.makedirs("build", exist_ok=True)
compile_driver()
chosen = os.environ.get("AIAAS_BENCH_NETWORKS", "")
for case in CASES:
    if chosen in case[0]:
        measure(*case)
