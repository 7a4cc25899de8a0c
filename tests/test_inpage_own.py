"""The reader's own pictures in a page that trains: chosen, counted, trained on."""

import io
import json
import zipfile

import pytest
from PIL import Image

from mocolib.data import load
from tests.served import served, write_page
from tests.trainer import (
    TRAINING,
    losses,
    phase,
    press,
    wait_for_phase,
    wait_for_steps,
    write_trainer,
)
from tools.browser import open_page

SHAPE = {"channels": 1, "height": 28, "width": 28}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_trainer(folder)
    write_page(folder, "", "empty.html")
    with served(folder) as root:
        yield f"{root}/book/one.html"


@pytest.fixture(scope="module")
def own_pictures(tmp_path_factory):
    """Two folders of pictures from the data set, as a reader might have them."""
    folder = tmp_path_factory.mktemp("own")
    data = load("fashion-mnist")
    for label in (1, 9):
        (folder / str(label)).mkdir()
        chosen = data.train_images[data.train_labels == label][:165]
        for i, image in enumerate(chosen):
            big = Image.fromarray(image[0].numpy()).resize((84, 56))
            big.save(folder / str(label) / f"{i}.png")
    (folder / "9" / "broken.png").write_bytes(b"no picture")
    (folder / "9" / "notes.csv").write_text("a,b")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "0.png").write_bytes(b"a program's own")
    return folder


def choose(page, files):
    """As a reader would: a folder, or some pictures."""
    if not page.locator("details.own[open]").count():
        page.click(".own summary")
    place = page.locator(".files").nth(0 if isinstance(files, list) else 1)
    place.set_input_files(files)


def said(page, *words: str) -> str:
    """What is said of the choice, once it has all these words."""
    page.wait_for_function(
        "words => words.every(one => "
        "document.querySelector('.chosen').textContent.includes(one))",
        arg=list(words),
    )
    return page.text_content(".chosen")


def test_own_pictures_train_and_give_a_knn(opened, own_pictures):
    choose(opened, own_pictures)
    before = "331 pictures, 2 classes, from the next run on. 2 other files left out."
    assert said(opened, "next run") == before
    press(opened, "train")
    wait_for_steps(opened, 10)
    press(opened, "pause")
    used = "330 of 331 pictures, 2 classes; 1 could not be decoded"
    assert said(opened, "decoded") == f"{used}. 2 other files left out."
    row = opened.evaluate(f"{TRAINING}.live[0].rows[9]")
    assert 0.5 < row["knn"] <= 1  # trousers and boots
    assert opened.locator("svg[data-key=knn] path.seed").count() == 0  # other images
    wait_for_phase(opened, "paused")
    with opened.expect_download() as download:
        press(opened, "download")
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        read = {name.split("/")[-1]: archive.read(name) for name in archive.namelist()}
    assert json.loads(read["recipe.json"])["dataset"] == "folder:own-pictures"
    assert json.loads(read["provenance.json"])["pictures"] == used


def test_pictures_without_classes_train_without_a_knn(opened, own_pictures):
    files = sorted(own_pictures.rglob("[0-9]*/[0-9]*.png"))
    choose(opened, files)
    press(opened, "train")
    wait_for_steps(opened, 10)
    assert opened.evaluate(f"{TRAINING}.live[0].last('knn')") is None
    assert said(opened, "330 pictures, 1 class. One class only, so there is no kNN.")


def test_a_choice_in_mid_run_is_for_the_next_one(opened, own_pictures):
    """And so is the way back: what is under way is trained to its end."""
    press(opened, "train")
    wait_for_steps(opened, 2)
    choose(opened, own_pictures)
    said(opened, "331 pictures, 2 classes, from the next run on.")
    assert phase(opened) == "training"
    count = len(wait_for_steps(opened, 3))
    assert opened.locator("svg[data-key=knn] path.seed").count() == 2  # as before
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    press(opened, "train")  # goes on with what it has
    wait_for_steps(opened, count + 2)
    assert opened.evaluate(f"{TRAINING}.live[0].recipe.dataset") == "fashion-mnist"
    opened.click(".back")
    assert said(opened) == ""
    choose(opened, own_pictures)
    press(opened, "reset")
    press(opened, "step")
    wait_for_steps(opened, 1)
    assert opened.evaluate(f"{TRAINING}.live[0].recipe.dataset").startswith("folder:")
    opened.click(".back")
    assert said(opened, "next run") == "Fashion-MNIST, from the next run on."
    assert len(losses(opened)) == 1


def test_what_cannot_be_trained_on_is_told_where_it_is_chosen(opened, own_pictures):
    """And changes nothing; so does a choice that is called off."""
    pictures = sorted(own_pictures.rglob("[0-9]*/[0-9]*.png"))
    press(opened, "step")
    wait_for_steps(opened, 1)
    choose(opened, pictures[:256])
    taken = said(opened, "256 pictures, 1 class, from the next run on.")
    choose(opened, pictures[:1])
    few = "1 picture in 1 folder: training takes 256 at a time, so at least 256 are "
    assert said(opened, "1 picture in") == few + "needed. Nothing has changed."
    choose(opened, [own_pictures / "9" / "notes.csv"])
    none = "1 file, and no picture. Nothing has changed."
    assert said(opened, "no picture") == none
    opened.evaluate("""() => {
      const event = new Event("change", { bubbles: true });
      document.querySelector(".files").dispatchEvent(event);
    }""")
    press(opened, "step")
    wait_for_steps(opened, 2)
    assert said(opened) == none
    assert opened.evaluate(f"{TRAINING}.files.pictures") == 256
    assert taken


def test_too_few_that_can_be_decoded_are_told(opened, own_pictures, tmp_path):
    good = sorted(own_pictures.rglob("[0-9]*/[0-9]*.png"))[:250]
    bad = [tmp_path / f"bad{i}.png" for i in range(10)]
    for file in bad:
        file.write_bytes(b"no picture")
    choose(opened, good + bad)
    press(opened, "train")
    opened.wait_for_selector(".trouble:not(:empty)")
    assert opened.text_content(".trouble") == (
        "250 of your pictures can be trained on, but training needs at least 256, one "
        "batch; 10 could not be decoded."
    )
    opened.click(".back")
    press(opened, "step")
    wait_for_steps(opened, 1)


# --- what is taken of many, and how a class is numbered -------------------------------


@pytest.fixture(scope="module")
def empty(address, browser):
    url = address.replace("one.html", "empty.html")
    with open_page(browser, url, 800, "light") as (page, problems):
        yield page
        assert problems == []


DROPPED = """async ([folders, batch]) => {
  const files = folders.flatMap(([folder, count]) =>
    Array.from({ length: count }, (_, i) => {
      const name = `${String(i).padStart(6, "0")}.jpg`;
      return { name, type: "image/jpeg", webkitRelativePath: `${folder}/${name}` };
    }));
  const event = new Event("drop"), seen = [];
  event.dataTransfer = { files };
  const part = Why.ownPictures(batch, (own) => seen.push(own));
  part.dispatchEvent(event);
  await new Promise((go) => setTimeout(go));
  const own = seen[0] ?? null, data = { recipe: {} };
  if (own) part.show({ files: own, used: null, live: [], data });
  return [own?.list.map(({ folder, file }) => [folder, file.name]),
    part.querySelector(".chosen").textContent];
}"""


def dropped(page, folders: dict, batch: int = 256):
    """What is taken of so many pictures in each folder, and what is said."""
    return page.evaluate(DROPPED, [list(folders.items()), batch])


def test_of_many_pictures_each_class_gives_as_many_as_it_can(empty):
    """Not the first ones of the first folders."""
    sizes = {f"set/{i}": 600 for i in range(9)} | {"set/9": 100}
    taken, words = dropped(empty, sizes)
    counts = {name: [f for n, f in taken if n == name] for name in sizes}
    assert len(taken) == 4000
    assert len(counts["set/9"]) == 100
    assert {len(counts[f"set/{i}"]) for i in range(9)} == {433, 434}
    for files in counts.values():  # spread over a folder, none of them twice
        assert files == sorted(set(files))
    assert counts["set/0"][0] == "000000.jpg"
    assert counts["set/0"][-1] > "000590.jpg"
    assert words == (
        "4,000 of 5,500 pictures, 10 classes, from the next run on. No more are taken; "
        "each folder gives as many as it can."
    )


@pytest.mark.parametrize("batch", [2, 6, 7, 256])
@pytest.mark.parametrize("folders", [1, 2, 3])
def test_the_least_that_is_asked_for_is_enough_and_no_more(empty, batch, folders):
    """Every sixth of what has classes is held out."""
    for count in range(folders, 400):
        trained = count - (-(-count // 6) if folders > 1 else 0)
        if trained >= batch:
            break
    sizes = {str(i): 1 for i in range(1, folders)} | {"0": count - folders + 1}
    taken, words = dropped(empty, sizes, batch)
    assert len(taken) == count
    taken, words = dropped(empty, sizes | {"0": sizes["0"] - 1}, batch)
    if sizes["0"] > 1 or folders == 1:
        assert taken is None
        assert f"at least {count} are needed" in words


def test_hundreds_of_classes_keep_their_numbers(empty):
    """As many as there are pictures, and one of them cannot be decoded."""
    body = """async ({ count, shape }) => {
      const m = await import("/_static/inpage/pictures.js");
      const canvas = new OffscreenCanvas(28, 28), list = [];
      const context = canvas.getContext("2d");
      for (let i = 0; i < count; i++) {
        context.fillStyle = `rgb(${i % 256} ${i % 256} ${i % 256})`;
        context.fillRect(0, 0, 28, 28);
        list.push({ folder: String(i).padStart(4, "0"), file: i === 7
          ? new Blob(["no picture"]) : await canvas.convertToBlob() });
      }
      const found = await m.pictures({ list, held: 6 }, shape, 256, () => {});
      const first = (pixels) => [...pixels].filter((_, i) => i % 784 === 0);
      return [[...found.trainLabels], first(found.train), [...found.testLabels],
        found.classes, found.failed];
    }"""
    labels, pixels, tests, classes, failed = empty.evaluate(
        body, {"count": 400, "shape": SHAPE}
    )
    assert failed == 1
    assert classes == [f"{i:04}" for i in range(400) if i != 7]
    assert sorted(labels + tests) == list(range(399))
    assert tests == list(range(0, 399, 6))
    assert [int(classes[label]) % 256 for label in labels] == pixels
