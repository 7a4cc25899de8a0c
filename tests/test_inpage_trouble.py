"""Training in a page where something is amiss: the line, the server, the browser."""

import pytest

from tests.served import Quiet, served
from tests.trainer import (
    PATIENCE,
    losses,
    phase,
    press,
    runs_of,
    wait_for_steps,
    write_trainer,
)
from tools import inpage
from tools.browser import open_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_trainer(folder)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as root:
        yield f"{root}/book/one.html"


def test_a_killed_worker_is_told_and_the_curve_stays(own_page):
    press(own_page, "train")
    wait_for_steps(own_page, 3)
    own_page.workers[0].evaluate("self.close()")
    own_page.wait_for_selector(".trouble:not(:empty)")
    assert "the curve so far stays" in own_page.text_content(".trouble")
    assert len(losses(own_page)) >= 3
    assert own_page.locator("svg[data-key=loss] path.line").count() == 1
    press(own_page, "train")  # and it can begin anew
    wait_for_steps(own_page, 2)
    assert own_page.text_content(".trouble") == ""


def test_out_of_memory_is_told_and_the_curve_stays(own_page):
    press(own_page, "train")
    wait_for_steps(own_page, 3)
    own_page.workers[0].evaluate("""() => {
      const full = new RangeError("Array buffer allocation failed");
      Float32Array.from = () => { throw full; };
    }""")
    own_page.wait_for_selector(".trouble:not(:empty)")
    assert "out of memory; the curve so far stays" in own_page.text_content(".trouble")
    assert len(losses(own_page)) >= 3


def test_a_missing_graph_is_told(address, browser):
    with open_page(browser, address, 900, "light") as (page, _):
        page.route("**/page.json", lambda route: route.fulfill(status=404))
        press(page, "train")
        page.wait_for_selector(".trouble:not(:empty)")
        assert "page.json cannot be fetched (404)" in page.text_content(".trouble")


def test_an_unsupported_browser_gets_a_sentence_and_the_recorded_view(address, browser):
    context = browser.new_context()
    context.add_init_script("delete globalThis.WebAssembly")
    page = context.new_page()
    page.goto(address)
    assert "cannot train here" in page.text_content(".trouble")
    assert page.locator("[data-press=train]").is_disabled()
    assert page.locator("svg[data-key=loss] path.seed").count() == 2
    context.close()


class FewTypes(Quiet):
    """A server that knows few types, and says of what is packed that it packed it."""

    def guess_type(self, path):
        known = str(path).endswith((".html", ".css", ".js", ".json"))
        return super().guess_type(path) if known else "application/octet-stream"

    def end_headers(self):
        if ".gz" in self.path:
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()


def test_it_trains_from_a_server_that_knows_few_types(folder, browser):
    names = {path.suffix for path in inpage.INPAGE.rglob("*.*") if path.is_file()}
    assert names == {".js", ".json", ".gz"}
    with served(folder, FewTypes) as root:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 900, "light") as (page, problems):
            page.set_default_timeout(PATIENCE)
            press(page, "step")
            wait_for_steps(page, 1)
            assert problems == []


def test_a_stalled_download_is_told_and_clear_ends_it(address, browser):
    with open_page(browser, address, 900, "light") as (page, _):
        page.set_default_timeout(PATIENCE)
        page.route("**/images.bin.gz?*", lambda route: None)  # neither comes nor fails
        page.clock.install()
        press(page, "train")
        page.wait_for_function("document.querySelector('progress').value > 0.1")
        assert page.text_content(".trouble") == ""
        page.clock.fast_forward(11_000)
        said = page.text_content(".trouble")
        assert said.startswith("Nothing has come for 10 seconds.")
        page.clock.resume()
        press(page, "reset")
        assert (phase(page), runs_of(page)) == ("idle", [])
        assert page.text_content(".trouble") == ""
        assert page.workers == []
        page.unroute("**/images.bin.gz?*")
        press(page, "train")
        wait_for_steps(page, 2)
        assert page.text_content(".trouble") == ""
