"""The graphs in a real browser beside mocolib's own loop, from shared states."""

import numpy as np
import pytest

from mocolib.data import load
from mocolib.export.compare import CLOSE, KINK, apart, compared, differing
from mocolib.export.layout import Layout
from mocolib.presets import named_recipe
from mocolib.train import train
from tests.campaign import LONG
from tests.monitor import features_of_both
from tests.served import served, write_graphs, write_page
from tools.browser import open_browser, open_page

WHOLE = ("learned", "fixed")
CASES = {  # steps by projection
    ("adamw", "wasm"): dict.fromkeys(WHOLE, 50 if LONG else 10),
    ("lamb", "wasm"): dict.fromkeys(WHOLE, 10 if LONG else 4),
}
if LONG:  # one on an imitated card takes half a minute; features alone take seconds
    CASES["adamw", "webgpu"] = dict.fromkeys(WHOLE, 2)
    CASES["lamb", "webgpu"] = dict.fromkeys(WHOLE, 1)

# a session, and one step of it; arrays travel as files, one behind the other
BEGIN = """async ([graph, device]) => {
  const base = new URL("/inpage/", location.href).href, took = () => {};
  const { load, manifest } = await import("/_static/inpage/files.js");
  const { runtime } = await import("/_static/inpage/runtime.js");
  const about = await manifest(base, "page", "step"),
    ort = await manifest(base, "ort/ort", "version");
  window.engine = await runtime(base, ort, device, took);
  window.session = await engine.session(await load(base, about[graph], took));
  return about[graph];
}"""
STEP = """async ([inputs, outputs]) => {
  const kinds = { float32: Float32Array, uint8: Uint8Array };
  const raw = await (await fetch("/given.bin", { cache: "no-store" })).arrayBuffer();
  let at = 0;
  const feeds = inputs.map(({ name, type, shape }) => {
    const Kind = kinds[type], size = shape.reduce((a, b) => a * b, 1);
    const values = new Kind(raw.slice(at, at + size * Kind.BYTES_PER_ELEMENT));
    at += values.byteLength;
    return [name, new engine.Tensor(type, values, shape)];
  });
  const out = await session.run(Object.fromEntries(feeds));
  const body = new Blob(outputs.map(({ name }) => out[name].data));
  await (await fetch("/gave.bin", { method: "POST", body })).text();
}"""


class Browser:
    """A graph as a function of named tensors, run by a page."""

    def __init__(self, page, folder, graph: str, device: str):
        self.page, self.folder = page, folder
        self.about = page.evaluate(BEGIN, [graph, device])

    def __call__(self, given: dict) -> dict:
        inputs, outputs = self.about["inputs"], self.about["outputs"]
        sent = [given[i["name"]].contiguous().numpy().tobytes() for i in inputs]
        (self.folder / "given.bin").write_bytes(b"".join(sent))
        self.page.evaluate(STEP, [inputs, outputs])
        values = np.fromfile(self.folder / "gave.bin", np.float32)
        sizes = [int(np.prod(o["shape"])) for o in outputs]
        parts = np.split(values, np.cumsum(sizes)[:-1])
        return {o["name"]: p for o, p in zip(outputs, parts, strict=True)}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """An empty page and its folder; Chromium imitates a graphics card."""
    folder = tmp_path_factory.mktemp("site")
    write_graphs(folder)
    write_page(folder, "")
    with served(folder) as root, open_browser("--enable-unsafe-webgpu") as browser:
        url = f"{root}/book/one.html"
        with open_page(browser, url, 800, "light") as (page, problems):
            page.set_default_timeout(300_000)
            yield page, folder
            assert problems == []


@pytest.mark.parametrize(
    ("optimizer", "device", "projection", "steps"),
    [(*how, what, n) for how, cases in CASES.items() for what, n in cases.items()],
)
def test_steps_from_shared_states_agree(page, optimizer, device, projection, steps):
    """Loss, state vectors and measures, each step from the state that mocolib is in."""
    changes = dict(optimizer=optimizer, patch_projection=projection, knn_every=0)
    training = train(named_recipe("page", **changes), load("fashion-mnist"))
    layout = Layout(training.model)
    graph = Browser(*page, "step" if optimizer == "adamw" else optimizer, device)
    far = [compared(training, layout, graph) for _ in range(steps)]
    largest = {name: max(step[name] for step in far) for name in far[0]}
    print(optimizer, device, projection, {n: f"{v:.1e}" for n, v in largest.items()})
    assert max(largest["loss"], largest["key"]) <= CLOSE, largest
    assert max(largest.values()) <= KINK, largest
    assert differing(far) <= max(1, steps // 2)  # a wrong formula shows in all


@pytest.mark.parametrize("device", ["wasm", "webgpu"])
def test_features_are_the_monitors(page, device):
    data = load("fashion-mnist")
    training = train(named_recipe("page", knn_every=0), data)
    graph = Browser(*page, "features", device)
    ours, theirs = features_of_both(training, data, graph, graph.about["batch"])
    assert apart(ours, theirs.ravel()) <= CLOSE
