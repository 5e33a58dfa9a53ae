#!/usr/bin/env python3
"""Times the matrix products of OpenBLAS and oneDNN (Debian: libopenblas0-pthread, libdnnl2) in turn with lladav's, on x (M,4096) times
the transpose of w (4096,4096), weights as a checkpoint stores them. Prints each as a share of the peak that lladav measured in the
same run. Usage: bench-blas.py LLADAV-BINARY THREADS [ROUNDS]
"""
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

binary, threads = sys.argv[1], int(sys.argv[2])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
if "avx512f" in open("/proc/cpuinfo").read():
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")  # old versions do not know new processors and fall back to slow code
blas, dnnl = ctypes.CDLL("libopenblas.so.0"), ctypes.CDLL("libdnnl.so.2")
K = N = 4096
I, F, P, C = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p, ctypes.c_char


def noise(n, size):
    """n numbers that are finite as float32 and as bfloat16."""
    return ctypes.create_string_buffer(bytes([7, 60, 11, 61] * (n * size // 4)), n * size)


x, w, y = noise(1024 * K, 4), noise(N * K, 4), ctypes.create_string_buffer(1024 * N * 4)


def openblas(m):
    blas.cblas_sgemm(101, 111, 112, m, N, K, F(1), x, K, w, K, F(0), y, N)


def onednn_f32(m):
    dnnl.dnnl_sgemm(C(b"N"), C(b"T"), I(m), I(N), I(K), F(1), x, I(K), w, I(K), F(0), y, I(N))


def onednn_bf16(m):
    """Returns a status: this product needs AVX-512."""
    return dnnl.dnnl_gemm_bf16bf16f32(C(b"N"), C(b"T"), I(m), I(N), I(K), F(1), x, I(K), w, I(K), F(0), y, I(N))


def gflops(f, m):
    if f(m):
        return float("nan")
    work, start, runs = 2 * m * N * K / 1e9, time.perf_counter(), 0
    while time.perf_counter() - start < 0.7:
        f(m)
        runs += 1
    return work * runs / (time.perf_counter() - start)


def ours(m):
    out = subprocess.run([binary, "bench", "--threads", str(threads), "--m-rows", str(m), "--kernel-time", "700ms", "--kernels", "matmul", "-o", "jsonl"],
                         check=True, capture_output=True, text=True).stdout
    return {r["test"].split(" ", 1)[1].rsplit(" ", 1)[0]: r for r in map(json.loads, out.splitlines())}


print(f"| M, {threads} threads | lladav f32 | oneDNN f32 | OpenBLAS f32 | lladav f32 × bf16 weights | lladav bf16 | oneDNN bf16 |\n|---|---:|---:|---:|---:|---:|---:|")
for m in (32, 256, 1024):
    shares = [[] for _ in range(6)]
    for _ in range(rounds):
        o = ours(m)
        f32, bf16 = o["f32"]["peak_gflops"], o["bf16"]["peak_gflops"]
        for s, v in zip(shares, (o["f32"]["of_peak"], gflops(onednn_f32, m) / f32, gflops(openblas, m) / f32, o["f32 × bf16 weights"]["of_peak"],
                                 o["bf16"]["of_peak"], gflops(onednn_bf16, m) / bf16)):
            s.append(v)
    print("|", m, "|", " | ".join(f"{100 * statistics.median(s):.0f} %" if s[0] == s[0] else "–" for s in shares), "|", flush=True)
