"""Training on WebGPU, on a graphics card that Chromium imitates in software.

Such a card takes ten seconds a step, so steps are few.
"""

import re

import pytest

from mocolib import lab
from mocolib.export.compare import CLOSE, KINK, apart
from mocolib.export.step import MEASURES
from mocolib.lab.page import PAGE
from tests.campaign import LONG
from tests.served import choose, served, write_graphs, write_page
from tools.browser import open_browser, open_page

TRAINING = "document.querySelector('why-train').training"
PATIENCE = 300_000  # ms
# put before the worker's code: what a broken card does
NO_DEVICE = "GPUAdapter.prototype.requestDevice = async () => { throw Error('lost'); };"
NO_WORK = "GPUQueue.prototype.submit = () => { throw Error('lost'); };"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_graphs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAGE, "1")
        write_page(folder, lab.train_here("train", recorded=[]).data)
    with served(folder) as root:
        yield f"{root}/book/one.html"


@pytest.fixture(scope="module")
def gpu_browser():
    with open_browser("--enable-unsafe-webgpu") as browser:
        yield browser


def trained(browser, address: str, stub: str = "") -> tuple[list, str, str]:
    """Two steps: their rows, what the panel says and what the console; no error."""
    heard = []

    def stubbed(route):
        code = route.fetch().text()
        route.fulfill(body=stub + code, content_type="text/javascript")

    with open_page(browser, address, 900, "light") as (page, problems):
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: heard.append(message.text))
        if stub:
            page.route("**/worker.js", stubbed)
        for count in (1, 2):
            if count == 2:  # in mid-run: the state must come back from the card for it
                choose(page, "beta2", 0)
            page.click("[data-press=step]")
            page.wait_for_function(
                f"(n) => {TRAINING}.steps === n",
                arg=count,
            )
        assert problems == []
        said = page.text_content(".state")
        return page.evaluate(f"{TRAINING}.live[0].rows"), said, " ".join(heard)


@pytest.mark.skipif(not LONG, reason="an imitated card: a minute; make campaign")
def test_webgpu_gives_the_losses_that_wasm_gives(gpu_browser, address):
    """And the measures: in the second step they tell of moments that came from the card
    and were scaled by the changed beta2."""
    asked = f"{address}?device="
    card, said, _ = trained(gpu_browser, asked + "webgpu")
    assert said.endswith("ms a step · WebGPU")
    wasm, said, _ = trained(gpu_browser, asked + "wasm")
    assert said.endswith("ms a step · wasm, one thread")
    ours, theirs = ([row["loss"] for row in rows] for rows in (card, wasm))
    assert ours == pytest.approx(theirs, rel=CLOSE)
    assert ours != theirs  # they do not add in the same order
    for one, other in zip(card, wasm, strict=True):
        for measure in MEASURES:
            names = [n for n in other if n.startswith(f"{measure}/")]
            far = apart([one[n] for n in names], [other[n] for n in names])
            assert names
            assert far <= KINK, measure


@pytest.mark.parametrize(
    ("stub", "reason"),
    # the runtime throws a number where it cannot start
    [(NO_DEVICE, r"\d+"), (NO_WORK, "lost")],
    ids=["start", "step"],
)
def test_where_webgpu_fails_wasm_trains(gpu_browser, address, stub, reason):
    rows, said, heard = trained(gpu_browser, address + "?device=webgpu", stub)
    assert re.search(f"No training on webgpu here: .*{reason}", heard)
    assert len(rows) == 2
    assert said.endswith("wasm, one thread")


def test_an_imitated_card_is_not_tried(gpu_browser, address):
    asked = []
    with open_page(gpu_browser, address, 900, "light") as (page, problems):
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.click("[data-press=step]")
        page.wait_for_function(f"{TRAINING}.steps === 1")
        assert "wasm" in page.text_content(".state")
        assert not any("webgpu" in url or "asyncify" in url for url in asked)
        assert problems == []


# adapter or none, milliseconds on WebGPU and on wasm (None: it fails), what is chosen
CASES = [
    ("{ info: {} }", 20, 15, "webgpu", ["webgpu"]),  # quick: not compared
    ("{ info: {} }", 150, 300, "webgpu", ["webgpu", "wasm"]),
    ("{ info: {} }", 150, 60, "wasm", ["webgpu", "wasm"]),
    ("{ info: {} }", None, 300, "wasm", ["webgpu", "wasm"]),
    ("{ info: {} }", None, None, "wasm", ["webgpu", "wasm"]),
    ("{ info: { isFallbackAdapter: true } }", 20, 300, "wasm", []),
    ("null", 20, 300, "wasm", []),
]


@pytest.fixture(scope="module")
def opened(gpu_browser, address):
    with open_page(gpu_browser, address, 900, "light") as (page, problems):
        yield page
        assert problems == []


@pytest.mark.parametrize(("adapter", "card", "wasm", "device", "timed"), CASES)
def test_the_quicker_one_is_chosen(opened, adapter, card, wasm, device, timed):
    choice = f"""async ([card, wasm]) => {{
      const gpu = {{ requestAdapter: async () => ({adapter}) }};
      Object.defineProperty(navigator, "gpu", {{ value: gpu, configurable: true }});
      const {{ fitting }} = await import("/_static/inpage/device.js"), timed = [];
      const speed = async (device) => {{
        timed.push(device);
        return {{ webgpu: card, wasm }}[device] ?? Promise.reject(new Error("lost"));
      }};
      return [await fitting(speed, null), timed];
    }}"""
    assert opened.evaluate(choice, [card, wasm]) == [device, timed]
