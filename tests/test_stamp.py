"""The repository's address stands in one place, and its copies agree with it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ROOT
from tools.stamp import read_address, stamp, stamped_files

NOTEBOOK_LINE = '    "%pip install -q git+https://github.com/OWNER/why-it-shakes\\n",'
SOMEBODY_ELSES = "[code](https://github.com/facebookresearch/moco-v3)"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that carry the address, with a notebook and a foreign link added."""
    for source in [ROOT / "pyproject.toml", *stamped_files(ROOT)]:
        target = tmp_path / source.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)
    (tmp_path / "book/99_extra.ipynb").write_text(NOTEBOOK_LINE)
    (tmp_path / "book/foreign.md").write_text(SOMEBODY_ELSES)
    return tmp_path


def move_to(root: Path, address: str) -> None:
    owner, name = read_address(root)
    project = root / "pyproject.toml"
    old = f"https://github.com/{owner}/{name}"
    project.write_text(project.read_text().replace(old, address))


def test_the_tree_is_in_sync(copy: Path) -> None:
    (copy / "book/99_extra.ipynb").unlink()
    assert stamp(copy) == []


def test_a_new_address_reaches_every_copy_once(copy: Path) -> None:
    owner, name = read_address(ROOT)
    move_to(copy, "https://github.com/someone/shaking.v2")
    changed = {path.name for path in stamp(copy)}
    named = {"README.md", "CONTRIBUTING.md", "CITATION.cff", "_config.yml"}
    assert changed >= named | {"99_extra.ipynb"}
    for path in stamped_files(copy):
        assert f"{owner}/{name}" not in path.read_text()
    assert "/someone/shaking.v2/blob/main/book/" in (copy / "README.md").read_text()
    assert (copy / "book/foreign.md").read_text() == SOMEBODY_ELSES
    assert stamp(copy) == []


def test_a_bad_address_is_one_sentence(copy: Path, capsys) -> None:
    move_to(copy, "https://example.org/shakes")
    with pytest.raises(SystemExit) as stopped:
        stamp(copy)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_runs_from_the_root() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.stamp"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
