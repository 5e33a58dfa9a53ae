#!/usr/bin/env python3
"""Times PyTorch on the processor with the layers' shapes of LLaDA-V and random weights, as JSON lines: what `lladav bench` is
compared with, by GFLOP/s, since lladav leaves out rows of the last layer that nobody asks for. A pass is LAYERS layers of the language model and the output head over the last 128 rows; the tower is LAYERS of its
26 layers over five tiles. Usage: bench-torch.py bf16|f32 ROUNDS THREADS
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[sys.argv[1]]
rounds, threads = int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
LAYERS, WIDTH, HEADS, MLP, VOCAB = 2, 4096, 32, 12288, 126464
TOWER_WIDTH, TOWER_HEADS, TOWER_MLP, PATCHES, TILES = 1152, 16, 4304, 729, 5


def weight(n, k):
    return (torch.randn(n, k) / math.sqrt(k)).to(dtype)


def attention(q, k, v, heads):
    """q, k, v: (tiles, rows, width)."""
    tiles, rows, width = q.shape
    q, k, v = (x.view(tiles, rows, heads, -1).transpose(1, 2).reshape(tiles * heads, rows, -1) for x in (q, k, v))
    p = torch.softmax(torch.bmm(q, k.transpose(1, 2)) / math.sqrt(width // heads), -1)
    return torch.bmm(p, v).view(tiles, heads, rows, -1).transpose(1, 2).reshape(tiles, rows, width)


class Language:
    def __init__(self):
        self.layers = [{n: weight(*s) for n, s in dict(q=(WIDTH, WIDTH), k=(WIDTH, WIDTH), v=(WIDTH, WIDTH), o=(WIDTH, WIDTH),
                       gate=(MLP, WIDTH), up=(MLP, WIDTH), down=(WIDTH, MLP)).items()} for _ in range(LAYERS)]
        self.head = weight(VOCAB, WIDTH)
        self.gain = torch.ones(WIDTH, dtype=dtype)

    def norm(self, x):
        f = x.float()
        return (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + 1e-5)).to(dtype) * self.gain

    def rope(self, x, cos, sin):
        h = x.view(x.shape[0], HEADS, -1)
        a, b = h.chunk(2, -1)
        return (h * cos + torch.cat((-b, a), -1) * sin).view(x.shape)

    def __call__(self, x, cos, sin):
        for w in self.layers:
            h = self.norm(x)
            q, k, v = self.rope(F.linear(h, w["q"]), cos, sin), self.rope(F.linear(h, w["k"]), cos, sin), F.linear(h, w["v"])
            x = x + F.linear(attention(q[None], k[None], v[None], HEADS)[0], w["o"])
            h = self.norm(x)
            x = x + F.linear(F.silu(F.linear(h, w["gate"])) * F.linear(h, w["up"]), w["down"])
        return F.linear(self.norm(x[-128:]), self.head)


class Tower:
    def __init__(self):
        b = lambda n: torch.zeros(n, dtype=dtype)
        self.layers = [{n: (weight(*s), b(s[0])) for n, s in dict(q=(TOWER_WIDTH, TOWER_WIDTH), k=(TOWER_WIDTH, TOWER_WIDTH),
                       v=(TOWER_WIDTH, TOWER_WIDTH), o=(TOWER_WIDTH, TOWER_WIDTH), fc1=(TOWER_MLP, TOWER_WIDTH),
                       fc2=(TOWER_WIDTH, TOWER_MLP)).items()} for _ in range(LAYERS)]
        self.gain, self.bias = torch.ones(TOWER_WIDTH, dtype=dtype), torch.zeros(TOWER_WIDTH, dtype=dtype)

    def norm(self, x):
        return F.layer_norm(x, (TOWER_WIDTH,), self.gain, self.bias, 1e-6)

    def __call__(self, x):
        for w in self.layers:
            h = self.norm(x)
            x = x + F.linear(attention(F.linear(h, *w["q"]), F.linear(h, *w["k"]), F.linear(h, *w["v"]), TOWER_HEADS), *w["o"])
            h = F.linear(self.norm(x), *w["fc1"])
            x = x + F.linear(F.gelu(h.float(), approximate="tanh").to(dtype), *w["fc2"])
        return x


def report(test, gflop, f):
    f()
    s = []
    for _ in range(rounds):
        start = time.perf_counter()
        f()
        s.append(time.perf_counter() - start)
    print(json.dumps(dict(peer="pytorch " + torch.__version__, dtype=sys.argv[1], threads=threads, test=test, gflop=gflop, s=s, s_median=sorted(s)[len(s) // 2])), flush=True)


model = Language()
for rows in (128, 512, 918):
    angle = torch.outer(torch.arange(rows).float(), 500000.0 ** (-torch.arange(0, WIDTH // HEADS, 2).float() / (WIDTH // HEADS)))
    angle = torch.cat((angle, angle), -1)[:, None]
    cos, sin, x = angle.cos().to(dtype), angle.sin().to(dtype), torch.randn(rows, WIDTH).to(dtype)
    gflop = (LAYERS * (2 * rows * (4 * WIDTH**2 + 3 * WIDTH * MLP) + 4 * rows**2 * WIDTH) + 2 * 128 * WIDTH * VOCAB) / 1e9
    report(f"pass {rows} rows, 128 scored", gflop, lambda: model(x, cos, sin))
del model
tower, x = Tower(), torch.randn(TILES, PATCHES, TOWER_WIDTH).to(dtype)
n = TILES * PATCHES
gflop = LAYERS * (2 * n * (4 * TOWER_WIDTH**2 + 2 * TOWER_WIDTH * TOWER_MLP) + 4 * n * PATCHES * TOWER_WIDTH) / 1e9
report(f"vision {TILES} tiles", gflop, lambda: tower(x))
