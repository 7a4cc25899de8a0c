"""Recipes with a name, and what to expect of each."""

from mocolib.data import CATALOGUE
from mocolib.errors import BadInput
from mocolib.recipe import Recipe

NAMED = {
    # The recorded experiments, and what a reader trains beside them: light views make
    # little gradient noise, so that shaking shows. At this rate a run dips several
    # times by 2 to 8 points and climbs back; 1.2e-2 is calm, 1.6e-1 collapses. AdamW
    # remembers 50 steps, 3 % of the run, as the paper's .999 does of its 31,000; with
    # .999 it would remember most of this run, and falls would last. A dense reading
    # takes as long as two steps, so it asks 2,000 test images, which is as noisy as .45
    # points; the reading at the end asks all.
    "mini": Recipe(
        augmentation="light",
        width=32,
        depth=2,
        batch_size=256,
        base_lr=0.12,
        steps=1600,
        warmup_steps=100,
        schedule="cosine",
        beta2=0.98,
        knn_every=10,
        knn_memory="clean",
        knn_memory_size=2000,
        knn_test_size=2000,
    ),
    # 400 steps at a constant rate: what the parts of the method were compared on, at
    # calm rates. At this one it collapses rather than dips.
    "short": Recipe(
        augmentation="light",
        width=32,
        depth=2,
        batch_size=512,
        base_lr=4.8e-2,
        steps=400,
        knn_every=5,
        knn_memory="clean",
        knn_memory_size=2000,
    ),
    # What trains inside a page of the book: one block, so that a browser makes all
    # steps in half a minute. Light views leave little gradient noise for the shaking to
    # hide in; at this rate the curve rises and falls far, at a quarter it is calm.
    "page": Recipe(
        augmentation="light",
        width=32,
        depth=1,
        batch_size=256,
        base_lr=0.096,
        steps=400,
        knn_every=5,
        knn_memory="clean",
        knn_memory_size=1280,
    ),
    # The second data set: JPEG re-encode of CIFAR-10, at the size of the runs that were
    # recorded on it.
    "cifar10": Recipe(
        dataset="folder:cifar10",
        image_size=32,
        patch_size=8,
        width=32,
        batch_size=1024,
        steps=250,
        warmup_steps=30,
        knn_every=5,
        knn_memory="clean",
    ),
}


def _imagenet(width: int, heads: int, **changes) -> Recipe:
    """The paper's ImageNet setting: batch 4096, 300 epochs, 40 of them warmup."""
    steps_an_epoch = CATALOGUE["folder:imagenet"].images // 4096
    return Recipe(
        dataset="folder:imagenet",
        image_size=224,
        patch_size=16,
        width=width,
        depth=12,
        heads=heads,
        patch_projection="fixed",
        head_hidden=4096,
        head_dim=256,
        batch_size=4096,
        base_lr=1.5e-4,
        steps=300 * steps_an_epoch,
        warmup_steps=40 * steps_an_epoch,
        schedule="cosine",
        momentum_schedule="cosine",
        knn_every=50,
        knn_memory_size=131072,
        **changes,
    )


# A cluster's work: 300 passes over 1.28 million images. In the paper a linear
# probe then reads 72.5 % (ViT-S) and 76.5 % (ViT-B).
NAMED["vit_s"] = _imagenet(384, 12)
NAMED["vit_b"] = _imagenet(768, 12)


def nearest(recipe: Recipe) -> str:
    """A recipe in words: the named one that is nearest, and what is changed of it.

    >>> nearest(named_recipe("mini", seed=3, patch_projection="fixed"))
    'mini patch_projection=fixed seed=3'
    """
    changed = {name: recipe.changed(named) for name, named in NAMED.items()}
    name = min(changed, key=lambda name: len(changed[name]))
    return " ".join([name, *(f"{k}={v}" for k, v in changed[name].items())])


def named_recipe(name: str, **changes) -> Recipe:
    """One of the named recipes, with fields changed; BadInput for any other name.

    mini     the recorded runs and the live panels: embedded Fashion-MNIST, about 110 s
             on one core, at a rate that dips and climbs back; kNN .65 to .69 at the
             end, .72 at 1.2e-2, where an untrained network has .58
    short    400 steps at a constant rate, about 55 s on one core; kNN .72 at 4e-3
    page     trains inside a page of the book in half a minute, where one sees it
             shake; kNN .38 to .65 at the end, .56 to .64 with a fixed projection
    cifar10  the second data set, the JPEG re-encode of CIFAR-10, about 2 min on one
             core; kNN .35 and a linear probe of .39 at the end
    vit_s    the paper's ViT-S/16, 300 epochs of ImageNet; 72.5 % linear probe there
    vit_b    the paper's ViT-B/16, 300 epochs of ImageNet; 76.5 % linear probe there
    """
    if not isinstance(name, str) or name not in NAMED:
        raise BadInput(f"recipe is {name!r}, but must be one of {', '.join(NAMED)}.")
    return NAMED[name].replace(**changes)
