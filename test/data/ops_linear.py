# Makes ops_linear.safetensors: outputs and gradients of PyTorch's linear layers with each activation,
# and of products of matrices, transposed, batched and broadcast.
#
#   python ops_linear.py		(in this folder)
#
import torch
import torch.nn.functional as F

from ops_recorded import File

# in the order of ml_activation (kernel/network.h)
ACTIVATIONS = [
    lambda x, alpha: x,
    lambda x, alpha: torch.relu(x),
    lambda x, alpha: F.leaky_relu(x, alpha),
    lambda x, alpha: F.elu(x, alpha),
    lambda x, alpha: F.gelu(x),
    lambda x, alpha: F.gelu(x, approximate='tanh'),
    lambda x, alpha: F.silu(x),
    lambda x, alpha: torch.tanh(x),
    lambda x, alpha: torch.sigmoid(x),
]


def linear(file, dims, n, activation, alpha, bias):
    p = {'x': file.parameter(*dims), 'w': file.parameter(dims[-1], n)}
    if bias:
        p['b'] = file.parameter(n)
    y = p['x'] @ p['w'] + (p['b'] if bias else 0)
    y = ACTIVATIONS[activation](y, alpha)
    file.case('linear', 'x w b' if bias else 'x w', 'y', p, {}, {'y': y}, [activation, 0], [alpha])


def matmul(file, a, b, transpose_a, transpose_b):
    p = {'a': file.parameter(*a), 'b': file.parameter(*b)}
    x = p['a'].transpose(-1, -2) if transpose_a else p['a']
    y = p['b'].transpose(-1, -2) if transpose_b else p['b']
    file.case('matmul', 'a b', 'c', p, {}, {'c': torch.matmul(x, y)}, [transpose_a, transpose_b])


file = File(5)
for activation in range(len(ACTIVATIONS)):
    linear(file, (5, 7), 3, activation, 0.3, True)
    linear(file, (3, 2, 4), 33, activation, 1.0, False)
linear(file, (13, 35), 34, 0, 1.0, True)
linear(file, (6,), 2, 7, 1.0, True)
linear(file, (4, 1), 1, 8, 1.0, True)
for ta in (0, 1):
    for tb in (0, 1):
        def a(*batch, m=3, k=5):
            return (*batch, k, m) if ta else (*batch, m, k)

        def b(*batch, k=5, n=4):
            return (*batch, n, k) if tb else (*batch, k, n)

        matmul(file, a(), b(), ta, tb)
        matmul(file, a(2, 3), b(2, 3), ta, tb)
        matmul(file, a(2, 1), b(3), ta, tb)
        matmul(file, a(), b(4, 2), ta, tb)
        matmul(file, a(3, m=1, k=1), b(1, k=1, n=1), ta, tb)
        matmul(file, a(m=7, k=20), b(k=20, n=33), ta, tb)
file.write('ops_linear.safetensors')
