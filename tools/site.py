"""What the built book has beyond its pages: their order, a sitemap, less weight."""

import itertools
import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import yaml

from tools import ROOT

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
# The page for a wrong address comes at any depth, so its links start from the book's
# root. Where the book is served from another one, that is looked for upwards.
ROOTED = """<base href="{root}"><script>{{
  const base = document.querySelector("base"), own = base.getAttribute("href");
  const has = (root) => {{
    const ask = new XMLHttpRequest();
    ask.open("HEAD", `${{root}}404.html`, false);
    try {{ ask.send(); }} catch {{ return false; }}
    return ask.status === 200;
  }};
  if (!location.pathname.startsWith(own) && !has(own))
    for (let at = location.pathname; (at = at.replace(/[^/]*\\/?$/, "")); )
      if (has(at)) {{ base.href = at; break; }}
  addEventListener("DOMContentLoaded", () => {{
    for (const one of document.querySelectorAll('a[href^="#"]'))
      one.href = location.pathname + one.getAttribute("href");
  }});
}}</script>"""


def pages() -> list[str]:
    """Every page in reading order, as `book/learning_rate`."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [contents["root"], *_files(contents)]


def _files(part: dict) -> list[str]:
    below = [*part.get("parts", []), *part.get("chapters", [])]
    own = [part["file"]] if "file" in part else []
    return own + [name for one in below for name in _files(one)]


def address() -> str:
    """Where the book is published; `tools.stamp` keeps it."""
    return yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]


def lighten(html: Path) -> None:
    """Let what can wait come after a page's first panel.

    The theme's 1.5 MB script goes that draws icons its fonts draw as well, and those
    fonts, a quarter of a megabyte, are not fetched ahead of all else.
    """
    script = r"<script [^>]*fontawesome/[^>]*></script>"
    ahead = r"<link [^>]*preload[^>]*as=.font[^>]*>"
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(f"{script}|{ahead}", "", text), encoding="utf-8")


def root_anywhere(html: Path) -> None:
    """Let the page for a wrong address find the book, wherever that is served from."""
    page, root = html / "404.html", urlsplit(address()).path
    text = page.read_text(encoding="utf-8").replace(f'="{root}', '="')
    head = f"<head>{ROOTED.format(root=root)}"
    page.write_text(text.replace("<head>", head, 1), encoding="utf-8")


def write_sitemap(html: Path, folders) -> None:
    """All pages by their public addresses, for search engines."""
    top = ElementTree.Element("urlset", xmlns=SITEMAP)
    for folder, name in itertools.product(folders, pages()):
        page = ElementTree.SubElement(top, "url")
        ElementTree.SubElement(page, "loc").text = f"{address()}{folder}{name}.html"
    tree = ElementTree.ElementTree(top)
    tree.write(html / "sitemap.xml", encoding="utf-8", xml_declaration=True)
