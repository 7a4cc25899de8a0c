"""Where a run comes from: the commit of its code, also where there is none."""

import subprocess

from mocolib.runs import Run, provenance, record
from tests.tiny import blobs, tiny


def test_a_run_says_which_commit_made_it_and_whether_the_code_was_changed(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(here), *who, *words]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    def told(place=None):
        provenance.commit.cache_clear()
        return provenance.commit(place or here)

    here = tmp_path / "here"
    (here / "mocolib").mkdir(parents=True)
    assert told() is None  # installed, or unpacked from an archive
    git("init", "-q")
    assert told() is None  # nothing committed
    (here / "mocolib/a.py").touch()
    git("add", ".")
    git("commit", "-qm", "a")
    head = git("rev-parse", "HEAD").strip()
    assert told() == head
    (here / "runs").mkdir()
    (here / "runs/new").touch()
    assert told() == head  # its own records do not change the code
    git("worktree", "add", "-q", "../other")
    assert told(tmp_path / "other") == head
    (here / "mocolib/b.py").touch()
    assert told() == head + "+"
    installed = here / "lib"
    installed.mkdir()
    assert told(installed) is None  # another's checkout around it


def test_without_git_a_run_says_no_commit(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    assert provenance.commit(tmp_path) is None  # git finds no repository there
    monkeypatch.setenv("PATH", "")
    provenance.commit.cache_clear()
    assert provenance.commit(tmp_path) is None
    assert provenance.facts(blobs(), 1)["commit"] is None
    provenance.commit.cache_clear()


def said(monkeypatch, commit: str):
    for module in (provenance, record):
        monkeypatch.setattr(module, "commit", lambda: commit)


def test_code_that_changed_on_the_way_is_noted(tmp_path, monkeypatch):
    said(monkeypatch, "a" * 40)
    monkeypatch.setattr(record, "EVERY", 5)
    recording = record.record(tiny(), blobs(), tmp_path)
    for _ in range(9):
        next(recording)
    recording.close()
    said(monkeypatch, "b" * 40)
    list(record.record(tiny(), blobs(), tmp_path))
    told = Run(tmp_path / tiny().id).provenance
    assert told["commit"] == "a" * 40
    [later] = told["continued"]
    assert (later["commit"], later["step"]) == ("b" * 40, 5)
