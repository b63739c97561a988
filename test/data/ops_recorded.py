# What the ops_*.py share: cases of one op each, written as safetensors for test/unit/recorded.h.
#
# The metadata of a case is "op: inputs -> outputs", names apart by spaces, "-" for an absent input
# or an output that is not compared.  Tensors of case c:
#
#   c.p.NAME  a parameter (float32, computed with in float64); names that begin with w are matrices in panels
#   c.i.NAME  an int32 input
#   c.o.NAME  an output     c.d.NAME  what its elements are multiplied by in the loss
#   c.g.NAME  the gradient of a parameter
#   c.ints, c.reals         attributes, in the order of the op's row
#
import json

import numpy as np
import torch
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)


class File:
    def __init__(self, seed):
        self.tensors = {}
        self.metadata = {}
        self.random = np.random.default_rng(seed)
        torch.manual_seed(seed)

    def parameter(self, *dims, scale=1.0):
        # numbers that float32 holds exactly
        values = self.random.uniform(-scale, scale, dims).astype(np.float32).astype(np.float64)
        return torch.tensor(values, requires_grad=True)

    # parameters, ints, outputs: {name: tensor}; inputs, outputs_named: as in the metadata
    def case(self, op, inputs, outputs_named, parameters, ints, outputs, attributes=(), reals=()):
        c = '%s%d' % (op, len(self.metadata))
        self.metadata[c] = '%s: %s -> %s' % (op, inputs, outputs_named)
        loss = 0
        for name, value in outputs.items():
            d = torch.tensor(self.random.uniform(-1, 1, value.shape).astype(np.float32).astype(np.float64))
            loss = loss + (value * d).sum()
            self.put(c + '.o.' + name, value.detach().numpy())
            self.put(c + '.d.' + name, d.numpy())
        loss.backward()
        for name, value in parameters.items():
            self.put(c + '.p.' + name, value.detach().numpy())
            gradient = value.grad if value.grad is not None else torch.zeros_like(value)
            self.put(c + '.g.' + name, gradient.numpy())
        for name, value in ints.items():
            self.tensors[c + '.i.' + name] = np.asarray(value, dtype=np.int32)
        if len(attributes):
            self.tensors[c + '.ints'] = np.asarray(attributes, dtype=np.int64)
        if len(reals):
            self.tensors[c + '.reals'] = np.asarray(reals, dtype=np.float64)

    def put(self, name, array):
        if array.size:
            self.tensors[name] = np.ascontiguousarray(array, dtype=np.float32)

    def write(self, path):
        save_file(self.tensors, path, self.metadata)
        print('%s: %d cases, PyTorch %s' % (path, len(self.metadata), torch.__version__))


def offsets(lengths):
    return np.concatenate([[0], np.cumsum(lengths)])
