# Makes ops_conv.safetensors: convolution and pooling of images and packed rows, outputs and
# gradients by PyTorch in double precision, over every attribute.  Format: test/unit/op_recorded.c.
#
#   python ops_conv.py		(in this folder)
#
import json

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
random = np.random.default_rng(11)
tensors = {}
cases = []
ACTIVATIONS = [lambda x: x, F.relu, lambda x: F.leaky_relu(x, 0.01), lambda x: F.elu(x, 0.01), F.gelu,
               lambda x: F.gelu(x, approximate='tanh'), F.silu, torch.tanh, torch.sigmoid]


def numbers(*dims, scale=1.0):
    # that float32 holds exactly
    return torch.tensor(random.uniform(-scale, scale, dims).astype(np.float32).astype(np.float64), requires_grad=True)


def case(op, inputs, outputs, ints, roles, panels=(), lengths=None):
    # inputs: tensors, None where absent; outputs: tensors, the first one has a gradient
    name = '%s%d' % (op, len(cases))
    row = {'name': name, 'op': op, 'inputs': len(inputs), 'ints': ints, 'roles': roles, 'panels': list(panels)}
    if lengths is not None:
        row['lengths'] = [lengths]
    else:
        row['rows'] = int(inputs[0].shape[0])
    cases.append(row)
    y = outputs[0]
    weights = torch.tensor(random.uniform(-1, 1, y.shape).astype(np.float32).astype(np.float64))
    (y * weights).sum().backward()
    tensors[name + '.weights0'] = weights.numpy().astype(np.float32)
    for i, x in enumerate(inputs):
        if x is None:
            continue
        if isinstance(x, torch.Tensor):
            tensors['%s.in%d' % (name, i)] = x.detach().numpy().astype(np.float32)
            tensors['%s.din%d' % (name, i)] = (x.grad if x.grad is not None else torch.zeros_like(x)).numpy()
        else:
            tensors['%s.in%d' % (name, i)] = np.asarray(x, dtype=np.int32)
    for i, out in enumerate(outputs):
        if out is not None:
            out = out.detach().numpy() if isinstance(out, torch.Tensor) else np.asarray(out, dtype=np.int32)
            tensors['%s.out%d' % (name, i)] = out


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def conv(x, w, bias, stride, pads, dilation, groups):
    # x [n, h, w, c]; w [kh, kw, c / groups, outputs]; pads: top, bottom, left, right
    x = F.pad(channels_first(x), (pads[2], pads[3], pads[0], pads[1]))
    return channels_last(F.conv2d(x, w.permute(3, 2, 0, 1), bias, stride, 0, dilation, groups))


def max_pool(x, window, stride, pads):
    x = F.pad(channels_first(x), (pads[2], pads[3], pads[0], pads[1]), value=-np.inf)
    return channels_last(F.max_pool2d(x, window, stride))


def average_pool(x, window, stride, pads):
    x = channels_first(x)
    ones = torch.ones_like(x.detach())
    padded = [F.pad(t, (pads[2], pads[3], pads[0], pads[1])) for t in (x, ones)]
    total, count = (F.avg_pool2d(t, window, stride, divisor_override=1) for t in padded)
    return channels_last(total / count)


def conv2d(n, size, cin, cout, window, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), groups=1, activation=0,
           bias=True):
    x = numbers(n, size[0], size[1], cin)
    w = numbers(window[0], window[1], cin // groups, cout, scale=0.5)
    b = numbers(cout) if bias else None
    y = ACTIVATIONS[activation](conv(x, w, b, stride, pads, dilation, groups))
    ints = {'stride_h': stride[0], 'stride_w': stride[1], 'top': pads[0], 'bottom': pads[1], 'left': pads[2],
            'right': pads[3], 'dilation_h': dilation[0], 'dilation_w': dilation[1], 'groups': groups,
            'activation': activation}
    case('conv2d', [x, w] + ([b] if bias else []), [y], ints, 'r..', [1])


def pool2d(op, n, size, channels, window, stride, pads=(0, 0, 0, 0)):
    x = numbers(n, size[0], size[1], channels)
    if window[0] * window[1] > 256:
        x.data[:, -1, -1] = 2		# a position that no byte holds
    y = (max_pool if op == 'max_pool2d' else average_pool)(x, window, stride, pads)
    ints = {'stride_h': stride[0], 'stride_w': stride[1], 'top': pads[0], 'bottom': pads[1], 'left': pads[2],
            'right': pads[3], 'window_h': window[0], 'window_w': window[1]}
    case(op, [x], [y], ints, 'r')


def rows_of(x, lengths):
    # images of one row each
    return [part.reshape(1, 1, -1, x.shape[1]) for part in torch.split(x, lengths)]


def joined(parts, channels):
    parts = [p.reshape(-1, channels) for p in parts if p is not None]
    return torch.cat(parts) if parts else torch.zeros(0, channels)


def places(length, window, stride, pads, dilation=1):
    room = length + sum(pads) - dilation * (window - 1) - 1
    return 0 if length == 0 or room < 0 else room // stride + 1


def packed(op, lengths, channels, window, stride=1, pads=(0, 0), dilation=1, groups=1, activation=0, bias=True, cout=0):
    x = numbers(sum(lengths), channels)
    if window > 256:
        x.data[window - 1] = 2
    out = [places(n, window, stride, pads, dilation) for n in lengths]
    w = numbers(window, channels // groups, cout, scale=0.5) if op == 'conv1d' else None
    b = numbers(cout) if op == 'conv1d' and bias else None
    four = (0, 0) + tuple(pads)

    def one(row):
        if op == 'conv1d':
            return conv(row, w[None], b, (1, stride), four, (1, dilation), groups)
        return (max_pool if op == 'max_pool1d' else average_pool)(row, (1, window), (1, stride), four)

    parts = [one(row) if m > 0 else None for row, m in zip(rows_of(x, lengths), out)]
    y = joined(parts, cout or channels)
    if y.requires_grad is False:
        return
    offsets, new = (np.concatenate([[0], np.cumsum(n)]) for n in (lengths, out))
    ints = {'stride': stride, 'before': pads[0], 'after': pads[1]}
    if op == 'conv1d':
        ints.update({'dilation': dilation, 'groups': groups, 'activation': activation})
        case(op, [x, offsets, w] + ([b] if bias else []), [ACTIVATIONS[activation](y), new], ints, 'wo..', [2], lengths)
    else:
        ints['window'] = window
        case(op, [x, offsets], [y, new], ints, 'wo', (), lengths)


# every activation, with and without bias
for a in range(len(ACTIVATIONS)):
    conv2d(2, (5, 4), 3, 5, (3, 2), activation=a, bias=a % 2 == 0)
# sizes: first layers, one, primes, around panels
for n, size, cin, cout, window in ((3, (6, 7), 1, 32, (3, 3)), (1, (1, 1), 1, 1, (1, 1)), (2, (5, 5), 3, 33, (5, 5)),
                                   (1, (4, 9), 7, 31, (1, 3)), (2, (9, 4), 2, 2, (3, 1)), (1, (3, 3), 33, 3, (2, 2)),
                                   (1, (2, 13), 16, 17, (2, 2)), (4, (4, 4), 5, 64, (1, 1))):
    conv2d(n, size, cin, cout, window)
# padding, stride, dilation, also with sides that differ
for pads in ((0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 1, 3), (0, 5, 4, 0)):
    for stride in ((1, 1), (2, 1), (2, 3)):
        for dilation in ((1, 1), (1, 2), (3, 2)):
            conv2d(1, (9, 8), 2, 3, (3, 3), stride, pads, dilation)
# groups, and one channel in each
for groups, cin, cout in ((2, 4, 6), (3, 9, 3), (2, 6, 64), (4, 8, 68), (5, 5, 5), (3, 3, 9), (33, 33, 33), (32, 32, 64)):
    for stride, pads, dilation in (((1, 1), (0, 0, 0, 0), (1, 1)), ((2, 1), (1, 0, 2, 1), (1, 2))):
        conv2d(1, (5, 6), cin, cout, (3, 2), stride, pads, dilation, groups)
for op in ('max_pool2d', 'average_pool2d'):
    for n, size, channels, window, stride, pads in (
            (2, (6, 6), 3, (2, 2), (2, 2), (0, 0, 0, 0)), (1, (7, 5), 32, (3, 2), (2, 2), (0, 0, 0, 0)),
            (2, (7, 8), 33, (3, 3), (1, 1), (1, 1, 1, 1)), (1, (5, 4), 5, (3, 3), (2, 3), (0, 2, 2, 1)),
            (2, (4, 3), 70, (4, 3), (1, 1), (0, 0, 0, 0)), (1, (1, 1), 1, (1, 1), (1, 1), (0, 0, 0, 0)),
            (1, (5, 5), 4, (2, 2), (3, 3), (0, 0, 0, 0)), (1, (18, 17), 2, (17, 17), (1, 1), (0, 0, 0, 0))):
        pool2d(op, n, size, channels, window, stride, pads)
# convolution, ReLU and pooling in one
for n, size, cin, cout, window, stride, pads, pool, step in (
        (3, (8, 8), 1, 32, (3, 3), (1, 1), (0, 0, 0, 0), (2, 2), (2, 2)), (2, (7, 7), 4, 35, (3, 3), (1, 1), (0, 0, 0, 0), (2, 2), (2, 2)),
        (2, (7, 8), 9, 5, (2, 3), (1, 1), (1, 1, 1, 1), (3, 3), (2, 2)), (1, (9, 9), 3, 6, (3, 3), (2, 1), (0, 1, 2, 0), (3, 2), (1, 1)),
        (2, (5, 5), 17, 64, (1, 1), (1, 1), (0, 0, 0, 0), (2, 3), (3, 3)), (1, (6, 9), 12, 3, (3, 2), (1, 2), (2, 0, 0, 0), (1, 1), (1, 1))):
    for relu in (1, 0):
        x, w, b = numbers(n, size[0], size[1], cin), numbers(window[0], window[1], cin, cout, scale=0.5), numbers(cout)
        y = max_pool(ACTIVATIONS[relu](conv(x, w, b, stride, pads, (1, 1), 1)), pool, step, (0, 0, 0, 0))
        ints = {'stride_h': stride[0], 'stride_w': stride[1], 'top': pads[0], 'bottom': pads[1], 'left': pads[2],
                'right': pads[3], 'pool_h': pool[0], 'pool_w': pool[1], 'pool_stride_h': step[0],
                'pool_stride_w': step[1], 'activation': relu}
        case('conv_pool2d', [x, w, b], [y], ints, 'r..', [1])
LENGTHS = [3, 0, 5, 1, 9]
for window, stride, pads, dilation in ((3, 1, (0, 0), 1), (3, 1, (1, 1), 1), (2, 1, (0, 1), 1), (3, 2, (1, 1), 1),
                                       (2, 3, (0, 0), 1), (3, 1, (2, 2), 2), (3, 1, (0, 0), 2), (1, 1, (0, 0), 1),
                                       (4, 2, (3, 0), 1)):
    packed('conv1d', LENGTHS, 3, window, stride, pads, dilation, cout=5)
    packed('conv1d', [2, 7], 4, window, stride, pads, dilation, groups=4, cout=8, bias=False)
    packed('conv1d', [4, 4, 4], 6, window, stride, pads, dilation, groups=2, cout=34)
    if dilation == 1:
        packed('max_pool1d', LENGTHS, 3, window, stride, pads)
        packed('average_pool1d', LENGTHS, 35, window, stride, pads)
for a in range(len(ACTIVATIONS)):
    packed('conv1d', LENGTHS, 2, 3, activation=a, cout=3)
packed('max_pool1d', [300, 259], 2, 258, 1)
packed('average_pool1d', [300, 259], 2, 258, 1)

save_file(tensors, 'ops_conv.safetensors', {'cases': json.dumps(cases)})
print('ops_conv.safetensors: %d cases, PyTorch %s' % (len(cases), torch.__version__))
