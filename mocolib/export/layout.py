"""All that is trained as one flat vector: where each parameter lies, how it starts."""

import math
from dataclasses import dataclass

import torch

from mocolib.optim import trainable
from mocolib.probe import layers

PROJECTION = "query.backbone.patch_projection."


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One parameter's place in the flat vector."""

    name: str  # as in the model, "query.projector.0.weight"
    shape: tuple
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def part(self) -> slice:
        return slice(self.offset, self.offset + self.size)


class Layout:
    """The flat vector of a model's query side; the key side is its beginning."""

    def __init__(self, model):
        named, offset = trainable(model), 0
        self.segments = []
        for name, parameter in named:
            shape = tuple(parameter.shape)
            self.segments.append(Segment(name=name, shape=shape, offset=offset))
            offset += parameter.numel()
        self.size = offset
        # the predictor comes last and has no twin on the key side
        self.twins = [s for s in self.segments if s.name.startswith("query.")]
        self.key_size = sum(s.size for s in self.twins)
        fixed = [s for s in self.segments if s.name.startswith(PROJECTION)]
        self.projection = slice(fixed[0].offset, fixed[-1].part.stop)
        places = {id(p): s for s, (_, p) in zip(self.segments, named, strict=True)}
        self.layers = {n: places[id(p)] for n, p in layers(model).items()}

    def split(self, vector) -> dict:
        """[size] to the parameters by name, as views."""
        return {s.name: vector[s.part].view(s.shape) for s in self.segments}

    def split_key(self, vector) -> dict:
        """[key_size] to the key side's parameters by name."""
        parts = ((s.name.removeprefix("query."), s) for s in self.twins)
        return {f"key.{name}": vector[s.part].view(s.shape) for name, s in parts}

    def join(self, tensors: dict) -> torch.Tensor:
        """The parameters by name, or anything of their shapes, to [size]."""
        return torch.cat([tensors[s.name].flatten() for s in self.segments])
