"""The house: who may import whom, and how large a file or a function may be."""

import ast
import sys
from pathlib import Path

import pytest

from tools import ROOT

HOUSE = ROOT / "mocolib"
BASE = {"root", "data", "execution", "frameworks", "words"}
BEHIND = BASE | {"runs", "sweep", "analysis", "logs", "claims", "figures"}
MAY = {  # of each room the others that it may import
    "root": {"data", "execution", "frameworks"},
    "frameworks": {"errors", "execution", "moco", "recipe", "vit"},
    "words": {"errors", "fields"},
    "data": {"errors", "files"},
    "execution": {"errors", "fields", "recipe"},
    "weights": BASE,
    "export": BASE,
    "runs": BASE,
    "sweep": BASE | {"runs"},
    "analysis": BASE | {"runs", "sweep"},
    "logs": BASE | {"runs", "sweep", "analysis"},
    "claims": BASE | {"runs", "sweep", "analysis"},
    "figures": BEHIND - {"figures"},
    "lab": BEHIND,
    "cli": BEHIND | {"weights", "export"},
}
NEVER = {"figures": {"train"}}  # a figure is drawn from recorded runs
MOST_LINES, MOST_OF_A_FUNCTION, MOST_AT_THE_ROOT = 300, 40, 20
MOST_OF_A_PAGE = 125

FILES = sorted(HOUSE.rglob("*.py"))
EACH = pytest.mark.parametrize("room", MAY)


def room_of(path: Path) -> str:
    parts = path.relative_to(HOUSE).parts
    return parts[0] if len(parts) > 1 else "root"


def imported(path: Path):
    """Every part of mocolib that a file names in an import, as `runs.record`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (n.removeprefix("mocolib.") for n in names if n[:8] == "mocolib.")


def test_every_room_has_its_place():
    assert {room_of(path) for path in FILES} == set(MAY)


@EACH
def test_imports_go_one_way(room):
    entry = HOUSE / "__main__.py"  # the command line begins there
    for path in FILES:
        if room_of(path) != room or path == entry:
            continue
        for name in imported(path):
            first = name.split(".")[0]
            other = first if first in MAY else "root"
            told = f"{path.relative_to(ROOT)} imports {name}"
            assert other == room or {other, first} & MAY[room], told
            assert first not in NEVER.get(room, ()), told


def test_an_example_stands_alone_on_its_page():
    for path in (ROOT / "examples").glob("*.py"):
        text, names = path.read_text(), set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                names.add(node.module)
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        others = {name.split(".")[0] for name in names} - sys.stdlib_module_names
        assert others == {"torch", "torchvision", "timm"}
        assert len(text.splitlines()) <= MOST_OF_A_PAGE


def test_the_root_is_read_in_an_hour():
    assert len(list(HOUSE.glob("*.py"))) <= MOST_AT_THE_ROOT


def long_functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > MOST_OF_A_FUNCTION:
                yield f"{path.stem}.{node.name}"


def test_functions_are_seen_at_a_glance():
    assert not {name for path in FILES for name in long_functions(path)}


def test_files_are_read_in_one_sitting():
    large = {
        path.relative_to(HOUSE).as_posix()
        for path in FILES
        if len(path.read_text().splitlines()) > MOST_LINES
    }
    assert not large
