"""Every chapter in real kernels: from the checkout, and alone as in Colab.

Two lanes, since there are two cores: in one the chapters run as they are, with the
newest ipywidgets; in the other as in Colab, with ipywidgets 7.7, each from an empty
folder in an environment into which the first of them has to install mocolib.
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
from nbclient import NotebookClient

from tests.conftest import WIDGETS7
from tools import ROOT
from tools.site import pages

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
CHECKED = ("torch", "numpy", "torchvision", "ipywidgets", "pandas")
WHERE = "import mocolib; print('mocolib at', mocolib.__file__)"
WIDGETS = "import ipywidgets; print('ipywidgets', ipywidgets.__version__)"
LANES = {
    "test_a_chapter_runs_as_it_is": "plain",
    "test_alone_in_an_empty_folder_as_in_colab_a_chapter_runs": "colab",
}
# what Colab does not have, or has in an older version
LEFT_OUT = ("mocolib", "_editable", "optimi", "torch_optimi", "ipywidgets", "widgetsnb")
EACH = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)


def test_there_are_chapters_and_each_is_in_the_contents():
    assert CHAPTERS
    listed = [ROOT / f"{name}.ipynb" for name in pages()]
    assert sorted(one for one in listed if one.exists()) == CHAPTERS


@EACH
def test_a_chapter_is_stored_clean(chapter):
    notebook = nbformat.read(chapter, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


# --- the two lanes ----------------------------------------------------------------


def execute(chapter: Path, folder: Path, kernel: str, install: str, path: str):
    """Run all cells in a new kernel; a failing cell raises with its traceback."""
    notebook = nbformat.read(chapter, as_version=4)
    [first] = [cell for cell in notebook.cells if "git+https://" in cell.source]
    first.source = re.sub(r"git\+https://\S+", install, first.source)
    for code in (WHERE, WIDGETS):
        notebook.cells.append(nbformat.v4.new_code_cell(code))
    own = {f"MOCOLIB_{name}": str(folder / name) for name in ("RUNS", "DATA")}
    empty = folder / "empty"
    empty.mkdir(parents=True)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name=kernel,
        resources={"metadata": {"path": str(empty)}},
    )
    # one thread a kernel: two of them run at a time
    environment = {**os.environ, **own, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return asyncio.run(client.async_execute(env=environment))


@pytest.fixture(scope="module")
def lanes(request, colab, published, tmp_path_factory):
    """What comes of each chapter that was asked for, by (lane, chapter)."""
    top = tmp_path_factory.mktemp("lanes")
    how = {"plain": ("python3", "mocolib", str(ROOT)), "colab": (colab, published, "")}
    pools = {lane: ThreadPoolExecutor(1) for lane in how}
    coming = {}
    for item in request.session.items:
        if lane := LANES.get(getattr(item, "originalname", None)):
            chapter = item.callspec.params["chapter"]
            folder = top / lane / chapter.stem
            job = pools[lane].submit(execute, chapter, folder, *how[lane])
            coming[lane, chapter] = job
    yield coming
    for pool in pools.values():
        pool.shutdown(cancel_futures=True)


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


@EACH
def test_a_chapter_runs_as_it_is(chapter, lanes):
    done = lanes["plain", chapter].result()
    outputs = [o for cell in done.cells for o in cell.get("outputs", [])]
    assert "Warning" not in json.dumps(outputs)
    assert not [o for o in outputs if o.get("name") == "stderr"]
    where, widgets = map(said, done.cells[-2:])
    assert str(ROOT) in where
    assert f"ipywidgets {version('ipywidgets')}" in widgets


@EACH
def test_alone_in_an_empty_folder_as_in_colab_a_chapter_runs(chapter, lanes):
    done = lanes["colab", chapter].result()
    where, widgets = map(said, done.cells[-2:])
    assert "site-packages" in where
    assert str(ROOT) not in where
    assert f"ipywidgets {WIDGETS7}" in widgets
