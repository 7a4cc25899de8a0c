"""A reader's own runs, as folders get: copied, renamed, damaged, of other images."""

import json
import shutil
import warnings

import pytest

from mocolib import claims, runs, sweep
from mocolib.__main__ import main
from mocolib.claims import contrasts
from mocolib.errors import BadInput, LeftOut
from mocolib.runs import Run
from mocolib.sweep.design import MINI
from tests.planted import LAYERS, events, falling, plant, shaking

pytestmark = pytest.mark.usefixtures("an_untrained_network")
SEEDS = range(4)
RATES = (0.07, MINI.shaky)


def planted(root, seed, **changes):
    """A run of the sweep `rates`; the learned projection dips deeper and ends lower."""
    [recipe] = [
        r
        for r in sweep.read("rates", seeds=1).recipes
        if (r.base_lr, r.patch_projection) == (changes["base_lr"], changes["kind"])
    ]
    fall, probe = (0.06, 0.4) if changes["kind"] == "learned" else (0.02, 0.42)
    probe += 0.002 * seed * (1 + 10 * probe)
    more = {k: v for k, v in changes.items() if k not in ("base_lr", "kind")}
    settings = {**vars(recipe), "seed": seed, **more}
    knn = falling(fall, 0.002, seed, recipe.steps // recipe.knn_every)
    norms = {layer: events(seed + i, recipe.steps) for i, layer in enumerate(LAYERS)}
    like = {
        f"{name}/{at}": norms[at] for name in ("adam_rms", "cosine") for at in LAYERS
    }
    return plant(root, knn, probe, norms=norms, columns=like, **settings)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Four seeds at the shaking rates, learned and fixed."""
    root = tmp_path_factory.mktemp("clean")
    for seed in SEEDS:
        for rate in RATES:
            for kind in ("learned", "fixed"):
                planted(root, seed, base_lr=rate, kind=kind)
    return root


@pytest.fixture
def root(clean, tmp_path):
    return shutil.copytree(clean, tmp_path / "runs")


def found(root) -> list[Run]:
    return sweep.alike("rates", root)


def judged(root) -> claims.Verdict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOut)
        return claims.judge("C7", root)


def of_seed(root, seed: int) -> Run:
    at = {"seed": seed, "base_lr": MINI.shaky}
    return contrasts.chosen(found(root), **at)[0]


def copied(run: Run, name: str) -> Run:
    return Run(shutil.copytree(run.folder, run.folder.with_name(name.format(run.id))))


# ---- copies


@pytest.mark.parametrize("name", ["{} (1)", "{}-old", "copy of {}", "0 {}"])
def test_a_copy_is_no_second_run(root, name):
    before = judged(root)
    assert before.word == "leaning"
    copy = copied(of_seed(root, 0), name)
    with pytest.warns(LeftOut, match=r"^run .* is left out: it is run .* once more\.$"):
        kept = found(root)
    assert copy.id not in {run.id for run in kept}
    assert len(kept) == len({run.recipe for run in kept}) == 16
    assert judged(root) == before


def test_a_renamed_run_is_the_run_that_it_is(root):
    before = judged(root)
    run = of_seed(root, 1)
    run.folder.rename(root / "the good one")
    assert "the good one" in {run.id for run in found(root)}
    assert judged(root) == before


def test_where_the_run_is_damaged_its_copy_counts(root):
    run = of_seed(root, 2)
    copy = copied(run, "{} (1)")
    (run.folder / "end.json").write_text("{")
    with pytest.warns(LeftOut, match=f"^run {run.id} is left out: .*end.json"):
        assert copy.id in {one.id for one in found(root)}


def test_measures_by_seed_take_each_run_once(clean, tmp_path):
    learned = contrasts.chosen(found(clean), patch_projection="learned")
    again = [Run(shutil.copytree(learned[0].folder, tmp_path / "copy")), *learned]
    for some in (learned, again):
        assert contrasts.means(some, "deepest_fall").index.tolist() == [*SEEDS]
        assert contrasts.by_seed(some, lambda run: 1).tolist() == [1, 1, 1, 1]
        assert contrasts.grid(some, "jitter", "base_lr").shape == (4, 2)


# ---- what is unlike


def test_seeds_are_compared_at_the_same_settings(clean):
    """Seed 0 has both rates, 1 the smaller, 2 the larger: none of the halves counts."""
    learned = contrasts.chosen(found(clean), patch_projection="learned")
    small, large = RATES
    left = {(1, large), (2, small)}
    some = [r for r in learned if (r.recipe.seed, r.recipe.base_lr) not in left]
    assert contrasts.means(some, "jitter").index.tolist() == [0, 3]
    halves = [run for run in some if run.recipe.seed in (1, 2)]
    assert contrasts.means(halves, "jitter").empty
    assert contrasts.by_seed(halves, lambda run: 1).empty


def test_a_grid_of_unlike_runs_names_what_differs(clean):
    with pytest.raises(
        BadInput, match=r"^runs of base_lr=.* differ in patch_projection"
    ):
        contrasts.grid(found(clean), "jitter", "base_lr")


def test_runs_on_other_images_are_counted_and_named(capsys, tmp_path):
    for seed in SEEDS:
        planted(
            tmp_path, seed, base_lr=MINI.shaky, kind="learned", dataset="folder:mine"
        )
    assert main(["claims", "--runs", str(tmp_path)]) == 0
    told = "mocolib: 4 runs are there, none of these sweeps' (dataset=folder:mine).\n"
    assert capsys.readouterr().err == told


def test_among_others_what_is_passed_over_is_told_as_well(capsys, root):
    planted(root, 0, base_lr=MINI.shaky, kind="learned", width=64)
    planted(
        root, 0, base_lr=MINI.shaky, kind="fixed", dataset="cifar10", optimizer="sgd"
    )
    before = judged(root)
    assert before.runs == 16
    assert main(["claims", "--runs", str(root)]) == 0
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("mocolib: 2 runs are there, none of these sweeps' (")
    assert "width=64" in said
    assert "dataset=cifar10, optimizer=sgd" in said
    assert said.endswith("), beside 16 that are.")


def test_runs_that_are_not_finished_are_counted(capsys, root):
    for run in runs.all_runs(root)[:2]:
        (run.folder / "end.json").unlink()
    assert main(["claims", "--runs", str(root), "--pool"]) == 0
    [said] = capsys.readouterr().err.splitlines()
    assert said == f"mocolib: 2 runs are left out under {root}: not finished."


# ---- damage

DAMAGE = {
    "no table": lambda run: (run.folder / "steps.parquet").unlink(),
    "half a table": lambda run: cut(run.folder / "steps.parquet"),
    "a table of another run": lambda run: shutil.copy(
        plant(run.folder / "x", shaking(0, 0)).folder / "steps.parquet", run.folder
    ),
    "no recipe": lambda run: (run.folder / "recipe.json").unlink(),
    "another recipe": lambda run: (run.folder / "recipe.json").write_text(
        run.recipe.replace(seed=77).to_json()
    ),
    "an empty recipe": lambda run: (run.folder / "recipe.json").write_text(""),
    "half an end": lambda run: cut(run.folder / "end.json"),
    "an end of nothing": lambda run: (run.folder / "end.json").write_text("{}"),
    "an end in bytes": lambda run: (run.folder / "end.json").write_bytes(b"\xff\0"),
}


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_run_is_named_and_the_rest_is_judged(capsys, root, kind):
    bad = of_seed(root, 3)
    DAMAGE[kind](bad)
    assert main(["claims", "--runs", str(root)]) == 0
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert line.startswith(f"mocolib: run {bad.id} is left out: ")
    assert line.endswith(".")
    assert bad.recipe.seed == 3
    assert "C7     leaning" in said.out
    verdict = judged(root)
    assert (verdict.runs, len(verdict.primary.values)) == (15, 3)


def test_every_damage_in_one_folder(capsys, root):
    for run, damage in zip(found(root), DAMAGE.values(), strict=False):
        damage(run)
    assert main(["claims", "--runs", str(root)]) == 0
    assert len(capsys.readouterr().err.splitlines()) == len(DAMAGE)


def test_a_sweep_counts_no_damaged_run_as_done(root):
    wanted = [r for r in sweep.read("rates").recipes if runs.find(r, root)][:3]
    assert not wanted  # the book's seeds are others
    wanted = [run.recipe for run in found(root)][:3]
    for recipe in wanted:
        made = root / recipe.id / "provenance.json"
        made.write_text(json.dumps({"data": data_of(recipe)}))
    assert sweep.standing(wanted, root) == ([], ())
    cut(root / wanted[0].id / "steps.parquet")
    (root / wanted[1].id / "provenance.json").write_text("{")
    *_, last = sweep.sweep(wanted, root, backend=never)
    assert (last.total, last.done) == (3, 1)
    assert [id for id, _ in last.failed] == [recipe.id for recipe in wanted[:2]]
    for _, sentence in last.failed:
        assert sentence.endswith("it would be trained anew.")


def data_of(recipe) -> str:
    from mocolib.data import load

    return load(recipe.dataset, recipe.image_size).fingerprint


def never(*_):
    raise AssertionError("nothing is to be trained")
