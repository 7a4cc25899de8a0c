"""The package as a wheel beside the book's pages: pip installs it from there."""

import re
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tools import wheel
from tools.serve import BookHandler, BookServer, running

LINE = '<p><code class="why-install">pip install git+https://example.org</code></p>'
USE = """
import mocolib
from mocolib import lab, load, sweep
print(mocolib.__file__)
print(len(load("fashion-mnist").train_images), len(sweep.recorded("lr")) > 0)
print("VisionTransformer" in lab.example("moco_v3_in_one_page.py").data)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(folder of a built page with an install line, its address)."""
    html = tmp_path_factory.mktemp("html")
    (html / "book").mkdir()
    (html / "book" / "page.html").write_text(LINE)
    wheel.offer(html)
    server = BookServer(("127.0.0.1", 0), partial(BookHandler, directory=html))
    with running(server) as address:
        yield html, f"{address}/book/page.html"


def linked(html: Path) -> str:
    text = (html / "book" / "page.html").read_text()
    [place] = re.findall(r'pip install <a href="([^"]+)" download>', text)
    return place


def test_the_line_leads_to_the_wheel_also_from_a_file(served):
    html, _ = served
    place = (html / "book" / linked(html)).resolve()
    assert place.parent == html
    assert place.stat().st_size < 50_000_000


def test_pip_installs_what_the_page_offers(served, tmp_path):
    """Into an environment that has all but mocolib, and the network is left alone."""
    html, page = served
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    url = urljoin(page, linked(html))
    subprocess.run([*pip, "--no-deps", "--no-index", url], check=True, cwd=tmp_path)
    [site] = (tmp_path / "env").glob("lib/python*/site-packages")
    shared = Path(sys.prefix).glob("lib/python*/site-packages")
    (site / "shared.pth").write_text("".join(f"{one}\n" for one in shared))
    done = subprocess.run(
        [python, "-c", USE], check=True, cwd=tmp_path, text=True, capture_output=True,
        env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.split() == [
        str(site / "mocolib" / "__init__.py"),
        "10000",
        "True",
        "True",
    ]
