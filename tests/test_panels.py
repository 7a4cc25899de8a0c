"""Every panel over recorded runs, on every page, as a reader moves it.

What is shown is compared with the JSON in the page's file. A page is opened once.
"""

import itertools
import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from bs4 import BeautifulSoup

from mocolib.lab.chart import short
from tools import ROOT
from tools.book import HTML
from tools.browser import open_page
from tools.site import pages

CHAPTERS = [name for name in pages() if (ROOT / f"{name}.ipynb").exists()]
MOST = 6  # curves on top of each other
QUICK = 0.05  # seconds for an answer


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(site, browser, request):
    """An open page, its panels' data by id, and what went wrong on it so far."""
    text = (HTML / f"{request.param}.html").read_text(encoding="utf-8")
    found = BeautifulSoup(text, "html.parser").select("why-lab, why-frames")
    data = {one["id"]: json.loads(one.script.string) for one in found}
    url = f"{site}/{request.param}.html"
    with open_page(browser, url, 1280, "light") as (page, problems):
        yield page, data, problems


def each(data: dict, kind: str):
    return [(id, one) for id, one in data.items() if id.startswith(kind)]


def setting(page, id: str, one: dict) -> list[int]:
    """What a panel shows, by the page's address."""
    [text] = parse_qs(urlsplit(page.url).query).get(id, [""])
    return [int(i) for i in text.split("_")[0].split(".")] if text else one["start"]


def places(axis: dict) -> list[int]:
    """Minimum, middle and maximum of a slider; every word of a switch."""
    last = len(axis["words"]) - 1
    if axis["kind"] == "switch":
        return list(range(last + 1))
    return sorted({0, last // 2, last}, reverse=True)


def move(panel, axis: int, kind: str, place: int) -> None:
    """Bring a control to a place, the last step of the way by keyboard."""
    control = panel.locator(f"[data-axis='{axis}']")
    if kind == "switch":
        control.nth(place).press("Space")
    elif place == 0:
        control.press("Home")
    else:
        control.fill(str(place - 1))
        control.press("ArrowRight")


def moves(page, id: str, one: dict):
    """Move every control everywhere; the setting reached, after each move."""
    panel = page.locator(f"#{id}")
    for k, axis in enumerate(one["axes"]):
        if len(axis["words"]) < 2:
            assert panel.locator(f"[data-axis='{k}']").count() == 0
            continue
        for place in places(axis):
            move(panel, k, axis["kind"], place)
            at = setting(page, id, one)
            assert at[k] == place
            check_controls(panel, one["axes"], at)
            yield panel, at


def check_controls(panel, axes: list, at: list) -> None:
    """Each control stands where the setting is, for eyes and for ears."""
    for k, (axis, i) in enumerate(zip(axes, at, strict=True)):
        control = panel.locator(f"[data-axis='{k}']")
        if len(axis["words"]) < 2:
            continue
        if axis["kind"] == "switch":
            assert control.nth(i).is_checked()
        else:
            assert control.get_attribute("aria-valuetext") == axis["spoken"][i]
            assert panel.locator(f"output[for='{control.get_attribute('id')}']"
                                 ).inner_text() == axis["words"][i]  # fmt: skip


def group_at(one: dict, at: list) -> dict:
    [group] = [g for g in one["groups"] if g["at"] == at]
    return group


def name_of(one: dict, at: list) -> str:
    return ", ".join(a["spoken"][i] for a, i in zip(one["axes"], at, strict=True))


def check_curves(panel, one: dict, at: list, images: bool = False) -> None:
    """The first curve of every chart is the recorded one, point by point."""
    group = group_at(one, at)
    for chart in one["charts"]:
        steps, values = group["lines"].get(chart["key"]) or ([], [])
        svg = panel.locator(f"svg[data-key='{chart['key']}']")
        if len(steps) < 2:
            continue
        label = svg.get_attribute("aria-label")
        assert f"{name_of(one, at)} ends at {short(values[-1])}" in label
        path = svg.locator("path.line").first.get_attribute("d")
        drawn = np.array(re.findall(r"([-\d.]+) ([-\d.]+)", path), float)
        assert len(drawn) == len(steps)
        assert straight(drawn[:, 0], steps)
        assert straight(-drawn[:, 1], np.log10(values) if chart["log"] else values)
        assert ("images seen" in svg.text_content()) == images


def straight(pixels, values) -> bool:
    """Whether values lie on a linear scale, to a tenth of a pixel and four digits."""
    pixels, values = np.asarray(pixels, float), np.asarray(values, float)
    low, high = values.argmin(), values.argmax()
    if values[low] == values[high]:
        return np.ptp(pixels) < 0.2
    scale = (pixels[high] - pixels[low]) / (values[high] - values[low])
    off = pixels - pixels[low] - scale * (values - values[low])
    return scale > 0 and np.abs(off).max() < 0.25


def check_words(panel, one: dict, at: list) -> None:
    """The sentence and the table say what was recorded."""
    group, said = group_at(one, at), panel.locator(".spoken").inner_text()
    row = panel.locator("tbody tr").first.inner_text()
    assert f"Shown: {name_of(one, at)}; {group['seeds']} run" in said
    assert name_of(one, at) in row
    for fact, (mean, *_) in group["facts"].items():
        if mean is not None:
            assert f"{fact} {short(mean)}" in said
            assert short(mean) in row
    for chart in one["charts"]:
        if values := (group["lines"].get(chart["key"]) or ([], []))[1]:
            ends = f"from {short(values[0])} to {short(values[-1])}"
            assert f"{chart['title']} goes {ends}" in said


def test_a_chapter_has_a_panel(chapter):
    _, data, _ = chapter
    assert data


def test_every_move_shows_the_recorded_runs(chapter):
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        check_words(page.locator(f"#{id}"), one, one["start"])
        for panel, at in moves(page, id, one):
            check_curves(panel, one, at)
            check_words(panel, one, at)
    assert problems == []


def test_every_move_shows_its_frame(chapter):
    page, data, problems = chapter
    for id, one in each(data, "frames-"):
        sizes = [len(axis["words"]) for axis in one["axes"]]
        for panel, at in moves(page, id, one):
            n = int(np.ravel_multi_index(at, sizes))
            assert panel.locator(".spoken").inner_text() == one["spoken"][n].strip()
            shown = panel.locator(".frame").evaluate(
                """(frame, html) => { const t = document.createElement("div");
                t.innerHTML = html; return t.isEqualNode(frame.cloneNode(true)) ||
                t.innerHTML === frame.innerHTML }""",
                one["frames"][n],
            )
            assert shown
    assert problems == []


def test_a_picture_can_be_dragged_over(chapter):
    page, data, _ = chapter
    for id, one in each(data, "frames-"):
        if not (over := one.get("over")):
            continue
        panel = page.locator(f"#{id}")
        panel.scroll_into_view_if_needed()
        box = panel.locator(".over").bounding_box()
        for row, column in ((0, 0), (over["rows"] - 1, over["columns"] - 1)):
            across = (column + 0.5) / over["columns"]
            down = (row + 0.5) / over["rows"]
            page.mouse.move(
                box["x"] + across * box["width"], box["y"] + down * box["height"]
            )
            at = setting(page, id, one)
            assert at[over["axis"]] == row * over["columns"] + column


def test_curves_are_kept_up_to_six_and_let_go(chapter):
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        panel = page.locator(f"#{id}")
        while panel.locator("[data-drop]").count():
            panel.locator("[data-drop]").first.click()
        wanted = [g["at"] for g in one["groups"]][: MOST - 1]
        for count, at in enumerate(wanted, 1):
            go_to(page, id, one, at)
            panel.locator(".keep").press("Enter")
            assert panel.locator("[data-drop]").count() == count
        assert panel.locator(".keep").is_disabled()
        go_to(page, id, one, one["groups"][-1]["at"])
        rows = panel.locator("tbody tr").count()
        assert rows == min(MOST, len(one["groups"]))
        for chart in one["charts"]:
            have = [g for g in [*one["groups"][: MOST - 1], one["groups"][-1]]
                    if g["lines"].get(chart["key"], [[]])[0]]  # fmt: skip
            lines = panel.locator(f"svg[data-key='{chart['key']}'] path.line")
            assert lines.count() == len({tuple(g["at"]) for g in have})
            styles = lines.evaluate_all(
                "all => all.map(l => l.getAttribute('stroke') + l.getAttribute("
                "'stroke-dasharray'))"
            )
            assert len(set(styles)) == len(styles)
        panel.locator("[data-drop]").last.press("Enter")
        assert panel.locator("[data-drop]").count() == len(wanted) - 1
    assert problems == []


def go_to(page, id: str, one: dict, at: list) -> None:
    """Reach a recorded setting by its controls, some of which move others."""
    panel = page.locator(f"#{id}")
    for _, (k, axis) in itertools.product(range(2), enumerate(one["axes"])):
        control = panel.locator(f"[data-axis='{k}']")
        if axis["kind"] == "switch" and len(axis["words"]) > 1:
            control.nth(at[k]).check()
        elif len(axis["words"]) > 1:
            control.fill(str(at[k]))
    assert setting(page, id, one) == at


def test_bands_x_axis_and_hover(chapter):
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        panel, at = page.locator(f"#{id}"), setting(page, id, one)
        panel.locator("select.x").select_option("images")
        check_curves(panel, one, at, images=True)
        if any(group["bands"] for group in one["groups"]):
            panel.locator("input.bands").uncheck()
            assert panel.locator("path.band").count() == 0
            panel.locator("input.bands").press("Space")
            group = group_at(one, at)
            bands = sum(bool(rows) for rows in group["bands"].values())
            assert panel.locator("path.band").count() >= bands
        svg = panel.locator("svg[data-key]").first
        svg.scroll_into_view_if_needed()
        box = svg.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        said = panel.locator(".readout").inner_text()
        assert said.startswith("images seen")
        assert name_of(one, at) in said
        assert panel.locator("path.hair").count() == len(one["charts"])
        page.mouse.move(0, 0)
    assert problems == []


def test_an_answer_comes_at_once(chapter):
    """Script, style and layout, in processor time: the machine may be busy."""
    page, data, _ = chapter
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        found = metrics.send("Performance.getMetrics")["metrics"]
        return sum(m["value"] for m in found if m["name"] in WORK)

    for id in data:
        start = spent()
        answers = page.locator(f"#{id}").evaluate(ANSWERS)
        if answers:
            assert 0 < (spent() - start) / answers <= QUICK, id
    metrics.detach()


WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
ANSWERS = """panel => {
  let answers = 0;
  for (const one of panel.querySelectorAll("[data-axis]")) {
    const range = one.type === "range";
    for (let i = 0; i <= (range ? Number(one.max) : 0); i++) {
      if (range) one.value = i; else one.checked = true;
      one.dispatchEvent(new Event("input", { bubbles: true }));
      panel.getBoundingClientRect(); // the layout belongs to the answer
      answers++;
    }
  }
  return answers;
}"""


def test_a_view_can_be_linked(chapter, browser):
    """The address alone brings back what all panels of the page show."""
    page, data, _ = chapter
    look = """all => all.map(panel => [".spoken", ".table", ".charts", ".frame"].map(
      part => panel.querySelector(part)?.innerHTML))"""
    panels = "why-lab, why-frames"
    before = page.locator(panels).evaluate_all(look)
    assert not data or "?" in page.url
    with open_page(browser, page.url, 1280, "light") as (again, problems):
        assert again.locator(panels).evaluate_all(look) == before
        assert problems == []
