"""Places are checked before the work, and files appear whole or not at all."""

import os
import threading

import pytest

from mocolib import weights
from mocolib.errors import BadInput
from mocolib.files import check_folder, check_place, read_json, write_atomic
from mocolib.recipe import from_file


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


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "old")
    (tmp_path / "dangling").symlink_to("deep/new")
    for name, target in (("link", "old"), ("dangling", "new")):
        check_place(tmp_path / name)
        write_atomic(tmp_path / name, "written")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "deep" / target).read_text() == "written"


def test_what_is_no_file_is_not_written_over(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(BadInput, match=f"{name}', but must be .*: it is no file"):
            check_place(tmp_path / name)
    with pytest.raises(BadInput, match="it is no file"):
        check_place("/dev/null")


def test_a_pipe_is_not_waited_for(tmp_path):
    for name in ("pipe.json", "pipe.toml", "pipe.pth"):
        os.mkfifo(tmp_path / name)
        reader = weights.load if name.endswith("pth") else from_file
        with pytest.raises(BadInput, match=f"{name} cannot be read: it is no file"):
            reader(tmp_path / name)
    with pytest.raises(BadInput, match=r"pipe.json cannot be read: it is no file"):
        read_json(tmp_path / "pipe.json")


def test_the_place_that_was_typed_is_named(tmp_path):
    (tmp_path / "file").touch()
    for place in ("file/p.png", "file/new/p.png"):
        with pytest.raises(BadInput, match=f"^output is '{tmp_path / place}', but"):
            check_place(tmp_path / place)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_names_the_file_and_not_its_part(tmp_path, monkeypatch, call):
    def full(*names):
        raise OSError(28, "No space left on device", *map(str, names[:1]))

    monkeypatch.setattr(os, call, full if call == "replace" else lambda _: full())
    with pytest.raises(OSError, match="space") as error:
        write_atomic(tmp_path / "one", "new")
    assert error.value.filename == str(tmp_path / "one")
    monkeypatch.undo()
    with pytest.raises(OSError, match="No such file") as error:
        write_atomic(tmp_path / "none" / "one", "new")
    assert error.value.filename == str(tmp_path / "none" / "one")


@pytest.mark.parametrize("name", ["r.json", "r.toml"])
def test_a_mark_of_the_encoding_is_no_part_of_a_text(tmp_path, name):
    text = '{"seed": 7}' if name.endswith("json") else "seed = 7"
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert from_file(tmp_path / name).seed == 7


def test_what_is_said_twice_is_refused(tmp_path):
    for text in ('{"seed": 1, "seed": 2}', '{"a": {"seed": 1, "seed": 1}}'):
        (tmp_path / "r.json").write_text(text)
        for reader in (from_file, read_json):
            with pytest.raises(BadInput, match="cannot be read: it has 'seed' twice"):
                reader(tmp_path / "r.json")


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "one", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write_atomic(tmp_path / "one", "new")
    assert (tmp_path / "one").read_text() == "old"
    assert names(tmp_path) == ["one"]
