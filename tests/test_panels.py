"""Every panel over recorded runs, on every page, as a reader moves it.

What is shown is compared with the JSON in the page's file. A page is opened once.
"""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup, SoupStrainer

from tests.panels import (
    check_curves,
    check_words,
    drop,
    each,
    go_to,
    keep,
    look,
    moves,
    name_of,
    setting,
)
from tests.told import picture
from tools import ROOT
from tools.book import HTML
from tools.browser import WIDTHS, open_page, resize
from tools.site import pages

CHAPTERS = [name for name in pages() if (ROOT / f"{name}.ipynb").exists()]
MOST = 6  # curves on top of each other
QUICK = 0.05  # seconds for an answer


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(site, reader, request):
    """An open page, its panels' data by id, and what went wrong on it so far."""
    text = (HTML / f"{request.param}.html").read_text(encoding="utf-8")
    panels = SoupStrainer(["why-lab", "why-frames"])
    found = BeautifulSoup(text, "html.parser", parse_only=panels).find_all(panels)
    data = {one["id"]: json.loads(one.script.string) for one in found}
    url = f"{site}/{request.param}.html"
    with open_page(reader, url, 1280, "light") as (page, problems):
        yield page, data, problems


def test_a_chapter_has_a_panel(chapter):
    page, *_ = chapter
    assert page.locator("why-lab, why-frames, why-train").count()


WORDS = """() => [...document.querySelectorAll("svg[data-key]")].flatMap(svg => {
  const within = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 &&
    a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const apart = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) <= 1 ||
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) <= 1;
  const around = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll("text")].filter(one => one.textContent.trim())
    .map(one => [one.textContent, one.getBoundingClientRect()]);
  return [
    ...words.filter(([, box]) => !within(box, around)).map(([said]) => said),
    ...words.flatMap(([said, box], i) => words.slice(0, i)
      .filter(([, other]) => !apart(box, other)).map(([other]) => [said, other])),
  ];
})"""  # what is cut, and what lies on each other; a pixel is rounding


def test_words_in_charts_are_neither_cut_nor_on_each_other(chapter):
    """As a page opens, and with as many curves as a panel keeps; wide and narrow."""
    page, data, problems = chapter
    panels, before = each(data, "lab-"), {}
    assert page.evaluate(WORDS) == []
    for id, one in panels:
        panel = page.locator(f"#{id}")
        before[id] = panel.locator("[data-drop]").count(), setting(page, id, one)
        wanted = [g["at"] for g in one["groups"]][: MOST - 1 - before[id][0]]
        assert keep(panel, wanted) >= min(len(wanted), MOST - 1)
    assert page.evaluate(WORDS) == []
    resize(page, WIDTHS[1])
    assert page.evaluate(WORDS) == []
    for id, one in panels:
        drop(page.locator(f"#{id}"), *before[id])
        assert setting(page, id, one) == before[id][1]
    assert page.evaluate(WORDS) == []
    resize(page, WIDTHS[0])
    assert problems == []


def ticks(seen: dict) -> dict:
    return {key: chart["ticks"] for key, chart in seen["charts"].items()}


def test_every_move_shows_the_recorded_runs(chapter):
    """On axes that hold still, so curves can be compared."""
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        start = look(page.locator(f"#{id}"))
        check_words(start, one, one["start"])
        for seen, at in moves(page, id, one):
            check_curves(seen, one, at)
            check_words(seen, one, at)
            assert ticks(seen) == ticks(start)
    assert problems == []


def test_every_move_shows_its_frame(chapter):
    page, data, problems = chapter
    for id, one in each(data, "frames-"):
        sizes = [len(axis["words"]) for axis in one["axes"]]
        panel = page.locator(f"#{id}")
        for _, at in moves(page, id, one):
            n = int(np.ravel_multi_index(at, sizes))
            assert panel.locator(".spoken").inner_text() == one["spoken"][n].strip()
            shown = panel.locator(".frame").evaluate(
                """(frame, html) => { const t = document.createElement("div");
                t.innerHTML = html; const shown = frame.cloneNode(true);
                // charts have drawn themselves from what they were told
                for (const one of shown.querySelectorAll("why-charts"))
                  if (!one.querySelector("svg")) return false;
                for (const one of [...t.querySelectorAll("why-charts"),
                    ...shown.querySelectorAll("why-charts")]) one.textContent = "";
                return t.innerHTML === shown.innerHTML }""",
                picture(one, n),
            )
            assert shown
    assert problems == []


def test_a_picture_can_be_dragged_over(chapter):
    page, data, _ = chapter
    for id, one in each(data, "frames-"):
        if not (over := one.get("over")):
            continue
        shown = page.locator(f"#{id} .over")
        box = shown.bounding_box()
        for row, column in ((0, 0), (over["rows"] - 1, over["columns"] - 1)):
            across = (column + 0.5) / over["columns"] * box["width"]
            down = (row + 0.5) / over["rows"] * box["height"]
            # brought into view, and waited for until it no longer moves
            shown.hover(position={"x": across, "y": down})
            at = setting(page, id, one)
            assert at[over["axis"]] == row * over["columns"] + column


def test_curves_are_kept_up_to_six_and_let_go(chapter):
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        panel = page.locator(f"#{id}")
        [first, *others] = [g["at"] for g in one["groups"]][: MOST - 1]
        drop(panel, 0, first)
        panel.locator(".keep").press("Enter")
        focused = panel.locator(".keep").evaluate(
            "one => document.activeElement === one"
        )
        assert focused  # although it cannot be pressed again
        assert panel.locator("[data-drop]").count() == 1
        assert keep(panel, others) == 1 + len(others)
        assert panel.locator(".keep").is_disabled()
        last = one["groups"][-1]["at"]
        go_to(panel, last)
        assert setting(page, id, one) == last
        seen = look(panel)
        assert len(seen["rows"]) == min(MOST, len(one["groups"]))
        for chart in one["charts"]:
            have = [g for g in [*one["groups"][: MOST - 1], one["groups"][-1]]
                    if g["lines"].get(chart["key"])]  # fmt: skip
            styles = seen["charts"][chart["key"]]["styles"]
            assert len(styles) == len({tuple(g["at"]) for g in have})
            assert len(set(styles)) == len(styles)
        panel.locator("[data-drop]").last.press("Enter")
        assert panel.locator("[data-drop]").count() == len(others)
    assert problems == []


def test_letters_are_large_enough_on_a_phone(chapter):
    page, _, problems = chapter
    resize(page, WIDTHS[1])
    small = page.locator("why-lab, why-charts").evaluate_all(
        """all => all.flatMap(one => [...one.querySelectorAll("svg[data-key] text")])
        .map(text => [text.textContent, parseFloat(getComputedStyle(text).fontSize) *
          text.ownerSVGElement.getBoundingClientRect().width /
          text.ownerSVGElement.viewBox.baseVal.width])
        .filter(([, size]) => size < 11)"""
    )
    assert small == []
    starts = page.locator("why-lab td").evaluate_all(
        "all => all.map(cell => cell.getBoundingClientRect().x)"
    )
    assert all(0 <= x < WIDTHS[1] for x in starts)
    resize(page, WIDTHS[0])
    assert problems == []


def test_x_axis_and_hover(chapter):
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        panel, at = page.locator(f"#{id}"), setting(page, id, one)
        for x in ("step", "images"):
            panel.locator("select.x").select_option(x)
            check_curves(look(panel), one, at)
        svg = panel.locator("svg[data-key]").first
        svg.scroll_into_view_if_needed()
        box = svg.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        said = panel.locator(".readout").inner_text()
        assert said.startswith("images seen")
        if panel.locator("path.line").count() == len(one["charts"]):
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


def test_a_view_can_be_linked(chapter, reader):
    """The address alone brings back what all panels of the page show."""
    page, data, _ = chapter
    look = """all => all.map(panel => [".heard, .spoken", ".facts", ".stack", ".frame"]
      .map(part => panel.querySelector(part)?.innerHTML))"""
    panels = "why-lab, why-frames"
    before = page.locator(panels).evaluate_all(look)
    assert not data or "?" in page.url
    with open_page(reader, page.url, 1280, "light") as (again, problems):
        assert again.locator(panels).evaluate_all(look) == before
        assert problems == []


STRANGE = [
    "toString",
    "0__toString",
    "__proto___0-0-0_constructor",
    "-1",
    "0.5.",
    "1e0_",
]
READ = """([id, text]) => {
  const panel = document.getElementById(id), { at, kept, x } = panel;
  history.replaceState(null, "", `?${id}=${text}`);
  panel.readAddress?.();
  panel.show();
  const names = (panel.kept ?? []).map(String), found = [panel.at, names, panel.x];
  Object.assign(panel, { at, kept, x });
  panel.show();
  return found;
}"""


def test_an_address_that_nobody_wrote_is_no_trouble(chapter):
    """What it has of settings is shown, each once; the rest is passed over."""
    page, data, problems = chapter
    for id, one in each(data, "lab-"):
        first = ".".join(map(str, one["groups"][0]["at"]))
        for text in [*STRANGE, f"{first}_{first}-{first}_"]:
            at, kept, x = page.evaluate(READ, [id, text])
            assert at in [group["at"] for group in one["groups"]]
            assert len(set(kept)) == len(kept)
            assert x in one["x_axes"]
    assert problems == []
