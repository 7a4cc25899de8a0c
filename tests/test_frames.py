"""Panels over pictures: a frame a setting, all of them in the panel."""

import re

import numpy as np
import pytest

from mocolib import lab
from mocolib.errors import BadInput
from mocolib.lab.page import PAGE
from tests.told import picture, told

CELLS = np.arange(64, dtype=np.uint8).reshape(8, 8)


def draw(patch: int, kind: str) -> lab.Frame:
    return lab.Frame(html=f"<b>{kind} {patch}</b>", spoken=f"patch {patch}, {kind}")


def panel(**changes):
    options = {"patch": range(4), "kind": ["random", "learned"], **changes}
    return lab.frames(
        draw, id="patches", question="Drag <here>.", answer="A < b.",
        over=("patch", CELLS, 2, 2), **options,
    )  # fmt: skip


def test_in_a_page_every_frame_is_there(monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    shown = panel().data
    data = told(shown)
    assert picture(data, 5) == "<b>learned 2</b>"
    assert data["spoken"][0] == "patch 0, random"
    assert data["over"]["axis"] == 0
    # the question stands above, the answer is folded below
    assert shown.index("Drag &lt;here&gt;.") < shown.index("<why-frames")
    assert shown.index("</why-frames>") < shown.index("<details>")
    assert "A &lt; b." in shown
    assert "<noscript><b>random 0</b></noscript>" in shown


def test_a_panel_begins_where_it_is_told(monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    shown = panel(start={"patch": 2}).data
    data = told(shown)
    assert data["start"] == [2, 0]
    assert "<noscript><b>random 2</b></noscript>" in shown


def test_too_many_frames_are_refused():
    with pytest.raises(BadInput, match="200 frames, but a page holds"):
        panel(patch=range(100))


def test_in_a_kernel_a_panel_brings_what_draws_it(monkeypatch):
    monkeypatch.delenv(PAGE, raising=False)
    shown = panel().data
    for part in ("Why.chart", 'define("why-frames"', ".why-panel {", "data-kernel"):
        assert part in shown
    monkeypatch.setenv(PAGE, "1")
    page = panel().data
    assert told(page) == told(shown)
    assert "Why." not in page
    assert "data-kernel" not in page


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
