"""PyTorch's kernels at the sizes of a model, beside ours of `attune_gpu_bench step`.

Prints one JSON object: the device's copy bandwidth and rate of a large bfloat16 product as PyTorch
reaches them, and for each op the median time with its TFLOP/s (two products forward and five
backward over the lower triangle for attention) or GB/s (each tensor read or written once). Each op
runs as it comes and through torch.compile; the faster one counts. Random inputs; medians of device
events, where there are any.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from shapes import SHAPES

WARM, TIMES = 3, 15


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shape", default="llama-3.1-8b", choices=SHAPES)
    parser.add_argument("--length", type=int, default=4096, help="tokens of a document")
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--rows", type=int, default=1024, help="rows of logits at a time")
    parser.add_argument("--compile", type=int, default=1)
    return parser.parse_args()


class Bench:
    def __init__(self, device: str):
        self.device = device
        self.cuda = device.startswith("cuda")
        self.results: dict[str, dict] = {}
        self.failures: dict[str, str] = {}

    def seconds(self, work) -> float:
        """Median; `work` may return a function that is timed in its place (a backward pass)."""
        samples = []
        for i in range(WARM + TIMES):
            timed = work() if getattr(work, "prepares", False) else work
            if self.cuda:
                torch.cuda.synchronize()
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                # Work ahead of the device, so that the time to launch is not measured.
                torch.cuda._sleep(100_000)
                begin.record()
                timed()
                end.record()
                torch.cuda.synchronize()
                sample = begin.elapsed_time(end) * 1e-3
            else:
                start = time.perf_counter()
                timed()
                sample = time.perf_counter() - start
            if i >= WARM:
                samples.append(sample)
        return sorted(samples)[len(samples) // 2]

    def add(self, name: str, variants: dict, flops: float = 0, moved: float = 0) -> None:
        """The fastest of several ways to compute the same."""
        for variant, work in variants.items():
            try:
                seconds = self.seconds(work)
            except Exception as error:  # a back end that does not take these sizes
                self.failures[f"{name} {variant}"] = str(error).splitlines()[0][:200]
                continue
            before = self.results.get(name)
            if before and before["ms"] <= 1e3 * seconds:
                continue
            result = {"ms": 1e3 * seconds, "by": variant}
            if flops:
                result["tflops"] = flops / seconds / 1e12
            if moved:
                result["gbps"] = moved / seconds / 1e9
            self.results[name] = result


def backward_of(forward, *inputs):
    """A work whose backward pass alone is timed."""

    def prepare():
        for x in inputs:
            x.grad = None
        y = forward(*inputs)
        d_y = torch.randn_like(y)
        return lambda: torch.autograd.grad(y, inputs, d_y)

    prepare.prepares = True
    return prepare


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    shape = SHAPES[args.shape]
    bench = Bench(args.device)
    bf16 = dict(device=args.device, dtype=torch.bfloat16)
    f32 = dict(device=args.device, dtype=torch.float32)
    T, L, D, V = args.tokens, args.length, shape["hidden_size"], shape["vocab_size"]
    H, K, E = shape["num_attention_heads"], shape["num_key_value_heads"], shape["head_dim"]
    inner = shape["intermediate_size"]
    compiled = (lambda f: torch.compile(f, dynamic=False)) if args.compile else None

    def ways(f, *inputs):
        found = {"eager": lambda: f(*inputs)}
        if compiled:
            g = compiled(f)
            found["compiled"] = lambda: g(*inputs)
        return found

    def ways_back(f, *inputs):
        found = {"eager": backward_of(f, *inputs)}
        if compiled:
            found["compiled"] = backward_of(compiled(f), *inputs)
        return found

    def leaf(*sizes, scale=1.0):
        return (scale * torch.randn(*sizes, **bf16)).requires_grad_()

    n = 8192 if bench.cuda else 512
    a, b = torch.randn(n, n, **bf16), torch.randn(n, n, **bf16)
    bench.add("product", {"matmul": lambda: a @ b.T}, flops=2 * n**3)
    size = (1 << 30) if bench.cuda else (1 << 22)
    source, target = torch.randn(size, **f32), torch.empty(size, **f32)
    bench.add("copy", {"copy_": lambda: target.copy_(source)}, moved=8 * size)
    del a, b, source, target

    # Attention: documents of one length, as a batch.
    B = max(1, T // L)
    pairs = B * L * (L + 1) / 2
    product = 2 * pairs * H * E
    q, k, v = leaf(B, H, L, E), leaf(B, K, L, E), leaf(B, K, L, E)
    from torch.nn.attention import SDPBackend, sdpa_kernel

    def attention(backend):
        def run(q, k, v):
            with sdpa_kernel(backend):
                return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

        return run

    backends = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.MATH][: 2 if bench.cuda else 3]
    forward = {x.name.lower(): (lambda f: lambda: f(q, k, v))(attention(x)) for x in backends}
    backward = {x.name.lower(): backward_of(attention(x), q, k, v) for x in backends}
    bench.add("attention", forward, flops=2 * product)
    bench.add("attention_backward", backward, flops=5 * product)
    del q, k, v

    # Memory-bound: bytes as bench/gpu counts them.
    each = 2 * T * D
    x, delta = leaf(T, D), leaf(T, D)
    weight = torch.ones(D, **bf16)

    def add_norm(x, delta):
        total = x + delta
        return total, F.rms_norm(total, (D,), weight, 1e-5)

    bench.add("add_norm", ways(add_norm, x, delta), moved=4 * each)
    norm = lambda x: F.rms_norm(x, (D,), weight, 1e-5)
    bench.add("norm", ways(norm, x), moved=2 * each)
    bench.add("norm_backward", ways_back(norm, x), moved=3 * each)
    del x, delta

    gate, up = leaf(T, inner), leaf(T, inner)
    swiglu = lambda gate, up: F.silu(gate) * up
    wide = 2 * T * inner
    bench.add("activation", ways(swiglu, gate, up), moved=3 * wide)
    bench.add("activation_backward", ways_back(swiglu, gate, up), moved=5 * wide)
    del gate, up

    heads = torch.randn(1, H + K, T, E, **bf16)
    cosine, sine = torch.randn(T, E, **bf16), torch.randn(T, E, **bf16)

    def rope(x):
        half = E // 2
        return x * cosine + torch.cat((-x[..., half:], x[..., :half]), -1) * sine

    bench.add("rope", ways(rope, heads), moved=4 * T * (H + K) * E)
    del heads

    logits = torch.randn(args.rows, V, **f32).requires_grad_()
    targets = torch.randint(V, (args.rows,), device=args.device)

    def losses(logits):
        return F.cross_entropy(logits, targets, reduction="sum")

    def both(f):
        def run():
            logits.grad = None
            f(logits).backward()

        return run

    ce = {"eager": both(losses), **({"compiled": both(compiled(losses))} if compiled else {})}
    # Ours reads float32 logits and writes their gradient in bfloat16.
    bench.add("cross_entropy", ce, moved=6 * args.rows * V)
    del logits

    # Head and cross-entropy: the dense-product rate that both reach together.
    x = leaf(args.rows, D)
    head = torch.randn(V, D, **bf16)

    def whole(x):
        return F.cross_entropy((x @ head.T).float(), targets, reduction="sum")

    def step(f):
        def run():
            x.grad = None
            f(x).backward()

        return run

    linear = {"eager": step(whole), **({"compiled": step(compiled(whole))} if compiled else {})}
    bench.add("head", linear, flops=4 * args.rows * D * V)
    del x, head

    table = torch.randn(V, D, **bf16)
    ids = torch.randint(V, (T,), device=args.device)
    bench.add("embedding", ways(lambda ids: F.embedding(ids, table), ids), moved=2 * each)
    del table

    count = (1 << 28) if bench.cuda else (1 << 20)
    master = torch.randn(count, **f32).requires_grad_()
    master.grad = torch.randn_like(master)
    adamw = torch.optim.AdamW([master], lr=1e-4, fused=True)
    # Four float32 read and three written; the bfloat16 copy would be a pass of its own.
    bench.add("adamw", {"fused": adamw.step}, moved=28 * count)
    del master, adamw

    # What an adapter costs over the bare product, both passes.
    w = torch.randn(inner, D, **bf16)
    A, Bm, x = leaf(16, D), leaf(inner, 16), leaf(T, D)
    bare = lambda x: x @ w.T
    lora = lambda x, A, Bm: x @ w.T + 2.0 * (x @ A.T) @ Bm.T
    flops = 2 * T * D * inner
    bench.add("linear", ways(bare, x), flops=flops)
    bench.add("linear_lora", ways(lora, x, A, Bm), flops=flops)
    bench.add("linear_backward", ways_back(bare, x), flops=flops)
    bench.add("linear_lora_backward", ways_back(lora, x, A, Bm), flops=flops)

    name = torch.cuda.get_device_name() if bench.cuda else "cpu"
    report = {"torch": torch.__version__, "device": name, **vars(args)}
    print(json.dumps({**report, "ops": bench.results, "failures": bench.failures}))


if __name__ == "__main__":
    main()
