"""The map of a panel: a cell is a setting, says what it shows, and can be pressed."""

import json

from bs4 import BeautifulSoup

from tests.panels import setting
from tools.book import HTML
from tools.browser import open_page

PAGE, PANEL = "book/weight_decay", "lab-decay"


def given() -> dict:
    page = BeautifulSoup((HTML / f"{PAGE}.html").read_text("utf-8"), "html.parser")
    return json.loads(page.find(id=PANEL).script.string)


def test_a_cell_says_its_mean_its_runs_and_those_that_collapsed(site, reader):
    one = given()
    rows, columns = (one["axes"][one["map"][k]]["words"] for k in ("rows", "columns"))
    with open_page(reader, f"{site}/{PAGE}.html", 1280, "light") as (page, problems):
        cells = page.locator(f"#{PANEL} .map .cell")
        assert cells.count() == len(rows) * len(columns)
        pressable = page.locator(f"#{PANEL} .map button")
        assert pressable.count() == len(one["groups"])
        for place, by in enumerate(one["map"]["by"]):
            page.locator(f"#{PANEL} select.by").select_option(index=place)
            told = sorted(pressable.locator("b").all_inner_texts())
            means = [group["facts"][by][0] for group in one["groups"]]
            assert [float(x) for x in told] == [
                float(x) for x in sorted(f"{mean:.1f}" for mean in means)
            ]
        counts = pressable.locator("small").all_inner_texts()
        lost = sum(group["tally"]["collapsed"] for group in one["groups"])
        assert sum(int(c.partition("✕")[2] or 0) for c in counts) == lost
        assert problems == []


def test_a_pressed_cell_is_what_the_panel_shows_and_keeps_the_focus(site, reader):
    one = given()
    with open_page(reader, f"{site}/{PAGE}.html", 390, "dark") as (page, problems):
        for group in one["groups"][:: max(1, len(one["groups"]) // 4)]:
            row, column = (group["at"][one["map"][k]] for k in ("rows", "columns"))
            place = f"[data-row='{row}'][data-column='{column}']"
            cell = page.locator(f"#{PANEL} .map button{place}")
            cell.focus()
            cell.press("Enter")
            assert setting(page, PANEL, one) == group["at"]
            assert cell.get_attribute("aria-pressed") == "true"
            assert page.locator(f"#{PANEL} .map [aria-pressed=true]").count() == 1
            assert cell.evaluate("cell => cell === document.activeElement")
        assert problems == []
