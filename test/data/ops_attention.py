# Makes ops_attention.safetensors: outputs and gradients of PyTorch's scaled_dot_product_attention
# on packed rows of differing lengths, in any order, with rows of no and of one word.
#
#   python ops_attention.py		(in this folder)
#
import math

import torch

from ops_recorded import File, offsets


def attend(q, k, v, at_q, at_k, heads, causal, scale):
    out = []
    for r in range(len(at_q) - 1):
        rows = [x[a:b].reshape(b - a, heads, x.shape[1] // heads).transpose(0, 1)
                for x, a, b in ((q, at_q[r], at_q[r + 1]), (k, at_k[r], at_k[r + 1]), (v, at_k[r], at_k[r + 1]))]
        nq, nk = rows[0].shape[1], rows[1].shape[1]
        # the last query is at the last key
        mask = torch.ones(nq, nk, dtype=torch.bool).tril(nk - nq) if causal else torch.ones(nq, nk, dtype=torch.bool)
        o = torch.zeros(heads, nq, rows[2].shape[2])
        seeing = mask.any(1)
        if nq and nk and seeing.any():
            some = torch.nn.functional.scaled_dot_product_attention(
                rows[0][:, seeing], rows[1], rows[2], attn_mask=mask[seeing],
                scale=scale if scale else 1 / math.sqrt(rows[0].shape[2]))
            o = o.index_copy(1, torch.nonzero(seeing)[:, 0], some)
        out.append(o.transpose(0, 1).reshape(nq, v.shape[1]))
    return torch.cat(out)


def run(file, form, heads, d, dv, causal, scale, lengths, lengths_of_keys=None):
    at_q = offsets(lengths)
    at_k = offsets(lengths_of_keys) if lengths_of_keys else at_q
    ints = {'q_offsets': at_q}
    if form == 'together':
        p = {'q': file.parameter(int(at_q[-1]), 3 * heads * d, scale=2)}
        q, k, v = p['q'].chunk(3, 1)
        inputs = 'q q_offsets'
    else:
        p = {'q': file.parameter(int(at_q[-1]), heads * d, scale=2), 'k': file.parameter(int(at_k[-1]), heads * d, scale=2),
             'v': file.parameter(int(at_k[-1]), heads * dv)}
        q, k, v = p['q'], p['k'], p['v']
        inputs = 'q q_offsets k v'
        if form == 'cross':
            ints['k_offsets'] = at_k
            inputs += ' k_offsets'
    o = attend(q, k, v, at_q, at_k, heads, causal, scale)
    file.case('attention', inputs, 'o -', p, ints, {'o': o}, [heads, int(causal)], [scale])


file = File(11)
for causal in (False, True):
    run(file, 'together', 2, 4, 4, causal, 0, [3, 0, 5, 1])
    run(file, 'together', 1, 1, 1, causal, 0, [1])
    run(file, 'together', 3, 7, 7, causal, 0.9, [33, 2])
    run(file, 'apart', 2, 3, 5, causal, 0, [4, 1, 0])
    run(file, 'apart', 1, 16, 2, causal, 0.2, [1, 1, 7])
    run(file, 'cross', 2, 4, 3, causal, 0, [3, 0, 5, 2, 1], [5, 4, 2, 0, 1])
    run(file, 'cross', 1, 5, 5, causal, 1.5, [2, 70], [40, 20])
    run(file, 'apart', 1, 2, 2, causal, 0, [3, 150])
    run(file, 'together', 1, 2, 2, causal, 0, [530])
file.write('ops_attention.safetensors')
