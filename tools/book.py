"""Execute every chapter and build _build/html: python -m tools.book

Does nothing when no source has changed since the last good build, and only what is due
where some have. A failing cell or a warning fails the build.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tools import ROOT, chapters, fingerprint, inpage, ort, wheel
from tools.site import lighten, root_anywhere, write_sitemap

BUILD = ROOT / "_build"
HTML = BUILD / "html"
READ = BUILD / ".doctrees"  # the pages as Sphinx has read them
LOG = BUILD / "book.log"
MARK = BUILD / "built-from"  # the fingerprint of the sources of the last good build
FRAME_MARK = BUILD / "framed-from"  # that of what every page stands in
FRAME = [
    *("_config.yml", "_toc.yml", "requirements.txt", "book/references.bib"),
    *("tools/book.py", "tools/chapters.py", "tools/citations.py", "tools/site.py"),
]
SOURCES = [
    *FRAME,
    *("pyproject.toml", "assets", "book", "data", "examples", "mocolib"),
    *("tools/inpage.py", "tools/kernels.py", "tools/ort.py", "tools/wheel.py"),
]

# "-n" asks for unknown references, "-W --keep-going" makes each warning fail the
# build after all are shown; without it a failing cell would still exit with 0.
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
COMMAND = [str(JUPYTER_BOOK), "build", ".", "-W", "-n", "--keep-going"]
SHOWN = re.compile(r"WARNING|ERROR")
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def is_fresh() -> bool:
    return (
        MARK.exists()
        and (HTML / "index.html").exists()
        and MARK.read_text() == fingerprint(SOURCES)
    )


def forget(executed: list[Path]) -> None:
    """Leave of the last build what is still right: pages read without a warning.

    Every page is written anew, so that a link which has lost its target is seen.
    """
    good = MARK.exists() and FRAME_MARK.exists()
    if not (good and FRAME_MARK.read_text() == fingerprint(FRAME)):
        shutil.rmtree(READ, ignore_errors=True)
    for chapter in executed:
        (READ / chapter.parent.name / f"{chapter.stem}.doctree").unlink(missing_ok=True)
    shutil.rmtree(HTML, ignore_errors=True)
    MARK.unlink(missing_ok=True)
    FRAME_MARK.unlink(missing_ok=True)


def run_jupyter_book() -> int:
    """All of its talk in the log, warnings shown."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    with LOG.open("w") as log, subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as build:  # fmt: skip
        for raw in build.stdout:
            line = COLOUR.sub("", raw).replace(f"{ROOT}/", "")
            log.write(line)
            if SHOWN.search(line):
                print("  " + line.strip(), flush=True)
    return build.returncode


@contextmanager
def exporting():
    """What trains inside the pages, exported by another process beside the work here.

    CalledProcessError where that has failed.
    """
    command = [sys.executable, "-m", "tools.inpage"]
    with subprocess.Popen(command, cwd=ROOT) as export:
        try:
            yield
        except BaseException:
            export.kill()
            raise
    if export.returncode:
        raise subprocess.CalledProcessError(export.returncode, command)


def make() -> bool:
    """Execute, export, set the pages; what went wrong is said."""
    BUILD.mkdir(exist_ok=True)
    print("Executing the chapters that have changed", flush=True)
    try:
        with exporting():
            ort.build()
            executed = chapters.execute()
    except chapters.ChapterFailed as failure:
        print(failure, file=sys.stderr)
        print("The book could not be built: a cell has failed.", file=sys.stderr)
        return False
    print("Setting the pages", flush=True)
    forget(executed)
    if run_jupyter_book():
        print("\n".join(LOG.read_text().splitlines()[-15:]), file=sys.stderr)
        where = LOG.relative_to(ROOT)
        print(f"The book could not be built; the log is {where}.", file=sys.stderr)
        return False
    shutil.copytree(inpage.INPAGE, HTML / "inpage", dirs_exist_ok=True)
    lighten(HTML)
    root_anywhere(HTML)
    wheel.offer(HTML)
    write_sitemap(HTML)
    return True


def build() -> bool:
    """Bring _build/html up to date; True if it is right."""
    if is_fresh():
        print("The book is up to date.", flush=True)
        return True
    # a source changed during the build makes it stale
    before, frame = fingerprint(SOURCES), fingerprint(FRAME)
    start = time.monotonic()
    try:
        if not make():
            return False
    except KeyboardInterrupt:
        print("\nStopped before the book was built.", file=sys.stderr)
        return False
    FRAME_MARK.write_text(frame)
    MARK.write_text(before)
    print(f"Built _build/html in {time.monotonic() - start:.0f} s.", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
