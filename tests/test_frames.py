"""Panels over pictures: all frames in a page, one at a time in a kernel."""

import json
import re

import numpy as np
import pytest

from mocolib import lab
from mocolib.errors import BadInput
from mocolib.lab.recorded import PAGE

CELLS = np.arange(64, dtype=np.uint8).reshape(8, 8)


def draw(patch: int, kind: str) -> lab.Frame:
    return lab.Frame(html=f"<b>{kind} {patch}</b>", spoken=f"patch {patch}, {kind}")


def panel(**changes):
    options = {"patch": range(4), "kind": ["random", "learned"], **changes}
    return lab.frames(
        draw, id="patches", caption="Drag <here>.", over=("patch", CELLS, 2, 2),
        **options,
    )  # fmt: skip


def test_in_a_page_every_frame_is_there(monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    shown = panel().data
    data = json.loads(re.search(r"json\">(.*?)</script>", shown, re.S)[1])
    assert data["frames"][5] == "<b>learned 2</b>"
    assert data["spoken"][0] == "patch 0, random"
    assert data["over"]["axis"] == 0
    assert "Drag &lt;here&gt;." in shown
    assert "<noscript><b>random 0</b></noscript>" in shown


def test_a_panel_begins_where_it_is_told(monkeypatch):
    shown = panel(start={"patch": 2})
    assert shown.picture.value.endswith("<b>random 2</b>")
    monkeypatch.setenv(PAGE, "1")
    shown = panel(start={"patch": 2}).data
    data = json.loads(re.search(r"json\">(.*?)</script>", shown, re.S)[1])
    assert data["start"] == [2, 0]
    assert "<noscript><b>random 2</b></noscript>" in shown


def test_in_a_page_too_many_frames_are_refused(monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    with pytest.raises(BadInput, match="200 frames, but a page holds"):
        panel(patch=range(100))


def test_in_a_kernel_the_chosen_cell_is_framed(monkeypatch):
    monkeypatch.delenv(PAGE, raising=False)
    shown = panel()
    shown.controls[0].value = 3
    shown.controls[1].value = 1
    assert shown.picture.value.endswith("<b>learned 3</b>")
    assert "left:50.0%;top:50.0%" in shown.picture.value
    assert "patch 3, learned" in shown.words.value


def test_parts_stand_beside_each_other_under_their_names():
    shown = lab.beside({"a < b": lab.pixels(CELLS, alt="cells"), "two": "<b>2</b>"})
    assert "a &lt; b" in shown
    assert shown.index("cells") < shown.index("<b>2</b>")


def test_bars_keep_their_limit_and_their_names():
    shown = lab.strips({"a < b": [0.5, -4.0], "two": [0.0, 2.0]}, limit=2)
    assert "a &lt; b" in shown
    assert re.findall(r"v(-?[\d.]+)h", shown) == ["-6.8", "27.0", "-0.0", "-27.0"]
    assert "aria-label" in shown


def test_meters_fill_their_share():
    shown = lab.meters({"images": ("3 <", 0.5), "steps": ("4", 9)})
    assert "3 &lt;" in shown
    assert re.findall(r"width:([\d.]+)rem", shown) == ["6.00", "12.00"]
