"""A page that trains, as a reader uses it: its panel, its buttons, what comes of it."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from mocolib import lab
from mocolib.lab.page import PAGE
from mocolib.lab.train_here import VALUES
from mocolib.presets import named_recipe
from tests.notebook import execute, open_notebook
from tests.served import write_graphs, write_page
from tools.browser import open_page

TRAINING = "document.querySelector('why-train').training"
PATIENCE = 120_000  # ms: the machine that runs the tests may have other work


def a_run(base_lr: float, seed: int) -> dict:
    """What stands for a recorded run of the page."""
    own = vars(named_recipe("page", base_lr=base_lr))
    curve = [[5, 10], [50 + seed, 100 * base_lr]]
    settings = {name: own[name] for name in VALUES}
    lines = dict.fromkeys(("knn", "loss", "gradient"), curve)
    measured = {"deepest_fall": 0.1 * seed + base_lr, "final_knn": 0.5}
    told = {"settings": settings, "seed": seed, "name": "recorded", "lines": lines}
    return {**told, **measured}


RECORDED = [a_run(rate, seed) for rate in (4e-3, 0.096) for seed in (0, 1)]
ASKED = dict(
    question="Does it shake?",
    compare="patch_projection",
    charts=("knn", "loss", "gradient"),
    recorded=RECORDED,
)


def in_page(id: str, **asked) -> str:
    """The panel as a built page has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAGE, "1")
        return lab.train_here(id, **asked).data


def write_trainer(folder: Path):
    """A page with the panel, laid out as in the built book, with four runs behind."""
    write_graphs(folder)
    write_page(folder, in_page("train", **ASKED))


@contextmanager
def open_in_kernel(browser, jupyter, id: str = "train", **asked):
    """The same panel in JupyterLab, in a cell whose kernel trains."""
    page = open_notebook(browser, jupyter, id)
    problems = []
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    execute(
        page, f"from mocolib import lab\nlab.train_here({id!r}, **{asked or ASKED})"
    )
    page.locator("why-train [data-press=train]").wait_for()
    yield page
    # of JupyterLab's own page, where its kernel is restarted in mid-message
    assert [one for one in problems if "Kernel message" not in one] == []
    page.close()


@contextmanager
def open_trainer(browser, address: str):
    """The page; what it complains of fails."""
    with open_page(browser, address, 900, "light") as (page, problems):
        page.set_default_timeout(PATIENCE)
        yield page
        assert problems == []


# the panel as its page brought it, but for the worker, which has loaded its files
AS_NEW = """() => {
  const panel = document.querySelector("why-train"), { training, data } = panel;
  training.use(null);
  training.reset();
  Object.assign(training, { kept: [], count: 0, times: null });
  Object.assign(panel, { at: [...data.at], seed: data.seed, layer: undefined });
  panel.querySelector(".layer").selectedIndex = 0;
  for (const one of panel.querySelectorAll("details")) one.open = false;
  history.replaceState(null, "", location.pathname);
  panel.show();
}"""


def as_new(page):
    """One page serves many tests: the first step of a new one takes seconds."""
    page.evaluate(AS_NEW)
    return page


def press(page, name: str):
    page.click(f"[data-press={name}]")


def losses(page) -> list:
    return page.evaluate(f"{TRAINING}.live[0]?.rows.map((row) => row.loss) ?? []")


def wait_for_steps(page, count: int) -> list:
    page.wait_for_function(f"(n) => {TRAINING}.steps >= n", arg=count)
    return losses(page)


def phase(page) -> str:
    return page.evaluate("document.querySelector('why-train').training.phase")


def wait_for_phase(page, name: str):
    page.wait_for_function(
        "(p) => document.querySelector('why-train').training.phase === p", arg=name
    )


def runs_of(page) -> list:
    """What the panel has of each run: its words, where it stands, how it ended."""
    return page.evaluate(
        """() => { const { live, kept } = document.querySelector('why-train').training;
          return [...live, ...kept].map(({ words, steps, outcome }) =>
            [words, steps, outcome]); }"""
    )


def rows_of(page, part: int) -> list:
    rows = "document.querySelector('why-train').training.live[{}].rows"
    return page.evaluate(rows.format(part))


def first_losses(page, count: int) -> list:
    press(page, "train")
    found = wait_for_steps(page, count)[:count]
    press(page, "reset")
    return found


def go_back(page, times: int = 1) -> int:
    """Press the button so often at once; how many steps the branch has then."""
    count = page.evaluate(f"{TRAINING}.live.length")
    button = "document.querySelector('[data-press=rewind]')"
    page.evaluate(f"() => {{ {f'{button}.click();' * times} }}")
    came = f"{TRAINING}.live.length === {count + 1} && {TRAINING}.back === null"
    page.wait_for_function(came)
    return len(rows_of(page, count))


def take_steps(page, count: int):
    """Single steps of all that goes on."""
    for _ in range(count):
        made = page.evaluate(f"{TRAINING}.live.map(({{ steps }}) => steps)")
        press(page, "step")
        page.wait_for_function(
            f"""(made) => {TRAINING}.steps &&
              {TRAINING}.live.every(({{ steps }}, i) => steps > (made[i] ?? 0))""",
            arg=made,
        )
        wait_for_phase(page, "paused")  # and all of it is drawn


def paused_behind(page, count: int, what: str = "train"):
    press(page, what)
    wait_for_steps(page, count)
    press(page, "pause")
    wait_for_phase(page, "paused")
