"""A panel over recorded runs begins with the x axis that it is told."""

import pytest

from mocolib import lab
from mocolib.errors import BadInput
from mocolib.lab.page import PAGE
from tests.told import told

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


@pytest.mark.parametrize("page", ["1", ""])
@pytest.mark.parametrize("x", ["step", "images"])
def test_the_axis_asked_for(lines, x, page, monkeypatch):
    monkeypatch.setenv(PAGE, page)
    assert told(lab.experiment(lines, x=x, **ARGUMENTS).data)["x"] == x


def test_another_axis_is_refused(lines):
    with pytest.raises(BadInput, match=r"^x is 'samples', but must be one of step"):
        lab.experiment(lines, x="samples", **ARGUMENTS)
