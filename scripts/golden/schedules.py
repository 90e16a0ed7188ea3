"""Learning rates of transformers' schedules, step by step, into test/golden/schedules.json."""

import json
import pathlib

import torch
import transformers
from transformers.optimization import get_scheduler

CASES = [
    ("linear", 10, 100, {}),
    ("linear", 0, 7, {}),
    ("cosine", 10, 100, {}),
    ("cosine", 3, 20, {"num_cycles": 1.25}),
    ("cosine_with_restarts", 5, 60, {}),
    ("cosine_with_restarts", 5, 60, {"num_cycles": 3}),
    ("polynomial", 4, 40, {}),
    ("polynomial", 4, 40, {"power": 2.0, "lr_end": 1e-6}),
    ("constant", 10, 20, {}),
    ("constant_with_warmup", 10, 20, {}),
    ("inverse_sqrt", 6, 30, {}),
    ("inverse_sqrt", 0, 30, {}),
    ("inverse_sqrt", 6, 30, {"timescale": 11}),
    ("cosine_with_min_lr", 5, 40, {"min_lr": 3e-6}),
    ("cosine_with_min_lr", 5, 40, {"min_lr_rate": 0.1, "num_cycles": 0.75}),
    ("cosine_warmup_with_min_lr", 5, 40, {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", 5, 40, {"min_lr": 2e-6, "warmup_lr_rate": 0.25}),
    ("warmup_stable_decay", 5, 40, {"num_decay_steps": 10}),
    ("warmup_stable_decay", 5, 40, {"num_decay_steps": 10, "min_lr_ratio": 0.1, "warmup_type": "cosine",
                                    "decay_type": "1-sqrt"}),
    ("warmup_stable_decay", 5, 40, {"num_decay_steps": 10, "num_stable_steps": 12, "warmup_type": "1-sqrt",
                                    "decay_type": "linear"}),
]
RATE = 2e-5
LOSSES = [3.0, 2.5, 2.4, 2.4, 2.4, 2.39999, 2.4, 2.3, 2.31, 2.32, 2.33, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3]


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)


def rates(name, warmup, total, kwargs):
    target = optimizer()
    scheduler = get_scheduler(name, target, warmup, total, kwargs)
    found = []
    for _ in range(total + 2):
        found.append(target.param_groups[0]["lr"])
        target.step()
        scheduler.step()
    return found


def plateau(kwargs):
    target = optimizer()
    scheduler = get_scheduler("reduce_lr_on_plateau", target, scheduler_specific_kwargs=kwargs)
    found = []
    for loss in LOSSES:
        scheduler.step(loss)
        found.append(target.param_groups[0]["lr"])
    return found


settings = [{}, {"patience": 1, "factor": 0.5}, {"patience": 0, "cooldown": 2, "min_lr": 1e-6},
            {"patience": 1, "threshold": 0.05, "threshold_mode": "abs"}]
json.dump(
    {
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
        "rate": RATE,
        "schedules": [
            {"type": n, "warmup": w, "total": t, "kwargs": k, "rates": rates(n, w, t, k)} for n, w, t, k in CASES
        ],
        "losses": LOSSES,
        "plateaus": [{"kwargs": k, "rates": plateau(k)} for k in settings],
    },
    pathlib.Path(__file__).parents[2].joinpath("test/golden/schedules.json").open("w"),
    indent=1,
)
