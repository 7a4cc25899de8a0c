"""Which column of a log is what, guessed from its name.

The names are those of W&B, TensorBoard, Lightning, timm, DINO, MAE, DINOv2, moco-v3,
Hugging Face, lightly, solo-learn and mocolib. What was guessed is always said, and any
other column can be named in its place.
"""

import re

JUDGED = ("accuracy", "loss", "norm")  # uses: without one there is nothing to say
RUN = ("run", "run_id", "run_name", "experiment")  # a row's run, where there are many
VALUE = "Value"  # TensorBoard's CSV says what it holds in the file's name only
WHOLE = "whole gradient"
AXES = (  # what can be counted along, the finest first
    (
        "step",
        r"(train(er)?[/_.])?_?(global[_ ]?)?(steps?|iter(ation)?s?|it|(num_)?updates)",
    ),
    ("sample", r"((num|n)_)?(samples?|images?|examples?)([_ ]seen)?"),
    ("epoch", r"(train(er)?[/_.])?_?(current_)?epochs?"),
)
NOT_ACCURACY = (
    r"loss|grad|time|(?<![a-z])lr(?![a-z])|(top|acc(uracy)?|@|hits)[-_ @]?(5|10)(?!\d)"
    r"|err(or)?s?(?![a-z])"  # what is wrong falls as accuracy rises
    r"|(?<![a-z])(best|max(imum)?(?![a-z]))"  # the best so far never falls
    r"|(?<![a-z])(k|wd|weight_decay|temp(erature)?|batch_size)$"  # settings
)
# the first that is there: features read by neighbours, by a probe, anything else
ACCURACIES = (
    r"knn|(?<![a-z])nn(?![a-z])",
    r"probe|lincls|(linear|online).*(acc|top)",
    r"accuracy|(?<![a-z])acc(?![a-z])|top[-_ @]?1(?!\d)",
)
TRAINING = r"(?<![a-z])train(ing)?(?![a-z])"  # seen images say nothing of features
EVALUATION = r"(?<![a-z])(val(id(ation)?)?|eval(uation)?|test)(?![a-z])"
LOSS = r"(?<![a-z])loss|loss(?![a-z])"
NOT_LOSS = r"scale|grad|weight"
PLAIN_LOSS = r"(train(ing)?[/_. ])?(total_)?loss([/_. ]train(ing)?)?"
RATE = r"(?<![a-z])lr(?![a-z])|learning[_ ]?rate"
NOT_RATE = r"last_layer|mult|head"
GRADIENT = re.compile(
    r"(?:train[/_.])?"
    r"(?P<family>g(?:rad(?:ient)?s?)?_?(?:[\d.]+_|inf_)?(?:norms?|inf|l2|max)?)"
    r"(?:_?total|[/_. :](?P<layer>.+))?",
    re.IGNORECASE,
)
GRADIENT_LAST = re.compile(
    r"(?P<layer>.+)[/_. ](?P<family>g(?:rad(?:ient)?)?_?norm)", re.I
)
NOT_GRADIENT = (
    r"step|accum|scale|clip|time|hist|checkpoint|ckpt|(?<![a-z])(std|mean|min)(?![a-z])"
)
FIRST = r"patch|embed|stem|conv1|conv_proj"
LAST = r"head|predictor|projector|last_layer|(?<![a-z])fc(?![a-z0-9])"


def use(name: str) -> str:
    """axis, accuracy, loss, rate or norm; nothing where the name says nothing."""
    if axis_of(name):
        return "axis"
    if norm_of(name):
        return "norm"
    for what, rank in (("accuracy", accuracy), ("loss", loss), ("rate", rate)):
        if rank(name) is not None:
            return what
    return ""


def axis_of(name: str) -> str:
    """step, sample or epoch; nothing where it is none of them."""
    fits = (kind for kind, form in AXES if re.fullmatch(form, name.strip().lower()))
    return next(fits, "")


def accuracy(name: str) -> int | None:
    """How well a name fits; lower is better, None is not at all."""
    name = name.lower()
    if re.search(NOT_ACCURACY, name) or re.search(TRAINING, name):
        return None
    for place, form in enumerate(ACCURACIES):
        if re.search(form, name):
            return 2 * place + (not re.search(EVALUATION, name))
    return None


def loss(name: str) -> int | None:
    """The same: the training loss of each step before means, parts, other images."""
    name = name.lower()
    if not re.search(LOSS, name) or re.search(NOT_LOSS, name):
        return None
    if re.search(EVALUATION, name):
        return 5
    if re.fullmatch(PLAIN_LOSS + "_step", name):
        return 0
    if re.fullmatch(PLAIN_LOSS, name):
        return 1
    return 4 if "epoch" in name else 3 - bool(re.search(TRAINING, name))


def rate(name: str) -> int | None:
    """The same of the learning rate."""
    name = name.lower()
    if not re.search(RATE, name) or re.search("loss|grad", name):
        return None
    return 1 if re.search(NOT_RATE, name) else 0


def norm_of(name: str) -> tuple[str, str] | None:
    """Family and layer of a gradient norm: `grad_inf/blocks.0.qkv` has both."""
    if re.search(NOT_GRADIENT, name.lower()) or re.search(LOSS, name.lower()):
        return None
    found = GRADIENT_LAST.fullmatch(name) or GRADIENT.fullmatch(name)
    if not found or found["family"].lower() in ("g", "g_"):
        return None
    layer = (found["layer"] or WHOLE).removesuffix(".weight")
    train = re.fullmatch(TRAINING, layer.lower())  # train/grad_norm
    return found["family"].lower(), WHOLE if train else layer


def norms(names) -> dict:
    """Layer -> column, of the family of gradient norms that has most layers."""
    families = {}
    for name in names:
        if found := norm_of(name):
            families.setdefault(found[0], {}).setdefault(found[1], name)
    layers = max(families.values(), key=len, default={})
    weights = {k: v for k, v in layers.items() if not k.endswith(".bias")}
    return weights or layers


def layers(norms) -> list[str]:
    """The names of norms that are of a layer and not of the whole."""
    return [layer for layer in norms if layer != WHOLE]


def ends(norms) -> tuple[str, str] | None:
    """The first layer and the last, by name where names say it, else by their order."""
    found = layers(norms)
    if len(found) < 2:
        return None
    first = next((k for k in found if re.search(FIRST, k.lower())), found[0])
    rest = [layer for layer in found if layer != first]
    last = next((k for k in reversed(rest) if re.search(LAST, k.lower())), rest[-1])
    return first, last
