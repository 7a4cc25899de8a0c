"""Pictures of a built page, to look at: python -m tools.look [PAGE] [FOLDER]

    python -m tools.look book/06_learning_rate.html

PAGE is relative to _build/html. Writes the page in both themes and at both widths, the
first screen ("top") and the whole, into FOLDER (_build/look by default) and prints what
went wrong on it.
"""

import sys
import threading
from pathlib import Path

from tools.book import BUILD, HTML
from tools.browser import THEMES, WIDTHS, open_browser, open_page
from tools.serve import bind


def look(page_name: str, folder: Path) -> int:
    """Take the pictures; returns how many problems there were."""
    folder.mkdir(parents=True, exist_ok=True)
    server = bind(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://localhost:{server.server_address[1]}/{page_name}"
    found = 0
    with open_browser() as browser:
        for width in WIDTHS:
            for theme in THEMES:
                name = f"{Path(page_name).stem}-{width}-{theme}"
                with open_page(browser, url, width, theme) as (page, problems):
                    page.wait_for_timeout(500)  # the menus slide into place
                    page.screenshot(path=folder / f"{name}-top.png")
                    # a taller window: a "full page" picture folds the side menu
                    height = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({"width": width, "height": height})
                    page.wait_for_timeout(500)
                    page.screenshot(path=folder / f"{name}.png")
                print(name, *problems, sep="\n  ")
                found += len(problems)
    server.shutdown()
    return found


if __name__ == "__main__":
    page_name = sys.argv[1] if len(sys.argv) > 1 else "book/01_opening.html"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else BUILD / "look"
    if not (HTML / page_name).is_file():
        print(f"PAGE is {page_name!r}, not a file in _build/html.", file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if look(page_name, folder) else 0)
