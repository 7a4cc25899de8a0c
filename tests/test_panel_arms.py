"""Both arms of a panel over recorded runs: moved together, one seed to the front."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from mocolib import lab
from mocolib.lab.page import PAGE
from tests.served import served, write_page
from tools.browser import open_page

RATES, SEEDS = (0.01, 0.02, 0.04), (3, 5, 8)
STEPS = np.arange(10, 110, 10)


def line(rate: float, kind: str, seed: int) -> lab.Line:
    """A curve that no other is, so that what is drawn tells what it is of."""
    knn = 0.3 + 5 * rate + 0.02 * seed + (kind == "fixed") * 0.13 + STEPS / 1000
    return lab.Line(
        settings={"base_lr": rate, "patch_projection": kind},
        steps=STEPS,
        samples=8 * STEPS,
        y={"knn": knn, "loss": 2 - knn},
        seed=seed,
        outcomes={"dips": seed > 3, "lasting_falls": False, "collapsed": seed == 8},
    )


@pytest.fixture(scope="module")
def panel(browser, tmp_path_factory):
    """A page with the panel: fixed is kept, and holds nothing else."""
    folder = tmp_path_factory.mktemp("arms")
    lines = [
        line(rate, kind, seed)
        for rate in RATES
        for kind in ("learned", "fixed")
        for seed in SEEDS
        if (rate, kind, seed) != (0.04, "fixed", 8)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAGE, "1")
        shown = lab.experiment(
            lines,
            id="arms",
            by=("base_lr", "patch_projection"),
            start={"base_lr": 0.02, "patch_projection": "learned"},
            keep=[{"patch_projection": "fixed"}],
            charts={"knn": "kNN accuracy, %", "loss": "loss"},
        )
    write_page(folder, shown.data)
    with served(folder) as root:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 900, "light") as (page, problems):
            page.set_default_timeout(30_000)
            yield page
            assert problems == []


@pytest.fixture
def opened(panel):
    """As it was at first."""
    panel.evaluate("history.replaceState(null, '', location.pathname)")
    panel.reload()
    return panel


def rows(page) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def drawn(page) -> list[str]:
    """Which seed each strong line of the first chart is of, the chosen setting last."""
    svg = page.locator("svg[data-key]").first
    return svg.locator("path.line").evaluate_all("all => all.map(o => o.dataset.seed)")


def address(page) -> str:
    [text] = parse_qs(urlsplit(page.url).query)["lab-arms"]
    return text


def choose(page, name: str, place: int):
    page.locator(f"[name=lab-arms-{name}]").nth(place).check(force=True)


def told(page, what: str) -> str:
    return " ".join(page.locator(what).text_content().split())


def test_one_press_moves_both_arms_in_what_they_share(opened):
    for place, rate in ((0, "0.01"), (2, "0.04")):
        choose(opened, "base_lr", place)
        assert [row.strip(" ×") for row in rows(opened)] == [
            f"base rate {rate}, learned projection",
            f"base rate {rate}, fixed projection",
        ]
    assert address(opened) == "2.0_x.1_step"
    assert "Kept is only: fixed projection." in told(opened, ".facts")
    before = rows(opened)
    opened.reload()
    assert rows(opened) == before


def test_a_curve_that_the_reader_keeps_stays_where_it_is(opened):
    opened.locator(".keep").press("Enter")
    choose(opened, "base_lr", 0)
    assert [row.strip(" ×").split(",")[0] for row in rows(opened)] == [
        "base rate 0.01",
        "base rate 0.01",
        "base rate 0.02",
    ]
    assert address(opened) == "0.0_x.1-1.0_step"


def test_a_setting_that_a_kept_curve_only_follows_can_be_kept_itself(opened):
    choose(opened, "patch_projection", 1)
    assert len(rows(opened)) == 1
    opened.locator(".keep").press("Enter")
    choose(opened, "base_lr", 0)
    assert len(rows(opened)) == 2
    opened.locator("[data-drop]").last.press("Enter")
    assert len(rows(opened)) == 1


POINT = """(seed) => {
  const path = document.querySelector(`svg[data-key] path[data-seed="${seed}"]`);
  const [x, y] = path.getAttribute("d").split("L").at(-1).split(" ").map(Number);
  const svg = path.ownerSVGElement, box = svg.getBoundingClientRect();
  return [box.left + x, box.top + y];
}"""  # where the line of a seed ends


@pytest.mark.parametrize("seed", SEEDS)
def test_a_press_on_a_line_brings_its_seed_to_the_front_of_both(opened, seed):
    before = drawn(opened)
    opened.locator("svg[data-key]").first.scroll_into_view_if_needed()
    opened.mouse.click(*opened.evaluate(POINT, seed))
    assert drawn(opened) == [str(seed)] * 2
    assert f"seed {seed} in front" in told(opened, "svg[data-key] .title >> nth=0")
    assert f"In front in the first chart: seed {seed};" in told(opened, ".facts")
    assert f"seed {seed}" in opened.locator(".heard").text_content()
    assert opened.locator("select.seed").input_value() == str(seed)
    assert address(opened).endswith(f"_step_{seed}")
    opened.reload()
    assert drawn(opened) == [str(seed)] * 2
    opened.locator("svg[data-key]").first.scroll_into_view_if_needed()
    opened.mouse.click(*opened.evaluate(POINT, seed))
    assert drawn(opened) == before
    assert opened.locator("select.seed").input_value() == ""


def test_a_seed_is_raised_by_keyboard_and_where_it_was_not_recorded_it_is_said(opened):
    choose(opened, "base_lr", 2)
    select = opened.locator("select.seed")
    select.focus()
    opened.keyboard.press("End")
    assert drawn(opened) == ["8"]
    assert "fixed has no such run" in told(opened, ".facts")
    charts = opened.locator("svg[data-key]")
    assert charts.nth(1).locator("path.line").count() == 2  # below it is as it was
    opened.keyboard.press("Home")
    assert len(drawn(opened)) == 2


def test_a_press_beside_the_lines_raises_none(opened):
    svg = opened.locator("svg[data-key]").first
    before = drawn(opened)
    svg.click(position={"x": 100, "y": 5})
    assert drawn(opened) == before
    assert "?" not in opened.url


def test_a_phone_shows_two_of_many_controls_and_a_button_for_the_rest(
    browser, tmp_path, monkeypatch
):
    monkeypatch.setenv(PAGE, "1")
    fields = ("beta2", "patch_projection", "optimizer", "stem")
    lines = [
        lab.Line(
            settings={name: f"{name}{i}" for name in fields},
            steps=STEPS,
            samples=8 * STEPS,
            y={"knn": STEPS / 1000},
        )
        for i in (0, 1)
    ]
    charts = {"knn": "kNN accuracy, %"}
    shown = lab.experiment(lines, id="arms", by=fields, charts=charts)
    write_page(tmp_path, shown.data)
    with served(tmp_path) as root:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 390, "light") as (page, problems):
            controls = page.locator(".control")
            seen = [controls.nth(i).is_visible() for i in range(4)]
            assert seen == [True, True, False, False]
            page.get_by_role("button", name="2 more settings").press("Enter")
            assert all(controls.nth(i).is_visible() for i in range(4))
            focused = page.evaluate("document.activeElement.name")
            assert focused == "lab-arms-optimizer"
            assert problems == []


def test_each_arm_has_a_tally_of_its_runs(opened):
    choose(opened, "base_lr", 2)
    assert [" ".join(one.split()) for one in
            opened.locator(".tally li").all_inner_texts()] == [
        "learned: of 3 runs: dips made good in 2, lasting falls in 0, collapsed: 1",
        "fixed: of 2 runs: dips made good in 1, lasting falls in 0, collapsed: 0",
    ]  # fmt: skip
