"""What the built book has beyond its pages: their order, a sitemap, less weight."""

import re
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tools import ROOT

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


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


def write_sitemap(html: Path) -> None:
    """All pages by their public addresses, for search engines."""
    top = ElementTree.Element("urlset", xmlns=SITEMAP)
    for name in pages():
        page = ElementTree.SubElement(top, "url")
        ElementTree.SubElement(page, "loc").text = f"{address()}{name}.html"
    tree = ElementTree.ElementTree(top)
    tree.write(html / "sitemap.xml", encoding="utf-8", xml_declaration=True)
