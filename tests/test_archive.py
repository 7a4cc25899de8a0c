"""Files of weights as scripts of all kinds leave them: read alike, or refused."""

import argparse
import datetime
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from mocolib import weights
from mocolib.errors import BadInput
from tests.test_weights import Trap, same, timm_model


def saved(path, content, older=False):
    torch.save(content, path, _use_new_zipfile_serialization=not older)
    return path


def test_the_older_format_of_torch_is_read(tmp_path):
    theirs = timm_model()
    file = saved(tmp_path / "old.pth", {"state_dict": theirs.state_dict()}, older=True)
    same(theirs, weights.load(file, heads=12))


def test_foreign_code_in_the_older_format_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = saved(tmp_path / "old.pth", {"state_dict": Trap()}, older=True)
    with pytest.raises(BadInput, match="foreign code is never run"):
        weights.load(file)
    assert not (tmp_path / "SPRUNG").exists()


@pytest.mark.parametrize("keep", [10, 60, 2000])
@pytest.mark.parametrize("older", [False, True])
def test_a_damaged_file_is_one_sentence(tmp_path, older, keep):
    file = saved(tmp_path / "cut.pth", timm_model().state_dict(), older)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BadInput, match=r"cannot be read: [^\n]*[^.]\.$") as refused:
        weights.load(file)
    assert "weights_only" not in str(refused.value)  # no advice to run it


@pytest.mark.parametrize("older", [False, True])
def test_plain_values_beside_the_weights_are_no_foreign_code(tmp_path, older):
    theirs = timm_model()
    numbers = [
        np.float32(1.5),
        np.float64(2.5),
        np.int64(3),
        np.bool_(True),
        np.ones(3),
    ]
    args = argparse.Namespace(lr=0.1, arch="vit")
    whole = {"model": theirs.state_dict(), "numbers": numbers, "args": args}
    same(theirs, weights.load(saved(tmp_path / "w.pth", whole, older), heads=12))
    flat = {**theirs.state_dict(), "epoch": 3, "best": np.float32(0.5)}
    same(theirs, weights.load(saved(tmp_path / "f.pth", flat, older), heads=12))


NUMPYS = (
    *(
        np.str_("vit"),
        np.bytes_(b"vit"),
        np.array(["a", "bc"]),
        np.array([b"a", b"bc"]),
    ),
    *(np.datetime64("2020-01-01"), np.timedelta64(3, "s"), np.longdouble(1.5)),
    *(np.array("scalar"), np.asfortranarray(np.ones((2, 3))), np.clongdouble(1)),
)


@pytest.mark.parametrize("older", [False, True])
def test_any_of_numpys_plain_values_beside_the_weights_will_do(tmp_path, older):
    theirs = timm_model()
    whole = {"model": theirs.state_dict(), "beside": NUMPYS}
    same(theirs, weights.load(saved(tmp_path / "w.pth", whole, older), heads=12))


OBJECTS = (
    *(np.array([None, "a"], dtype=object), np.zeros(2, dtype=[("a", int)])),
    *(Path("x"), datetime.date(2020, 1, 1), slice(1), np.random.default_rng(0)),
)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_a_sound_file_of_other_things_is_not_called_damaged(tmp_path, thing, older):
    whole = {"model": timm_model().state_dict(), "beside": thing}
    with pytest.raises(BadInput, match="it holds more than tensors, and foreign code"):
        weights.load(saved(tmp_path / "w.pth", whole, older), heads=12)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle_is_read_or_named(tmp_path, protocol, older):
    theirs, file = timm_model(), tmp_path / "w.pth"
    kept = dict(pickle_protocol=protocol, _use_new_zipfile_serialization=not older)
    torch.save({"model": theirs.state_dict()}, file, **kept)
    if protocol in (2, 3):
        return same(theirs, weights.load(file, heads=12))
    named = protocol if protocol > 1 else "0 or 1"
    words = f"its pickle is of protocol {named}, but must be of 2, which torch.save"
    with pytest.raises(BadInput, match=words):
        weights.load(file, heads=12)


PREFIXES = (
    *("_orig_mod.", "backbone.", "module.", "encoder.", "model.", "net.trunk."),
    *("module._orig_mod.", "_orig_mod.module.", "module.backbone.", "encoder_q."),
    "base_encoder._orig_mod.",
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_encoder_is_found_wherever_it_lies(tmp_path, prefix):
    theirs = timm_model()
    state = {prefix + k: v for k, v in theirs.state_dict().items()}
    beside = {"elsewhere.weight": torch.ones(2)} if prefix != "_orig_mod." else {}
    loaded = weights.load(saved(tmp_path / "w.pth", state | beside), heads=12)
    same(theirs, loaded)
    assert loaded.report.left_out == tuple(beside)


def test_a_compiled_file_of_the_authors_has_both_sides(tmp_path):
    query, key = timm_model(), timm_model()
    torch.nn.init.normal_(key.norm.bias)
    sides = {"base_encoder": query, "momentum_encoder": key}
    state = {
        f"module._orig_mod.{side}.{k}": v
        for side, model in sides.items()
        for k, v in model.state_dict().items()
    }
    file = saved(tmp_path / "w.pth", {"state_dict": state, "arch": "vit_small"})
    same(query, weights.load(file))
    same(key, weights.load(file, side="key"))


def test_names_that_are_not_known_are_named(tmp_path):
    strange = {f"tower.{name}.weight": torch.ones(2) for name in "abcd"}
    words = r"names, but tower.a.weight, tower.b.weight, tower.c.weight, …\.$"
    with pytest.raises(BadInput, match=words):
        weights.load(saved(tmp_path / "w.pth", strange))


def test_of_two_encoders_none_is_chosen(tmp_path):
    state = timm_model().state_dict()
    both = {
        f"{side}.{k}": v for side in ("student", "teacher") for k, v in state.items()
    }
    with pytest.raises(BadInput, match=r"several encoders: student., teacher\.$"):
        weights.load(saved(tmp_path / "w.pth", both), heads=12)


def test_nested_tables_are_named(tmp_path):
    whole = {"student": timm_model().state_dict(), "epoch": 3}
    with pytest.raises(BadInput, match=r"no table of named tensors, but student\.$"):
        weights.load(saved(tmp_path / "w.pth", whole))


def test_a_pickle_that_torch_did_not_write_is_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": 1}, 2))
    with pytest.raises(BadInput, match="neither safetensors nor"):
        weights.load(tmp_path / "w.pth")


OTHERS = (
    *("resnet50d", "resnet26t", "resnet34", "seresnet18", "resnet50_gn", "resnetv2_18"),
    *("swin_tiny_patch4_window7_224", "mixer_s32_224", "convnext_atto", "levit_128"),
    *("deit_tiny_distilled_patch16_224", "xcit_nano_12_p16_224", "cait_xxs24_224"),
)


@pytest.mark.parametrize("name", OTHERS)
def test_another_architecture_is_one_sentence(tmp_path, name):
    with torch.device("meta"):  # names and shapes alone
        state = timm.create_model(name, pretrained=False).state_dict()
    tensors = {k: torch.empty(v.shape, device="meta") for k, v in state.items()}
    with pytest.raises(BadInput, match=r"^file \S+ cannot be loaded: [^\n]*\.$"):
        weights.load(saved(tmp_path / "w.pth", tensors), heads=3)
