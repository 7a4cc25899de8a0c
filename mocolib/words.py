"""What a reader is told: settings, their values and layers in words."""

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
    "beta2 .95": "β₂ = .95",
}
ENDINGS = {"patch_projection": "projection", "stem": "stem"}


def label(name: str) -> str:
    """A setting's name: `temperature τ`."""
    return LABELS.get(name, name.replace("_", " "))


def title(name: str) -> str:
    """The same where there is little room: `τ`."""
    return TITLES.get(name) or label(name)


def value(given) -> str:
    """A setting's value; a float is left to who knows how many digits it needs."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, int):
        return f"{given:,}"
    return VALUES.get(given, str(given).replace("_", " "))


def spoken(name: str, word: str) -> str:
    """A setting and the word for its value, so that they stand alone."""
    if name in ENDINGS:
        return f"{word} {ENDINGS[name]}"
    if word in ("yes", "no"):
        return f"{'with' if word == 'yes' else 'without'} {label(name)}"
    number = any(c.isdigit() for c in word) and word not in VALUES.values()
    return f"{label(name)} {word}" if number else word


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
    if head == "blocks":
        return f"block {int(rest[0]) + 1}, {rest[1]}"
    if rest and rest[-1].isdecimal():
        return f"{head} {int(rest[-1]) + 1}"
    return layer.replace("_", " ").replace(".", " ")
