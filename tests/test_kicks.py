"""A kick is as long as it says, where it says, once; what it costs is read off."""

import numpy as np
import pandas as pd
import pytest

from mocolib.analysis import kicks
from mocolib.errors import BadInput
from mocolib.runs import Run
from mocolib.runs.record import record
from mocolib.train import train
from tests.tiny import blobs, rows, tiny

RECIPE = tiny(depth=2)


def weights(training) -> dict:
    return {
        name: piece.parameter.detach().clone()
        for name, piece in training.probe.pieces.items()
    }


def norm(tensors) -> float:
    return float(sum(t.square().sum() for t in tensors)) ** 0.5


def stepped(*given):
    """The step that each matrix takes, kicked if anything is given, and its start."""
    training = train(RECIPE, blobs())
    rows(training, 4)
    before = weights(training)
    if given:
        kicks.kick(training, *given)
    next(training)
    after = weights(training)
    return {name: after[name] - before[name] for name in after}, before, training


@pytest.mark.parametrize("layer", ["patch_projection", "blocks.0.fc", "predictor"])
def test_a_kick_is_the_layers_own_update_lengthened(layer):
    plain, before, _ = stepped()
    kicked, _, _ = stepped(layer, 0.2)
    hit = [name for name in plain if name.startswith(layer)]
    start = norm(before[name] for name in hit)
    times = 0.2 * start / norm(plain[name] for name in hit)
    for name in plain:
        expected = plain[name] * (times if name in hit else 1)
        assert np.allclose(kicked[name], expected, atol=2e-6)
    assert norm(kicked[name] for name in hit) == pytest.approx(0.2 * start, rel=1e-4)


def test_a_random_kick_is_as_long_and_points_elsewhere():
    plain, before, _ = stepped()
    kicked, _, _ = stepped("blocks.1", 0.1, True)
    for name in plain:
        if name.startswith("blocks.1"):
            own, given = plain[name].flatten(), kicked[name].flatten()
            assert given.norm() == pytest.approx(0.1 * before[name].norm(), rel=1e-4)
            assert abs(own @ given) < 0.5 * own.norm() * given.norm()
        else:
            assert (plain[name] == kicked[name]).all()


def test_only_one_update_is_lengthened():
    *_, training = stepped("projector.0", 0.4)
    before = weights(training)["projector.0"]
    next(training)
    after = weights(training)["projector.0"]
    assert (after - before).norm() < 0.2 * before.norm()
    with pytest.raises(BadInput, match="layer is 'head', but must begin one of patch_"):
        kicks.kick(training, "head", 0.1)


def test_a_recorded_run_is_kicked_layer_by_layer(tmp_path):
    data = blobs()
    for _ in record(RECIPE, data, tmp_path):
        pass
    run = Run(tmp_path / RECIPE.id)
    table = kicks.along(run, data, state=4, read=(1, 2, 5))
    assert table.attrs["departures"] == []
    plain = table[table["change"] == kicks.NOTHING]
    recorded = run.steps.set_index("step")["loss"]
    assert plain["loss"].tolist() == recorded.loc[5:9].tolist()
    assert (
        table.loc[table["step"] == 1, "loss"] == recorded[5]
    ).all()  # comes after it
    own = table[(table["change"] == kicks.OWN) & (table["step"] == 2)]
    assert len(own) == len(kicks.layers()) * len(kicks.SIZES)
    assert not (own["loss"] == recorded[6]).any()
    followed = table[table["step"] == 5]
    assert set(followed["size"]) == {0, kicks.LARGEST}
    assert table["knn"].notna().equals(table["step"].isin((1, 2, 5)))


def planted(fall: dict, left=0.0, random=0.0) -> pd.DataFrame:
    """A table in which kicks of USUAL cost what `fall` says by layer, in points.

    Those of LARGEST cost twice as much, and `left` of it stays; others cost nothing.
    """
    table = []
    for seed in range(4):
        level, more = 0.7 + 0.01 * seed, 1 + 0.05 * seed

        def add(layer, change, size, cost, stays=0.0, seed=seed, level=level):
            for step in kicks.READ:
                knn = level - (cost if step == 1 else stays) / 100
                row = {"run": f"r{seed}", "seed": seed, "layer": layer, "step": step}
                row |= {"change": change, "size": size, "knn": knn}
                table.append({**row, "loss": 2.0})
            table.append({**row, "step": 2, "knn": np.nan, "loss": 2 + cost / 10})

        add("none", kicks.NOTHING, 0.0, 0.0)
        for layer, cost in fall.items():
            by_size = {kicks.USUAL: cost, kicks.LARGEST: 2 * cost}
            for size in kicks.SIZES:
                own = by_size.get(size, 0.01) * more
                add(layer, kicks.OWN, size, own, left * own)
            add(layer, kicks.RANDOM, kicks.USUAL, random * more)
    return pd.DataFrame(table)


def test_what_a_kick_costs_is_paired_with_the_unkicked_run():
    table = planted({"patch_projection": 2.0, "blocks.1": 1.0}, left=0.25, random=0.5)
    fall = kicks.costs(table, kicks.USUAL)
    assert fall.columns.tolist() == ["blocks.1", "patch_projection"]
    assert fall["patch_projection"].tolist() == pytest.approx(
        [0.02, 0.021, 0.022, 0.023]
    )
    loss = kicks.costs(table, kicks.LARGEST, "loss", at=(2,))
    assert loss["blocks.1"][0] == pytest.approx(0.2)
    late = kicks.costs(table, kicks.LARGEST, at=kicks.LATE)
    assert late["patch_projection"][0] == pytest.approx(0.01)
    random = kicks.costs(table, kicks.USUAL, change=kicks.RANDOM)
    assert random["blocks.1"][1] == pytest.approx(0.00525)
