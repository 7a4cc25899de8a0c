"""What is said of a log is what was planted in it, and no more."""

import json

import numpy as np
import pytest

from mocolib import __main__ as cli
from mocolib import claims, figures, logs
from mocolib.logs import Log, advice, chance, judged
from mocolib.logs.words import sentences
from tests import planted_logs
from tests.planted import plant, shaking
from tests.test_figures import labelled
from tools import ROOT

KEPT = sorted(planted_logs.FOLDER.glob("*.json"))
CASES = {path.stem: json.loads(path.read_text()) for path in KEPT}


def judged_case(name: str) -> dict:
    return CASES[name]["judged"]


def near(found, kept):
    """Equal, numbers to nine digits."""
    if isinstance(kept, dict):
        assert found.keys() == kept.keys()
        for name in kept:
            near(found[name], kept[name])
    elif isinstance(kept, list):
        assert len(found) == len(kept)
        for one, other in zip(found, kept, strict=True):
            near(one, other)
    else:
        assert found == (pytest.approx(kept, 1e-9) if type(kept) is float else kept)


@pytest.mark.parametrize("name", CASES)
def test_a_kept_log_is_judged_as_it_was(written, name):
    (log,) = written(CASES[name]["text"])
    found = logs.judge(log).as_json()
    near({**found, "title": name}, judged_case(name))


def test_the_kept_logs_are_those_that_are_planted():
    texts = planted_logs.planted()
    assert {name: case["text"] for name, case in CASES.items()} == texts


# --- what was planted is found ------------------------------------------------------


def test_planted_dips_are_found_with_their_spikes_and_the_layer_that_jumps():
    said = judged_case("dips")
    falls = said["falls"]
    assert [fall["low"] for fall in falls] == [152, 232, 312]
    assert all(fall["made_good"] for fall in falls)
    assert [fall["depth"] for fall in falls] == pytest.approx([0.06] * 3, abs=0.012)
    assert [fall["phase"] for fall in falls] == ["peak", "decay", "decay"]
    assert all("loss" in fall["bursts"] for fall in falls)
    assert said["noise"] == pytest.approx(planted_logs.SIGMA, rel=0.4)
    assert set(said["bursts"]["loss"]["at"]) >= {150, 230, 310}
    assert set(said["bursts"]["patch_embed"]["at"]) >= {148, 228, 308}
    assert said["jumps"]["patch_embed"] == 3
    assert "head" not in said["jumps"]
    assert said["collapsed"] is False
    assert said["advice"] == ["one_layer_jumps"]


def test_a_calm_log_and_one_of_noise_have_nothing():
    for name in ("calm", "noise"):
        said = judged_case(name)
        assert said["falls"] == []
        assert 0 < said["falls_by_chance"] < 0.2
    assert judged_case("calm")["advice"] == ["fine"]
    assert judged_case("noise")["advice"] == ["not_risen"]
    assert judged_case("noise")["collapsed"] is False
    assert abs(judged_case("calm")["lead"]["ahead"]) < 2


@pytest.mark.parametrize(
    ("name", "back", "advised"),
    [
        ("dip_without_spike", True, "dip_without_spike"),
        ("lasting", False, "lasting_at_peak"),
        ("late", True, "lasting_at_peak"),
        ("collapse", False, "collapse"),
        ("collapse_in_warmup", False, "collapse_in_warmup"),
    ],
)
def test_a_fall_is_called_what_it_is(name, back, advised):
    said = judged_case(name)
    (fall,) = said["falls"]
    assert (fall["end"] is not None) == back
    assert fall["made_good"] == (name == "dip_without_spike")
    assert said["collapsed"] == name.startswith("collapse")
    assert said["advice"] == [advised]


def test_a_planted_lead_is_found_and_beyond_chance():
    lead = judged_case("lead")["lead"]
    assert (lead["first"], lead["last"], lead["steps"]) == ("patch_embed", "head", 400)
    assert lead["ahead"] > 5


def test_sparse_few_or_no_readings_are_said_to_be_so():
    sparse, few, none = map(judged_case, ("sparse", "few", "no_accuracy"))
    assert (sparse["readings"], sparse["every"]) == (10, 40)
    assert few["readings"] == 4
    for said in (sparse, few):
        assert said["noise"] is said["collapsed"] is said["jitter"] is None
        assert "too_sparse" in said["advice"]
    assert none["readings"] == 0
    assert none["every"] is none["end"] is none["start"] is None
    assert "no_accuracy" in none["advice"]


# --- and no more --------------------------------------------------------------------


def of(**columns) -> Log:
    """A log of plain arrays."""
    (n,) = {len(v) for v in columns.values() if isinstance(v, np.ndarray)}
    empty = {name: np.full(n, np.nan) for name in ("accuracy", "loss", "rate")}
    steps = {"steps": np.arange(n, dtype=float)}
    return Log(title="log", **{**steps, **empty, **columns})


def test_a_reading_that_is_written_again_until_the_next_is_one():
    curve = planted_logs.rising()[::4]
    once, held = (
        logs.judge(of(accuracy=curve)),
        logs.judge(of(accuracy=np.repeat(curve, 5))),
    )
    assert held.readings == once.readings == 100
    assert held.noise == once.noise
    assert held.every == 5


def test_no_early_reading_no_untrained_network():
    late = planted_logs.rising()
    late[:100] = np.nan
    said = logs.judge(of(accuracy=late))
    assert said.start is said.collapsed is None
    assert sentences.NO_START in logs.told(said)


def test_the_phase_is_that_of_the_rate_and_unknown_without_one():
    log = of(rate=planted_logs.rate())
    phases = [judged.phase(log, at) for at in (5, 100, 300)]
    assert phases == ["warmup", "peak", "decay"]
    flat = of(loss=np.ones(9), rate=np.ones(9))
    assert judged.phase(flat, 3) == "peak"
    assert judged.phase(of(loss=np.ones(9)), 3) is None
    assert judged.phase(of(loss=np.ones(9), warmup=5), 3) == "warmup"
    assert judged.phase(of(loss=np.ones(9), warmup=5), 7) is None


@pytest.mark.parametrize("columns", [{"loss": np.ones(3)}, {"accuracy": np.ones(200)}])
def test_constant_and_short_curves_are_judged_without_an_error(columns):
    said = logs.judge(of(**columns))
    assert not said.falls
    assert logs.told(said)
    assert json.loads(json.dumps(said.as_json()))


def test_smoothed_numbers_are_said_to_be_so_and_their_spikes_not_believed():
    smooth = np.convolve(chance.white(2000), np.ones(20) / 20, "valid")
    said = logs.judge(of(loss=5 + smooth))
    assert said.bursts["loss"]["smoothed"]
    assert "loss_spikes" not in said.symptoms
    assert not logs.judge(of(loss=5 + chance.white(2000))).bursts["loss"]["smoothed"]


def test_the_noise_by_chance_is_normal_and_falls_as_often_as_other_noise():
    noise = chance.white(100_000)
    assert abs(noise.mean()) < 0.02
    assert noise.std() == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(noise) > 3) == pytest.approx(0.0027, abs=0.001)
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02
    assert chance.falls(400, 0.004) > chance.falls(80, 0.004)


def test_what_a_sparse_monitor_misses_comes_from_recorded_runs(monkeypatch, tmp_path):
    curve = np.linspace(0.5, 0.6, 160) + 0.002 * chance.white(160)
    curve[60:64] -= 0.08
    run = plant(tmp_path, curve, steps=800, warmup_steps=1)
    monkeypatch.setattr(judged.sweep, "recorded", lambda *names: [run])
    judged.missed_by.cache_clear()
    judged._recorded.cache_clear()
    said = logs.judge(of(accuracy=planted_logs.rising()[::10]))
    judged.missed_by.cache_clear()
    judged._recorded.cache_clear()
    assert said.missed["falls"] == 1
    assert any("overlooks" in sentence for sentence in logs.told(said))


# --- advice, words, picture ---------------------------------------------------------


def test_each_entry_has_its_heading_and_claims_that_exist():
    notebook = json.loads((ROOT / advice.CHAPTER).read_text())
    lines = "".join("".join(cell["source"]) + "\n" for cell in notebook["cells"])
    headings = [line.lstrip("# ") for line in lines.splitlines() if line[:2] == "##"]
    anchors = {h.lower().replace(",", "").replace(" ", "-") for h in headings}
    for entry in advice.ENTRIES:
        assert entry.anchor in anchors
        assert set(entry.claims) <= set(claims.CLAIMS)


def test_whatever_is_seen_some_advice_fits():
    for case in CASES.values():
        assert case["judged"]["advice"]


def test_sentences_have_no_field_left_and_end_as_sentences_do(written):
    for case in CASES.values():
        (log,) = written(case["text"])
        for sentence in logs.told(logs.judge(log)):
            assert not {"{", "}"} & set(sentence)
            assert sentence.endswith((".", "%"))
            assert "nan" not in sentence


def test_the_command_prints_sentences_data_and_a_picture(tmp_path, capsys):
    paths = []
    for name in ("dips", "calm"):
        paths.append(tmp_path / name)
        paths[-1].write_text(CASES[name]["text"])
    assert cli.main(["judge", *map(str, paths), "--svg", str(tmp_path / "a.svg")]) == 0
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.startswith("dips: 400 readings along step, 1 to 400")
    assert "made good: from step 148 on, lowest at 152" in first
    assert "What to do: nothing" in second
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    assert cli.main(["judge", str(paths[0]), "--json"]) == 0
    near(json.loads(capsys.readouterr().out), [judged_case("dips")])


def test_a_figure_has_a_panel_for_what_a_log_has(written):
    for name, panels in (("dips", 3), ("no_accuracy", 1), ("noise", 2)):
        (log,) = written(CASES[name]["text"])
        figure = figures.judged([log, log], [logs.judge(log)] * 2)
        labelled(figure)
        assert len(figure.axes) == panels


def test_a_long_curve_is_drawn_by_its_outline():
    from mocolib.figures.judged import MOST, outline

    y = chance.white(50_000)
    y[31_234] = 99
    x, kept = outline(np.arange(50_000), y)
    assert len(x) <= MOST
    assert (kept.max(), kept.min()) == (99, y.min())
    assert x[kept.argmax()] == 31_234


def test_a_recorded_run_is_judged_as_a_log(tmp_path):
    run = plant(tmp_path, shaking(0.004, 0))
    said = logs.judge(Log.of(run))
    assert said.title == run.id
    assert said.readings == 48
