"""Makes reference.safetensors with the reference implementation of the format.

    python3 -m pip install safetensors numpy
    python3 test/data/reference_safetensors.py test/data/reference.safetensors

test/unit/test_safetensors.c reads the file and knows what is in it.  With a
second argument, the file to check: it is opened with the reference
implementation and its tensors are listed.
"""
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

tensors = {
    "weights": np.arange(12, dtype=np.float32).reshape(3, 4) / 8,
    "scalar": np.array(-2.5, dtype=np.float64),
    "empty": np.zeros((0, 7), dtype=np.float32),
    "half": np.array([1, -2, 0.5], dtype=np.float16),
    "flags": np.array([True, False, True]),
    "ids": np.array([[-1, 2 ** 40]], dtype=np.int64),
    "bytes": np.arange(5, dtype=np.uint8),
    "naïve name \"quoted\" 中": np.array([7], dtype=np.int8),
}
metadata = {"format": "1", "labels": '["a", "b\\n"]', "empty": ""}

if len(sys.argv) == 2:
    save_file(tensors, sys.argv[1], metadata=metadata)
else:
    with safe_open(sys.argv[2], framework="numpy") as file:
        print(file.metadata())
        for name in file.keys():
            tensor = file.get_tensor(name)
            print(name, tensor.dtype, tensor.shape, tensor.ravel()[:4].tolist())
