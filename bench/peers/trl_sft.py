"""TRL's side of the training benchmark: SFTTrainer with PEFT on the CPU.

Prints one JSON object: seconds from the start of this process to the start and the end of step 1,
tokens per second over the steps after the first, peak resident memory, and each step's loss.
Tokens are those that enter the model, padding included only where TRL pads.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def process_age() -> float:
    """Seconds since this process was started."""
    with open("/proc/self/stat") as file:
        started = int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    with open("/proc/uptime") as file:
        return float(file.read().split()[0]) - started


def peak_memory() -> int:
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True, help=".jsonl with prompt and completion")
    parser.add_argument("--output", required=True)
    parser.add_argument("--cache", help="datasets' cache; kept between runs, so later runs are warm")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--lora-r", type=int, default=16)
    parser.add_argument("--lora-alpha", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--packing", default="bfd", help="bfd, bfd_split, wrapped or none")
    parser.add_argument("--weights", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--autocast", action="store_true", help="bf16: true (autocast)")
    parser.add_argument("--adapter-dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--checkpointing", action="store_true", help="TRL's default")
    parser.add_argument("--attention", default=None, help="sdpa, eager")
    parser.add_argument("--loss-type", default=None)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args()


def main() -> None:
    args = arguments()

    import torch
    from datasets import load_dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    torch.set_num_threads(args.threads)
    marks = {"imported": process_age()}

    class Clock(TrainerCallback):
        starts, ends, busy = [], [], []

        def on_step_begin(self, *_, **__):
            self.starts.append(process_age())
            self.busy.append(-time.process_time())

        def on_step_end(self, *_, **__):
            self.ends.append(process_age())
            self.busy[-1] += time.process_time()

    packed = args.packing != "none"
    config = SFTConfig(
        output_dir=args.output,
        use_cpu=True,
        max_steps=args.steps,
        max_length=args.max_length,
        per_device_train_batch_size=args.batch,
        packing=packed,
        **({"packing_strategy": args.packing} if packed else {}),
        learning_rate=args.learning_rate,
        bf16=args.autocast,
        gradient_checkpointing=args.checkpointing,
        loss_type=args.loss_type,
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    model = AutoModelForCausalLM.from_pretrained(
        args.model,
        dtype=getattr(torch, args.weights),
        **({"attn_implementation": args.attention} if args.attention else {}),
    )
    if args.method == "lora":
        lora = LoraConfig(
            r=args.lora_r,
            lora_alpha=args.lora_alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(
            model, lora, autocast_adapter_dtype=args.adapter_dtype == "float32"
        )
    data = load_dataset("json", data_files=args.data, cache_dir=args.cache, split="train")
    marks["loaded"] = process_age()
    trainer = SFTTrainer(model=model, args=config, train_dataset=data, callbacks=[Clock()])
    marks["prepared"] = process_age()
    trainer.train()

    log = [row for row in trainer.state.log_history if "loss" in row]
    counts = [row["num_tokens"] for row in log]
    tokens = [int(b - a) for a, b in zip([0, *counts], counts)]
    spans = [b - a for a, b in zip(Clock.starts, Clock.ends)]
    later = sum(spans[1:])
    print(
        json.dumps(
            {
                "versions": {
                    "python": platform.python_version(),
                    **{name: version(name) for name in ("trl", "peft", "torch", "transformers")},
                },
                "settings": {
                    key: value
                    for key, value in vars(args).items()
                    if key not in ("model", "data", "output", "cache")
                },
                "marks": marks,
                "start_of_step_1": Clock.starts[0],
                "end_of_step_1": Clock.ends[0],
                "tokens_per_second": sum(tokens[1:]) / later if later else None,
                "step_seconds": spans,
                "step_cpu_seconds": Clock.busy,
                "step_tokens": tokens,
                "peak_memory": peak_memory(),
                "loss": [row["loss"] for row in log],
                "grad_norm": [row["grad_norm"] for row in log],
                "rows": len(trainer.train_dataset),
                "unix_time": time.time(),
            }
        )
    )


main()
