"""Every page of the built book, in a real browser that can reach nothing else.

A page is opened once, and all tests of it look at the open page; it follows the
system's theme, as it does for a reader who has chosen none. What no colour can change
is looked at in light.
"""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.layout import (
    check_clipped,
    check_edges,
    check_listings,
    check_paper,
    check_tables,
    check_tags,
    check_tracks,
)
from tools.book import HTML
from tools.browser import THEMES, WIDTHS, open_page, resize
from tools.site import pages

# bytes: panel data gzipped; page, scripts, styles and pictures as they are
MOST_DATA, MOST = 300_000, 1_500_000
# gzipped, what the first panel waits for: half a second at 6.4 Mbit/s, which leaves two
# and a half to a slow processor; `python -m tools.bench_pages` measures the time
MOST_SENT = 400_000
BETWEEN = 800  # pixels: a tablet's, on which notes have no margin
# axe would fetch each style sheet again, and @import from the wrong folder
DATA = r"<script type=.application/json.>(.*?)</script>"
AXE = {"preload": False, "resultTypes": ["violations"]}
# a page has the same words and parts in two themes: all that can differ is colours
COLOURS = ["color-contrast", "link-in-text-block"]
BUT_COLOURS = {"rules": {rule: {"enabled": False} for rule in COLOURS}}
EACH_THEME = pytest.mark.parametrize("theme", THEMES)
THEME = "document.documentElement.dataset.theme"


@pytest.fixture(scope="module", params=pages())
def opened(site, reader, request):
    """A function of a theme: the page in it, and what went wrong on it so far."""
    url = f"{site}/{request.param}.html"
    with open_page(reader, url, WIDTHS[0], "auto") as (page, problems):

        def in_theme(theme: str):
            if page.evaluate(THEME) != theme:
                page.emulate_media(color_scheme=theme)
                page.wait_for_function(f"{THEME} == '{theme}'")
            page.evaluate(AT_ONCE)
            return page, problems

        yield in_theme


# what is on its way arrives: colours to the other theme, parts that were unfolded
AT_ONCE = """() => document.getAnimations()
  .filter(one => one.effect.getComputedTiming().endTime < Infinity)
  .forEach(one => one.finish())"""
LOADED = """performance.getEntriesByType("resource").map(e =>
  [new URL(e.name).pathname, e.decodedBodySize])"""


def test_a_page_weighs_little(opened):
    """All that comes before anything is asked for, in bytes before gzip.

    MathJax, which comes with the first formula near, and what trains are not among it.
    """
    page, _ = opened("light")
    text = (HTML / urlsplit(page.url).path.lstrip("/")).read_text(encoding="utf-8")
    data = "".join(re.findall(DATA, text))
    assert len(gzip.compress(data.encode())) <= MOST_DATA
    sizes = dict(page.evaluate(LOADED))
    assert not any("fontawesome" in path and ".js" in path for path in sizes)
    sizes = {path: n for path, n in sizes.items() if "/mathjax/" not in path}
    assert 0 < sum(sizes.values()) + len(text.encode()) <= MOST
    awaited = [text.encode(), *read(path for path in sizes if AWAITED.search(path))]
    assert sum(len(gzip.compress(one)) for one in awaited) <= MOST_SENT


AWAITED = re.compile(r"\.(css|js)$")


def read(paths):
    return [(HTML / path.lstrip("/")).read_bytes() for path in paths]


def test_formulas_are_set(opened):
    """Local MathJax: no dollar is left where a formula should be."""
    page, _ = opened("light")
    asked = page.locator(".math").count()
    if asked:  # MathJax comes when one is near
        page.locator(".math").first.scroll_into_view_if_needed()
    page.wait_for_function(
        f"document.querySelectorAll('mjx-container').length >= {asked}"
    )
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("width", [*WIDTHS, BETWEEN])
def test_all_has_its_room(opened, width):
    """Nothing is cut or covered, and what must be scrolled says so."""
    page, _ = opened("light")
    resize(page, width)
    check_clipped(page, width)
    check_listings(page)
    check_tags(page)
    check_edges(page, width)


UNFOLDED = """async () => {
  for (const one of document.querySelectorAll("article details")) one.open = true;
  await new Promise(requestAnimationFrame);
}"""
HIDDEN = """wide => {
  const cells = [...document.querySelectorAll("article :is(th, td)")];
  return cells.filter(cell => {
    const { left, right, width } = cell.getBoundingClientRect();
    return width && (left < -1 || right > wide + 1);
  }).map(cell => cell.textContent);
}"""


def test_no_cell_of_a_table_is_out_of_sight_on_a_phone(opened):
    """One that does not fit is folded; wide again, it is a table as before."""
    page, _ = opened("light")
    check_tables(page)
    page.evaluate(UNFOLDED)
    resize(page, WIDTHS[1])
    assert page.evaluate(HIDDEN, WIDTHS[1]) == []
    for cell in page.locator("table.folded tbody td").all()[:5]:
        said = cell.evaluate("td => getComputedStyle(td, '::before').content")
        assert said == f'"{cell.get_attribute("data-head")}"'
    resize(page, WIDTHS[0])
    assert page.locator("table.folded").count() == 0


def against(page, options: dict) -> tuple[dict, set]:
    """What axe has against a page, by rule, and the rules that it found kept."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(document, options)", AXE | options)
    broken = {
        rule["id"]: [
            f"{node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
            for node in rule["nodes"]
        ]
        for rule in found["violations"]
    }
    return broken, {rule["id"] for rule in found["passes"]}


def test_axe_finds_nothing(opened):
    page, _ = opened("light")
    resize(page, WIDTHS[0])
    broken, _ = against(page, BUT_COLOURS)
    assert broken == {}


@EACH_THEME
def test_nothing_is_missing_or_goes_wrong(opened, theme):
    """Every picture has come and is described, and nothing asked for was refused."""
    page, problems = opened(theme)
    if theme == "dark":
        check_tracks(page)
    assert problems == []  # a request to another host is refused and listed here
    dead = page.locator("script[type*='jupyter.widget']").count()
    assert dead == 0, "a widget without a kernel is an empty box"
    states = page.locator("article img").evaluate_all(
        "all => all.map(i => [i.complete && i.naturalWidth > 0, i.hasAttribute('alt')])"
    )
    assert states == [[True, True]] * len(states)


def test_it_prints_whole(opened):
    """Unfolded and light, panels as they were left, nothing of the site around it.

    Of a dark page, which has more to change.
    """
    check_print(*opened("dark"), "dark")


def test_a_light_page_prints_whole(site, reader):
    url = f"{site}/{pages()[0]}.html"
    with open_page(reader, url, WIDTHS[0], "light") as (page, problems):
        check_print(page, problems, "light")


def check_print(page, problems, theme):
    folded = page.locator("details:not([open])").count()
    page.emulate_media(media="print")
    page.wait_for_function("!document.querySelector('details:not([open])')")
    page.wait_for_timeout(100)  # the theme answers to the change as well
    assert page.evaluate(THEME) == "light"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    for around in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-area"):
        assert not page.locator(around).first.is_visible(), around
    for panel in page.locator("why-lab, why-frames").all():
        assert panel.locator("why-charts, .frame").first.is_visible()
        assert panel.locator("button:visible, input:visible").count() == 0
        if panel.locator("[data-axis]").count():
            assert panel.locator("output:visible, input:checked").count()
    check_paper(page)
    page.emulate_media(media="screen")
    page.wait_for_function(
        f"document.querySelectorAll('details:not([open])').length == {folded}"
    )
    # paper or screen, light or dark: the two are told apart, in either order
    page.wait_for_function(f"{THEME} == '{theme}'")
    assert problems == []


# Colours need one word of each kind: in its colours, over its grounds, so large, in
# both themes; a link also in such a text. The others, what has been looked at on
# another page, and what has no words only make a page long to look at. What a chart
# says is of its own kind, for what lies below it is drawn.
ONE_OF_A_KIND = """known => {
  const below = one => [...one.querySelectorAll("*")];
  const said = one => [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  for (const one of document.querySelectorAll("script, mjx-container *, " +
      "svg :not(text, tspan, :has(text, tspan))")) one.remove();
  const seen = new Set(known), rest = new Set(), kinds = new Map();
  const drawn = [...document.querySelectorAll("svg")];
  for (const one of document.querySelectorAll("details")) one.open = true;
  const words = below(document.body).filter(one => said(one) && one.checkVisibility());
  const ground = (one, known) => {
    if (!one) return "";
    if (!known.has(one)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(one);
      const own = [backgroundColor, backgroundImage, opacity].join();
      const chart = drawn.includes(one) ? location.pathname + drawn.indexOf(one) : "";
      const shown = own === "rgba(0, 0, 0, 0),none,1" ? "" : own;
      known.set(one, shown + chart + ground(one.parentElement, known));
    }
    return known.get(one);
  };
  const looks = one => {
    const { color, fill, fontSize, fontWeight, textDecorationLine, borderBottom } =
      getComputedStyle(one);
    return [one.tagName, color, fill, fontSize, fontWeight, textDecorationLine,
      borderBottom].join();
  };
  const within = one => {
    const text = one.closest("a")?.parentElement.closest("p, li, td, th, dd, div");
    return text ? looks(text) + said(text) : "";
  };
  const root = document.documentElement, shown = root.dataset.theme;
  for (const theme of [shown === "dark" ? "light" : "dark", shown]) {
    root.dataset.theme = theme;
    const grounds = new Map();
    for (const one of words) {
      const kind = [kinds.get(one), looks(one), ground(one, grounds), within(one)];
      kinds.set(one, kind.join());
    }
  }
  for (const [one, kind] of kinds) {
    if (seen.has(kind)) rest.add(one);
    else seen.add(kind);
  }
  for (const one of rest)
    if (below(one).every(inner => rest.has(inner) || !said(inner))) one.remove();
  return [...seen];
}"""


@pytest.fixture(scope="module")
def known() -> list[str]:
    """The kinds of words that have been looked at."""
    return []


def test_words_stand_out_from_their_ground(opened, known):
    """The last look at a page, which loses most of its words."""
    page, _ = opened("dark")
    known[:] = page.evaluate(ONE_OF_A_KIND, known)
    for theme in reversed(THEMES):
        opened(theme)
        broken, kept = against(page, {"runOnly": COLOURS})
        assert broken == {}
        assert "color-contrast" in kept  # it did look at some words


def test_no_font_comes_ahead_of_what_a_page_shows(book):
    """Icons may wait; the fonts that draw them weigh more than all scripts."""
    for name in pages():
        text = (HTML / f"{name}.html").read_text(encoding="utf-8")
        assert not re.search(r"<link [^>]*preload[^>]*font", text), name
