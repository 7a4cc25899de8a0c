"""The state of a run: taken from a `Training`, put back into one, kept in one file.

A run that goes on from its state takes the steps that it would have taken, bit for bit.
"""

import json
from pathlib import Path

import safetensors.torch
import torch

from mocolib.files import read_tensors, write_atomic

# What reading a damaged file, or restoring from it, may raise.
DAMAGED = (KeyError, TypeError, ValueError, RuntimeError)


def state(training) -> tuple[dict, dict]:
    """All that a later process needs: named tensors, and plain values."""
    tensors = {f"model.{k}": v for k, v in training.model.state_dict().items()}
    tensors |= {f"queue.{k}": v for k, v in training.monitor.queue.state().items()}
    saved = training.optimizer.state_dict()
    scalars = {}
    for index, entries in saved["state"].items():
        for key, value in entries.items():
            kept = tensors if torch.is_tensor(value) else scalars
            kept[f"optimizer.{index}.{key}"] = value
    groups = [
        {k: v.item() if torch.is_tensor(v) else v for k, v in group.items()}
        for group in saved["param_groups"]
    ]
    values = {
        "done": training.done,
        "outcome": training.outcome,
        "changes": training.changes,
        "scalars": scalars,
        "groups": groups,
        "tensors": len(tensors),
    }
    return tensors, values


def restore(training, tensors: dict, values: dict):
    """Continue from what `state` gave, for the same recipe and data."""
    if len(tensors) != values["tensors"]:
        raise ValueError(f"{len(tensors)} tensors of {values['tensors']} are there")
    training.model.load_state_dict(_under("model.", tensors))
    training.monitor.queue.restore(_under("queue.", tensors))
    for change in values["changes"]:  # the moments that follow have seen them
        training.change(**{k: v for k, v in change.items() if k != "step"})
    entries: dict = {}
    for name, value in _under("optimizer.", {**tensors, **values["scalars"]}).items():
        index, key = name.split(".", 1)
        own_value = value.clone() if torch.is_tensor(value) else value
        entries.setdefault(int(index), {})[key] = own_value
    groups = [  # a group's step count is a tensor in every optimizer that has one
        {k: torch.tensor(v) if k == "step" else v for k, v in group.items()}
        for group in values["groups"]
    ]
    training.optimizer.load_state_dict({"state": entries, "param_groups": groups})
    training.changes = list(values["changes"])
    training.done, training.outcome = values["done"], values["outcome"]


def _under(prefix: str, tensors: dict) -> dict:
    """The entries whose names begin so, without it."""
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def save(path: Path, training, **extra):
    """Write the state, and plain values beside it, whole or not at all."""
    # tensors and plain values travel in one file, so they can't disagree
    tensors, values = state(training)
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    kept = {"values": json.dumps(values)}
    kept |= {name: json.dumps(value) for name, value in extra.items()}
    write_atomic(path, safetensors.torch.save(tensors, kept))


def load(path: Path, training) -> dict:
    """Restore from a file; what was saved beside the state. DAMAGED where it cannot."""
    tensors, told = read_tensors(path)
    kept = {k: json.loads(v) for k, v in told.items()}
    restore(training, tensors, kept.pop("values"))
    return kept
