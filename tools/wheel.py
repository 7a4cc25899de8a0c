"""The package as a wheel in the built book: python -m tools.wheel

So that `pip install URL` works wherever the book lies, also while the repository has no
public address. Of its 35 MB the recorded runs are 25, which panels, figures and `claims
--pool` read, and the images 9.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools import ROOT, fingerprint

OUT = ROOT / "_build" / "wheel"
MARK = OUT / "built-from"
SOURCES = [
    *("pyproject.toml", "mocolib", "data", "examples", "assets/lab", "assets/lab.css")
]
OFFER = re.compile(r'<code class="why-install">.*?</code>', re.S)


def build() -> Path:
    """The wheel, made anew where a source has changed.

    Needs no network where the build backend is installed.
    """
    before = fingerprint(SOURCES)
    if not (MARK.exists() and MARK.read_text() == before):
        print("Packing the wheel", flush=True)
        shutil.rmtree(OUT, ignore_errors=True)
        installed = importlib.util.find_spec("hatchling") is not None
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation"] if installed else []
        if subprocess.run([*command, "-w", str(OUT), "."], cwd=ROOT).returncode:
            sys.exit("The wheel could not be made; pip's words are above.")
        MARK.write_text(before)
    [wheel] = OUT.glob("*.whl")
    return wheel


def offer(html: Path) -> None:
    """Put the wheel beside the pages, and its place into their install lines.

    book.js spells the link out as a whole address.
    """
    wheel = build()
    shutil.copy(wheel, html)
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        place = "../" * (len(page.relative_to(html).parts) - 1) + wheel.name
        line = f'pip install <a href="{place}" download>{wheel.name}</a>'
        found = OFFER.sub(f'<code class="why-install">{line}</code>', text)
        if found != text:
            page.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    print(build().relative_to(ROOT))
