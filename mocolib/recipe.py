"""What a run is: every hyperparameter under its paper name, validated.

    >>> from mocolib import named_recipe
    >>> recipe = named_recipe("mini", base_lr=4e-3, patch_projection="fixed")
    >>> recipe.lr                       # base_lr x batch_size / 256, as in the paper
    0.004
    >>> recipe.id                       # stable: the same settings, the same id
    '297c016c6282'

A field that keeps its default leaves no trace in the id, so a release that adds
fields does not rename runs that were recorded before it.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass

from mocolib import rules
from mocolib.errors import BadInput
from mocolib.fields import accepted, checked, read_table, setting


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides the outcome of a run, down to its last bit."""

    # data
    dataset: str = setting(
        "fashion-mnist",
        "what to train on: fashion-mnist, cifar10, cifar100, mnist, or folder:PATH",
    )
    image_size: int = setting(28, "pixels a side after the crop", low=4, high=1024)
    augmentation: str = setting(
        "full",
        "strength of the views; weaker views mean less gradient noise",
        choices=("full", "medium", "light"),
    )

    # backbone
    backbone: str = setting(
        "vit", "the encoder's body", choices=("vit", "resnet8", "resnet18", "resnet50")
    )
    patch_size: int = setting(7, "pixels a side of one patch", low=1, high=256)
    width: int = setting(64, "token width d", low=4, high=4096)
    depth: int = setting(4, "number of transformer blocks", low=1, high=64)
    heads: int = setting(2, "attention heads a block", low=1, high=64)
    patch_projection: str = setting(
        "learned",
        "train the patch projection, or fix it at its random start",
        choices=("learned", "fixed"),
    )
    patch_projection_start: str = setting(
        "xavier",
        "its random start, or the orthogonal matrix nearest to that at its scale",
        choices=("xavier", "orthogonal"),
    )
    patch_projection_lr: float = setting(
        1.0, "its learning rate as a multiple of lr", above=0, high=100
    )
    patch_projection_norm: str = setting(
        "none",
        "BatchNorm on the tokens it gives, weight normalisation of it, or none",
        choices=("none", "batch", "weight"),
    )
    patch_projection_clip: float = setting(
        0.0, "largest L2 norm of its gradient; 0: none", low=0, high=1e6
    )
    frozen: str = setting(
        "none", "more layers to fix, by how their names begin: blocks.0.fc; or none"
    )
    stem: str = setting(
        "patch",
        "one linear patch projection, or a small convolutional stem",
        choices=("patch", "conv"),
    )
    position: str = setting(
        "sincos", "position embedding", choices=("sincos", "learned", "none")
    )
    pool: str = setting(
        "class_token",
        "what the heads see",
        choices=("class_token", "average", "average_without_norm"),
    )
    qk_norm: bool = setting(False, "LayerNorm on queries and keys in attention")

    # heads
    head_hidden: int = setting(256, "hidden width of the MLP heads", low=1, high=65536)
    head_dim: int = setting(64, "width of the output embedding", low=2, high=65536)
    head_norm: str = setting(
        "batch", "BatchNorm in the MLP heads, or none", choices=("batch", "none")
    )
    predictor: bool = setting(True, "a prediction head on the query side")

    # MoCo and its relatives
    framework: str = setting(
        "moco_v3",
        "the loss, and where keys come from",
        choices=("moco_v3", "moco_v1", "simclr", "byol", "dino"),
    )
    keys: str = setting(
        "queue",
        "where MoCo v1 has its keys from",
        choices=("queue", "memory_bank", "end_to_end"),
    )
    negatives: int = setting(
        4096, "negative keys K of a query in MoCo v1", low=1, high=10**6
    )
    bn_groups: int = setting(
        1, "devices that MoCo v1's BatchNorm is simulated on", low=1, high=10**6
    )
    shuffle_bn: bool = setting(False, "shuffle MoCo v1's keys between those devices")
    prototypes: int = setting(1024, "prototypes K of DINO", low=2, high=10**6)
    teacher_temperature: float = setting(
        0.04, "of DINO's teacher; its student has temperature", above=0, high=100
    )
    temperature: float = setting(0.2, "InfoNCE temperature tau", above=0, high=100)
    loss_factor: str = setting(
        "2tau",
        "MoCo v3's loss times 2 tau, as the paper has it, or as it is",
        choices=("2tau", "one"),
    )
    temperature_schedule: str = setting(
        "constant",
        "constant; a step to temperature_end at temperature_step; a warmup on a line "
        "until then; a ramp on a line from then on; or learned",
        choices=("constant", "step", "warmup", "ramp", "learned"),
    )
    temperature_end: float = setting(0.2, "tau after that change", above=0, high=100)
    temperature_step: int = setting(0, "step at which tau changes", low=0, high=10**9)
    momentum: float = setting(0.99, "momentum m of the key encoder", low=0, high=1)
    momentum_schedule: str = setting(
        "constant",
        "constant m, or a half cosine up to 1",
        choices=("constant", "cosine"),
    )
    # optimization
    optimizer: str = setting(
        "adamw",
        "which optimizer",
        choices=("adamw", "lamb", "stableadamw", "muon", "sgd", "lars"),
    )
    base_lr: float = setting(
        1e-3, "learning rate at batch 256; lr = base_lr x batch / 256", low=0, high=1e4
    )
    batch_size: int = setting(
        256, "images a step, the paper's batch", low=2, high=10**6
    )
    steps: int = setting(240, "training steps", low=1, high=10**9)
    warmup_steps: int = setting(20, "steps of linear warmup", low=0, high=10**9)
    schedule: str = setting(
        "constant", "rate after the warmup", choices=("constant", "cosine")
    )
    weight_decay: float = setting(
        0.1, "weight decay; decoupled but for sgd and lars", low=0, high=100
    )
    decay: str = setting(
        "all",
        "what decays: every parameter (as in the authors' code), matrices only, all "
        "but matrices, the patch projection only, or all but that",
        choices=("all", "matrices", "vectors", "patch_projection", "rest"),
    )
    beta1: float = setting(0.9, "first-moment decay, or SGD's momentum", low=0, below=1)
    beta2: float = setting(0.999, "second-moment decay", low=0, below=1)
    eps: float = setting(1e-8, "the optimizer's epsilon", above=0, high=1)
    grad_clip: float = setting(
        0.0, "largest L2 norm of the whole gradient; 0: none", low=0, high=1e6
    )

    # monitor
    knn_every: int = setting(
        10, "steps between dense kNN readings; 0 for none", low=0, high=10**9
    )
    knn_memory: str = setting(
        "queue",
        "kNN memory: the queue of recent training features, or clean images anew",
        choices=("queue", "clean"),
    )
    knn_memory_size: int = setting(5000, "features in the memory", low=20, high=10**6)
    knn_test_size: int = setting(0, "test images a reading; 0: all", low=0, high=10**6)

    seed: int = setting(0, "decides weights, batches and views", low=0, high=2**31 - 1)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        rules.check(self)

    def __repr__(self) -> str:
        """As it would be typed: the fields that differ from their defaults."""
        changed = (f"{name}={value!r}" for name, value in self.changed().items())
        return f"Recipe({', '.join(changed)})"

    @property
    def lr(self) -> float:
        """Effective peak rate, base_lr x batch_size / 256."""
        return self.base_lr * self.batch_size / 256

    @property
    def id(self) -> str:
        """Twelve hex digits that name these settings, the same on every machine."""
        text = json.dumps(self.changed(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def changed(self, of: "Recipe | None" = None) -> dict:
        """The fields that differ from their defaults, or from those of another."""
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != (getattr(of, f.name) if of else f.default)
        }

    def replace(self, **changes) -> "Recipe":
        """A copy with some fields changed; unknown names are refused."""
        return from_dict({**vars(self), **changes})

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    def to_toml(self, explained: bool = False) -> str:
        """As a .toml file; `explained` puts meaning and range behind each field."""
        # strings, booleans and numbers are written alike in JSON and TOML, but for
        # characters beyond 16 bits and the one control character JSON leaves bare
        items = dataclasses.asdict(self).items()
        spelled = [(k, json.dumps(v, ensure_ascii=False)) for k, v in items]
        lines = [f"{k} = {v}".replace("\x7f", "\\u007f") for k, v in spelled]
        if explained:
            lines = [
                f"{line:34}  # {f.metadata['doc']} ({accepted(f)})"
                for line, f in zip(lines, FIELDS.values(), strict=True)
            ]
        return "\n".join([*lines, ""])


FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}


def from_dict(settings: dict) -> Recipe:
    """A recipe from plain values; an unknown name is refused by name."""
    if not isinstance(settings, dict):
        raise BadInput(f"a recipe is {settings!r:.60}, but must be a table of fields.")
    for name in settings:
        if name not in FIELDS:
            raise BadInput(
                f"{name!r} is no field of a recipe, but must be one of "
                f"{', '.join(FIELDS)}."
            )
    return Recipe(**settings)


def from_file(path) -> Recipe:
    """A recipe from a .toml or .json file (fields left out keep their defaults)."""
    return from_dict(read_table(path))
