"""Execute every chapter and build _build/html: python -m tools.book

English at its root, Chinese below; LANGUAGES=en in the environment leaves it out. Does
nothing when no source has changed since the last good build, and only what is due where
some have. A failing cell or a warning fails the build.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import yaml

from tools import ROOT, chapters, fingerprint, inpage, ort, wheel
from tools.language import ASKED, ENGLISH, LOCALES, asked, below, compile_all, written
from tools.site import lighten, root_anywhere, write_sitemap

BUILD = ROOT / "_build"
HTML = BUILD / "html"
MARK = BUILD / "built-from"  # what the last good build was made of
FRAME_MARK = BUILD / "framed-from"  # that of what every page stands in
FRAME = [
    *("_config.yml", "_toc.yml", "requirements.txt", "book/references.bib"),
    *("tools/book.py", "tools/chapters.py", "tools/citations.py", "tools/site.py"),
    *("tools/language.py", "book/locale/switch.html"),
]
SOURCES = [
    *FRAME,
    *("pyproject.toml", "assets", "book", "data", "examples", "mocolib"),
    *("tools/inpage.py", "tools/kernels.py", "tools/ort.py", "tools/tables.py"),
    "tools/wheel.py",
]

# "-n" asks for unknown references, "-W --keep-going" makes each warning fail the
# build after all are shown; without it a failing cell would still exit with 0.
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
COMMAND = [str(JUPYTER_BOOK), "build", ".", "-W", "-n", "--keep-going"]
SHOWN = re.compile(r"WARNING|ERROR")
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def made_of() -> str:
    return " ".join([fingerprint(SOURCES), *asked()])


def is_fresh() -> bool:
    return (
        MARK.exists()
        and (HTML / "index.html").exists()
        and MARK.read_text() == made_of()
    )


def own_folder(language: str) -> Path:
    """The folder of a language's own build, where Jupyter Book makes _build."""
    return ROOT if language == ENGLISH else BUILD / language


def forget(languages: list[str]) -> None:
    """Leave of the last build what is still right: pages read without a warning.

    A chapter is read anew where it was executed since, be it by a build that did not
    come to its end. Every page is written anew, so that a link which has lost its
    target is seen.
    """
    good = MARK.exists() and FRAME_MARK.exists()
    stays = good and FRAME_MARK.read_text() == fingerprint(FRAME)
    for language in LOCALES:
        built = own_folder(language) / "_build"
        if not stays:
            shutil.rmtree(built / ".doctrees", ignore_errors=True)
        shutil.rmtree(built / "html", ignore_errors=True)
        if language in languages:
            for read in read_before_executed(language):
                read.unlink()
    MARK.unlink(missing_ok=True)
    FRAME_MARK.unlink(missing_ok=True)


def read_before_executed(language: str) -> list[Path]:
    """What Sphinx keeps of chapters whose outputs are younger."""
    kept, found = own_folder(language) / "_build/.doctrees", []
    for chapter in chapters.chapters():
        read = kept / chapter.parent.name / f"{chapter.stem}.doctree"
        both = read, chapters.outputs_file(chapter, language)
        if not all(file.exists() for file in both):
            continue
        then, executed = (file.stat().st_mtime for file in both)
        if then <= executed:
            found.append(read)
    return found


def run_jupyter_book(language: str) -> int:
    """All of its talk in a log, warnings shown."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    environment[ASKED] = " ".join(asked())
    command = COMMAND
    if language != ENGLISH:
        own = own_folder(language) / "_config.yml"
        own.parent.mkdir(exist_ok=True)
        own.write_text(yaml.safe_dump(written(language), allow_unicode=True))
        command = [*COMMAND, "--config", str(own), "--path-output", str(own.parent)]
    with log(language).open("w") as told, subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as build:  # fmt: skip
        for raw in build.stdout:
            line = COLOUR.sub("", raw).replace(f"{ROOT}/", "")
            told.write(line)
            if SHOWN.search(line):
                print("  " + line.strip(), flush=True)
    return build.returncode


def log(language: str) -> Path:
    return own_folder(language) / "_build" / "book.log"


def set_pages(languages: list[str]) -> bool:
    """The pages of all languages, side by side, into one folder."""
    for language in languages:
        log(language).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(run_jupyter_book, languages))
    for language, code in zip(languages, codes, strict=True):
        if code:
            file = log(language)
            print(*file.read_text().splitlines()[-15:], sep="\n", file=sys.stderr)
            where = file.relative_to(ROOT)
            print(f"The book could not be built; the log is {where}.", file=sys.stderr)
        elif language != ENGLISH:
            shutil.move(own_folder(language) / "_build/html", HTML / language)
    return not any(codes)


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
    compile_all()
    languages = asked()
    print("Executing the chapters that have changed", flush=True)
    try:
        with exporting():
            ort.build()
            chapters.execute(languages)
    except chapters.ChapterFailed as failure:
        print(failure, file=sys.stderr)
        print("The book could not be built: a cell has failed.", file=sys.stderr)
        return False
    print("Setting the pages", flush=True)
    forget(languages)
    if not set_pages(languages):
        return False
    shutil.copytree(inpage.INPAGE, HTML / "inpage", dirs_exist_ok=True)
    lighten(HTML)
    root_anywhere(HTML)
    wheel.offer(HTML)
    write_sitemap(HTML, map(below, languages))
    return True


def build() -> bool:
    """Bring _build/html up to date; True if it is right."""
    if is_fresh():
        print("The book is up to date.", flush=True)
        return True
    # a source changed during the build makes it stale
    before, frame = made_of(), fingerprint(FRAME)
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
