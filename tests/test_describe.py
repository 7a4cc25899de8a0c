"""The words of a setting, which stand alone in legends and are read aloud."""

from mocolib.lab.chart import Curve, chart
from mocolib.lab.describe import axis, spoken


def test_each_setting_can_be_understood_without_its_control():
    assert spoken("patch_projection", "fixed") == "fixed projection"
    assert spoken("stem", "conv") == "conv stem"
    assert spoken("base_lr", "4e-3") == "base rate 4e-3"
    words = axis("qk_norm", [False, True]).words
    said = [spoken("qk_norm", word) for word in words]
    assert said == ["without qk norm", "with qk norm"]


def test_a_chart_may_begin_in_mid_run():
    curve = Curve(name="a", x=[60, 100], y=[1, 2], colour="red")
    shown = chart([curve], "loss", since=60, until=100)
    for tick in (60, 80, 100):
        assert f">{tick}</text>" in shown
    assert ">0</text>" not in shown
    path = shown.split('<path d="M')[-1].split('"')[0]  # from edge to edge
    left, right = (float(point.split()[0]) for point in path.split("L"))
    assert (left, right) == (44, 316)
