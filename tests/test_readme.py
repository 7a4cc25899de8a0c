"""What the README tells a reader to type works as it stands there."""

import re
import shlex

import mocolib
from mocolib import __main__ as cli
from tools import ROOT

README = (ROOT / "README.md").read_text()


def test_the_example_runs(monkeypatch, capsys):
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    whole = mocolib.named_recipe

    def shortened(*names, **changes):
        few = dict(steps=20, warmup_steps=2, batch_size=64, width=8, depth=1)
        return whole(*names, **{**few, **changes})

    monkeypatch.setattr(mocolib, "named_recipe", shortened)
    exec(compile(code, "README.md", "exec"), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "10",
        "20",
    ]


def test_the_commands_are_understood(capsys):
    commands = re.findall(r"`\.venv/bin/mocolib train ([^`]*)`", README)
    assert commands
    for flags in commands:
        words = shlex.split(flags.replace("--recipe ", ""))
        assert cli.main(["info", *words]) == 0


def test_every_file_it_links_to_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
