#!/usr/bin/env python3
"""Times training steps in PyTorch (2.4 or later, on the processor) on the model of `lladav bench train`: the same shapes, the same
rows, AdamW fused. Prints the best times of forward and backward over a batch, and of an update. Usage: bench-torch-train.py THREADS [SAMPLES]
"""
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
SAMPLES = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ROWS, WIDTH, MLP, LAYERS, HEADS, VOCAB, HIDDEN = 200, 256, 768, 11, 4, 2000, 60
HEAD_DIM = WIDTH // HEADS


def matrix(*shape):
    return torch.nn.Parameter(torch.randn(*shape) / 16)


def gain():
    return torch.nn.Parameter(torch.ones(WIDTH))


embed, head, final = matrix(VOCAB, WIDTH), matrix(VOCAB, WIDTH), gain()
layers = [{"norm1": gain(), "norm2": gain(), **{n: matrix(WIDTH, WIDTH) for n in "qkvo"},
           "gate": matrix(MLP, WIDTH), "up": matrix(MLP, WIDTH), "down": matrix(WIDTH, MLP)} for _ in range(LAYERS)]
optimizer = torch.optim.AdamW([embed, head, final] + [p for l in layers for p in l.values()], lr=1e-4, fused=True)
ids, hidden, targets = torch.randint(0, VOCAB, (SAMPLES, ROWS)), torch.arange(HIDDEN) * 3, torch.arange(HIDDEN).repeat(SAMPLES)
angle = torch.outer(torch.arange(ROWS).float(), 500000.0 ** (-torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM))
cos, sin = torch.cat((angle, angle), -1).cos(), torch.cat((angle, angle), -1).sin()


def rope(x):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


def learn():
    x = embed[ids]
    for l in layers:
        h = F.rms_norm(x, (WIDTH,), l["norm1"], 1e-5)
        q, k, v = (F.linear(h, l[n]).view(SAMPLES, ROWS, HEADS, HEAD_DIM).transpose(1, 2) for n in "qkv")
        a = F.scaled_dot_product_attention(rope(q), rope(k), v)
        x = x + F.linear(a.transpose(1, 2).reshape(SAMPLES, ROWS, WIDTH), l["o"])
        h = F.rms_norm(x, (WIDTH,), l["norm2"], 1e-5)
        x = x + F.linear(F.silu(F.linear(h, l["gate"])) * F.linear(h, l["up"]), l["down"])
    F.cross_entropy(F.linear(F.rms_norm(x[:, hidden], (WIDTH,), final, 1e-5), head).flatten(0, 1), targets).backward()


def update():
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)


def best(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


learn()
update()
learning, updating, end = 1e9, 1e9, time.perf_counter() + 8
while time.perf_counter() < end:
    learning = min([learning] + [best(learn) for _ in range(4)])
    updating = min(updating, best(update))
print(f"pytorch {torch.__version__}: {SAMPLES} samples {1e3 * learning:.1f} ms, an update {1e3 * updating:.1f} ms")
