"""Charts in a real browser: where the labels of their lines stand."""

import json

import pytest

from tests.served import served, write_page
from tools.browser import open_page

SHORT, LONG = "fixed", "projection fixed, half the rate"


def charts(*labels: str) -> str:
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
