"""How a run is carried out: where, in which precision, in how little memory.

    Execution(device="cuda", precision="bf16", chunk=64,
              activation_checkpointing="chunks")

Nothing here belongs to the recipe: but for rounding, the outcome is the same. A run's
provenance says how it was carried out.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import checkpoint

from mocolib.errors import BadInput
from mocolib.execution import distributed
from mocolib.fields import checked, setting
from mocolib.recipe import Recipe

CHUNK = 256  # images a backbone sees at once: its activations then fit the cache


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What a run costs, not what comes of it."""

    device: str = setting(
        "auto",
        "where to train; auto takes the first of the others that is there",
        choices=("auto", "cuda", "mps", "cpu"),
    )
    precision: str = setting(
        "auto",
        "bf16 for the encoders' products, weights and loss in fp32; fp64 to tell "
        "rounding from reason; auto is bf16 on cuda, else fp32",
        choices=("auto", "fp32", "bf16", "fp64"),
    )
    chunk: int = setting(
        CHUNK, "images a ViT sees at once; fewer take less memory", low=1, high=10**6
    )
    activation_checkpointing: str = setting(
        "none",
        "activations to compute again on the way back rather than keep: those inside "
        "blocks, or of whole chunks, so that a batch of any size fits; a third more "
        "time",
        choices=("none", "blocks", "chunks"),
    )
    workers: int = setting(
        0,
        "processes that decode images of a folder too large for memory",
        low=0,
        high=256,
    )
    compile: bool = setting(False, "compile the backbones; pays on cuda only")
    timeout: float = setting(
        600.0, "seconds to wait for other processes of the run", above=0, high=86400
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        kind = self.torch_device.type
        if self.device == "cuda" and not torch.cuda.is_available():
            raise BadInput("device is 'cuda', but must be one that is here.")
        if self.device == "mps" and not torch.backends.mps.is_available():
            raise BadInput("device is 'mps', but must be one that is here.")
        if self.precision == "fp64" and kind == "mps":
            raise BadInput("precision is 'fp64', but must be fp32 or bf16 on mps.")
        if self.compile and kind != "cuda":
            raise BadInput(f"compile is True, but must be False on {kind}.")

    @property
    def torch_device(self) -> torch.device:
        """The device itself; of several GPUs the one of this process."""
        kind = self.device
        if kind == "auto" and torch.cuda.is_available():
            kind = "cuda"
        elif kind == "auto":
            kind = "mps" if torch.backends.mps.is_available() else "cpu"
        if kind == "cuda":
            return torch.device(kind, distributed.number("LOCAL_RANK", 0))
        return torch.device(kind)

    @property
    def autocast(self) -> bool:
        """Whether the encoders' products are taken in bf16."""
        automatic = self.precision == "auto" and self.torch_device.type == "cuda"
        return automatic or self.precision == "bf16"

    @property
    def dtype(self) -> torch.dtype:
        """Of weights, gradients and moments."""
        return torch.float64 if self.precision == "fp64" else torch.float32

    def facts(self) -> dict:
        """What provenance keeps of it."""
        plain = {torch.float32: "fp32", torch.float64: "fp64"}[self.dtype]
        return {
            "device": self.torch_device.type,
            "precision": "bf16" if self.autocast else plain,
            "processes": distributed.world_size(),
            "chunk": self.chunk,
            "activation_checkpointing": self.activation_checkpointing,
            "compile": self.compile,
        }

    def check(self, recipe: Recipe):
        """BadInput where recipe and execution don't fit."""
        distributed.check(recipe.batch_size)
        again = self.activation_checkpointing
        if again != "none" and recipe.backbone != "vit":
            raise BadInput(
                f"activation_checkpointing is {again!r}, but must be none for a "
                f"{recipe.backbone}, whose BatchNorm counts each forward pass."
            )
        if recipe.patch_projection_norm == "batch":
            self.check_whole_batch()

    def check_whole_batch(self):
        """BadInput where a backbone would see its batch in chunks."""
        if self.activation_checkpointing == "chunks":
            raise BadInput(
                "activation_checkpointing is 'chunks', but must be none or blocks for "
                "a backbone that needs its whole batch at once."
            )


EXECUTION = {f.name: f for f in dataclasses.fields(Execution)}
PLAIN = Execution(device="cpu")  # as the book's runs were trained


def prepared(model: nn.Module, how: Execution) -> nn.Module:
    """The model on its device, with what `how` asks for; names stay as they were."""
    model = distributed.sync_batchnorm(model.to(how.torch_device, how.dtype))
    modules = dict(model.named_children())  # query; key and predictor if it has them
    for side in (modules[name] for name in ("query", "key") if name in modules):
        side.chunk = how.chunk
        if how.compile:
            side.backbone.compile()
    body = model.query.backbone
    again = {"none": [], "blocks": getattr(body, "blocks", []), "chunks": [body]}
    for module in again[how.activation_checkpointing]:
        module.forward = partial(
            checkpoint,
            module.forward,
            use_reentrant=False,
            preserve_rng_state=False,  # no random number is drawn in a backbone
        )
    if how.autocast:
        for module in modules.values():
            _mix(module, how.torch_device.type)
    return model


def _mix(module: nn.Module, kind: str):
    """Products in bf16, results in fp32: so norms, softmax and loss lose nothing."""
    inner = module.forward

    def forward(*inputs):
        with torch.autocast(kind, torch.bfloat16):
            return tree_map(torch.Tensor.float, inner(*inputs))

    module.forward = forward
