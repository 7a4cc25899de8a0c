"""The figure of the method: a real step, its parts, and the walk through it."""

import json
import math

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from mocolib import lab
from mocolib.lab.method import grey, tiles
from mocolib.lab.page import PAGE
from tests.served import served, write_page
from tests.tiny import blobs, tiny
from tools.browser import open_page


@pytest.fixture(scope="module")
def step():
    return lab.taken(tiny(momentum=0.9), blobs(channels=1), images=6, after=3)


def test_the_loss_is_that_of_the_matrix_shown(step):
    """From the queries and keys of the figure itself."""
    right = torch.from_numpy(np.log(np.diag(step.probabilities)))
    assert step.losses[0] == pytest.approx(-0.4 * right.mean().item(), rel=1e-4)
    assert step.probabilities.sum(1) == pytest.approx(np.ones(6))
    assert np.linalg.norm(step.queries, axis=1) == pytest.approx(np.ones(6))


def test_the_key_side_moves_towards_the_query_side(step):
    before, behind = step.apart
    assert behind == pytest.approx(0.9 * before, rel=1e-3)
    assert before > 0


def test_the_same_recipe_gives_the_same_figure(step):
    again = lab.taken(tiny(momentum=0.9), blobs(channels=1), images=6, after=3)
    assert np.array_equal(again.cosines, step.cosines)
    assert all(math.isfinite(norm) and norm > 0 for norm in step.gradients.values())


def lit(step, part: str) -> list[str]:
    """The lines of a part's code that stand out."""
    page = BeautifulSoup(lab.method(step).data, "html.parser")
    parts = json.loads(page.select_one("why-method script").string)["parts"]
    [code] = [one["code"] for one in parts if one["id"] == part]
    marked = BeautifulSoup(code, "html.parser").select(".hll")
    return [line.get_text().strip() for line in marked]


def test_only_lines_that_the_step_went_through_stand_out(step):
    """A batch that may be split goes another way than one that may not."""
    [whole] = lit(step, "query")
    assert whole.startswith("features = torch.cat(")
    recipe = tiny(momentum=0.9, patch_projection_norm="batch")
    apart = lab.taken(recipe, blobs(channels=1), images=6, after=1)
    assert [line.partition("(")[0] for line in lit(apart, "query")] == [
        "features = torch.stack"
    ]


def test_white_is_zero_and_dark_is_large():
    shown = tiles(np.array([[0.0, 2.0, -2.0]]))
    assert shown[0].tolist() == [[255, 255, 255], [1, 115, 178], [222, 143, 5]]
    assert grey(np.array([[0.0, 0.5]])).tolist() == [[255, 30]]


def test_a_press_opens_a_part_and_next_walks_through_all(
    step, browser, tmp_path, monkeypatch
):
    monkeypatch.setenv(PAGE, "1")
    write_page(tmp_path, lab.method(step, question="What moves?").data)
    with served(tmp_path) as root:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 390, "light") as (page, problems):
            titles = []
            for _ in range(9):
                titles.append(page.text_content("why-method p.part"))
                assert page.locator(".code .highlight").count() == 1
                assert page.locator("[aria-pressed=true]").count() == 1
                page.click("[data-move='1']")
            assert len(set(titles)) == 9
            assert page.text_content("why-method p.part") == titles[0]
            page.click("[data-part=loss]")
            assert f"{sum(step.losses):.3f}" in page.text_content(".shown")
            lit = page.locator(".code .hll").all_text_contents()
            assert "cross_entropy" in lit[-1]
            assert "=loss" in page.url
            page.reload()
            assert page.text_content("why-method p.part") == "Loss"
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390
            assert problems == []
