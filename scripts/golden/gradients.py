"""Losses, logits and every gradient of the tiny models, in float64: test/golden/gradients/.

Documents are computed one at a time and added up, so a packed batch that gives these numbers keeps
its documents apart. Also makes the adapters (PEFT) under test/golden/adapters/.
"""

import shutil
import warnings

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from common import GOLDEN, IGNORE, exact_rms_norm, targets_of, versions, write_json

NAMES = ("llama", "llama3", "opt", "opt350")
LENGTHS = (9, 1, 70, 17, 26)
LOGITS_OF = 3
SMOOTHING = 0.1


def documents(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Ids from 3 up (OPT's padding row gets no gradient in torch); labels partly ignored."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for index, length in enumerate(LENGTHS):
        ids = torch.randint(3, 96, (length,), generator=generator)
        labels = ids.clone()
        if index == 2:
            labels[: length // 2] = IGNORE
        if index == 3:
            labels[torch.rand(length, generator=generator) < 0.3] = IGNORE
        if index == 4:
            labels[:] = IGNORE
        rows.append((ids, labels))
    return rows


def predict_some(model, rows) -> None:
    """Every third label becomes the model's own choice, so that hits are counted."""
    for ids, labels in rows:
        with torch.no_grad():
            best = model(input_ids=ids[None], use_cache=False).logits[0].argmax(-1)
        some = (torch.arange(len(ids)) % 3 == 1) & (labels != IGNORE)
        labels[1:][some[1:]] = best[:-1][some[1:]]


def sums_of(model, rows, loss: str):
    """Adds up over documents: (loss as a graph, statistics, per-token nll, logits by document)."""
    total, stats = 0.0, dict(nll=0.0, entropy=0.0, correct=0, tokens=0)
    per_token, logits_of = [], []
    for ids, labels in rows:
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
        logits_of.append(logits.detach())
        targets = targets_of(labels)
        kept = targets != IGNORE
        logp = logits[kept].log_softmax(-1)
        chosen = targets[kept]
        nll = -logp.gather(-1, chosen[:, None])[:, 0]
        if loss == "dft":
            total = total + (nll.neg().exp().detach() * nll).sum()
        elif loss == "smoothed":
            total = total + ((1 - SMOOTHING) * nll - SMOOTHING * logp.mean(-1)).sum()
        else:
            total = total + nll.sum()
        stats["nll"] += nll.sum().item()
        stats["entropy"] += -(logp.exp() * logp).sum().item()
        stats["correct"] += int((logp.argmax(-1) == chosen).sum())
        stats["tokens"] += len(chosen)
        per_token.append(nll.detach())
    return total, {"loss": float(total.detach()), **stats}, torch.cat(per_token), logits_of


def gradients(model, total) -> dict[str, torch.Tensor]:
    model.zero_grad()
    total.backward()
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def check_direction(model, rows, grads) -> None:
    """Central difference along a random direction: the oracle agrees with itself."""
    step = 1e-7  # small, so that no rectifier is likely to change sides
    torch.manual_seed(7)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    ways = {name: torch.randn_like(p) for name, p in parameters.items()}
    slope = sum((grads[name] * way).sum() for name, way in ways.items())
    values = []
    with torch.no_grad():
        for sign in (1, -2):
            for name, parameter in parameters.items():
                parameter += sign * step * ways[name]
            values.append(sums_of(model, rows, "nll")[1]["loss"])
        for name, parameter in parameters.items():
            parameter += step * ways[name]
    measured = (values[0] - values[1]) / (2 * step)
    assert abs(measured - slope) < 1e-4 * abs(slope) + 1e-3, (float(slope), measured)


def load(name: str):
    path = GOLDEN / "models" / name
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).double().eval()


def adapt(model, name: str, seed: int):
    """LoRA on every linear layer, both factors random, saved as PEFT saves it."""
    adapted = get_peft_model(
        model,
        LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    generator = torch.Generator().manual_seed(100 + seed)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(0.2 * noise)
    for config in adapted.peft_config.values():
        config.base_model_name_or_path = f"test/golden/models/{name}"
        config.target_modules = sorted(config.target_modules)
    target = GOLDEN / "adapters" / name
    shutil.rmtree(target, ignore_errors=True)
    adapted.float().save_pretrained(target)
    (target / "README.md").unlink(missing_ok=True)
    return adapted.double()


def file_name(parameter: str) -> str:
    """Name that PEFT gives the parameter in adapter_model.safetensors."""
    return parameter.replace(".default.", ".")


def fixture(name: str, seed: int) -> None:
    rows = documents(seed)
    tensors, sums = {}, {}
    model = load(name)
    predict_some(model, rows)
    for loss in ("nll", "smoothed", "dft"):
        total, sums[loss], nll, logits = sums_of(model, rows, loss)
        grads = gradients(model, total)
        if loss == "nll":
            check_direction(model, rows, grads)
            tensors["nll"] = nll
            tensors["logits"] = logits[LOGITS_OF]
        for parameter, gradient in grads.items():
            tensors[f"{loss}/{parameter}"] = gradient

    adapted = adapt(model, name, seed)
    total, sums["lora"], nll, logits = sums_of(adapted, rows, "nll")
    grads = gradients(adapted, total)
    check_direction(adapted, rows, grads)
    tensors["lora_nll"] = nll
    tensors["lora_logits"] = logits[LOGITS_OF]
    for parameter, gradient in grads.items():
        tensors[f"lora/{file_name(parameter)}"] = gradient

    target = GOLDEN / "gradients"
    target.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: value.float().contiguous() for key, value in tensors.items()},
        target / f"{name}.safetensors",
    )
    write_json(
        target / f"{name}.json",
        {
            "versions": versions("peft"),
            "model": f"models/{name}",
            "adapter": f"adapters/{name}",
            "smoothing": SMOOTHING,
            "logits_of": LOGITS_OF,
            "documents": [
                {"ids": ids.tolist(), "labels": labels.tolist()} for ids, labels in rows
            ],
            "sums": sums,
        },
    )
    print(name, sums["nll"], sums["lora"]["loss"])


warnings.filterwarnings("ignore", message="Could not find a config file")
exact_rms_norm()
for seed, name in enumerate(NAMES):
    fixture(name, seed)
