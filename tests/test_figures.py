"""Each figure shows the runs' own numbers, with labels on every axis."""

import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure

from mocolib import figures
from mocolib.analysis import measures, sparse
from mocolib.analysis.paper import paper_numbers
from mocolib.errors import BadInput
from mocolib.figures import style
from mocolib.runs import Run
from tests.planted import LAYERS, events, plant, shaking


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with spikes in all layers and dips in its kNN curve."""
    knn = shaking(0.001, 0)
    knn[[20, 30]] -= 0.05
    norms = {layer: events(i) for i, layer in enumerate(LAYERS)}
    return plant(tmp_path_factory.mktemp("run"), knn, norms=norms, batch_size=500)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two rates, projection learned and fixed, three seeds."""
    root = tmp_path_factory.mktemp("runs")
    return [
        plant(
            *(root, shaking(0.003, seed), rate + 0.01 * seed),
            norms={layer: events(seed + i) for i, layer in enumerate(LAYERS)},
            **{"base_lr": rate, "patch_projection": kind, "seed": seed},
        )
        for rate in (0.1, 0.4)
        for kind in ("learned", "fixed")
        for seed in range(3)
    ]


def labelled(figure: Figure):
    """Drawn without a warning, every axis labelled, no text under 8 points."""
    figure.canvas.draw()
    assert all(ax.get_ylabel() for ax in figure.axes)
    assert any(ax.get_xlabel() for ax in figure.axes)
    for ax in figure.axes:
        ticks = [*ax.get_xticklabels(), *ax.get_yticklabels()]
        assert all(text.get_fontsize() >= 8 for text in [*ticks, *ax.texts])


def drawn(figure: Figure) -> list[dict]:
    """What each panel shows: {name: values} of the lines that have one."""
    named = [line for ax in figure.axes for line in ax.lines]
    assert not [line for line in named if line.get_label().startswith("_")]
    return [
        {one.get_label(): one.get_ydata() for one in ax.lines} for ax in figure.axes
    ]


LAMB = {"optimizer": "lamb"}
APART = {  # runs, and the names by which they are told apart
    "rate and seed": (
        [{"base_lr": 0.05, "seed": 0}, {"base_lr": 0.01, "seed": 1}],
        ["base rate 0.05, seed 0", "base rate 0.01, seed 1"],
    ),
    "seeds alone": ([{"seed": s} for s in range(3)], ["seed 0", "seed 1", "seed 2"]),
    "three fields": (
        [
            {"optimizer": "lamb"},
            {"beta2": 0.95},
            {"qk_norm": True, "optimizer": "lamb"},
        ],
        [
            "qk-norm no, optimizer LAMB, β₂ 0.999",
            "qk-norm no, optimizer AdamW, β₂ 0.95",
            "qk-norm yes, optimizer LAMB, β₂ 0.999",
        ],
    ),
    "projection and rate": (
        [
            {"base_lr": rate, "patch_projection": kind}
            for rate in (0.1, 0.4)
            for kind in ("learned", "fixed")
        ],
        [
            f"patch projection {kind}, base rate {rate}"
            for rate in (0.1, 0.4)
            for kind in ("learned", "fixed")
        ],
    ),
    "lengths": ([{"steps": 240}, {"steps": 120}], ["steps 240", "steps 120"]),
}


@pytest.mark.parametrize("x", ["step", "samples"])
@pytest.mark.parametrize("kind", APART)
def test_each_run_that_was_asked_for_is_a_line_with_its_name(tmp_path, kind, x):
    changes, names = APART[kind]
    made = [
        plant(tmp_path, shaking(0.01, i, one.get("steps", 240) // 5), loss=i, **one)
        for i, one in enumerate(changes)
    ]
    figure = figures.curves(made, x)
    labelled(figure)
    knn, loss, gradient = drawn(figure)
    assert list(knn) == list(loss) == list(gradient) == names
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == names
    for run, name in zip(made, names, strict=True):
        assert knn[name].tolist() == run.steps["knn"].dropna().tolist()
        assert loss[name].tolist() == run.steps["loss"].tolist()
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[1].lines}
    assert len(looks) == len(made)


def test_copies_of_a_run_are_told_apart_and_a_run_asked_for_twice_is_one(tmp_path):
    run = plant(tmp_path, shaking(0.01, 0))
    copy = Run(shutil.copytree(run.folder, tmp_path / f"{run.id} (1)"))
    _, loss, _ = drawn(figures.curves([run, copy, run]))
    assert list(loss) == [f"({run.id})", f"({copy.id})"]


def test_a_run_of_one_reading_is_seen_and_a_single_run_needs_no_legend(tmp_path):
    figure = figures.curves([plant(tmp_path, [0.3], steps=5, warmup_steps=0)])
    assert figure.axes[0].lines[0].get_marker() == "."
    assert not figure.legends


def test_a_band_is_that_of_the_lines_own_setting(runs):
    first = [run for run in runs if run.recipe.seed == 0]
    figure = figures.curves(first, seeds=runs)
    labelled(figure)
    assert len(figure.axes[1].lines) == len(first) == len(figure.axes[0].collections)
    for run, band in zip(first, figure.axes[0].collections, strict=True):
        alike = [r for r in runs if r.recipe.replace(seed=0) == run.recipe]
        read = np.stack([one.steps["knn"].dropna() for one in alike])
        heights = band.get_paths()[0].vertices[:, 1]
        assert heights.min() == read.min()
        assert heights.max() == read.max()


MIXED = {
    "accuracy": lambda runs: figures.accuracy(runs, "base_lr"),
    "compared": lambda runs: figures.compared({"all": runs}, "base_lr"),
    "remedy": figures.remedy,
    "over_rates": figures.over_rates,
    "negatives": figures.negatives,
    "side_by_side": lambda runs: figures.side_by_side({"all": runs}),
}


@pytest.mark.parametrize("kind", MIXED)
def test_a_mean_is_of_runs_that_are_alike(tmp_path, kind):
    """Two optimizers are no two seeds, in no figure."""
    made = [
        plant(tmp_path, shaking(0, 0), seed=i, optimizer=name)
        for i, name in enumerate(("sgd", "adamw"))
    ]
    with pytest.raises(
        BadInput, match=r"^runs of .* differ in optimizer \(sgd, adamw\)"
    ):
        MIXED[kind](made)


def test_accuracy_is_every_runs_linear_probe(runs):
    figure = figures.accuracy(runs, "base_lr", paper=("adamw_learned", "adamw_fixed"))
    labelled(figure)
    dots = [y for line in figure.axes[0].lines for y in line.get_ydata()]
    for run in runs:
        assert run.end["linear_probe"] in dots
    theirs = [y for line in figure.axes[1].lines for y in line.get_ydata()]
    numbers = paper_numbers("adamw_learned", "adamw_fixed")["accuracy"]
    assert set(theirs) == set(numbers)


def test_the_papers_batches_are_not_said_to_be_one(tmp_path):
    batches = [plant(tmp_path, shaking(0, 0), batch_size=b) for b in (64, 1024)]
    figure = figures.accuracy(batches, "batch_size", paper=("batch_size",))
    labelled(figure)
    ours, paper = figure.axes
    assert [t.get_text() for t in ours.get_xticklabels()] == ["64", "1,024"]
    assert paper.get_xticklabels()[0].get_text() == "1,024"
    assert paper.get_title() == "the paper: ImageNet, ViT-B/16"
    assert ours.get_legend() is None  # one kind of projection
    figure = figures.accuracy(batches[:1], "base_lr", paper=("lamb",))
    assert figure.axes[1].get_title().endswith("batch 4096")


def test_two_groups_of_runs_are_compared_run_by_run(runs):
    split = {
        kind: [run for run in runs if run.recipe.patch_projection == kind]
        for kind in ("learned", "fixed")
    }
    figure = figures.compared({"none yet": [], **split}, "base_lr")
    labelled(figure)
    for ax, column in zip(figure.axes, ("jitter", "linear_probe"), strict=True):
        dots = {y for line in ax.lines for y in line.get_ydata()}
        assert set(measures.summary(runs)[column]) <= dots
    names = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert names == ["learned", "fixed"]


def test_ticks_do_not_run_into_each_other():
    ax = Figure().subplots()
    ax.set_xscale("log")
    style.ticks(ax, [0.016, 0.004, 0.015, 0.02, 0.048, 0.004])
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert words == ["0.004", "0.015", "\n0.02", "0.048"]


def test_the_microscope_shows_every_layer_in_order(run):
    figure = figures.microscope(run)
    labelled(figure)
    heat, below = figure.axes[:2]
    shown = heat.collections[0].get_array().reshape(len(LAYERS), -1)
    for row, layer in zip(shown, LAYERS, strict=True):
        expected = measures.log_ratio(measures.gradients(run, layer))
        assert np.allclose(np.ma.filled(row, np.nan), expected, equal_nan=True)
    names = [label.get_text() for label in heat.get_yticklabels()]
    assert names == ["patch projection", "block 1, qkv", "projector 1", "predictor 2"]
    top, bottom = heat.get_ylim()[::-1]
    assert top < bottom  # the first row on top
    assert heat.lines[0].get_xdata().tolist() == measures.spike_steps(run).tolist()
    assert (
        below.lines[0].get_ydata().tolist() == measures.monitored(run)["knn"].tolist()
    )
    assert below.lines[1].get_xdata().tolist() == [105, 155]  # the planted dips
    assert heat.get_xlim() == below.get_xlim()


def test_the_microscope_leaves_out_a_fixed_projection(runs):
    fixed = next(run for run in runs if run.recipe.patch_projection == "fixed")
    names = [t.get_text() for t in figures.microscope(fixed).axes[0].get_yticklabels()]
    assert names[0] == "block 1, qkv"


def test_the_lead_histogram_shows_every_run_and_its_chance(runs):
    learned = [run for run in runs if run.recipe.patch_projection == "learned"]
    figure = figures.lead_histogram(learned)
    labelled(figure)
    assert [ax.get_ylabel() for ax in figure.axes] == ["base rate 0.1", "base rate 0.4"]
    shown = [x for ax in figure.axes for x in ax.lines[0].get_xdata()]
    leads = [
        measures.lead(
            measures.gradients(run, "patch_projection"),
            measures.gradients(run, "projector.0"),
        )
        for run in learned
    ]
    assert shown == pytest.approx(leads)


def test_one_run_seen_by_two_monitors(run, tmp_path):
    figure = figures.monitors(run)
    labelled(figure)
    dense, thin = (ax.lines[0] for ax in figure.axes)
    assert dense.get_ydata().tolist() == measures.monitored(run)["knn"].tolist()
    assert thin.get_xdata().tolist() == sparse.once_an_epoch(run)["step"].tolist()
    titles = [ax.get_title("right") for ax in figure.axes]
    assert titles == ["read every 5 steps: 2 falls", "read once an epoch: 0 falls"]
    dense = plant(tmp_path, shaking(0, 0), knn_every=1, steps=48)
    assert (
        figures.monitors(dense)
        .axes[0]
        .get_title("right")
        .startswith("read every step:")
    )


def test_knn_around_a_step_starts_from_the_last_reading_before_it(run, tmp_path):
    other = plant(tmp_path, shaking(0.001, 1), batch_size=500, seed=1)
    figure = figures.around({"two": [run, other], "none": [], "one": [other]}, 103)
    figure.canvas.draw()
    two, one = figure.axes
    assert (two.get_title(), one.get_title()) == ("two, 2 runs", "one, 1 run")
    first, second, mean, change = two.lines
    assert first.get_xdata().tolist() == list(range(45, 161, 5))
    knn = run.steps.set_index("step")["knn"]
    assert first.get_ydata()[-1] == pytest.approx(knn[160] - knn[100])
    both = first.get_ydata() + second.get_ydata()
    assert mean.get_ydata() == pytest.approx(both / 2)
    assert set(change.get_xdata()) == {103}
    assert two.get_ylabel() == "change of kNN, points"


def test_a_caption_counts(run, runs):
    assert figures.caption([run]).endswith("batch 500; 1 run, 1 seed")
    assert figures.caption(runs).endswith("12 runs, 3 seeds")


def test_a_caption_says_of_unlike_runs_that_they_are(tmp_path):
    changes = [{}, {"depth": 2}, {"dataset": "cifar10"}, {"batch_size": 64, "width": 8}]
    made = [plant(tmp_path, shaking(0, 0), **one) for one in changes]
    assert figures.caption(made) == (
        "several data sets, ViT of several widths and several depths; 4 runs, 1 seed"
    )
