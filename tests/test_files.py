"""Places are checked before the work, and files appear whole or not at all."""

import os
import threading

import pytest

from mocolib.errors import BadInput
from mocolib.files import check_folder, check_place, write_atomic


def names(folder):
    return sorted(p.name for p in folder.rglob("*"))


def test_a_place_that_can_be_written_is_left_as_it_is(tmp_path):
    (tmp_path / "old").write_text("kept")
    for place in ("new", "old", "deep/er/new"):
        assert check_place(tmp_path / place) == tmp_path / place
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "kept"


@pytest.mark.parametrize("place", ["folder", "file/x", "x" * 300, "a\0b", "file/x/y"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"^output is .*, but must be a place .*\.$"):
        check_place(tmp_path / place)


def test_no_folder_of_runs_can_be_made_in_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"^runs is .*\.$"):
        check_folder(tmp_path / "file" / "runs", "runs")


def test_a_long_name_has_room_for_its_part(tmp_path):
    write_atomic(tmp_path / ("x" * 255), "content")
    assert names(tmp_path) == ["x" * 255]


def test_many_writers_of_one_file_leave_one_of_their_contents(tmp_path):
    contents = [bytes([i]) * 100_000 for i in range(8)]
    writers = [
        threading.Thread(target=write_atomic, args=(tmp_path / "one", c))
        for c in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (tmp_path / "one").read_bytes() in contents
    assert names(tmp_path) == ["one"]


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "one", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_atomic(tmp_path / "one", "new")
    assert (tmp_path / "one").read_text() == "old"
    assert names(tmp_path) == ["one"]
