"""A page with panels in a real browser: the book's scripts and style, nothing else."""

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mocolib.lab import page
from tools import ROOT, inpage, ort
from tools.serve import running

SCRIPTS = (*page.SCRIPTS, "session", *page.TRAINING)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        """A page hands over a file."""
        length = int(self.headers["Content-Length"])
        Path(self.translate_path(self.path)).write_bytes(self.rfile.read(length))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def write_page(folder: Path, body: str, name: str = "one.html"):
    """folder/book/NAME with the book's scripts, laid out as the built book is."""
    (folder / "book").mkdir(exist_ok=True)
    if not (folder / "_static").exists():
        (folder / "_static").symlink_to(ROOT / "assets")
    code = "".join(f'<script src="../_static/lab/{s}.js"></script>' for s in SCRIPTS)
    head = '<link rel="icon" href="data:,"><link rel="stylesheet" '
    head += 'href="../_static/lab.css"><meta charset="utf-8">'
    text = f"<!doctype html><html lang='en'>{head}<body>{body}{code}</body></html>"
    (folder / "book" / name).write_text(text, encoding="utf-8")


def write_graphs(folder: Path):
    """The graphs and their runtime under `folder`, built if they are not."""
    inpage.build()
    ort.build()
    (folder / "inpage").symlink_to(inpage.INPAGE)


def served(folder: Path, handler=Quiet):
    """The address of a server for the folder, while it runs."""
    own = functools.partial(handler, directory=folder)
    return running(ThreadingHTTPServer(("localhost", 0), own))


def choose(page, name: str, place: int):
    """Move a control as a reader would: by the keys of a slider, or a click."""
    target = page.locator(f"#lab-train-{name}")
    if target.count():
        target.press("Home")
        for _ in range(place):
            target.press("ArrowRight")
    else:
        page.locator(f"[name=lab-train-{name}]").nth(place).check(force=True)
