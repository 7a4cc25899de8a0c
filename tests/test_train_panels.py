"""Every chapter's panel that trains has what its call asked for, in page and kernel."""

import ast

import nbformat
import pytest

from mocolib import lab, words
from mocolib.lab.train_here import CHARTS, VALUES
from tests.notebook import execute, open_notebook
from tests.served import served, write_page
from tests.test_notebooks import CHAPTERS
from tests.trainer import in_page
from tools.browser import open_page

SHOWN = """() => {
  const said = (one) => one?.textContent.replace(/\\s+/g, " ").trim();
  const all = (from, what, tell) => [...from.querySelectorAll(what)].map(tell);
  return all(document, "why-train", (panel) => {
    const whole = panel.closest("figure");
    return {
      id: panel.id,
      question: said(whole.querySelector("figcaption")),
      answer: all(whole, ":scope > details p", said),
      controls: all(panel, ".controls .control", said),
      chosen: all(panel, ".controls input", (c) => [c.type, c.value, c.checked]),
      buttons: all(panel, "[data-press]", (b) => [b.dataset.press, said(b)]),
      charts: all(panel, "svg[data-key] .title", said),
      behind: said(panel.querySelector(".behind")),
      lines: panel.querySelectorAll("path.seed").length,
      trouble: said(panel.querySelector(".trouble")),
    };
  });
}"""
KERNEL = """from IPython.display import display
from mocolib import lab
for id, asked in {}.items():
    display(lab.train_here(id, **asked))"""


NAME = "lab.train_here"


def calls() -> dict:
    """What the chapters' panels are asked for: {id: options}."""
    found = {}
    for chapter in CHAPTERS:
        cells = nbformat.read(chapter, as_version=4).cells
        sources = [one.source for one in cells if f"{NAME}(" in one.source]
        for node in [node for one in sources for node in ast.walk(ast.parse(one))]:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == NAME:
                found[ast.literal_eval(node.args[0])] = {
                    one.arg: ast.literal_eval(one.value) for one in node.keywords
                }
    return found


CALLS = calls()


@pytest.fixture(scope="module")
def shown(browser, jupyter, tmp_path_factory) -> dict:
    """What each panel shows in a page and in a kernel, before anything is pressed."""
    folder = tmp_path_factory.mktemp("site")
    write_page(folder, "".join(in_page(id, **asked) for id, asked in CALLS.items()))
    with served(folder) as root:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 1280, "light") as (page, problems):
            in_a_page = page.evaluate(SHOWN)
            assert problems == []
    notebook = open_notebook(browser, jupyter, "chapters")
    execute(notebook, KERNEL.format(CALLS))
    last = notebook.locator("why-train").nth(len(CALLS) - 1)
    last.locator("[data-press=train]").wait_for()
    found = {"page": in_a_page, "kernel": notebook.evaluate(SHOWN)}
    notebook.close()
    return {
        kind: {one.pop("id").removeprefix("lab-"): one for one in panels}
        for kind, panels in found.items()
    }


def test_there_are_panels_that_train():
    assert len(CALLS) >= 17


@pytest.mark.parametrize("id", CALLS)
def test_a_panel_is_what_its_call_asked_for_and_one_in_both(shown, id):
    panel, asked = shown["kernel"][id], CALLS[id]
    assert panel["question"] == asked["question"]
    assert asked.get("answer", "") in "\n".join(panel["answer"])
    fields = [words.label(name) for name in asked.get("fields", VALUES)]
    controls = zip(panel["controls"], [*fields, "seed"], strict=True)
    assert all(control.startswith(name) for control, name in controls)
    pressed = [name for name, *_ in panel["buttons"]]
    assert ("pair" in pressed) == ("compare" in asked)
    assert pressed[0] == "train"
    titles = [CHARTS[key] for key in asked.get("charts", ("knn", "gradient"))]
    charts = zip(panel["charts"], titles, strict=True)
    assert all(chart.startswith(title) for chart, title in charts)
    assert panel["lines"]  # what was recorded stands behind
    assert panel["trouble"] == ""
    assert panel == shown["page"][id]


def test_without_a_kernel_a_sentence_says_what_to_do(browser):
    """A notebook that is only looked at: its outputs, and no widget."""
    page = browser.new_page()
    page.set_content(lab.train_here("alone", recorded=[]).html.data)
    page.wait_for_selector(".trouble:not(:empty)")
    assert "run its cell to train here" in page.text_content(".trouble")
    page.close()
