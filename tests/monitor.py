"""The features graph beside mocolib's own monitor, wherever the graph runs."""

from torch.nn.functional import normalize

from mocolib import evaluate
from mocolib.export.inputs import state_of
from mocolib.export.layout import Layout


def features_of_both(training, data, graph, count: int) -> tuple:
    """Normalized features [count, d] of the first test images: a graph's, and ours."""
    images = data.test_images[:count]
    pixels = {"pixel_mean": data.mean, "pixel_std": data.std}
    state = state_of(training, Layout(training.model))
    out = graph({"images": images, **pixels, **state})
    size, backbone = data.test_images.shape[-1], training.model.query.backbone
    theirs = evaluate.features(backbone, images, size, data.mean, data.std)
    return out["features"], normalize(theirs, dim=1)
