"""The page's own modules against mocolib in a real browser: numbers in and out."""

import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from mocolib import augment, evaluate, runs, schedules
from mocolib.analysis import measures
from mocolib.augment import STRENGTHS
from mocolib.export.inputs import factors
from mocolib.recipe import Recipe

MASK = 2**32 - 1


def call(page, module: str, body: str, given=None):
    """What `body` gives, a function's body that has `m`, the module, and `given`."""
    code = f"async (given) => {{ const m = await import('/_static/inpage/{module}.js');"
    return page.evaluate(code + body + "}", given)


def xoshiro(text: str, count: int) -> list[int]:
    """The generator once more, in Python's whole numbers."""
    seed = 0x811C9DC5
    for byte in text.encode():
        seed = (seed ^ byte) * 0x01000193 & MASK
    s = []
    for _ in range(4):
        seed = (seed + 0x9E3779B9) & MASK
        word = (seed ^ seed >> 16) * 0x21F0AAAD & MASK
        word = (word ^ word >> 15) * 0x735A2D97 & MASK
        s.append(word ^ word >> 15)
    turn = lambda x, k: (x << k | x >> (32 - k)) & MASK  # noqa: E731
    out = []
    for _ in range(count):
        out.append(turn(s[1] * 5 & MASK, 7) * 9 & MASK)
        moved = s[1] << 9 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= moved
        s[3] = turn(s[3], 11)
    return out


def test_the_generator_is_xoshiro(page):
    body = "const g = m.generator(7, 'views', 3); return [...Array(50)].map(g.next);"
    assert call(page, "random", body) == xoshiro("7/views/3", 50)


def test_uniform_normal_and_orders_are_distributed_as_they_should(page):
    body = """const g = m.generator(0, 'test'), n = 20000;
      return [[...g.uniform(n)], [...g.normal(n)], [...g.permutation(1000)]];"""
    uniform, normal, order = map(np.array, call(page, "random", body))
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs(uniform.var() - 1 / 12) < 0.003
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.02
    assert (np.abs(normal) > 1.96).mean() == pytest.approx(0.05, abs=0.006)
    assert sorted(order) == list(range(1000))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("side", [(28, 28), (20, 50)])
def test_the_same_uniform_numbers_give_the_same_views(page, monkeypatch, name, side):
    """mocolib.augment.draw and views.js, fed with what torch.rand gave."""
    given, rand = [], torch.rand
    monkeypatch.setattr(
        torch, "rand", lambda *a, **k: given.append(rand(*a, **k)) or given[-1]
    )
    generator = torch.Generator().manual_seed(3)
    for strength in STRENGTHS[name]:
        given.clear()
        ours = augment.draw(strength, 512, side, generator)
        body = """const left = given.numbers.map((n) => Float32Array.from(n));
          const p = m.draw(given.strength, 512, given.side, (n) => {
            if (left[0].length !== n) throw new Error(`asked for ${n}`);
            return left.shift(); }, given.draw);
          return Object.fromEntries(Object.entries(p).map(([k, v]) => [k, [...v]]));"""
        numbers = [g.flatten().tolist() for g in given]
        sent = {"strength": dataclasses.asdict(strength), "side": side}
        sent |= {"draw": {"chunk": augment.CHUNK, "tries": augment.TRIES}}
        theirs = call(page, "views", body, {**sent, "numbers": numbers})
        for field, values in vars(ours).items():
            expected = values.flatten().numpy().astype(float)
            difference = np.abs(np.array(theirs[field], float) - expected)
            assert difference.max() <= 1.2e-7, field


def test_the_axes_of_the_map_are_the_widest_and_stay(page):
    rows = np.random.default_rng(0).normal(size=(50, 6)) * [1, 1, 1, 1, 4, 9]
    rows = rows.astype(np.float32)
    body = """const at = (rows) => Float32Array.from(rows);
      const axes = m.axes(at(given[0]), 6);
      return given.map((rows) => [...m.points(at(rows), 6, axes)]);"""
    sent = [rows.flatten().tolist(), (2 * rows).flatten().tolist()]
    found, twice = (np.reshape(p, (50, 2)) for p in call(page, "embedding", body, sent))
    mean = rows.mean(0)
    widest = np.linalg.svd(rows - mean, full_matrices=False)[2][:2]
    ours = (rows - mean) @ widest.T
    ours /= np.abs(ours).max()
    signs = np.sign((ours * found).sum(0))
    np.testing.assert_allclose(found * signs, ours, atol=1e-3)
    moved = (2 * rows - mean) @ widest.T / np.abs((rows - mean) @ widest.T).max()
    np.testing.assert_allclose(twice * signs, moved, atol=2e-3)


def test_knn_is_mocolibs(page):
    generator = torch.Generator().manual_seed(0)
    memory, queries = (torch.randn(n, 8, generator=generator) for n in (300, 100))
    labels = [torch.randint(4, (n,), generator=generator) for n in (300, 100)]
    expected = evaluate.knn_accuracy(memory, labels[0], queries, labels[1], 4)
    body = """const unit = (f) => m.normalized(Float32Array.from(f), 8);
      const [a, b] = given.features.map((f, i) =>
        ({ features: unit(f), labels: given.labels[i] }));
      const cast = m.votes(a, b, 8, 4, given.rule);
      return [m.accuracy(cast), cast[0].near];"""
    features = [f.flatten().tolist() for f in (memory, queries)]
    rule = {"neighbours": evaluate.NEIGHBOURS, "sharpness": evaluate.SHARPNESS}
    sent = {"features": features, "labels": [one.tolist() for one in labels]}
    accuracy, near = call(page, "knn", body, sent | {"rule": rule})
    assert accuracy == pytest.approx(expected, abs=0.011)
    unit = torch.nn.functional.normalize
    cosines = unit(memory) @ unit(queries[:1]).T
    assert near == cosines[:, 0].topk(evaluate.NEIGHBOURS).indices.tolist()


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_is_mocolibs(page, schedule):
    recipe = Recipe(schedule=schedule, steps=40, warmup_steps=7, base_lr=4e-3)
    body = "return [...Array(40).keys()].map((i) => m.rate(given, i));"
    theirs = call(page, "trainer", body, vars(recipe))
    expected = [schedules.rate(recipe, i) for i in range(40)]
    assert theirs == pytest.approx(expected, rel=1e-12)


def test_the_update_has_mocolibs_numbers(page):
    usual = {"lr": 1e-3, "weight_decay": 0.1, "temperature": 0.2, "momentum": 0.99}
    usual |= {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "step": 1}
    usual |= {"projection_step": 1, "freeze": False}
    later = {"step": 500, "projection_step": 40, "beta2": 0.95, "weight_decay": 0}
    for h in (usual, usual | later, usual | {"freeze": True, "momentum": 1}):
        theirs = call(page, "factors", "return m.factors(given);", h)
        ours = {name: float(value) for name, value in factors(h).items()}
        assert theirs == pytest.approx(ours, rel=1e-12)
        assert theirs.keys() == ours.keys()


def test_start_values_follow_the_manifest(page):
    inits = [
        {"kind": "uniform", "low": -0.5, "high": 0.25},
        {"kind": "normal", "mean": 1.0, "std": 2.0},
        {"kind": "constant", "value": 3.0},
        {"kind": "values", "values": [1.0, 2.0]},
    ]
    sizes, at, parameters = [4000, 4000, 2, 2], 0, []
    for i, (init, size) in enumerate(zip(inits, sizes, strict=True)):
        parameters.append({"name": str(i), "offset": at, "size": size, "init": init})
        at += size
    manifest = {"parameters": parameters, "key": [[4000, 4], [8002, 2]]}
    body = """const [s, t] = [m.start(given, 1), m.start(given, 2)];
      return [[...s.query], [...s.key], [...s.first, ...s.second], [...t.query]];"""
    query, key, zeros, other = map(np.array, call(page, "start", body, manifest))
    assert query[:4000].min() >= -0.5
    assert query[:4000].max() <= 0.25
    assert query[:4000].mean() == pytest.approx(-0.125, abs=0.02)
    assert query[4000:8000].mean() == pytest.approx(1, abs=0.15)
    assert query[4000:8000].std() == pytest.approx(2, abs=0.1)
    assert query[8000:].tolist() == [3, 3, 1, 2]
    assert key.tolist() == [*query[4000:4004], 1, 2]
    assert len(zeros) == 2 * len(query)
    assert not zeros.any()
    assert (other[:8000] != query[:8000]).all()


def test_another_beta2_leaves_what_adam_sees_of_its_memory(page):
    """The corrected second moment stays; the projection has had fewer steps."""
    kit = """class Tensor {
      constructor(_, data) { this.data = data; }
      async getData() { return this.data; }
      dispose() {}
    }"""
    body = f"""{kit}
      const vector = () => Float32Array.of(1, 2, 3, 4);
      const state = {{}};
      for (const name of m.STATE) state[name] = vector();
      const settings = {{ beta2: 0.999, optimizer: "adamw" }}, kit = {{ Tensor }};
      const run = {{ kit, manifest: given, images: {{}}, seed: 0, settings, state }};
      const t = new m.Trainer(run);
      Object.assign(t, {{ done: 5, projectionSteps: 2 }});
      t.change({{ beta2: 0.9 }});
      await t.rescale();
      await t.rescale();
      return [[...t.state.second.data], [...t.state.first.data]];"""
    images = {"channels": 1, "height": 2, "width": 2}
    given = {"images": images, "recipe": {}, "projection": [0, 2]}
    second, first = call(page, "trainer", body, given)
    seen = np.array([1, 2, 3, 4]) / (1 - 0.999 ** np.array([2, 2, 5, 5]))
    corrected = np.array(second) / (1 - 0.9 ** np.array([2, 2, 5, 5]))
    np.testing.assert_allclose(corrected, seen, rtol=1e-6)
    assert first == [1, 2, 3, 4]


def rows(count: int) -> list[dict]:
    return [
        {"step": i, "samples": 64 * i, "lr": 1e-3, "temperature": 0.2}
        | {"momentum": 0.99, "loss": 3.0 / i, "knn": 0.5 if i % 2 == 0 else None}
        | {"grad_inf/patch_projection": 1e-3 * i}
        for i in range(1, count + 1)
    ]


def test_a_download_is_a_run_folder(page, tmp_path, capsys):
    """What the page zips is read by mocolib.runs and listed by `mocolib runs`."""
    from mocolib.__main__ import main

    recipe = Recipe(batch_size=64, steps=4, warmup_steps=1, seed=5)
    body = """const r = new Why.Record(given.recipe, 0);
      r.rows.push(...given.rows.slice(0, 2));
      for (const rate of [0.5, 0.25]) r.change("base_lr", rate, `base rate ${rate}`);
      r.rows.push(...given.rows.slice(2)); r.outcome = given.outcome;
      const blob = Why.zip(r.folder("page-é", "0.1"));
      return [...new Uint8Array(await blob.arrayBuffer())];"""
    for outcome in ("finished", "stopped", "diverged at step 4"):
        given = {"recipe": vars(recipe), "rows": rows(4), "outcome": outcome}
        raw = bytes(call(page, "random", body, given))
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path)
        [run] = runs.all_runs(tmp_path)
        assert run.id == "page-é"
        assert run.recipe == recipe
        assert run.steps["loss"].tolist() == pytest.approx([3, 1.5, 1, 0.75])
        assert run.provenance["changes"] == [{"step": 2, "base_lr": 0.25}]
        assert run.finished == (outcome != "stopped")
        assert main(["runs", "--runs", str(tmp_path)]) == 0
        said = capsys.readouterr().out
        words = {"finished": "loss 0.750  kNN 0.500", "stopped": "unfinished, 4 of 4"}
        assert words.get(outcome, "diverged at step 4") in said
        (run.folder / "end.json").unlink(missing_ok=True)


def test_what_is_not_finite_survives_the_download(page):
    body = """const r = new Why.Record(given);
      r.rows.push({ step: 1, loss: NaN, "grad_inf/a": Infinity, knn: null });
      return r.folder("x", "0.1")["x/steps.jsonl"];"""
    line = call(page, "random", body, vars(Recipe()))
    row = json.loads(line)
    assert np.isnan(row["loss"])
    assert row["grad_inf/a"] == np.inf
    assert row["knn"] is None


def test_long_curves_are_thinned_but_keep_their_peaks(page):
    body = """const r = new Why.Record(given);
      const odd = { 1234: 9, 2001: -9 };
      for (let i = 1; i <= 3000; i++) r.rows.push({ step: i, loss: odd[i] ?? 1 });
      return r.column("loss");"""
    steps, losses = call(page, "random", body, vars(Recipe()))
    assert len(steps) < 400
    assert steps[losses.index(9)] == 1234
    assert steps[losses.index(-9)] == 2001
    assert (steps[0], steps[-1]) == (1, 3000)
    assert steps == sorted(steps)


def gradients(seed: int, steps: int = 120) -> dict:
    """Largest gradient entries of three layers by step, calm but for a few jumps."""
    random = np.random.default_rng(seed)
    layers = {name: random.uniform(0.9, 1.1, steps) for name in ("a", "b", "c")}
    layers["a"][60], layers["b"][61:63] = 4.0, 6.0  # begins in a, b follows
    layers["c"][90] = 3.0
    layers["b"][20] = 9.0  # too little past to judge by
    return layers


def test_spikes_are_where_the_measures_find_them(page):
    layers, calm = gradients(0), 10
    rows = [
        {"step": i + 1, **{f"grad_inf/{name}": v[i] for name, v in layers.items()}}
        for i in range(120)
    ]
    body = """const s = new Why.Spikes(given.layers, given.calm);
      for (const row of given.rows) s.push(row);
      return s.list;"""
    sent = {"layers": list(layers), "calm": calm, "rows": rows}
    found = call(page, "random", body, sent)
    ours = {name: measures.spikes(v[calm:]) + calm + 1 for name, v in layers.items()}
    assert [(one["layer"], one["step"]) for one in found] == [("a", 61), ("c", 91)]
    assert list(ours["a"]) == [61]
    assert list(ours["c"]) == [91]
    median = np.median(layers["a"][35:60])
    assert found[0]["times"] == pytest.approx(4 / median)


def test_a_branch_has_its_past_and_leaves_what_came_later(page):
    body = """const r = new Why.Record(given.recipe, 0, "learned");
      r.begin(["patch_projection"]);
      for (const row of given.rows) {
        r.push(row);
        if (row.step % 2 === 0) r.change("base_lr", row.step, "a rate");
      }
      const b = r.branch(3, 1);
      return [b.steps, b.changes, b.words, b.settings.base_lr, b.column("loss")[0]];"""
    given = {"recipe": vars(Recipe(batch_size=64)), "rows": rows(6)}
    steps, changes, words, rate, drawn = call(page, "random", body, given)
    assert steps == 3
    assert changes == [{"step": 2, "base_lr": 2}]
    assert words == "learned from step 3"
    assert rate == 2
    assert drawn == [3]  # the rest lies under its parent
