# Makes ops_recurrent.safetensors: outputs and gradients of PyTorch's RNN, GRU and LSTM on packed
# rows of differing lengths, in any order, with rows of no and of one word.
#
#   python ops_recurrent.py		(in this folder)
#
import itertools

import torch

from ops_recorded import File, offsets

LENGTHS = [[3, 0, 5, 1], [1], [4, 4, 4], [2, 7, 0, 0, 3, 6]]
GATES = {'rnn': 1, 'gru': 3, 'lstm': 4}


def run(file, kind, relu, reverse, biases, states, inputs, units, lengths):
    gates = GATES[kind]
    at = offsets(lengths)
    p = {'x': file.parameter(int(at[-1]), inputs), 'wx': file.parameter(inputs, gates * units, scale=0.6),
         'wh': file.parameter(units, gates * units, scale=0.6)}
    if biases >= 1:
        p['bx'] = file.parameter(gates * units)
    if biases >= 2:
        p['bh'] = file.parameter(gates * units)
    if states:
        p['h0'] = file.parameter(len(lengths), units)
        if kind == 'lstm':
            p['c0'] = file.parameter(len(lengths), units)
    module = {'rnn': torch.nn.RNN, 'gru': torch.nn.GRU, 'lstm': torch.nn.LSTM}[kind]
    module = module(inputs, units, **({'nonlinearity': 'relu'} if relu else {}))
    zero = torch.zeros(gates * units)
    weights = {'weight_ih_l0': p['wx'].T, 'weight_hh_l0': p['wh'].T, 'bias_ih_l0': p.get('bx', zero),
               'bias_hh_l0': p.get('bh', zero)}
    y, last, last_c = [], [], []
    for r, length in enumerate(lengths):
        h = p['h0'][r:r + 1] if states else torch.zeros(1, units)
        c = p['c0'][r:r + 1] if states and kind == 'lstm' else torch.zeros(1, units)
        if length:
            x = p['x'][at[r]:at[r + 1]]
            out, end = torch.func.functional_call(
                module, weights, (x.flip(0) if reverse else x, (h, c) if kind == 'lstm' else h))
            y.append(out.flip(0) if reverse else out)
            h, c = end if kind == 'lstm' else (end, c)
        last.append(h)
        last_c.append(c)
    outputs = {'y': torch.cat(y), 'last': torch.cat(last)}
    named = 'y last'
    if kind == 'lstm':
        outputs['last_c'] = torch.cat(last_c)
        named += ' last_c'
    named += {'rnn': '', 'gru': ' - -', 'lstm': ' - -'}[kind]
    order = ['x', 'offsets', 'wx', 'wh', 'bx', 'bh', 'h0'] + (['c0'] if kind == 'lstm' else [])
    given = ' '.join(n if n in p or n == 'offsets' else '-' for n in order)
    file.case(kind, given, named, p, {'offsets': at}, outputs, [int(reverse)] + ([int(relu)] if kind == 'rnn' else []))


file = File(7)
for kind, relu in (('rnn', False), ('rnn', True), ('gru', False), ('lstm', False)):
    n = 0
    for biases, states, reverse in itertools.product((0, 1, 2), (False, True), (False, True)):
        inputs, units = ((3, 5), (1, 1), (5, 3), (2, 8), (4, 17))[n % 5]
        run(file, kind, relu, reverse, biases, states, inputs, units, LENGTHS[n % 4])
        n += 1
file.write('ops_recurrent.safetensors')
