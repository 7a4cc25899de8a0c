"""Settings, their values, measures and layers in words; ids in code, words for readers.

An id is ASCII and never shown. One that reads as it should, with spaces for its
underscores, needs no entry.
"""

from numbers import Integral, Real

from mocolib.words.language import said

LABELS = {
    "base_lr": "base rate",
    "batch_size": "batch",
    "temperature": "temperature τ",
    "momentum": "momentum m",
    "beta2": "β₂",
    "negatives": "negatives K",
    "qk_norm": "qk-norm",
    "patch_projection_start": "projection's start",
    "patch_projection_lr": "projection's rate ×",
}
TITLES = {"temperature": "τ", "momentum": "m"}  # where there is little room
VALUES = {  # as they are written in prose
    "adamw": "AdamW",
    "stableadamw": "StableAdamW",
    "lamb": "LAMB",
    "conv": "convolutional",
    "xavier": "random start",
    "orthogonal": "orthogonal start",
    "moco_v3": "MoCo v3",
    "simclr": "SimCLR",
    "byol": "BYOL",
    "sincos": "sin-cos",
    "step": "stepped",  # a schedule of the temperature
    # what may calm a run (design.REMEDIES) or keep a spike away (analysis.causes)
    "projection_slow": "projection slow (rate × 0.2)",
    "projection_clipped_lightly": "projection clipped at 0.001",
    "projection_clipped_hard": "projection clipped at 1e-8",
    "projection_batch_norm": "BatchNorm on the projection",
    "projection_weight_norm": "weight norm on the projection",
    "all_clipped": "whole gradient clipped at 0.1",
    "beta2_95": "β₂ = 0.95",
    "qk_norm": "qk-norm",
    "conv_stem": "convolutional stem",
    # what is left out of the method (design.PARTS)
    "no_head_norm": "no BatchNorm in the heads",
    "average_after_norm": "average after the norm",
    "average_without_norm": "average without it",
    "momentum_0": "m = 0",
    "momentum_9": "m = 0.9",
    "momentum_999": "m = 0.999",
    # outcomes and verdicts
    "too_few": "too few runs",
    # units of effects
    "seed_sds": "seed SDs",
    "chance_sds": "SDs of chance",
    "percent_of_spikes": "% of spikes",
    "percent_of_runs": "% of runs",
}
FACTS = {  # measures of a run, as a table has them
    "jitter": "jitter, points",
    "deepest_fall": "deepest fall, points",
    "knn": "accuracy (kNN), %",
    "linear_probe": "linear probe, %",
    "dips": "dips made good",
    "lasting_falls": "lasting falls",
}
PHRASES = {  # fields whose value alone says nothing
    "patch_projection": "{value} projection",
    "stem": "{value} stem",
}


def label(name: str) -> str:
    """A setting's name: `temperature τ`."""
    return said(LABELS.get(name, name.replace("_", " ")))


def title(name: str) -> str:
    """The same where there is little room: `τ`."""
    return said(TITLES[name]) if name in TITLES else label(name)


def fact(name: str) -> str:
    """A measure as the head of a column."""
    return said(FACTS.get(name, name))


def value(given) -> str:
    """A setting's value, or any id in words."""
    if isinstance(given, bool):
        return said("yes") if given else said("no")
    if isinstance(given, Integral):
        return f"{given:,}"
    if isinstance(given, Real):
        return short(given)
    return said(VALUES.get(given, str(given).replace("_", " ")))


def spoken(name: str, given) -> str:
    """A setting and its value, so that they stand alone: `base rate 0.004`."""
    if isinstance(given, bool):
        phrase = "with {label}" if given else "without {label}"
        return said(phrase, label=label(name))
    digits = given not in VALUES and any(c.isdigit() for c in str(given))
    if digits and name not in PHRASES:
        return said("{label} {value}", label=label(name), value=value(given))
    return said(PHRASES.get(name, "{value}"), value=value(given))


def short(value: float) -> str:
    """A number in few letters: 0.004, 0.2, 1.5e-4, 61k. The page writes them alike."""
    if value and (abs(value) < 0.001 or abs(value) >= 1e6):
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    if abs(value) >= 999.5:
        return f"{float(f'{value / 1000:.3g}'):g}k"
    return f"{float(f'{value:.3g}'):g}"


def layer_name(layer: str) -> str:
    """A layer: `block 1, qkv` for `blocks.0.qkv`."""
    head, *rest = layer.split(".")
    if head == "blocks" and len(rest) == 1:
        return said("block {number}", number=int(rest[0]) + 1)
    if head == "blocks":
        return said("block {number}, {part}", number=int(rest[0]) + 1, part=rest[1])
    if rest and rest[-1].isdecimal():
        number = int(rest[-1]) + 1
        return said("{part} {number}", part=said(head), number=number)
    return said(layer.replace("_", " ").replace(".", " "))
