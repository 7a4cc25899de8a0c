"""How soon a chapter's first panel can be used: python -m tools.bench_pages [CHAPTER]

The built book over 6.4 Mbit/s, 100 ms away, text gzipped as GitHub Pages does it, the
cache empty, the processor four times slower by Chromium's own brake. "drawn" is the
frame that shows the first panel, "reacts" the one that shows its answer to a click.

Whatever else the machine does makes both later. "alone" does not suffer from it: the
bytes at that speed, and four times the processor time of the page's own thread.
"""

import gzip
import io
import os
import sys
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, CDPSession

from tools import ROOT
from tools.book import build
from tools.browser import open_browser
from tools.serve import BookHandler, bind, running
from tools.site import pages

BYTES_A_SECOND, LATENCY, SLOWER = 6.4e6 / 8, 0.1, 4
PATIENCE = 120_000  # ms
TEXT = {".html", ".css", ".js", ".json", ".svg"}

WATCH = """(() => {
  const shown = "svg[data-key], .frame > *, .box";
  const panel = () => {
    const first = document.querySelector("why-lab, why-frames, why-method, why-train");
    return first?.querySelector(shown) ? first : null;
  };
  const move = (one) => {
    const other = "[data-axis]:not(:checked), .box:not(:first-child)";
    const control = one.querySelector(other);
    if (control.type !== "range") return control.click();
    control.value = control.value === "0" ? 1 : 0;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const later = (then) => requestAnimationFrame(() => setTimeout(then));
  const wait = (until, then) => later(() => (until() ? then() : wait(until, then)));
  const times = (window.times = {});
  wait(panel, () => {
    times.drawn = performance.now();
    const one = panel(), before = one.innerHTML;
    move(one);
    wait(() => one.innerHTML !== before, () => { times.reacts = performance.now(); });
  });
})()"""
SIZES = """() => [...performance.getEntriesByType("navigation"),
  ...performance.getEntriesByType("resource")]
  .filter((one) => one.responseEnd <= times.reacts)
  .map((one) => [one.decodedBodySize, one.encodedBodySize])"""


@cache
def zipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


class Zipped(BookHandler):
    """The book as GitHub Pages sends it: connections kept, text gzipped."""

    protocol_version = "HTTP/1.1"

    def send_head(self):
        """The answer's head; what to send after it."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().send_head()
        body = zipped(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)


def brake(devtools: CDPSession) -> None:
    """A slow network and a slow processor."""
    network = {"latency": 1000 * LATENCY, "offline": False, "uploadThroughput": -1}
    network["downloadThroughput"] = BYTES_A_SECOND
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", network)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def opened(browser: Browser, url: str, slow: bool) -> tuple[dict, list, float]:
    """Times until the panel is drawn and reacts (ms), sizes, seconds of processor."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(url.rsplit("/", 1)[0] + "/no-such-page.txt")  # the process is started
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    if slow:
        brake(devtools)
    page.add_init_script(WATCH)
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.times?.reacts")
    found = devtools.send("Performance.getMetrics")["metrics"]
    spent = {one["name"]: one["value"] for one in found}["TaskDuration"]
    times, sizes = page.evaluate("times"), page.evaluate(SIZES)
    page.close()
    return times, sizes, spent


def measured(url: str) -> dict:
    """One chapter, each time in a browser of its own: nothing is in its cache."""
    with open_browser() as browser:
        times, sizes, _ = opened(browser, url, slow=True)
    with open_browser() as browser:
        *_, spent = opened(browser, url, slow=False)
    whole, sent = (sum(column) for column in zip(*sizes, strict=True))
    return {
        "whole": whole,
        "sent": sent,
        "drawn": times["drawn"] / 1000,
        "reacts": times["reacts"] / 1000,
        "alone": LATENCY + sent / BYTES_A_SECOND + SLOWER * spent,
    }


def main(names: list[str]) -> None:
    """Print a line for each chapter."""
    print(f"{'chapter':24}   kB  gzipped  drawn, s  reacts, s  alone, s")
    with running(bind(0, Zipped)) as site:
        for name in names:
            one = measured(f"{site}/book/{name}.html")
            sizes = f"{one['whole'] / 1000:4.0f}  {one['sent'] / 1000:7.0f}"
            times = f"{one['drawn']:8.1f}  {one['reacts']:9.1f}  {one['alone']:8.1f}"
            print(f"{name:24} {sizes}  {times}", flush=True)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    chapters = [Path(n).name for n in pages() if (ROOT / f"{n}.ipynb").exists()]
    wrong = [name for name in sys.argv[1:] if name not in chapters]
    if wrong:
        known = ", ".join(chapters)
        print(f"CHAPTER is {wrong[0]!r}, but must be one of {known}.", file=sys.stderr)
    if wrong or not build():
        sys.exit(2 if wrong else 1)
    main(sys.argv[1:] or chapters)
