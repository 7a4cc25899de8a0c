"""The exported step against mocolib's own: the files that the book ships, in
onnxruntime, from one shared state, step by step."""

import copy
import functools
import gzip
import json

import numpy as np
import onnx
import pytest
import torch

from mocolib import augment, load, named_recipe
from mocolib.errors import BadInput
from mocolib.export import ANY, ONLY, export
from mocolib.export import check as page_check
from mocolib.export.compare import (
    CLOSE,
    KINK,
    apart,
    compared,
    differing,
    one_step,
)
from mocolib.export.graph import check, tiny_in_graph, to_onnx, translate
from mocolib.export.inputs import inputs_of, state_of, view_params
from mocolib.export.layout import Layout
from mocolib.export.runtime import Graph, GraphTraining
from mocolib.export.step import Features, Step, view
from mocolib.export.update import UPDATES, moments
from mocolib.lab.train_here import VALUES
from mocolib.moco import MoCo
from mocolib.probe import layers
from mocolib.recipe import FIELDS, from_dict
from mocolib.train import train
from tests.campaign import LONG
from tests.monitor import features_of_both
from tests.tiny import blobs, random_images, tiny
from tools import inpage

PART = 10 if LONG else 3  # steps between two changes in mid-run
STEPS = 5 * PART


class Shape:
    """One shipped shape: its manifest and its graphs by name."""

    def __init__(self, name: str):
        folder = inpage.build()
        self.about = json.loads((folder / f"{name}.json").read_text())
        self.recipe = from_dict(self.about["recipe"])
        self.raw = {
            graph: gzip.decompress((folder / self.about[graph]["file"]).read_bytes())
            for graph in ("step", "lamb", "features")
        }
        self.graphs = {name: Graph(raw) for name, raw in self.raw.items()}

    def step(self, recipe) -> Graph:
        return self.graphs["step" if recipe.optimizer == "adamw" else "lamb"]


shape = functools.cache(Shape)  # sessions take a while to begin


@pytest.fixture(params=inpage.SHAPES)
def any_shape(request):
    return shape(request.param)


@pytest.fixture
def shipped():
    return shape("page")


@pytest.fixture(scope="module")
def fashion():
    return load("fashion-mnist")


# ---- steps from a shared state


CASES = {
    "learned": ({}, {}),
    "fixed": ({"patch_projection": "fixed"}, {}),
    "changed": (  # in mid-run, as sliders do
        {"patch_projection": "fixed"},
        {
            PART: {"patch_projection": "learned", "base_lr": 8e-3},
            2 * PART: {"temperature": 0.1, "momentum": 0.9, "beta2": 0.95},
            3 * PART: {"patch_projection": "fixed", "weight_decay": 0.0},
            4 * PART: {"patch_projection": "learned", "beta1": 0.5},
        },
    ),
}


@pytest.mark.parametrize("optimizer", UPDATES)
@pytest.mark.parametrize("case", CASES)
def test_its_steps_are_mocolibs(shipped, fashion, optimizer, case):
    start, changes = CASES[case]
    recipe = shipped.recipe.replace(optimizer=optimizer, knn_every=0, **start)
    training = train(recipe, fashion)
    layout, graph = Layout(training.model), shipped.step(recipe)
    far = []
    for index in range(STEPS):
        training.change(**changes.get(index, {}))
        far.append(compared(training, layout, graph))
        assert max(far[-1]["loss"], far[-1]["key"]) <= CLOSE
        assert max(far[-1].values()) <= KINK, far[-1]
    assert differing(far) < STEPS / 2  # a wrong formula shows in all


@pytest.mark.parametrize("optimizer", UPDATES)
def test_every_shape_steps_as_mocolib_does(any_shape, fashion, optimizer):
    recipe = any_shape.recipe.replace(optimizer=optimizer, knn_every=0)
    training, graph = train(recipe, fashion), any_shape.step(recipe)
    layout = Layout(training.model)
    far = [compared(training, layout, graph) for _ in range(5)]
    assert max(max(step["loss"], step["key"]) for step in far) <= CLOSE
    assert differing(far) < 5 / 2, far


def test_a_fixed_projection_stays_to_the_bit(shipped, fashion):
    recipe = shipped.recipe.replace(patch_projection="fixed", knn_every=0)
    training = train(recipe, fashion)
    layout = Layout(training.model)
    given, out, _ = one_step(training, layout, shipped.graphs["step"])
    own = layout.projection
    for name in ("query", "first", "second"):
        assert np.array_equal(out[f"next_{name}"][own], given[name][own])
        rest = slice(own.stop, None)
        assert not np.array_equal(out[f"next_{name}"][rest], given[name][rest])


# ---- exactly zero gradients, and epsilon


@pytest.fixture
def dead(shipped, fashion):
    """A first step in which one unit of the projector passes nothing on."""
    training = train(shipped.recipe.replace(knn_every=0), fashion)
    named = dict(training.model.named_parameters())
    with torch.no_grad():
        for name in ("query", "key"):
            named[f"{name}.projector.1.weight"][3] = 0
            named[f"{name}.projector.1.bias"][3] = -1  # below zero before the ReLU
    return training


def test_where_a_gradient_is_exactly_zero_only_decay_acts(shipped, dead):
    layout, recipe = Layout(dead.model), dead.recipe
    given, out, record = one_step(dead, layout, shipped.graphs["step"])
    place = layout.layers["projector.0"]
    row = slice(place.offset + 3 * 32, place.offset + 4 * 32)
    assert not out["next_second"][row].any()
    kept = given["query"][row] * (1 - record.lr * recipe.weight_decay)
    assert np.allclose(out["next_query"][row], kept, rtol=1e-7, atol=0)
    after = state_of(dead, layout)["query"][row]
    assert np.allclose(out["next_query"][row], after, rtol=1e-7, atol=0)
    assert all(np.isfinite(values).all() for values in out.values())


@pytest.mark.parametrize("optimizer", UPDATES)
def test_epsilon_is_an_input(shipped, dead, optimizer):
    """As a constant of 1e-8 the exporter would drop it, and 0 / 0 is not a number."""
    layout = Layout(dead.model)
    graph = shipped.step(dead.recipe.replace(optimizer=optimizer))
    assert "eps" in graph.inputs
    given = inputs_of(dead, layout, state_of(dead, layout))
    usual, large, none = (
        graph(given | {"eps": torch.tensor(eps)})["next_query"]
        for eps in (1e-8, 1e-2, 0.0)
    )
    assert np.isfinite(usual).all()
    assert apart(large, usual) > 1e-6
    assert np.isnan(none).any()


def test_the_shipped_graphs_are_plain_onnx(any_shape):
    for graph, raw in any_shape.raw.items():
        model = onnx.load_from_string(raw)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
        onnx.checker.check_model(model, full_check=True)
        assert not any(node.domain for node in model.graph.node)
        assert b"/" + b"site-packages" not in raw
        # WebGPU has no doubles
        inferred = onnx.shape_inference.infer_shapes(model).graph
        known = [*inferred.value_info, *inferred.input, *inferred.output]
        types = {value.type.tensor_type.elem_type for value in known}
        types |= {constant.data_type for constant in inferred.initializer}
        assert onnx.TensorProto.FLOAT in types
        assert onnx.TensorProto.DOUBLE not in types
        # the floors of normalize and of the probe's divisions
        floors = {1e-12} if graph == "features" else {1e-12, 1e-30}
        assert floors <= {float(f"{v:.3g}") for v in tiny_in_graph(model)}


def test_a_dropped_constant_is_noticed():
    """The translation's own optimizer drops them still: why it is left out."""
    given = {"x": torch.zeros(3)}
    kept = to_onnx(lambda g: {"y": g["x"] / (g["x"].abs() + 1e-9)}, given)
    assert not Graph(kept)(given)["y"].any()
    traced = torch.fx.symbolic_trace(lambda x: x / (x.abs() + 1e-9))
    program = translate(traced, (given["x"],), ["x"], ["y"])
    program.optimize()
    with pytest.raises(RuntimeError, match="dropped the constants"):
        check(traced, program.model_proto, ["x"], ["y"])


# ---- the parts: views, update, features


@pytest.mark.parametrize("strength", augment.STRENGTHS)
def test_views_are_mocolibs(strength):
    recipe = tiny(augmentation=strength, batch_size=150)  # three orders of the jitter
    images, mean, std = random_images(150, channels=1, side=12), 0.3, 0.4
    seeded = [torch.Generator().manual_seed(5) for _ in range(2)]
    given = view_params(recipe, (12, 12), seeded[0])
    for i, distribution in enumerate(augment.STRENGTHS[strength], 1):
        params = augment.draw(distribution, 150, (12, 12), seeded[1])
        theirs = augment.apply(images, params, 8, mean, std)
        prefix = f"view{i}."
        own = {k[6:]: v for k, v in given.items() if k.startswith(prefix)}
        torch.testing.assert_close(view(images, own, 8, mean, std), theirs)


@pytest.mark.parametrize("optimizer", UPDATES)
@pytest.mark.parametrize("decay", [0.1, 0.0])
def test_updates_are_torchs_and_timms(optimizer, decay):
    recipe = tiny(optimizer=optimizer, weight_decay=decay, base_lr=0.1, warmup_steps=0)
    training = train(recipe, blobs(channels=1))
    layout, generator = Layout(training.model), torch.Generator().manual_seed(0)
    state = state_of(training, layout)
    for index in range(10):
        h = inputs_of(training, layout, state)
        gradient = torch.randn(layout.size, generator=generator) * 0.01
        gradient[::7] = 0
        first, second = moments(gradient, state["first"], state["second"], h)
        query = UPDATES[optimizer](layout, state["query"], first, second, h)
        state = state | {"query": query, "first": first, "second": second}
        named = dict(training.model.named_parameters())
        for name, part in layout.split(gradient).items():
            named[name].grad = part.clone()
        training.optimizer.param_groups[0]["lr"] = float(h["lr"])
        training.optimizer.step()
        training.done = index + 1
        theirs = state_of(training, layout)
        for name in ("query", "first", "second"):
            torch.testing.assert_close(state[name], theirs[name], rtol=1e-5, atol=1e-8)


def test_features_are_the_monitors(shipped, fashion):
    count = shipped.about["features"]["batch"]
    training = train(shipped.recipe, fashion)
    ours, theirs = features_of_both(
        training, fashion, shipped.graphs["features"], count
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


# ---- what the manifest says


def test_the_manifest_tells_the_recipe(any_shape):
    assert any_shape.recipe == named_recipe(any_shape.about["name"])
    assert any_shape.about["id"] == any_shape.recipe.id


def test_a_fresh_export_is_not_made_again():
    made = inpage.build() / "page.json"
    before = made.stat().st_mtime_ns
    inpage.build()
    assert made.stat().st_mtime_ns == before


def test_the_vector_holds_every_trained_number_once(any_shape, fashion):
    model = train(any_shape.recipe, fashion).model
    layout = Layout(model)
    vector = torch.arange(float(layout.size))
    assert torch.equal(layout.join(layout.split(vector)), vector)
    assert sum(p["size"] for p in any_shape.about["parameters"]) == layout.size
    names = {p["name"] for p in any_shape.about["parameters"]}
    assert names == {n for n, p in model.named_parameters() if p.requires_grad}
    assert any_shape.about["layers"] == list(layers(model))
    key = dict(model.named_parameters()) | layout.split_key(vector[: layout.key_size])
    assert (
        key["key.projector.0.weight"].flatten()[0]
        == vector[layout.layers["projector.0"].offset]
    )


def test_weights_start_as_the_manifest_says(any_shape):
    draws = [MoCo(any_shape.recipe.replace(seed=s), 1) for s in range(3)]
    for place in any_shape.about["parameters"]:
        drawn = [dict(m.named_parameters())[place["name"]] for m in draws]
        drawn = torch.stack(drawn).detach()
        start = place["init"]
        if start["kind"] == "constant":
            assert (drawn == start["value"]).all(), place["name"]
        elif start["kind"] == "normal":
            assert drawn.std().item() == pytest.approx(start["std"], rel=0.3)
        else:
            assert drawn.abs().max() <= start["high"] == -start["low"]
            assert drawn.abs().max() > 0.99 * start["high"], place["name"]
            assert drawn.std().item() == pytest.approx(start["high"] / 3**0.5, rel=0.1)


def test_the_images_are_the_embedded_ones(any_shape, fashion):
    about = any_shape.about["images"]
    packed = (inpage.INPAGE / about["file"]).read_bytes()
    assert len(packed) == about["bytes"] <= 1.5e6
    raw = np.frombuffer(gzip.decompress(packed), np.uint8)
    count, pixels = about["train"], about["height"] * about["width"]
    first = fashion.train_images[:count].flatten().numpy()
    assert np.array_equal(raw[: count * pixels], first)
    assert np.array_equal(raw[-about["test"] :], fashion.test_labels[: about["test"]])


def test_a_panel_offers_the_optimizers_that_are_exported():
    assert VALUES["optimizer"] == list(UPDATES)


REFUSED = [
    *({"stem": "conv"}, {"optimizer": "sgd"}, {"framework": "simclr"}),
    *({"decay": "matrices"}, {"temperature_schedule": "learned"}),
    *({"momentum_schedule": "cosine"}, {"patch_projection_clip": 0.1}),
    *({"knn_memory": "queue"}, {"knn_every": 0}, {"position": "learned"}),
]


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: next(iter(change)))
def test_what_a_page_cannot_train_is_refused(change):
    with pytest.raises(BadInput, match=f"^{next(iter(change))} is .* must be .* page"):
        export(tiny(**{"knn_memory": "clean", **change}), blobs(channels=1))


def test_a_field_that_the_page_was_never_told_of_must_stay_at_its_default():
    """One that a later release adds is refused until somebody has made it work."""
    assert FIELDS.keys() >= ANY
    assert ONLY.keys() <= FIELDS.keys() - ANY
    for name in FIELDS.keys() - ANY - ONLY.keys():
        recipe = tiny(knn_memory="clean")
        vars(recipe)[name] = "another value"  # past the recipe's own checks
        with pytest.raises(BadInput, match=f"^{name} is 'another value', but must be"):
            page_check(recipe, blobs(channels=1))


def test_the_traced_step_leaves_the_model_it_is_given_alone(shipped):
    model = MoCo(shipped.recipe, 1)
    before = copy.deepcopy(model)
    step = Step(model, shipped.recipe)
    Features(model, shipped.recipe)
    assert step.model is not model
    assert model.query.chunk == before.query.chunk
    assert model.update_key.__func__ is MoCo.update_key
    assert model.training
    for ours, theirs in zip(model.modules(), before.modules(), strict=True):
        assert vars(ours).keys() == vars(theirs).keys()
        assert ours.training == theirs.training
        if isinstance(ours, torch.nn.BatchNorm1d):
            assert ours.track_running_stats


def test_colour_is_refused():
    with pytest.raises(BadInput, match=r"has 3 channels .* must be grey"):
        export(tiny(knn_memory="clean"), blobs(channels=3))


# ---- runs of their own


def mean_loss(records) -> float:
    return np.mean([step.loss for step in records])


def test_a_run_on_the_graph_learns_as_mocolibs_does(shipped, fashion):
    recipe = shipped.recipe.replace(steps=60, knn_every=60, base_lr=2.4e-2)
    graphs = (shipped.graphs["step"], shipped.graphs["features"])
    ours, theirs = (
        list(GraphTraining(recipe, fashion, *graphs)),
        list(train(recipe, fashion)),
    )
    assert ours[0].loss == pytest.approx(theirs[0].loss, rel=CLOSE)
    assert mean_loss(ours[-10:]) == pytest.approx(mean_loss(theirs[-10:]), rel=0.03)
    assert ours[-1].knn == pytest.approx(theirs[-1].knn, abs=0.05)
    assert ours[-1].row().keys() == theirs[-1].row().keys()


def test_a_run_that_breaks_says_when(shipped, fashion):
    recipe = shipped.recipe.replace(base_lr=1e4, warmup_steps=0, knn_every=0)
    training = GraphTraining(
        recipe, fashion, shipped.graphs["step"], shipped.graphs["features"]
    )
    records = list(training)
    assert training.outcome == f"diverged at step {len(records)}"
    assert not np.isfinite(records[-1].loss)
