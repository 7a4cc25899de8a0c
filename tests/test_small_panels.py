"""Small panels, in a real browser: moved, and asked what they show."""

import math
import re
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch

from mocolib import lab
from mocolib.analysis import completeness
from mocolib.augment import normalize, resized
from mocolib.errors import BadInput
from mocolib.lab.crops import Cropped, boxes
from mocolib.lab.page import PAGE
from mocolib.train import train
from tests.panels import go_to
from tests.planted import LAYERS, plant, shaking
from tests.served import served, write_page
from tests.tiny import blobs, tiny
from tests.told import frame
from tools.browser import WIDTHS, open_page

# --- the share by which a layer moves -----------------------------------------------


@pytest.fixture
def spiking(tmp_path):
    """A run whose gradients grow fourfold at step 150, and its steps with them."""
    norms, moved = np.ones(240), np.full(240, 0.02)
    norms[149], moved[149] = 4, 0.08
    columns = {f"update/{layer}": moved for layer in LAYERS}
    planted = dict(norms=dict.fromkeys(LAYERS, norms), columns=columns)
    return plant(tmp_path, shaking(0.001, 0), **planted)


def test_bars_are_the_recorded_shares(spiking):
    panel = lab.shares({"adamw": (spiking, 150)}).data
    drawn, words = frame(panel)
    assert "AdamW, step 150: a layer's gradient is at most 4.0 times its" in words
    assert "move by 8.0 to 8.0 % of their length, usually by 2.0" in words
    steps, usual = drawn.split("<path")[-2:]
    (start, end), *rest = re.findall(r"M([\d.]+) \d+H([\d.]+)v7", steps)
    assert float(end) - float(start) == pytest.approx(64, abs=0.4)  # 8 of 10 %, on 80
    assert len(rest) == len(LAYERS) - 1
    tick = float(re.search(r"M([\d.]+)", usual)[1])
    assert tick - float(start) == pytest.approx(16, abs=0.2)
    _, before = frame(panel, steps_from_the_spike=0)
    assert "step 140: a layer's gradient is at most 1.0 times" in before


@pytest.mark.parametrize("spike", [20, 230])
def test_a_spike_needs_recorded_steps_around_it(spiking, spike):
    with pytest.raises(BadInput, match=f"spike is {spike}, but must be from"):
        lab.shares({"adamw": (spiking, spike)})


# --- in a browser -------------------------------------------------------------------


@pytest.fixture
def opened(browser, tmp_path, monkeypatch):
    """A function that makes a panel and opens it on a page of its own."""
    monkeypatch.setenv(PAGE, "1")

    @contextmanager
    def show(panel, *given, width=WIDTHS[0], **options):
        write_page(tmp_path, panel(*given, **options).data)
        with served(tmp_path) as root:
            address = f"{root}/book/one.html"
            with open_page(browser, address, width, "light") as (page, problems):
                yield page
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert problems == []

    return show


def spoken(page) -> str:
    return page.locator(".spoken").inner_text()


def test_play_goes_to_the_end_and_a_hand_on_the_slider_stops_it(opened, spiking):
    with opened(lab.shares, {"adamw": (spiking, 150)}, start=13) as page:
        play = page.locator("button.play")
        play.press("Enter")
        page.wait_for_function(
            "document.querySelector('output').textContent === '15' && "
            "document.querySelector('.play').textContent === 'Play'"
        )
        assert page.url.endswith("?frames-shares=25")
        assert "step 165" in spoken(page)
        play.click()  # from the first step again
        assert play.inner_text() == "Pause"
        page.locator("input").press("End")
        assert play.inner_text() == "Play"
        assert "step 165" in spoken(page)


NAMES = ("T-shirt", "Bag", "Coat", "Dress")
TAUS = (0.05, 0.1, 0.2, 0.5, 1.0)


@pytest.fixture
def apart():
    """Images whose crops of 20 and 28 pixels all agree, each with its own image's.

    Those of 14 agree with the next image's; the one on the top left with none.
    """
    kinds, all_boxes = np.eye(len(NAMES) + 1, dtype=np.float32), boxes(28)
    queries = np.stack([np.stack([kinds[i]] * len(all_boxes)) for i in range(4)])
    keys = queries.copy()
    for n, (top, left, size) in enumerate(all_boxes):
        if size == 14:
            queries[:, n] = np.roll(kinds[:4], -1, axis=0)
        if (top, left, size) == (0, 0, 14):
            queries[:, n] = kinds[4]
    images = np.full((4, 28, 28), 80, np.uint8)
    return Cropped(names=NAMES, images=images, queries=queries, keys=keys)


def test_the_query_shares_itself_by_the_softmax(opened, apart):
    with opened(lab.crops, apart, start={"query_crop": 20}) as page:
        for place, tau in enumerate(TAUS):
            page.locator("[data-axis='3']").nth(place).check(force=True)
            own = math.exp(1 / tau) / (math.exp(1 / tau) + 3)
            shown = page.locator(".share").first.inner_text()
            assert int(shown.removesuffix(" %")) == pytest.approx(100 * own, abs=1)
            assert f"Found: the key of its own image gets {shown}" in spoken(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_crop_follows_keys_and_pointer_and_stays_inside(opened, apart, width):
    start = {"query_crop": 14, "query": (4, 0), "key_crop": 20, "key": (8, 8)}
    start["temperature"] = 1.0
    with opened(lab.crops, apart, start=start, width=width) as page:
        query = page.locator(".crop.query")
        assert "Not found: Bag gets" in spoken(page)
        for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp"):
            query.press(key)  # more often than there is room
        assert page.url.endswith("=0.0.1.4.0.0.8.8")
        shown = page.locator(".share").all_inner_texts()
        assert shown == ["25 %"] * 4  # agrees with none: it guesses
        box = page.locator(".photo img").bounding_box()
        pixel = box["width"] / 28
        page.mouse.move(box["x"] + 5 * pixel, box["y"] + 5 * pixel)
        page.mouse.down()
        page.mouse.move(box["x"] + 11 * pixel, box["y"] + 100 * pixel, steps=3)
        page.mouse.up()
        assert page.url.endswith("=0.0.1.4.6.14.8.8")
        assert query.get_attribute("aria-label").endswith(
            "6 from the left, 14 from the top"
        )
        page.locator("[data-axis='1']").nth(1).check(force=True)
        assert page.url.endswith("=0.1.1.4.6.8.8.8")  # larger, it is moved inside
        page.reload()
        assert page.url.endswith("=0.1.1.4.6.8.8.8")
        assert "Found" in spoken(page)


def test_crops_go_through_the_network():
    data, recipe = blobs(1, 28), tiny(image_size=28, patch_size=14)
    found = lab.cropped(recipe, data, ("dark", "bright"), steps=2)
    assert found.keys.shape == (2, len(boxes(28)), recipe.head_dim)
    training = train(recipe.replace(knn_every=0), data)
    for _ in range(2):
        next(training)
    model, number = training.model.eval(), data.first("bright")
    image = resized(data.test_images[[number]], 28)
    with torch.no_grad():
        features, _ = model.query.backbone(normalize(image, data.mean, data.std))
        query = model.predictor(model.query.projector(features))
    whole = boxes(28).index((0, 0, 28))
    expected = torch.nn.functional.normalize(query, dim=1)[0].numpy()
    assert np.allclose(found.queries[1, whole], expected, atol=1e-4)


MEASURED = pd.DataFrame(
    {"inside": 192, "width": [192, 384], "condition": [614.7, 5.58]}
)
MODELS = {"ours": (7, 1, 32), "ViT-B/16": (16, 3, 768), "grey": (7, 1, 64)}


def test_a_token_has_room_or_not(opened):
    with opened(lab.room, MEASURED, MODELS) as page:
        told = spoken(page)
        assert "d / D = 0.65: not complete. 17 of a patch's 49 directions" in told
        page.get_by_role("button", name="ViT-B/16").press("Enter")
        assert "d / D = 1.00: complete" in spoken(page)
        assert "Square, so the worst conditioned" in spoken(page)
        go_to(page.locator("#room"), [6, 2, 11])
        assert spoken(page).endswith("We measured 610.")
        assert page.url.endswith("?room=6.2.11")
        page.reload()
        assert spoken(page).endswith("We measured 610.")
        page.locator("[data-axis='2']").press("ArrowRight")
        assert "d / D = 1.08" in spoken(page)


@pytest.mark.parametrize("name", ["ours", "grey"])
def test_a_condition_number_is_about_that_of_a_drawn_matrix(opened, name):
    patch, channels, width = MODELS[name]
    drawn = [
        np.linalg.cond(completeness.random_projection(channels, patch, width, seed))
        for seed in range(9)
    ]
    with opened(lab.room, MEASURED, {name: MODELS[name]}) as page:
        about = float(re.search(r"about ([\d.]+)\.", spoken(page))[1])
    assert about == pytest.approx(np.median(drawn), rel=0.3)
