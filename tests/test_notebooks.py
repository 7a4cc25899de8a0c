"""Every chapter in real kernels: for the book, and alone as in Colab.

The book's own build runs them from the checkout, with the newest ipywidgets; what they
said there is read here. As in Colab each runs once more with ipywidgets 7.7, from an
empty folder, in an environment into which the first of them has to install mocolib;
panels get a kernel there, as no page has. From the checkout, in JupyterLab's kernel,
`make test` runs the one with a panel of every kind, `make campaign` all.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.campaign import LONG
from tests.conftest import WIDGETS7
from tools import ROOT, chapters
from tools import book as building
from tools.language import ENGLISH
from tools.site import pages

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
CHECKED = ("torch", "numpy", "torchvision", "ipywidgets", "pandas")
ANEW = "%reset -f\nimport os\nos.chdir({!r})\nos.environ.update({})"
WHERE = "import mocolib; print('mocolib at', mocolib.__file__)"
WIDGETS = "import ipywidgets; print('ipywidgets', ipywidgets.__version__)"
LANES = {
    "test_a_chapter_runs_as_it_is": "plain",
    "test_alone_in_an_empty_folder_as_in_colab_a_chapter_runs": "colab",
}
# what Colab does not have, or has in an older version
LEFT_OUT = ("mocolib", "_editable", "optimi", "torch_optimi", "ipywidgets", "widgetsnb")
EVERY_PANEL = "patch_to_token"  # trains, shows recorded runs, and pictures


def each(some):
    return pytest.mark.parametrize("chapter", some, ids=lambda chapter: chapter.stem)


EACH = each(CHAPTERS)


def test_there_are_chapters_and_each_is_in_the_contents():
    assert CHAPTERS
    listed = [ROOT / f"{name}.ipynb" for name in pages()]
    assert sorted(one for one in listed if one.exists()) == CHAPTERS


def test_the_openings_map_leads_to_every_other_chapter():
    cells = nbformat.read(ROOT / "book/opening.ipynb", as_version=4).cells
    [found] = [
        cell.source for cell in cells if "## A map of the chapters" in cell.source
    ]
    named = {ROOT / "book" / name for name in re.findall(r"\((\w+\.ipynb)\)", found)}
    assert {ROOT / "book/opening.ipynb", *named} == set(CHAPTERS)


@EACH
def test_a_chapter_is_stored_clean(chapter):
    notebook = nbformat.read(chapter, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


# --- in kernels -------------------------------------------------------------------


class Kernel:
    """One kernel for many chapters: it forgets all names between two of them.

    That a chapter names all it needs is seen in the book, where each has its own.
    """

    def __init__(self, name: str, path: str):
        self.manager = AsyncKernelManager(kernel_name=name)
        # one thread a kernel: two of them run at a time
        own = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self.environment = {**os.environ, **own}
        self.loop = asyncio.new_event_loop()
        self.pool = ThreadPoolExecutor(1)

    def submit(self, work, *given):
        """Do it behind all that was asked for before."""
        return self.pool.submit(
            lambda: self.loop.run_until_complete(work(self, *given))
        )

    async def execute(self, notebook):
        """All cells; a failing one raises with its traceback."""
        if not self.manager.has_kernel:
            await self.manager.start_kernel(env=self.environment)
        client = NotebookClient(notebook, km=self.manager, timeout=600)
        try:
            return await client.async_execute()
        finally:
            client.kc.stop_channels()

    async def end(self):
        await self.manager.shutdown_kernel(now=True)


async def executed(kernel: Kernel, chapter: Path, folder: Path, install: str):
    """The chapter in an empty folder, with runs and data of its own."""
    notebook = nbformat.read(chapter, as_version=4)
    [first] = [cell for cell in notebook.cells if "%pip install" in cell.source]
    first.source = re.sub(r"git\+https://\S+", install, first.source)
    empty = folder / "empty"
    empty.mkdir(parents=True)
    own = {f"MOCOLIB_{name}": str(folder / name) for name in ("RUNS", "DATA")}
    notebook.cells.insert(0, nbformat.v4.new_code_cell(ANEW.format(str(empty), own)))
    for code in (WHERE, WIDGETS):
        notebook.cells.append(nbformat.v4.new_code_cell(code))
    return await kernel.execute(notebook)


@pytest.fixture(scope="module")
def lanes(request, colab, published, tmp_path_factory):
    """What comes of each chapter that was asked for, by (lane, chapter)."""
    top, coming = tmp_path_factory.mktemp("lanes"), {}
    install = {"plain": "mocolib", "colab": published}
    kernels = {"plain": Kernel("python3", str(ROOT)), "colab": Kernel(colab, "")}
    for item in request.session.items:
        if lane := LANES.get(getattr(item, "originalname", None)):
            chapter = item.callspec.params["chapter"]
            given = (chapter, top / lane / chapter.stem, install[lane])
            coming[lane, chapter] = kernels[lane].submit(executed, *given)
    yield coming
    for kernel in kernels.values():
        for job in coming.values():
            job.cancel()
        kernel.submit(Kernel.end).result()
        kernel.pool.shutdown()
        kernel.loop.close()


@pytest.fixture(scope="module")
def colab(widgets7, tmp_path_factory):
    """The name of a kernel in a fresh environment: big packages, but not mocolib."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    [site] = (folder / "env").glob("lib/python*/site-packages")
    shared = folder / "shared"
    shared.mkdir()
    for place in (*Path(sys.prefix).glob("lib/python*/site-packages"), widgets7):
        for entry in place.iterdir():
            if place == widgets7 or not entry.name.lower().startswith(LEFT_OUT):
                (shared / entry.name).symlink_to(entry)
    # its front end, which pip would fetch with a notebook server of its own
    front = shared / "widgetsnbextension-3.6.0.dist-info"
    front.mkdir()
    (front / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: widgetsnbextension\nVersion: 3.6.0\n"
    )
    (site / "shared.pth").write_text(f"{shared}\n")
    start = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": [str(python), *start], "display_name": "", "language": "python"}
    home = folder / "jupyter"
    (home / "kernels" / "colab").mkdir(parents=True)
    (home / "kernels" / "colab" / "kernel.json").write_text(json.dumps(spec))
    before = versions(python)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home))
        yield "colab"
    assert versions(python) == before, "a chapter has changed what Colab has"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> str:
    """The working tree as a git repository with one commit, by its address."""
    tree = tmp_path_factory.mktemp("published")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    who = ["-c", "user.name=reader", "-c", "user.email=reader@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return f"git+file://{tree}"


def versions(python) -> dict:
    """Installed versions as the given interpreter sees them."""
    script = (
        "from importlib.metadata import version\n"
        f"print(*(version(name) for name in {CHECKED!r}))"
    )
    answer = subprocess.run(
        [python, "-c", script], capture_output=True, text=True, check=True
    )
    return dict(zip(CHECKED, answer.stdout.split(), strict=True))


# --- what came of it ---------------------------------------------------------------


def said(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def check_nothing_is_wrong(done):
    outputs = [o for cell in done.cells for o in cell.get("outputs", [])]
    assert outputs
    assert "Warning" not in json.dumps(outputs)
    assert not [o for o in outputs if o.get("name") == "stderr"]


@each([c for c in CHAPTERS if LONG or c.stem == EVERY_PANEL])
def test_a_chapter_runs_as_it_is(chapter, lanes):
    done = lanes["plain", chapter].result()
    check_nothing_is_wrong(done)
    where, widgets = map(said, done.cells[-2:])
    assert str(ROOT) in where
    assert f"ipywidgets {version('ipywidgets')}" in widgets


@EACH
def test_alone_in_an_empty_folder_as_in_colab_a_chapter_runs(chapter, lanes):
    done = lanes["colab", chapter].result()
    check_nothing_is_wrong(done)
    where, widgets = map(said, done.cells[-2:])
    assert "site-packages" in where
    assert str(ROOT) not in where
    assert f"ipywidgets {WIDGETS7}" in widgets


@EACH  # last: the book may have to be built first
def test_a_chapter_said_what_it_should_in_the_book(chapter, book):
    check_nothing_is_wrong(chapters.stored(chapter))


def test_a_chapter_executed_by_a_build_that_was_stopped_is_read_anew(
    tmp_path, monkeypatch
):
    """Its outputs are new, its page is not: what Sphinx has read of it must go."""
    monkeypatch.setattr(building, "own_folder", lambda language: tmp_path)
    monkeypatch.setattr(chapters, "EXECUTED", tmp_path)
    old, new = chapters.chapters()[:2]
    kept = tmp_path / "_build/.doctrees/book"
    kept.mkdir(parents=True)
    for chapter, executed in ((old, 1), (new, 3)):
        outputs = chapters.outputs_file(chapter)
        for place, then in ((outputs, executed), (kept / f"{chapter.stem}.doctree", 2)):
            place.touch()
            os.utime(place, (then, then))
    assert building.read_before_executed(ENGLISH) == [kept / f"{new.stem}.doctree"]
