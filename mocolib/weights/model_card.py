"""The README.md beside exported weights: what they are and how to load them."""

from pathlib import Path

from mocolib import weights
from mocolib.errors import BadInput
from mocolib.files import check_place, write_atomic

MARK = "tags: [mocolib, moco-v3, self-supervised-learning]"
TIMM = """\
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer

model = VisionTransformer(
    img_size={image_size}, patch_size={patch_size}, in_chans={channels},
    num_classes={classes}, embed_dim={width}, depth={depth}, num_heads={heads},
    qk_norm={qk_norm}, class_token={token}, global_pool={pool!r}, fc_norm=False,
    final_norm={norm},
)
model.load_state_dict(load_file({file!r}))
"""
TORCHVISION = """\
import torch, torchvision
from safetensors.torch import load_file

model = torchvision.models.{backbone}(num_classes={classes})
{stem}model.load_state_dict(load_file({file!r}))
"""
SMALL_STEM = """\
model.conv1 = torch.nn.Conv2d({channels}, 64, 3, padding=1, bias=False)
model.maxpool = torch.nn.Identity()
"""
GREY_STEM = """\
model.conv1 = torch.nn.Conv2d({channels}, 64, 7, 2, 3, bias=False)
"""


def checked_place(path) -> Path:
    """Where weights and card may go; asked before the work of making them begins."""
    path = Path(path)
    check_place(path)
    card = check_place(place(path))
    if path.suffix != ".safetensors":
        raise BadInput(f"output is {str(path)!r}, but must end in .safetensors.")
    if card.exists() and MARK not in card.read_text(encoding="utf-8", errors="ignore"):
        raise BadInput(
            f"output is {str(path)!r}, but must lie in a folder without a {card.name} "
            "of yours: the model card goes there."
        )
    return path


def place(path: Path) -> Path:
    """Where the card of a file lies: README.md, unless that is another file's card."""
    readme = path.parent / "README.md"
    told = readme.read_text("utf-8", "ignore") if readme.is_file() else ""
    other = MARK in told and f"\n# {path.name}\n" not in told
    return path.with_suffix(".md") if other else readme


def export(loaded, path, to: str, source: str, head=None, **told) -> Path:
    """Weights under the names of `to`, and their card; `head` is a classifier.

    told: facts, moments and classes for the card, whose place is returned.
    """
    path = checked_place(path)
    save(loaded, path, to, head)
    return write(loaded, path, to, source, head, **told)


def save(loaded, path, to: str, head=None):
    """The weights alone, whole or not at all."""
    prefix = "head" if to == "timm" else "fc"
    own = head.state_dict().items() if head else ()
    weights.save(loaded, path, to, {f"{prefix}.{name}": value for name, value in own})


def write(loaded, path, to: str, source: str, head=None, **told) -> Path:
    """The card beside the weights; BadInput where one of yours is in its place."""
    path = checked_place(path)
    write_atomic(place(path), text(loaded, path.name, to, source, head, **told))
    return place(path)


def text(
    loaded, file, to, source, head=None, facts=(), moments=None, classes=()
) -> str:
    """The card: front matter, how to load, where from.

    moments: mean and deviation of each channel of the images, which are 0 to 1, two
    lists. classes: the names of what `head` tells apart, in its order.
    """
    changed = loaded.recipe.changed().items()
    if classes:
        facts = [*facts, f"classes, as the head has them: {', '.join(classes)}"]
    lines = [
        f"---\nlibrary_name: {to}\n{MARK}\n---\n",
        f"# {file}\n",
        f"A backbone from {source}, exported by mocolib under the names of {to}.",
        f"{_input(moments)}\n",
        f"```python\n{how_to_load(loaded, file, to, head)}```\n",
        *(f"- {fact}" for fact in facts),
        "\n## Recipe\n\nFields that are not at mocolib's default:\n",
        *(f"- {name}: {value}" for name, value in changed),
    ]
    return "\n".join(lines) + "\n"


def _input(moments: tuple | None) -> str:
    """How images go in: by numbers, where they are known."""
    how = "Images go in from 0 to 1, normalized by mean and deviation of each channel"
    if moments is None:
        return (
            f"{how} of those that the weights were trained on. Their file does not "
            "tell these numbers."
        )
    mean, deviation = (", ".join(f"{x:.6g}" for x in part) for part in moments)
    return f"{how}: mean: [{mean}], deviation: [{deviation}]."


def how_to_load(loaded, file: str, to: str, head=None) -> str:
    """Lines of Python that rebuild the model in the other library."""
    recipe, classes = loaded.recipe, head.out_features if head else 0
    given = {**vars(recipe), "channels": loaded.channels, "file": file}
    if to == "timm":
        token = recipe.pool == "class_token"
        given |= dict(classes=classes, token=token, pool="token" if token else "avg")
        return TIMM.format(**given, norm=recipe.pool != "average_without_norm")
    small, grey = recipe.image_size <= 64, loaded.channels != 3
    stem = SMALL_STEM if small else GREY_STEM if grey else ""
    if not head:
        stem += "model.fc = torch.nn.Identity()\n"
    given |= dict(classes=classes or 1000, stem=stem.format(**given))
    return TORCHVISION.format(**given)
