"""A panel over recorded runs begins with the x axis that it is told."""

import json
import re

import pytest

from mocolib import lab
from mocolib.errors import BadInput
from mocolib.lab.recorded import PAGE

ARGUMENTS = {"id": "one", "by": ("batch_size",), "charts": {"knn": "kNN"}}


@pytest.fixture
def lines():
    """Two batches: the second makes a quarter of the steps for as many images."""
    return [
        lab.Line(
            settings={"batch_size": batch},
            steps=[steps // 2, steps],
            samples=[steps // 2 * batch, steps * batch],
            y={"knn": [0.2, 0.3]},
        )
        for batch, steps in ((64, 80), (256, 20))
    ]


@pytest.mark.parametrize("x", ["step", "images"])
def test_in_a_page(lines, x, monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    shown = lab.experiment(lines, x=x, **ARGUMENTS).data
    assert json.loads(re.search(r"json\">(.*?)</script>", shown)[1])["x"] == x


def test_in_a_kernel(lines, monkeypatch):
    monkeypatch.delenv(PAGE, raising=False)
    panel = lab.experiment(lines, x="images", **ARGUMENTS)
    assert ">images seen</text>" in panel.charts.value
    assert "images seen 5,120" in panel.charts.value  # 80 x 64
    panel.x.value = "step"
    assert ">training step</text>" in panel.charts.value
    assert "training step 80" in panel.charts.value


def test_another_axis_is_refused(lines):
    with pytest.raises(BadInput, match=r"^x is 'samples', but must be one of step"):
        lab.experiment(lines, x="samples", **ARGUMENTS)
