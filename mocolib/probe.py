"""What is measured inside a step, layer by layer.

grad_inf  largest absolute entry of the gradient, the paper's infinity norm (figure 4)
grad_l2   Euclidean norm of the gradient
adam_rms  sqrt(mean(g^2 / v)) with v corrected for its start: above 1 the optimizer
          under-estimates this gradient, below 1 it over-estimates (2304.13013)
update    size of the step against the size of the weights, |dw| / |w|
cosine    between the step taken and the negative gradient

The gradient's norms are those before any clipping; adam_rms compares what the
optimizer was given.
"""

import re

import torch
from torch import nn

from mocolib.optim import steps_averaged

MEASURES = ("grad_inf", "grad_l2", "adam_rms", "update", "cosine")


def layers(model: nn.Module) -> dict:
    """The weight matrices of a network by short names, first to last layer.

    Of a model with two sides those of the query side. Our ViT gives patch_projection,
    blocks.0.qkv, blocks.0.proj, blocks.0.fc1, blocks.0.fc2, ..., projector.0, ...,
    predictor.0, ...; timm's patch_embed.proj, blocks.0.attn.qkv, ..., head.
    """
    found = {}
    for name, parameter in model.named_parameters():
        matrix = parameter.ndim >= 2 and name.endswith("weight")
        if name.startswith("key.") or not matrix:  # positions and tokens are no layers
            continue
        short = re.sub(r"^query\.|backbone\.|body\.|attention\.|\.weight$", "", name)
        head, _, _ = short.partition(".")
        if head in ("projector", "predictor"):  # count layers, not list entries
            short = f"{head}.{sum(n.startswith(head) for n in found)}"
        found[short] = parameter
    return found


class Probe:
    """Call `before` between backward and the optimizer's step, `after` behind it.

    For any network and any optimizer of torch's shape; `adam_rms` is None where the
    optimizer keeps no second moment. Where gradients are scaled, as with fp16, unscale
    them before.
    """

    def __init__(self, model: nn.Module, optimizer):
        self.layers, self.optimizer = layers(model), optimizer

    @torch.no_grad()
    def before(self):
        """Remember the weights and read the gradients."""
        self.live = {n: p for n, p in self.layers.items() if p.grad is not None}
        self.weights = [p.detach().clone() for p in self.live.values()]
        grads = [p.grad for p in self.live.values()]
        self.read = {
            "grad_inf": torch._foreach_norm(grads, torch.inf),
            "grad_l2": torch._foreach_norm(grads, 2),
        }

    @torch.no_grad()
    def after(self) -> dict:
        """{measure: {layer: value}}; None for a layer that is not trained."""
        parameters = list(self.live.values())
        grads = [p.grad for p in parameters]
        steps = torch._foreach_sub(parameters, self.weights)
        sizes = torch._foreach_norm(steps)
        scale = torch._foreach_norm(self.weights)
        self.read["update"] = [
            a / b.clamp(min=1e-30) for a, b in zip(sizes, scale, strict=True)
        ]
        lengths = torch._foreach_norm(grads)  # anew: they may have been clipped
        self.read["cosine"] = [
            -torch.vdot(s.flatten(), g.flatten()) / (a * b).clamp(min=1e-30)
            for s, g, a, b in zip(steps, grads, sizes, lengths, strict=True)
        ]
        self.read["adam_rms"] = [self.adam_rms(p) for p in parameters]
        table = {}
        for measure in MEASURES:
            values = iter(
                torch.stack([torch.as_tensor(v) for v in self.read[measure]]).tolist()
            )
            table[measure] = {
                n: next(values) if n in self.live else None for n in self.layers
            }
        if not self._moments(parameters[0]):
            table["adam_rms"] = dict.fromkeys(self.layers)
        return table

    def _moments(self, parameter):
        return "exp_avg_sq" in self.optimizer.state[parameter]

    def adam_rms(self, parameter) -> torch.Tensor:
        """Root mean square of g / sqrt(v), v corrected for its start; 0 without v."""
        if not self._moments(parameter):
            return torch.tensor(0.0)
        state, group = self.optimizer.state[parameter], self.optimizer.param_groups[0]
        second, count = state["exp_avg_sq"], steps_averaged(group, state)
        if count is not None:
            second = second / (1 - group["betas"][1] ** count)
        square = parameter.grad.square()
        return (square / second.clamp(min=1e-30)).mean().sqrt()
