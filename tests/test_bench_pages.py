"""The bench of pages finds the first panel, moves it and sees it answer."""

import gzip

from mocolib import lab
from mocolib.lab.page import PAGE
from tests.served import served, write_page
from tools.bench_pages import measured, zipped


def test_a_panel_is_drawn_then_reacts(tmp_path, monkeypatch):
    monkeypatch.setenv(PAGE, "1")
    panel = lab.frames(
        lambda cell: lab.Frame(html=f"<b>{cell}</b>", spoken=str(cell)),
        id="one",
        cell=range(3),
    )
    write_page(tmp_path, panel.data)
    with served(tmp_path) as root:
        found = measured(f"{root}/book/one.html")
    assert 0.2 < found["drawn"] <= found["reacts"]  # two answers, 100 ms away each
    assert 50_000 < found["whole"] <= found["sent"]  # here nothing is gzipped
    assert found["alone"] > 0.1 + found["sent"] / 800_000


def test_text_is_sent_as_it_is_published(tmp_path):
    file = tmp_path / "one.css"
    file.write_text("a" * 1000)
    assert gzip.decompress(zipped(file)) == b"a" * 1000
    assert len(zipped(file)) < 100
