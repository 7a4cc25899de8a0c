"""Every chapter in a real kernel: from the checkout, and alone as in Colab."""

import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
CHECKED = ("torch", "numpy", "torchvision", "ipywidgets", "pandas")


def execute(notebook, folder: Path, kernel: str = "python3"):
    """Run all cells; a failing cell raises with its traceback."""
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name=kernel,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def printed(notebook) -> str:
    """All that the cells put out, as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts.append(output.get("text", ""))
            parts += [str(v) for v in output.get("data", {}).values()]
    return "\n".join(parts)


def test_there_are_chapters_and_each_is_in_the_contents():
    contents = (ROOT / "_toc.yml").read_text()
    assert CHAPTERS
    for chapter in CHAPTERS:
        assert f"book/{chapter.stem}" in contents


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.stem)
def test_a_chapter_is_stored_clean_and_runs(chapter, tmp_path):
    notebook = nbformat.read(chapter, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    done = execute(notebook, tmp_path)
    text = printed(done)
    assert "Warning" not in text
    assert not [
        o for c in done.cells for o in c.get("outputs", []) if "stderr" in o.values()
    ]


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A fresh environment with the big packages in it, but not mocolib; as in Colab."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    [site] = (folder / "env").glob("lib/python*/site-packages")
    shared = folder / "shared"
    shared.mkdir()
    for entry in Path(sys.prefix).glob("lib/python*/site-packages/*"):
        if not any(
            word in entry.name.lower() for word in ("mocolib", "optimi-", "optimi")
        ):
            (shared / entry.name).symlink_to(entry)
    (site / "shared.pth").write_text(f"{shared}\n")
    return python


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


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.stem)
def test_alone_in_an_empty_folder_a_chapter_installs_mocolib_and_runs(
    chapter, colab, published, tmp_path, monkeypatch
):
    before = versions(colab)
    notebook = nbformat.read(chapter, as_version=4)
    [first] = [c for c in notebook.cells if "git+https://" in c.source]
    first.source = re.sub(r"git\+https://\S+", published, first.source)
    kernel = {
        "argv": [str(colab), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "colab",
        "language": "python",
    }
    home = tmp_path / "jupyter"
    spec = home / "kernels" / "colab" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(kernel))
    monkeypatch.setenv("JUPYTER_PATH", str(home))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    cell = nbformat.v4.new_code_cell(
        "import mocolib; print('mocolib at', mocolib.__file__)"
    )
    notebook.cells.append(cell)
    try:
        done = execute(notebook, empty, "colab")
    except CellExecutionError:
        raise AssertionError(printed(notebook)) from None
    assert str(ROOT) not in done.cells[-1].outputs[0].text
    assert versions(colab) == before
