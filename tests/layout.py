"""How a page of the book is laid out, on screens of any width and on paper."""

import io

import numpy as np
from PIL import Image

from tools.browser import FRAMES, resize

LISTING = 300  # pixels that a listing has at least
SLACK = 8  # pixels that a formula may be wider than its place
PAPER = 718  # pixels of an A4 page between its margins

# what nothing can bring into sight; what is scrolled sideways is in reach
CLIPPED = """() => {
  const wrong = [], wide = document.documentElement.clientWidth;
  for (const one of document.querySelectorAll("article *")) {
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    if (one.parentElement.closest("mjx-container")) continue; // strokes stick out
    let [edge, around] = [wide, one.parentElement];
    for (; around; around = around.parentElement) {
      const flow = getComputedStyle(around).overflowX;
      if (flow !== "visible") edge = around.getBoundingClientRect().right;
      if (flow === "auto" || flow === "scroll") edge = Infinity; // in reach
      if (flow !== "visible") break;
    }
    if (box.right > edge + 1) wrong.push(one.outerHTML.slice(0, 200));
  }
  return wrong;
}"""


def check_clipped(page, width: int):
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page scrolls sideways"
    assert page.evaluate(CLIPPED) == []


def check_listings(page):
    """Nothing that floats beside them makes them narrow."""
    widths = page.locator("article pre").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one => one.offsetWidth)"
    )
    assert min(widths, default=LISTING) >= LISTING


# the words below the small word that unfolds a cell's code
COVERED = """() => {
  const found = [], seen = (one) => one.checkVisibility();
  const spoken = ".heard, script, style, mjx-assistive-mml";
  const folds = ".tag_hide-input > details > summary";
  const tags = [...document.querySelectorAll(folds)].filter(seen);
  const boxes = tags.map((tag) => [tag, tag.getBoundingClientRect()]);
  const texts = document.createTreeWalker(
    document.querySelector("article"), NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode()); ) {
    const around = text.parentElement, range = document.createRange();
    if (!text.data.trim() || !seen(around) || around.closest(spoken)) continue;
    range.selectNodeContents(text);
    for (const box of range.getClientRects())
      for (const [tag, { left, right, top, bottom }] of boxes)
        if (!tag.contains(text) && box.width && box.left < right - 1 &&
            box.right > left + 1 && box.top < bottom - 1 && box.bottom > top + 1)
          found.push(text.data);
  }
  return found;
}"""


def check_tags(page):
    assert page.evaluate(COVERED) == []


# of all that is wider than its place: whether its edges say on which side more of it is
EDGES = f"""async () => {{
  const found = [], frames = {FRAMES};
  for (const one of document.querySelectorAll("article *")) {{
    const flow = getComputedStyle(one).overflowX;
    if (flow !== "auto" && flow !== "scroll") continue;
    if (!one.checkVisibility() || one.scrollWidth <= one.clientWidth + 1) continue;
    const said = () => ["wider", "more-left", "more-right"].filter(
      (name) => one.classList.contains(name)).join(" ");
    const before = said(), width = one.scrollWidth - one.clientWidth;
    one.scrollLeft = width;
    await frames();
    found.push([one.className.split(" ")[0], width, before, said(), one.tabIndex]);
    one.scrollLeft = 0;
    await frames();
  }}
  return found;
}}"""


def check_edges(page, width: int):
    """On a wide screen a figure has room; on a phone it says that there is more."""
    for kind, more, before, after, focus in page.evaluate(EDGES):
        if kind == "MathJax" and more <= SLACK:
            continue
        assert kind != "wide" or width < 600, f"{more} pixels of a figure are cut"
        assert (before, after) == ("wider more-right", "wider more-left")
        assert focus == 0


TABLES = """all => all.map(table => {
  const [rows, heads] = [[...table.tBodies[0].rows], [...table.tHead.rows]];
  const said = (cell) => cell.textContent.trim();
  return {
    aligned: rows.flatMap(({ cells }) => [...cells])
      .filter(({ tagName }) => tagName === "TH")
      .map(cell => getComputedStyle(cell).textAlign),
    last: heads.map(({ cells }) => said([...cells].at(-1))),
    told: rows.map(({ cells }) => [...cells].at(-1).dataset.head),
  };
})"""


def check_tables(page):
    """The names of rows are aligned alike, and each row's last cell has the last head.

    Also below a group's first row, which has a cell more than the others.
    """
    tables = page.locator("article table.dataframe:has(thead)").evaluate_all(TABLES)
    for one in tables:
        assert set(one["aligned"]) <= {"left"}
        head = ", ".join(dict.fromkeys(filter(None, one["last"])))
        assert set(one["told"]) <= {head}


def check_tracks(page):
    """The empty track of a training's progress is dark in the dark."""
    for bar in page.locator("progress:visible").all():
        shown = Image.open(io.BytesIO(bar.screenshot())).convert("L")
        assert np.asarray(shown).mean() < 110


def check_paper(page):
    """Nothing lies beyond the edge of a page that cannot be scrolled."""
    before = page.viewport_size["width"]
    resize(page, PAPER)
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    check_listings(page)
    resize(page, before)
