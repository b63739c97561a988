"""Reference outputs and gradients of ops: writes ops_FAMILY.safetensors.

Run with PyTorch (2.13):  python3 test/data/ops.py [FAMILY ...]
Each family is a file ops_FAMILY.py with a function record(r), which calls r.case.
What a case holds is said at the top of test/unit/op_recorded.c.  All arithmetic is in
double; inputs are numbers that a float holds too.
"""
import glob
import importlib
import json
import os
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Recorder:
    def __init__(self, family):
        self.family = family
        self.rng = np.random.default_rng(11)
        self.cases = []
        self.tensors = {}

    def floats(self, *dims, low=-1.0, high=1.0):
        """Uniform numbers, as a float holds them."""
        return self.rng.uniform(low, high, dims).astype(np.float32).astype(np.float64)

    def whole(self, *dims, low=0, high=2):
        """Whole numbers of low ... high - 1."""
        return self.rng.integers(low, high, dims).astype(np.int32)

    def case(self, op, f, inputs, ints=None, reals=None, unread=(), fixed=(), **more):
        """Record one case.

        inputs: arrays, None where absent; f(tensors) -> the op's outputs, None where not to
        be compared.  Gradients come to all outputs but those in unread, and are recorded by
        all float inputs but those in fixed.  more: roles, panels, lengths, rows, dims.
        """
        name = f"{op}_{len(self.cases)}"
        given = [None if x is None else torch.tensor(x) for x in inputs]
        for i, t in enumerate(given):
            if t is not None and t.is_floating_point() and i not in fixed:
                t.requires_grad_(True)
        outputs = f(given)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        total = 0
        for i, y in enumerate(outputs):
            if y is None:
                continue
            self.put(f"{name}.out{i}", y)
            if i not in unread and y.requires_grad:
                w = self.floats(*y.shape)
                self.put(f"{name}.weights{i}", w)
                total = total + (y * torch.tensor(w)).sum()
        if isinstance(total, torch.Tensor):
            total.backward()
        for i, t in enumerate(given):
            if t is None:
                continue
            self.put(f"{name}.in{i}", t)
            if t.grad is not None:
                self.put(f"{name}.din{i}", t.grad)
        self.cases.append(dict(name=name, op=op, inputs=len(inputs), ints=ints or {}, reals=reals or {},
                               fixed=list(fixed), **more))

    def put(self, name, value):
        if isinstance(value, torch.Tensor):
            value = value.detach().numpy()
        if value.dtype == np.int64:
            value = value.astype(np.int32)
        self.tensors[name] = np.array(value, order="C")

    def write(self):
        path = os.path.join(FOLDER, f"ops_{self.family}.safetensors")
        save_file(self.tensors, path, metadata={"cases": json.dumps(self.cases, separators=(",", ":")),
                                                "torch": torch.__version__.split("+")[0]})
        os.chmod(path, 0o644)
        print(f"{os.path.basename(path)}: {len(self.cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    sys.path.insert(0, FOLDER)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    families = sys.argv[1:] or sorted(os.path.basename(p)[4:-3] for p in glob.glob(os.path.join(FOLDER, "ops_*.py"))
                                      if "def record(r)" in open(p).read())
    for family in families:
        recorder = Recorder(family)
        importlib.import_module(f"ops_{family}").record(recorder)
        recorder.write()
