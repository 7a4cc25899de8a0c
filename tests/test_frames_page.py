"""A panel over pictures in a real browser, in a page of its own."""

import numpy as np
import pytest

from mocolib import lab
from mocolib.lab.page import PAGE
from tests.served import served, write_page
from tools.browser import open_page


@pytest.fixture
def page(browser, tmp_path, monkeypatch):
    """A page with one panel of four cells that begins at the third."""
    monkeypatch.setenv(PAGE, "1")
    panel = lab.frames(
        lambda cell: lab.Frame(html=f"<b>{cell}</b>", spoken=f"cell {cell}"),
        id="one", start={"cell": 2}, cell=range(4),
        over=("cell", np.zeros((8, 8), np.uint8), 2, 2),
    ).data  # fmt: skip
    write_page(tmp_path, panel)
    with served(tmp_path) as root:
        address = f"{root}/book/one.html"
        with open_page(browser, address, 800, "light") as opened:
            yield opened


def test_it_begins_where_told_and_follows_pointer_keys_and_address(page):
    page, problems = page
    spoken = page.locator(".spoken")
    assert spoken.text_content() == "cell 2"
    box = page.locator(".over").bounding_box()
    right, low = box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"]
    page.mouse.move(right, low)
    page.mouse.down()
    assert spoken.text_content() == "cell 3"
    page.mouse.move(right, box["y"] + 0.25 * box["height"])
    page.mouse.up()
    assert spoken.text_content() == "cell 1"
    page.locator("input[type=radio]").first.press("Space")
    assert spoken.text_content() == "cell 0"
    page.reload()  # the address kept the choice, be it the first
    assert page.locator(".spoken").text_content() == "cell 0"
    assert problems == []
