"""What of a folder becomes the data set, and that the rest is said."""

from pathlib import Path

import pytest

from mocolib.data import CATALOGUE, load, title, user_root
from mocolib.errors import BadInput
from tests.tiny import write_images


def load_folder(root):
    return load(f"folder:{root}", 8)


def two_classes(root, count=6, **how):
    for seed, name in enumerate(("ant", "bee")):
        write_images(root / name, count, seed=seed, **how)
    return root


def test_the_report_counts_what_was_loaded(tmp_path):
    said = load_folder(two_classes(tmp_path)).report
    end = ": 10 training and 2 test colour images of 2 classes."
    assert said == f"folder:{tmp_path}{end}"


def test_the_report_names_what_was_passed_over(tmp_path):
    two_classes(tmp_path)
    write_images(tmp_path / "ant" / "more" / "deep", 8)
    write_images(tmp_path, 1)
    for name in ("ant/a.gif", "bee/b.txt", "bee/._x.png", ".hidden"):
        (tmp_path / name).write_bytes(b"?")
    data = load_folder(tmp_path)
    assert len(data.train_images) + len(data.test_images) == 12
    for words in (
        "8 images in nested folders (ant/more)",
        "2 files of other endings (.gif, .txt)",
        "2 hidden (.hidden, ._x.png)",
        "1 beside the class folders (000.png)",
    ):
        assert words in data.report


def test_a_folder_without_images_is_told_as_such(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "ant" / "notes").mkdir()
    said = load_folder(tmp_path).report
    assert "1 folders without an image (ant/notes)" in said
    assert "()" not in said


def test_the_report_says_that_one_class_says_nothing(tmp_path):
    write_images(tmp_path / "all", 12)
    said = load_folder(tmp_path).report
    assert "of 1 class; with one class kNN and probe are 1 whatever is learned" in said
    write_images(tmp_path / "more", 12)
    assert "whatever is learned" not in load_folder(tmp_path).report


def test_the_report_names_classes_that_lack_a_split(tmp_path):
    write_images(tmp_path / "ant", 7)
    write_images(tmp_path / "bee", 2)
    write_images(tmp_path / "cow", 4)
    said = load_folder(tmp_path).report
    assert "no test image in class bee" in said
    write_images(tmp_path / "aardvark", 1)
    assert "no training image in class aardvark" in load_folder(tmp_path).report


def test_a_class_whose_images_are_all_nested_says_where_they_are(tmp_path):
    two_classes(tmp_path)
    write_images(tmp_path / "cow" / "more", 4)
    with pytest.raises(BadInput, match=r"class 'cow', but 4 in folders inside it\.$"):
        load_folder(tmp_path)


def test_a_class_without_images_says_what_lies_there_and_what_an_image_is(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cow").mkdir()
    (tmp_path / "cow" / "0.gif").write_bytes(b"GIF89a")
    with pytest.raises(BadInput, match=r"'cow', but 1 of \.gif; images end in \.jpg, "):
        load_folder(tmp_path)


def test_a_test_folder_without_labels_leaves_the_test_to_val(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "val", 3)
    write_images(tmp_path / "test", 5)
    data = load_folder(tmp_path)
    assert len(data.test_images) == 6
    assert "1 not used as a split (test)" in data.report
    write_images(tmp_path / "test" / "unknown", 5)
    assert len(load_folder(tmp_path).test_images) == 6


def test_a_test_folder_without_labels_alone_is_one_sentence(tmp_path):
    two_classes(tmp_path / "train")
    write_images(tmp_path / "test", 5)
    with pytest.raises(BadInput, match=r"test has none of the class folders of .*\.$"):
        load_folder(tmp_path)


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation"])
def test_names_of_a_test_split(tmp_path, name):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / name, 2)
    assert len(load_folder(tmp_path).test_images) == 4


def test_without_a_home_the_place_that_was_named_serves(tmp_path, monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert len(load_folder(two_classes(tmp_path)).train_images) == 10
    monkeypatch.delenv("MOCOLIB_DATA")
    with pytest.raises(BadInput, match=r"^MOCOLIB_DATA is not set, but .*\.$"):
        user_root()
    assert load("fashion-mnist").channels == 1


def test_the_catalogue_knows_what_comes_with_mocolib():
    source, data = CATALOGUE["fashion-mnist"], load("fashion-mnist")
    assert source.images == len(data.train_images)
    assert source.channels == data.channels
    assert title("fashion-mnist") == source.title
    assert title("folder:mine") == "folder:mine"
