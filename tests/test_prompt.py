"""What things say of themselves at a prompt: short, and what one wants to know."""

import dataclasses

import pytest

from mocolib import claims, load, logs, named_recipe, runs, sweep
from mocolib.presets import NAMED, nearest
from mocolib.recipe import Recipe
from mocolib.train import train
from tests.tiny import blobs, tiny

SHORT = 300  # characters: a few lines


def test_a_recipe_is_what_one_would_type():
    assert repr(Recipe()) == "Recipe()"
    for recipe in (*NAMED.values(), tiny(seed=3, optimizer="lamb")):
        assert eval(repr(recipe)) == recipe
        assert eval(repr(recipe)).id == recipe.id


def test_the_nearest_named_recipe_and_what_is_changed_of_it():
    for name in NAMED:
        assert nearest(named_recipe(name)) == name
    shaken = named_recipe("short", base_lr=0.016, seed=7)
    assert nearest(shaken) == "short base_lr=0.016 seed=7"


def test_a_sweep_says_how_large_it_is():
    whole = sweep.read("lr")
    told = repr(whole)
    assert told.startswith(f"<Sweep lr: {whole.title}; {len(whole.recipes)} runs, ")
    assert len(told) < SHORT


def test_a_data_set_says_what_was_loaded():
    assert repr(load("fashion-mnist")) == (
        "<Dataset fashion-mnist: 10000 training and 10000 test grey images of 10 "
        "classes>"
    )


def test_a_run_says_what_it_was_and_how_it_ended():
    run = sweep.recorded("lr")[0]
    told = repr(run)
    assert told.startswith(f"<Run {run.id}  {run.end['steps']} steps  loss ")
    assert f"kNN {run.end['knn']:.3f}" in told
    assert told.endswith(f"{nearest(run.recipe)}>")
    assert len(told) < SHORT


def test_a_damaged_run_says_so_and_raises_nothing(tmp_path):
    (tmp_path / "end.json").write_text("{")
    told = repr(runs.Run(tmp_path))
    assert told.startswith(f"<Run {tmp_path.name}: ")
    assert "recipe.json" in told


@pytest.mark.parametrize("id", claims.CLAIMS)
def test_a_verdict_is_its_word_and_its_primary_effect(id):
    verdict = claims.judge(id)
    told = repr(verdict)
    assert told.startswith(f"<Verdict {id}: {verdict.word}, ")
    assert f"{verdict.runs} runs>" in told
    if verdict.effects and verdict.primary.values:
        assert f", {verdict.primary.mean:+.2f} [" in told
    assert len(told) < SHORT


def test_a_training_and_its_steps_say_where_they_stand():
    training = train(tiny(), blobs())
    assert "0 of 12 steps, running>" in repr(training)
    steps = list(training)
    assert repr(training).endswith(": 12 of 12 steps, finished>")
    told = repr(steps[4])
    assert told.startswith(f"<Step 5: loss {steps[4].loss:.4g}, kNN ")
    assert "kNN" not in repr(steps[3])
    largest = steps[4].grad_inf["patch_projection"]
    assert f"gradient of patch_projection {largest:.2g}" in told
    assert dataclasses.asdict(steps[4])["loss"] == steps[4].loss
    assert len(told) < SHORT


def test_a_log_says_what_was_read_and_judged_what_was_seen(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("step,loss,knn\n" + "".join(f"{i},2.0,0.5\n" for i in range(40)))
    [log] = logs.read(file)
    assert repr(log) == "<Log own: 40 readings along step, 0 norms>"
    judged = logs.judge(log)
    assert repr(judged) == f"<Judged own: {', '.join(judged.symptoms)}>"
