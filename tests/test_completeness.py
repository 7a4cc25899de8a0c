"""What a random projection keeps: known answers."""

import numpy as np
import pytest
import torch

from mocolib.analysis import completeness
from mocolib.analysis.completeness import (
    decoder,
    project,
    random_projection,
    reconstruct_image,
    reconstruction,
    unpatchify,
)
from mocolib.errors import BadInput
from mocolib.train import train
from mocolib.vit import patchify
from tests.tiny import blobs, tiny

D = 3 * 4**2  # tiny patches
ORTHOGONAL = {"patch_projection_start": "orthogonal"}


@pytest.fixture(scope="module")
def table():
    return reconstruction(blobs(), [6, 24, 36, D, 72], seeds=(0, 1), patch_size=4)


@pytest.mark.parametrize(
    "changes", [{}, {"seed": 3, "width": 16}, {"patch_size": 2}, ORTHOGONAL]
)
def test_project_is_what_a_run_starts_from(data, changes):
    recipe = tiny(**changes)
    own = train(recipe, data).model.query.backbone.patch_projection
    assert torch.equal(project(recipe, data.channels), own.weight)
    assert (own.bias == 0).all()  # so tokens are the weight times the patch


def test_rank_and_condition(table):
    assert (table["rank"] == np.minimum(table["width"], D)).all()
    for row in table.itertuples():
        weight = random_projection(3, 4, row.width, row.seed).double().numpy()
        assert row.condition == pytest.approx(np.linalg.cond(weight))
    means = table.groupby("width")["condition"].mean()
    assert means.idxmax() == D  # a square random matrix is the worst conditioned


def test_a_complete_projection_loses_nothing(table):
    assert (table[table["width"] >= D]["error_random"] < 1e-6).all()


def test_a_narrow_projection_lies_between_the_bound_and_one(table):
    narrow = table[table["width"] < D]
    assert (narrow["error_random"] > narrow["error_pca"]).all()
    assert (narrow["error_random"] < 1).all()
    assert (narrow["error_pca"] > 0.1).all()  # these patches are mostly noise
    means = narrow.groupby("width")["error_random"].mean()
    assert means.is_monotonic_decreasing


def test_the_seeds_differ_and_the_bound_does_not(table):
    by_width = table[table["width"] < D].groupby("width")
    assert (by_width["error_random"].nunique() == 2).all()
    assert (by_width["error_pca"].nunique() == 1).all()


def test_white_patches_lose_their_share_of_dimensions():
    """Isotropic patches, orthonormal rows: the error is sqrt(1 - d/D) exactly."""
    rows = torch.linalg.qr(torch.randn(D, D).double()).Q[:12]
    patches = torch.eye(D).double()
    assert torch.allclose(decoder(rows, patches), rows)  # the transpose undoes it
    missed = patches - patches @ rows.T @ decoder(rows, patches)
    assert missed.norm() / patches.norm() == pytest.approx((1 - 12 / D) ** 0.5)


@pytest.mark.parametrize("width", [5, D, 2 * D])
def test_the_same_as_numpy_on_all_patches(data, width):
    """R of the QR decomposition stands for thousands of patches: nothing is lost."""

    def normalised(images):
        mean, std = data.mean[:, None, None].double(), data.std[:, None, None].double()
        patches = patchify((images.double() / 255 - mean) / std, 4)
        return patches.flatten(0, 1).numpy()

    fit, test = normalised(data.train_images), normalised(data.test_images)
    fit, test = fit - fit.mean(0), test - fit.mean(0)
    weight = random_projection(3, 4, width, 0).double().numpy()
    back = np.linalg.lstsq(fit @ weight.T, fit, rcond=None)[0]
    error = np.linalg.norm(test - test @ weight.T @ back) / np.linalg.norm(test)
    (own,) = reconstruction(data, [width], seeds=[0], patch_size=4)["error_random"]
    assert own == pytest.approx(error, rel=1e-9, abs=1e-9)
    kept = np.linalg.svd(fit)[2][:width]
    bound = np.linalg.norm(test - test @ kept.T @ kept) / np.linalg.norm(test)
    (own,) = reconstruction(data, [width], seeds=[0], patch_size=4)["error_pca"]
    assert own == pytest.approx(bound, rel=1e-9, abs=1e-9)


def test_pixels_that_never_vary_do_no_harm():
    dark = blobs()
    dark.train_images[:, :, :2] = 0
    dark.test_images[:, :, :2] = 0
    found = reconstruction(dark, [24, D, 72], seeds=[0], patch_size=8)
    assert np.isfinite(found.drop(columns="seed").to_numpy()).all()
    assert found["error_random"].between(0, 1).all()


def test_default_widths_go_from_under_to_over(data):
    widths = reconstruction(data, seeds=[0], patch_size=4)["width"]
    assert widths.min() < D < widths.max()
    assert D in widths.to_list()


def test_an_image_comes_back_from_its_tokens(data):
    image = data.test_images[4]
    views = reconstruct_image(data, image, [6, 24, D], patch_size=4)
    assert views.shape == (3, *image.shape)
    assert views.min() >= 0
    assert views.max() <= 1
    distances = [float((view - image / 255).norm()) for view in views]
    assert distances[0] > distances[1] > distances[2]
    assert torch.allclose(views[2], image / 255, atol=1e-6)


def test_the_best_matrix_beats_the_random_one(data):
    image, widths = data.test_images[4], [6, 24, D, 2 * D]
    views = {
        best: reconstruct_image(data, image, widths, patch_size=4, best=best)
        for best in (False, True)
    }
    away = {k: (v - image / 255).flatten(1).norm(dim=1) for k, v in views.items()}
    assert (away[True][:2] < away[False][:2]).all()
    assert torch.allclose(views[True][2:], image / 255, atol=1e-6)


def test_unpatchify_undoes_patchify():
    image = torch.arange(3 * 8 * 8.0).reshape(3, 8, 8)
    for p in (1, 2, 4, 8):
        assert torch.equal(unpatchify(patchify(image[None], p)[0], 3, p, 8), image)


def test_a_sample_of_patches_is_enough(data, monkeypatch):
    monkeypatch.setattr(completeness, "PATCHES", 200)
    few = reconstruction(data, [D], seeds=[0], patch_size=4)
    assert few["error_random"][0] < 1e-6


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (dict(widths=[0]), "width is 0, but must be a whole number 1 to 4096"),
        (dict(widths=[2.5]), "width is 2.5"),
        (dict(patch_size=3), "patch_size is 3, but must divide the image's side, 8"),
    ],
)
def test_bad_input_is_one_sentence(data, wrong, words):
    with pytest.raises(BadInput, match=words):
        reconstruction(data, **wrong)


def test_only_a_patch_projection_can_be_had():
    with pytest.raises(BadInput, match="stem 'conv'"):
        project(tiny(stem="conv"), 3)
