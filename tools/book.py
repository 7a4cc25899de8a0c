"""Execute every chapter and build _build/html: python -m tools.book

Does nothing when no source has changed since the last good build. A failing cell or a
warning fails the build.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import ROOT, fingerprint, inpage, ort
from tools.site import write_sitemap

BUILD = ROOT / "_build"
HTML = BUILD / "html"
LOG = BUILD / "book.log"
MARK = BUILD / "built-from"  # the fingerprint of the sources of the last good build
SOURCES = [
    "_config.yml", "_toc.yml", "requirements.txt",
    "assets", "book", "data", "mocolib",
    "tools/book.py", "tools/inpage.py", "tools/ort.py", "tools/site.py",
]  # fmt: skip

# "-n" asks for unknown references, "-W --keep-going" makes each warning fail the
# build after all are shown; without it a failing cell would still exit with 0.
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
COMMAND = [str(JUPYTER_BOOK), "build", ".", "-W", "-n", "--keep-going"]
SHOWN = re.compile(r"Execut(ing|ed) notebook|WARNING|ERROR")
FAILED_CELL = re.compile(r"CellExecutionError: (.*?)\nThe above exception", re.S)
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def is_fresh() -> bool:
    return (
        MARK.exists()
        and (HTML / "index.html").exists()
        and MARK.read_text() == fingerprint(SOURCES)
    )


def run_jupyter_book() -> int:
    """Run it from a clean start, all of its talk in the log, the milestones shown."""
    for stale in (HTML, BUILD / ".doctrees"):  # a second build hides old warnings
        shutil.rmtree(stale, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    # MOCOLIB_PAGE tells a panel that no kernel will stand behind it
    environment = {**os.environ, "MOCOLIB_PAGE": "1", "PYTHONUNBUFFERED": "1"}
    with LOG.open("w") as log, subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as build:  # fmt: skip
        for raw in build.stdout:
            line = COLOUR.sub("", raw).replace(f"{ROOT}/", "")
            log.write(line)
            if SHOWN.search(line):
                print("  " + line.strip().replace(" [mystnb]", ""), flush=True)
    return build.returncode


def what_failed(log: str) -> str:
    """The failing cell with its traceback, or else the last lines of the log."""
    if cell := FAILED_CELL.search(log):
        return cell[1]
    return "\n".join(log.splitlines()[-15:])


def build() -> bool:
    """Bring _build/html up to date; True if it is right."""
    if is_fresh():
        print("The book is up to date.", flush=True)
        return True
    before = fingerprint(SOURCES)  # a source changed during the build makes it stale
    MARK.unlink(missing_ok=True)
    print("Executing the chapters and building the book", flush=True)
    start = time.monotonic()
    try:
        graphs = [inpage.build(), ort.build()]  # what trains inside the pages
        failed = run_jupyter_book()
        shutil.copytree(graphs[0], HTML / "inpage", dirs_exist_ok=True)
    except KeyboardInterrupt:
        print("\nStopped before the book was built.", file=sys.stderr)
        return False
    if failed:
        print(what_failed(LOG.read_text()), file=sys.stderr)
        where = LOG.relative_to(ROOT)
        print(f"The book could not be built; the log is {where}.", file=sys.stderr)
        return False
    write_sitemap(HTML)
    MARK.write_text(before)
    print(f"Built _build/html in {time.monotonic() - start:.0f} s.", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
