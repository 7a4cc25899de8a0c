"""Charts in a real browser: where the words of their lines and marks stand."""

import itertools
import json

import pytest

from tests.served import served, write_page
from tools.browser import open_page

SHORT, LONG = "fixed", "projection fixed, half the rate"


def charts(*labels: str, marks=()) -> str:
    """One chart with a line for each label, laid out as a panel is."""
    lines = [
        {
            "name": label,
            "label": label,
            "colour": "#0173b2",
            "data": {"knn": [[0, 10], [20 + i, 60 + i]]},
        }
        for i, label in enumerate(labels)
    ]
    data = {
        "charts": [{"key": "knn", "title": "kNN accuracy, %"}],
        "x": {"title": "training step", "until": 10},
        "lines": lines,
        "marks": [{"at": at, "words": words} for at, words in marks],
    }
    script = f'<script type="application/json">{json.dumps(data)}</script>'
    return f'<figure class="why-panel"><why-charts>{script}</why-charts></figure>'


@pytest.mark.parametrize(
    ("width", "labels", "in_key"),
    [
        (390, [SHORT, "learned"], False),
        (390, [SHORT, LONG], True),
        (900, [SHORT, LONG], False),
        (900, [f"seed {i}" for i in range(13)], False),
        (900, [f"seed {i}" for i in range(14)], True),  # more than the height holds
    ],
)
def test_labels_stand_at_their_lines_or_all_in_a_key(
    browser, tmp_path, width, labels, in_key
):
    """Beside the lines where there is room for all; else above, the last line first."""
    write_page(tmp_path, charts(*labels))
    with served(tmp_path) as root:
        address = f"{root}/book/one.html"
        with open_page(browser, address, width, "light") as (page, problems):
            key = page.locator("ul.key li").all_inner_texts()
            assert [text.strip() for text in key] == labels[::-1] * in_key
            ends = page.locator("svg text.label")
            assert sorted(ends.all_text_contents()) == sorted(labels * (not in_key))
            right = page.locator("svg").last.get_attribute("data-right")
            for x in ends.evaluate_all("all => all.map(one => one.getAttribute('x'))"):
                assert float(x) > float(right)  # beside the curves, never on them
            assert problems == []


@pytest.mark.parametrize(
    ("places", "rows"),
    [((1, 5), 1), ((1, 1.2), 2), ((1, 1.2, 5, 5.2), 2), ((9.8, 1), 1), ((1, 1, 1), 3)],
)
def test_marks_are_told_in_the_first_row_that_has_room(browser, tmp_path, places, rows):
    """Over the curves, no two words on each other; at the right end to the left."""
    write_page(tmp_path, charts(SHORT, marks=[(x, "restart") for x in places]))
    with served(tmp_path) as root:
        address = f"{root}/book/one.html"
        with open_page(browser, address, 390, "light") as (page, problems):
            assert page.locator("svg path.change").count() == len(places)
            boxes = page.locator("svg text.said").evaluate_all(BOXES)
            assert len(boxes) == len(places)
            assert len({top for _, top, *_ in boxes}) == rows
            for one, other in itertools.combinations(boxes, 2):
                assert apart(one, other)
            edge = page.locator("svg").last.bounding_box()
            assert all(right <= edge["x"] + edge["width"] for *_, right, _ in boxes)
            assert page.evaluate(OVER)
            assert problems == []


BOXES = """all => all.map(one => one.getBoundingClientRect())
  .map(({ left, top, right, bottom }) => [left, top, right, bottom])"""
OVER = """() => {
  const line = document.querySelector("svg path.line");
  return [...document.querySelectorAll("svg text.said")].every(one =>
    line.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
}"""


def apart(one, other) -> bool:
    """Whether two boxes share no pixel; one is rounding."""
    (left, top, right, bottom), (x, y, end, low) = one, other
    return min(right, end) - max(left, x) <= 1 or min(bottom, low) - max(top, y) <= 3
