"""The panel that judges a reader's log, used as a reader would."""

import pytest

from mocolib import lab, logs
from mocolib.lab.page import PAGE
from tests.served import served, write_page
from tests.test_judged import CASES
from tools.browser import open_page

OWN = "step,epoch,knn,mine,loss,a,b\n" + "".join(
    f"{i},{i // 9},0.5,{0.3 + i / 900},{3 - i / 99},1,2\n" for i in range(90)
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a page with the panel alone."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAGE, "1")
        write_page(folder, lab.own_log().data)
    with served(folder) as address:
        yield f"{address}/book/one.html"


@pytest.fixture
def panel(site, browser):
    """Opens the page, with what its address is to say."""
    opened = []

    def open_at(query="", width=1280, theme="light"):
        entered = open_page(browser, site + query, width, theme)
        page, problems = entered.__enter__()
        opened.append((entered, problems))
        return page

    yield open_at
    for entered, problems in opened:
        assert problems == []
        entered.__exit__(None, None, None)


def give(page, *files: tuple[str, str]):
    """Choose files of these names and texts; waits until they are judged."""
    given = [
        {"name": n, "mimeType": "text/plain", "buffer": t.encode()} for n, t in files
    ]
    page.locator("why-judge .files").set_input_files(given)
    settled(page)


def settled(page):
    page.wait_for_function(
        "() => /judged/.test(document.querySelector('why-judge .state').textContent)"
    )


def sentences(page) -> list[str]:
    return page.locator("why-judge .told li").all_text_contents()


def test_a_chosen_log_is_drawn_and_told_in_pythons_words(panel, written):
    page = panel()
    requests = []
    page.on("request", lambda one: requests.append((one.method, one.url)))
    give(page, ("file.csv", CASES["dips"]["text"]))
    (log,) = written(CASES["dips"]["text"])
    assert sentences(page) == logs.told(logs.judge(log))
    assert page.locator("why-judge svg[data-key]").count() == 3
    assert page.locator("svg[data-key=accuracy] .made_good").count() == 3
    assert page.locator("svg[data-key=loss] .spike").count() >= 3
    assert page.locator("svg[data-key=norm] path.line").count() == 2
    # nothing of it leaves the page
    assert {method for method, _ in requests} == {"GET"}
    assert all("/_static/judge/" in url for _, url in requests)


def test_two_logs_lie_over_each_other_and_can_be_cleared(panel):
    page = panel()
    give(page, ("dips.csv", CASES["dips"]["text"]))
    give(page, ("collapse.csv", CASES["collapse"]["text"]))
    titles = page.locator("why-judge .told .name").all_inner_texts()
    assert titles == ["dips", "collapse"]
    assert page.locator("svg[data-key=accuracy] path.line").count() == 2
    assert page.locator("svg[data-key=accuracy] .collapse").count() == 1
    page.get_by_role("button", name="Clear").click()
    assert page.locator("why-judge .told .name").count() == 0
    assert page.locator("why-judge why-charts").is_hidden()


def test_another_column_is_chosen_and_stands_in_the_address_and_the_file_does_not(
    panel,
):
    page = panel()
    give(page, ("secret.csv", OWN))
    accuracy = page.locator("[data-role=accuracy]")
    assert accuracy.locator("option").first.inner_text() == "knn (guessed)"
    accuracy.focus()
    accuracy.select_option("mine")
    page.wait_for_function(
        "() => /from mine/.test(document.querySelector('why-judge .told').textContent)"
    )
    assert page.evaluate("document.activeElement.dataset.role") == "accuracy"
    assert "mine" in page.url
    assert "secret" not in page.url
    again = panel(page.url[page.url.index("?") :])
    give(again, ("other.csv", OWN))
    assert "accuracy from mine" in sentences(again)[0]


def test_what_names_do_not_tell_can_be_chosen(panel):
    page = panel()
    give(page, ("plain.csv", "step,u,v\n1,2,3\n2,3,4\n"))
    assert "choose a column" in page.locator("why-judge .trouble").inner_text()
    page.locator("[data-role=loss]").select_option("u")
    page.locator("why-judge .told li").first.wait_for()
    assert "loss from u" in sentences(page)[0]


def test_of_two_norms_one_is_chosen_beside_the_other(panel):
    page = panel()
    norms = [f"{i},2,{i % 3 + 1},{i % 5 + 1},{i % 7 + 1}\n" for i in range(200)]
    head = "step,loss,grad_norm/a,grad_norm/b,grad_norm/c\n"
    give(page, ("norms.csv", head + "".join(norms)))
    page.locator("[data-role=last]").select_option("grad_norm/b")
    chosen = "() => /from grad_norm.a, grad_norm.b[.]/.test(document.body.textContent)"
    page.wait_for_function(chosen)
    page.locator("[data-role=first]").select_option("")
    page.wait_for_function(chosen.replace("b[.]", "b, grad_norm.c[.]"))


def test_a_log_is_pasted_or_dropped(panel):
    page = panel()
    page.locator("why-judge textarea").fill(OWN)
    settled(page)
    assert sentences(page)[0].startswith("pasted: 90 readings")
    page.evaluate(
        """text => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "dropped.csv"));
          const event = new DragEvent("drop", { dataTransfer, bubbles: true });
          document.querySelector("why-judge textarea").dispatchEvent(event);
        }""",
        OWN,
    )
    page.locator("why-judge .name", has_text="dropped").wait_for()


def test_a_name_is_no_markup(panel):
    page = panel()
    bad = "<img src=x onerror=alert(1)>"
    give(page, (f"{bad}.csv", OWN.replace("mine", f'"{bad}"')), ("x.csv", "<html>"))
    assert page.locator("why-judge .told img").count() == 0
    assert bad in page.locator("why-judge .told .name").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_it_whole(panel, theme):
    page = panel(width=390, theme=theme)
    give(page, ("a-long-name-of-a-run-that-nobody-shortened_0123456789.csv", OWN))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_while_a_large_log_is_read_the_page_answers(panel):
    page = panel()
    line = ",0.123456789" * 40
    rows = "".join(f"{i},{i % 7}{line}\n" for i in range(20_000))
    head = "step,loss" + "".join(f",x{i}" for i in range(40))
    text = f"{head}\n{rows}"
    page.evaluate(
        """text => {
          const panel = document.querySelector("why-judge");
          panel.take([new File([text], "large.csv")]);
          window.then = new Promise((done) => setTimeout(() => done(panel.awaited)));
        }""",
        text,
    )
    assert page.evaluate("then")  # a turn of the page's own, and it is not judged yet
    settled(page)
    assert "20,000 readings" in sentences(page)[0]


def test_in_a_kernel_the_lines_stand_there_that_do_it():
    assert "logs.judge" in lab.own_log().data
