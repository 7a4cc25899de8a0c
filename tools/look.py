"""Pictures of built pages, to look at: python -m tools.look [PAGE] [FOLDER]

    python -m tools.look
    python -m tools.look book/learning_rate.html

PAGE is relative to _build/html; without it, all pages of the contents. Writes a page in
both themes and at both widths, the first screen ("top") and the whole, into FOLDER
(_build/look by default) and prints what went wrong on it.
"""

import itertools
import sys
from pathlib import Path

from playwright.sync_api import Page

from tools.book import BUILD, HTML
from tools.browser import THEMES, WIDTHS, open_browser, open_page
from tools.serve import bind, running
from tools.site import pages


def look(names: list[str], folder: Path) -> int:
    """Take the pictures; returns how many problems there were."""
    folder.mkdir(parents=True, exist_ok=True)
    found = 0
    with running(bind(0)) as site, open_browser() as browser:
        for name, width, theme in itertools.product(names, WIDTHS, THEMES):
            stem = folder / f"{Path(name).stem}-{width}-{theme}"
            with open_page(browser, f"{site}/{name}", width, theme) as (page, problems):
                take(page, width, stem)
            print(stem.name, *problems, sep="\n  ", flush=True)
            found += len(problems)
    return found


def take(page: Page, width: int, stem: Path) -> None:
    """The first screen, and the whole page."""
    page.wait_for_timeout(500)  # the menus slide into place
    page.screenshot(path=f"{stem}-top.png")
    # a taller window: a "full page" picture folds the side menu
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)
    page.screenshot(path=f"{stem}.png")


if __name__ == "__main__":
    asked = sys.argv[1:2] or [f"{name}.html" for name in pages()]
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else BUILD / "look"
    if missing := [name for name in asked if not (HTML / name).is_file()]:
        print(f"PAGE is {missing[0]!r}, not a file in _build/html.", file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if look(asked, folder) else 0)
