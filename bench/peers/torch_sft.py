"""transformers (and PEFT) on one device: the peer of `attune_gpu_bench step`.

A model of known sizes with random weights in bfloat16, SDPA, fused AdamW, torch.compile where asked
for; batches of equally long documents of random tokens, every one trained. Prints one JSON object:
tokens per second (median over steps), peak memory, each step's loss. Ends with 3 where memory does
not suffice, so that a script may ask for less.
"""

import argparse
import json
import sys
import time
from importlib.metadata import version

import torch
from shapes import SHAPES


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shape", default="llama-3.1-8b", choices=SHAPES)
    parser.add_argument("--layers", type=int, default=0, help="above 0: in place of the shape's")
    parser.add_argument("--rank", type=int, default=16, help="0: every weight is trained")
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=8192, help="of a micro-batch")
    parser.add_argument("--micro-batches", type=int, default=1)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--compile", type=int, default=1)
    parser.add_argument("--checkpointing", type=int, default=0)
    return parser.parse_args()


def build(args):
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = dict(SHAPES[args.shape])
    theta = shape.pop("rope_theta")
    if args.layers:
        shape["num_hidden_layers"] = args.layers
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": theta}}
    config = LlamaConfig(
        **shape, **rope, max_position_embeddings=131072, attn_implementation="sdpa", use_cache=False
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(args.device):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    if args.checkpointing:
        model.gradient_checkpointing_enable(dict(use_reentrant=False))
    if args.rank:
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules="all-linear")
        model = get_peft_model(model, lora, autocast_adapter_dtype=False)
        if args.checkpointing:
            model.enable_input_require_grads()
    return model.train()


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    cuda = args.device.startswith("cuda")
    start = time.perf_counter()
    model = build(args)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0, fused=True)
    run = torch.compile(model) if args.compile else model
    vocabulary = SHAPES[args.shape]["vocab_size"]
    rows = max(1, args.tokens // args.length)
    batches = [
        torch.randint(vocabulary, (rows, args.length), device=args.device) for _ in range(4)
    ]

    def step(first: int) -> torch.Tensor:
        total = 0
        for i in range(args.micro_batches):
            ids = batches[(first + i) % len(batches)]
            loss = run(input_ids=ids, labels=ids).loss / args.micro_batches
            loss.backward()
            total = total + loss.detach()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    def wait() -> None:
        if cuda:
            torch.cuda.synchronize()

    losses, seconds = [], []
    warm = 3
    for i in range(warm + args.steps):
        wait()
        begin = time.perf_counter()
        loss = step(i * args.micro_batches)
        wait()
        losses.append(loss.item())
        if i == 0:
            first = time.perf_counter() - start
        if i >= warm:
            seconds.append(time.perf_counter() - begin)
    tokens = rows * args.length * args.micro_batches
    peak = torch.cuda.max_memory_allocated() if cuda else 0
    free, all_memory = torch.cuda.mem_get_info() if cuda else (0, 0)
    names = ("torch", "transformers", "peft")
    result = {
        **vars(args),
        "versions": {name: version(name) for name in names},
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "tokens_per_second": tokens / sorted(seconds)[len(seconds) // 2],
        "step_seconds": seconds,
        "until_first_step_seconds": first,
        "peak_allocated": peak,
        "in_use": all_memory - free,
        "loss": losses,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    try:
        main()
    except torch.OutOfMemoryError as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        sys.exit(3)
