"""Weights of others: their numbers, their names, and no silent mistake."""

import pickle

import pytest
import safetensors.torch
import timm.models.vision_transformer as timm_vit
import torch
import torchvision.models
from torch import nn

from mocolib import weights
from mocolib.errors import BadInput
from mocolib.moco import mlp
from mocolib.runs import Run
from mocolib.runs.record import record
from mocolib.vit import build_backbone, sincos_positions
from mocolib.weights.conversion import channels_of, named
from tests.near import assert_as_exact, called, doubled
from tests.tiny import blobs, random_images, tiny

SIZES = dict(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=12)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def spread(model):
    """Weights that are nowhere zero or alike, so that no swap can hide."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn(value.shape, generator=generator) * 0.1)
        for value in model.buffers():  # BatchNorm's own statistics
            if value.is_floating_point():
                value.add_(torch.rand(value.shape, generator=generator))
    return model.eval()


def timm_model(**changes):
    return spread(timm_vit.VisionTransformer(**{**SIZES, "num_classes": 0, **changes}))


def authors_file(path, arch="vit_small", **changes):
    """A pretraining checkpoint as the authors' main_moco.py saves it."""
    query, key = timm_model(**changes), timm_model(**changes)
    with torch.no_grad():
        # fixed positions, none for the class token, as in their vits.py
        for side in (query, key):
            side.pos_embed.zero_()[0, 1:] = sincos_positions(4, 24)
        key.norm.bias.add_(1)  # the two sides differ
    state = {}
    for side, model in (("base_encoder", query), ("momentum_encoder", key)):
        model.head = mlp([24, 32, 32, 8], "batch")  # their _build_mlp
        state |= {f"module.{side}.{k}": v for k, v in model.state_dict().items()}
        model.head = nn.Identity()
    predictor = mlp([8, 32, 8], "batch").state_dict()
    state |= {f"module.predictor.{k}": v for k, v in predictor.items()}
    optimizer = torch.optim.AdamW(query.parameters()).state_dict()
    whole = {"epoch": 300, "arch": arch, "state_dict": state, "optimizer": optimizer}
    torch.save(whole, path)
    return query, key


def images(side=16, channels=3):
    return random_images(5, channels, side) / 128 - 1


@torch.no_grad()
def same(theirs, loaded, side=16, channels=3):
    x = images(side, channels)
    ours = loaded.backbone(x)[0]
    assert ours.std() > 1e-3
    exact = called(doubled(theirs), x.double())
    assert_as_exact(ours, called(theirs, x), exact)


# ---- reading


@pytest.mark.parametrize("side", ["query", "key"])
def test_the_authors_checkpoint_gives_timms_features(tmp_path, side):
    query, key = authors_file(tmp_path / "vit.pth.tar")
    loaded = weights.load(tmp_path / "vit.pth.tar", side=side)
    same(query if side == "query" else key, loaded)
    recipe = loaded.recipe
    assert (recipe.heads, recipe.position, recipe.pool) == (12, "sincos", "class_token")
    assert (recipe.width, recipe.depth, recipe.patch_size) == (24, 2, 4)
    report = loaded.report
    assert len(report.matched) == len(loaded.backbone.state_dict())
    assert report.missing == report.unexpected == ()
    assert any("predictor" in name for name in report.left_out)
    assert any(".head." in name for name in report.left_out)
    assert "0 missing, 0 unexpected" in str(report)


def test_a_linear_probes_file(tmp_path):
    """The authors' main_lincls.py wraps one encoder, and its head is a classifier."""
    model = timm_model(num_classes=10)
    state = {f"module.{k}": v for k, v in model.state_dict().items()}
    whole = {"epoch": 90, "arch": "vit_base", "state_dict": state, "best_acc1": 0.7}
    torch.save(whole, tmp_path / "linear.pth.tar")
    loaded = weights.load(tmp_path / "linear.pth.tar")
    model.reset_classifier(0)
    same(model, loaded)
    assert loaded.report.left_out == ("module.head.weight", "module.head.bias")


AVERAGE = dict(global_pool="avg", class_token=False, fc_norm=False)
TIMM = {
    "plain": {},
    "grey": {"in_chans": 1},
    "average": AVERAGE,
    "no norm": dict(**AVERAGE, final_norm=False),
    # few heads: a LayerNorm over two numbers would blow every rounding up
    "qk norm": dict(qk_norm=True, num_heads=3),
    "token without position": {"no_embed_class": True},
    "no positions": {"pos_embed": "none"},
}


@pytest.mark.parametrize("kind", TIMM)
def test_timms_own_files(tmp_path, kind):
    """Read, then written under timm's names: timm takes it back and agrees."""
    theirs = timm_model(**TIMM[kind])
    file = tmp_path / "timm.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), file)
    with pytest.raises(BadInput, match="heads is unknown"):
        weights.load(file)
    heads = TIMM[kind].get("num_heads", 12)
    loaded = weights.load(file, heads=heads, image_size=16)
    channels = loaded.channels
    assert channels == TIMM[kind].get("in_chans", 3)
    same(theirs, loaded, channels=channels)
    weights.save(loaded, tmp_path / "again.safetensors", "timm")
    changes = {
        k: v for k, v in TIMM[kind].items() if k not in ("no_embed_class", "pos_embed")
    }
    again = timm_model(**changes)
    state = safetensors.torch.load_file(tmp_path / "again.safetensors")
    again.load_state_dict(state)  # strict
    same(again, loaded, channels=channels)
    own = weights.load(tmp_path / "again.safetensors")  # tells its heads itself
    same(theirs, own, channels=channels)


def test_the_number_of_heads_matters(tmp_path):
    """Same shapes, other features: why it is never guessed."""
    theirs = timm_model()
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "t.safetensors")
    wrong = weights.load(tmp_path / "t.safetensors", heads=6)
    with torch.no_grad():
        assert (theirs(images()) - wrong.backbone(images())[0]).abs().max() > 1e-3


@pytest.mark.parametrize("prefix", ["", "module.", "module.encoder_q."])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvisions_resnets(tmp_path, name, prefix):
    theirs = spread(getattr(torchvision.models, name)())
    state = {prefix + k: v for k, v in theirs.state_dict().items()}
    torch.save({"state_dict": state, "arch": name}, tmp_path / "r.pth")
    loaded = weights.load(tmp_path / "r.pth", image_size=96)
    theirs.fc = nn.Identity()
    same(theirs, loaded, side=96)
    assert loaded.recipe.backbone == name
    ours = named(loaded.backbone.state_dict(), loaded.recipe, "torchvision")
    theirs.load_state_dict(ours)


def test_a_small_stem_is_recognised(tmp_path):
    recipe = tiny(backbone="resnet18", image_size=32)
    backbone = spread(build_backbone(recipe, 1))
    state = named(backbone.state_dict(), recipe, "torchvision")
    safetensors.torch.save_file(state, tmp_path / "r.safetensors")
    loaded = weights.load(tmp_path / "r.safetensors")
    assert (loaded.recipe.image_size, loaded.channels) == (32, 1)
    same(backbone, loaded, side=32, channels=1)


def test_half_precision_is_read_as_single(tmp_path):
    state = {k: v.half() for k, v in timm_model().state_dict().items()}
    torch.save(state, tmp_path / "half.pth")
    loaded = weights.load(tmp_path / "half.pth", heads=12)
    assert all(v.dtype == torch.float32 for v in loaded.backbone.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"patch_projection_norm": "weight", "patch_projection_start": "orthogonal"},
        {"stem": "conv", "image_size": 9, "patch_size": 3},
    ],
)
def test_the_weights_of_a_run(tmp_path, changes):
    recipe = tiny(**changes)
    recording = record(recipe, blobs(), tmp_path)
    training = recording.gi_frame.f_locals if next(recording) else None
    model = training["training"].model
    list(recording)
    run = Run(tmp_path / recipe.id)
    for side in ("query", "key"):
        loaded = weights.of_run(run, side)
        backbone = getattr(model, side).backbone.eval()
        same(backbone, loaded, side=recipe.image_size)
    (run.folder / "weights.safetensors").unlink()
    with pytest.raises(BadInput, match=f"run {run.id} has no weights.safetensors"):
        weights.of_run(run)


@torch.no_grad()
def test_a_normed_weight_becomes_one_matrix(tmp_path):
    recipe = tiny(patch_projection_norm="weight", image_size=16)
    ours = spread(build_backbone(recipe, 3))
    tensors = named(ours.state_dict(), recipe, "timm")
    safetensors.torch.save_file(tensors, tmp_path / "n.safetensors")
    loaded = weights.load(tmp_path / "n.safetensors", heads=2)
    assert loaded.recipe.patch_projection_norm == "none"
    same(ours, loaded)


# ---- refusals


def changed(change):
    """A timm file with one thing wrong."""

    def write(path):
        state = timm_model().state_dict()
        change(state)
        torch.save({"arch": "vit_small", "state_dict": state}, path)

    return write


def set_nan(state):
    state["norm.bias"][3] = torch.nan


def cut(state):
    state["blocks.1.mlp.fc1.weight"] = state["blocks.1.mlp.fc1.weight"][:-1]


def put(name, value):
    return changed(lambda state: state.update({name: value}))


def drop(name):
    return changed(lambda state: state.pop(name))


class Trap:
    """Unpickling it would leave a file behind."""

    def __reduce__(self):
        import os

        return os.mkdir, ("SPRUNG",)


WRONG = {
    "missing": (drop("blocks.0.norm1.bias"), "1 missing (blocks.0.norm1.bias)"),
    "no positions": (drop("pos_embed"), "image_size is None"),
    "unexpected": (put("reg_token", torch.ones(1, 1, 24)), "1 unexpected (reg_token)"),
    "layer scale": (put("blocks.0.ls1.gamma", torch.ones(24)), "blocks.0.ls1.gamma"),
    "fc_norm": (put("fc_norm.weight", torch.ones(24)), "fc_norm.weight"),
    "shape": (
        changed(cut),
        "fc1.weight has the shape [95, 24], but must have [96, 24]",
    ),
    "nan": (changed(set_nan), "norm.bias is not made of finite numbers"),
    "integers": (put("norm.bias", torch.ones(24, dtype=int)), "norm.bias"),
    "flat kernel": (put("patch_embed.proj.weight", torch.ones(24, 48)), "strange"),
    "odd kernel": (put("patch_embed.proj.weight", torch.ones(24, 3, 4, 5)), "shape"),
    "scalar position": (put("pos_embed", torch.tensor(1.0)), "strange"),
    "not square": (put("pos_embed", torch.ones(1, 15, 24)), "shape"),
    "block 9999999": (put("blocks.9999999.norm1.weight", torch.ones(2)), "depth is"),
    "no names": (lambda p: torch.save({}, p), "neither timm's"),
    "a list": (lambda p: torch.save([1, 2], p), "no table of named tensors"),
    "other things": (lambda p: torch.save({"a": 1}, p), "no table of named tensors"),
    "a whole model": (lambda p: torch.save(nn.Linear(2, 2), p), "foreign code"),
    "a trap": (lambda p: torch.save({"state_dict": Trap()}, p), "foreign code"),
    "a bare pickle": (lambda p: p.write_bytes(pickle.dumps(Trap())), "neither safet"),
    "empty": (lambda p: p.write_bytes(b""), "neither safetensors"),
    "text": (lambda p: p.write_text("weights"), "neither safetensors"),
    "a zip": (lambda p: p.write_bytes(b"PK\3\4" + b"\0" * 90), "cannot be read"),
    "a folder": (lambda p: p.mkdir(), "cannot be read"),
    "nothing": (lambda p: None, "No such file"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_no_load_is_silently_wrong(tmp_path, monkeypatch, fault):
    monkeypatch.chdir(tmp_path)
    write, words = WRONG[fault]
    file = tmp_path / "given.pth"
    write(file)
    with pytest.raises(BadInput) as refused:
        weights.load(file)
    said = str(refused.value)
    assert str(file) in said
    assert words in said
    assert said.endswith(".")
    assert "\n" not in said
    assert not (tmp_path / "SPRUNG").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dict(heads=5), "heads is 5, but must divide width"),
        (dict(heads=-1), "heads is -1"),
        (dict(image_size=32), "image_size is 32, but must be 16"),
        (dict(side="key"), "side is 'key', but must be query"),
    ],
)
def test_what_is_given_must_fit(tmp_path, given, words):
    torch.save(timm_model().state_dict(), tmp_path / "t.pth")
    with pytest.raises(BadInput, match=words):
        weights.load(tmp_path / "t.pth", **{"heads": 12, **given})


RECTANGLES = {  # images and patches, and what the file is refused for
    "patches": (dict(img_size=(16, 24), patch_size=(4, 6)), "square patches"),
    "13 codes": (dict(img_size=(12, 16)), "a square of patches, and 12 are none"),
    "9 codes": (dict(img_size=(8, 16)), "image_size is unknown, but must be given"),
    "25 codes": (dict(img_size=(16, 24)), "image_size is unknown, but must be given"),
    "24 codes": (dict(img_size=(16, 24), no_embed_class=True), "23 are none"),
    "no token": (dict(img_size=(8, 16), **AVERAGE), "and 8 are none"),
}


@pytest.mark.parametrize("kind", RECTANGLES)
def test_rectangles_are_refused(tmp_path, kind):
    """Also where the patches and the class token make a square number together."""
    sizes, words = RECTANGLES[kind]
    torch.save(timm_model(**sizes).state_dict(), tmp_path / "t.pth")
    with pytest.raises(BadInput, match=words):
        weights.load(tmp_path / "t.pth", heads=12)


@pytest.mark.parametrize("size", [8, 12, 16])
def test_a_square_number_of_codes_is_read_by_the_size_of_the_image(tmp_path, size):
    """Nine codes: of nine patches without the token's, or never of four or sixteen."""
    theirs = timm_model(img_size=12, no_embed_class=True)
    torch.save(theirs.state_dict(), tmp_path / "t.pth")
    if size == 12:
        return same(theirs, weights.load(tmp_path / "t.pth", 12, size), side=12)
    with pytest.raises(BadInput, match=f"image_size is {size}, but must be 12"):
        weights.load(tmp_path / "t.pth", heads=12, image_size=size)


def test_codes_of_several_images_are_none_of_one(tmp_path):
    put("pos_embed", torch.ones(2, 17, 24))(tmp_path / "t.pth")
    with pytest.raises(BadInput, match=r"pos_embed has the shape \[2, 17, 24\], but"):
        weights.load(tmp_path / "t.pth")


@pytest.mark.parametrize("numbers", [5, 15, 17, 40])
def test_a_first_layer_takes_whole_channels(tmp_path, numbers):
    recipe = tiny()
    state = build_backbone(recipe, 3).state_dict()
    state["patch_projection.weight"] = torch.ones(recipe.width, numbers)
    with pytest.raises(BadInput, match=f"takes {numbers} numbers, .* multiple of 16"):
        channels_of(recipe, state)


@pytest.mark.parametrize("cut_at", [1, 40, 1000, 20000])
@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_a_truncated_file_is_one_sentence(tmp_path, kind, cut_at):
    file, state = tmp_path / "t.bin", timm_model().state_dict()
    (torch.save if kind == "torch" else safetensors.torch.save_file)(state, file)
    file.write_bytes(file.read_bytes()[:-cut_at])
    with pytest.raises(BadInput, match=r"cannot be read: [^\n]*\.$"):
        weights.load(file, heads=12)


@pytest.mark.parametrize(
    ("to", "changes"),
    [
        ("timm", dict(stem="conv")),
        ("timm", dict(patch_projection_norm="batch")),
        ("timm", dict(backbone="resnet18")),
        ("torchvision", {}),
        ("torchvision", dict(backbone="resnet8")),
        ("jax", {}),
    ],
)
def test_what_another_library_has_no_place_for(to, changes):
    recipe = tiny(**changes)
    backbone = build_backbone(recipe, 3)
    with pytest.raises(BadInput, match=f"to is '{to}', but must be timm"):
        named(backbone.state_dict(), recipe, to)
