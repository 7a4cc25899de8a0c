"""Chapters executed two at a time, and only where what they depend on has changed.

`execute` fills _build/executed; as a Sphinx extension this file puts those outputs
behind the text that the chapter has now, so a change of words executes nothing.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import ROOT, fingerprint, kernels
from tools.language import CODE, ENGLISH, LOCALES, below, catalogue, language_of
from tools.site import pages

EXECUTED = ROOT / "_build" / "executed"
AT_A_TIME = 2
TIMEOUT = 600  # seconds a cell may take
SOURCES = [  # what a chapter's outputs depend on beside its own cells
    *("requirements.txt", "pyproject.toml", "tools/chapters.py", "tools/kernels.py"),
    *("tools/judged.py", "tools/tables.py"),
    *("assets/lab", "assets/lab.css", "data", "examples", "mocolib"),
]
FIRST = "from tools.tables import say_tables; say_tables()"  # in a page's kernel
FAILED = (CellExecutionError, CellTimeoutError, DeadKernelError)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class ChapterFailed(Exception):
    """A cell that failed, with its traceback."""


def chapters() -> list[Path]:
    """The notebooks of the contents, in reading order."""
    named = [ROOT / f"{name}.ipynb" for name in pages()]
    return [path for path in named if path.exists()]


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def key(notebook, sources: str) -> str:
    """Changes with a code cell, its tags, or anything that it stands on."""
    cells = [[cell.source, cell.metadata.get("tags")] for cell in code(notebook)]
    told = json.dumps([cells, sources, sys.version], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def outputs_file(chapter: Path, language: str = ENGLISH) -> Path:
    return EXECUTED / below(language) / f"{chapter.stem}.ipynb"


def stored(chapter: Path, language: str = ENGLISH):
    """The chapter as it was last executed, or None."""
    file = outputs_file(chapter, language)
    return nbformat.read(file, as_version=4) if file.exists() else None


def run(notebook, folder: Path, manager=AsyncKernelManager, first="", **environment):
    """All cells in a new kernel, on one thread; a failing cell raises.

    first: what the kernel does before them.
    """
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        kernel_manager_class=manager,
        resources={"metadata": {"path": str(folder)}},
    )
    if first:
        ahead = dict(code=first, silent=True)
        client.on_notebook_start = lambda notebook: client.kc.execute(**ahead)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return asyncio.run(client.async_execute(env=environment))


def execute_one(chapter: Path, language: str, notebook, own_key, manager) -> float:
    """Execute it as a page and store it; the seconds that took."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs, heard = Path(folder, "runs"), Path(folder, "heard")
        runs.mkdir()
        # MOCOLIB_PAGE tells a panel that no kernel will stand behind it; a reader's
        # own runs have no place in a page
        own = {"MOCOLIB_PAGE": "1", "MOCOLIB_RUNS": str(runs)}
        own |= {"MOCOLIB_LANGUAGE": LOCALES[language], "MOCOLIB_HEARD": str(heard)}
        own["PYTHONPATH"] = str(ROOT)
        try:
            run(notebook, chapter.parent, manager, FIRST, **own)
        except FAILED as error:
            told = COLOUR.sub("", str(error))
            raise ChapterFailed(f"{chapter.relative_to(ROOT)}: {told}") from None
        lines = heard.read_text("utf-8").splitlines() if heard.exists() else []
    notebook.metadata["executed_from"] = own_key
    notebook.metadata["said"] = [json.loads(line) for line in lines]
    file = outputs_file(chapter, language)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    nbformat.write(notebook, part)
    part.replace(file)
    return time.monotonic() - start


def due(languages) -> list[tuple]:
    """What to execute: chapters with language, notebook and key."""
    sources, found = fingerprint(SOURCES), []
    for language in languages:
        words = [] if language == ENGLISH else [catalogue(language, CODE)]
        own = sources + fingerprint(words)
        for chapter in chapters():
            notebook = nbformat.read(chapter, as_version=4)
            wanted, before = key(notebook, own), stored(chapter, language)
            if before is None or before.metadata.get("executed_from") != wanted:
                found.append((chapter, language, notebook, wanted))
    return found


def execute(languages=(ENGLISH,)) -> None:
    """Bring _build/executed up to date.

    Raises ChapterFailed with the first failing cell's traceback.
    """
    wanted = due(languages)
    if not wanted:
        return
    manager = kernels.start(many=len(wanted) > AT_A_TIME)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        jobs = {pool.submit(execute_one, *one, manager): one for one in wanted}
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                (chapter, language, *_), took = jobs[job], job.result()
                name = f"{chapter.relative_to(ROOT)}, {language}"
                told = f"  {name}: executed in {took:.0f} s ({done} of {len(jobs)})"
                print(told, flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


# --- the extension ------------------------------------------------------------------


def with_outputs(app, name: str, source: list[str]) -> None:
    """Give each code cell of a chapter what it gave when it was executed."""
    chapter = ROOT / f"{name}.ipynb"
    if not chapter.exists() or app.builder.name == "gettext":
        return
    notebook = nbformat.reads(source[0], as_version=4)
    before = stored(chapter, language_of(app))
    if before is None or len(code(before)) != len(code(notebook)):
        raise ValueError(f"{name} was not executed; python -m tools.book does that")
    for cell, done in zip(code(notebook), code(before), strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    source[0] = nbformat.writes(notebook)


def setup(app) -> dict:
    app.connect("source-read", with_outputs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
