"""The examples in docstrings give what they say."""

import doctest
import importlib

import pytest

from tools import ROOT

FILES = sorted((ROOT / "mocolib").rglob("*.py"))
WITH = [path for path in FILES if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH, ids=lambda path: path.stem)
def test_an_example_gives_what_it_says(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted
    assert not tried.failed
