"""Claims on MoCo v3's relatives: MoCo v1's keys, SimCLR and BYOL (C3, C11)."""

import math

from mocolib.analysis import baselines
from mocolib.analysis.measures import closing_loss
from mocolib.claims.contrasts import POINT, at, between, by_seed, chosen
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference
from mocolib.sweep.design import DEVICES, EACH, END_TO_END, FEW, FEWER, MANY, SOME

# --- MoCo v1 ----------------------------------------------------------------------


@claim(*("C3", "negatives"), **dict(few=FEW, some=SOME, many=MANY, batch=END_TO_END))
def _negatives(runs):
    def knn(keys: str, negatives: int):
        return at(runs, "knn", keys=keys, negatives=negatives)

    bank = chosen(runs, keys="memory_bank", negatives=MANY)
    # a rival that guesses is none: its loss at the end lies at ln(1 + K) or above
    guesses = bool(bank) and by_seed(bank, closing_loss).mean() >= math.log(1 + MANY)
    void = "guesses" if guesses else ""
    return {
        "queue": difference(knn("queue", MANY), knn("queue", FEW)),
        "batch": difference(knn("end_to_end", END_TO_END), knn("end_to_end", FEW)),
        "bank": difference(
            knn("memory_bank", MANY), knn("memory_bank", FEW), void=void
        ),
        "rival": difference(knn("queue", MANY), knn("memory_bank", MANY), void=void),
        "age": difference(knn("end_to_end", END_TO_END), knn("queue", SOME)),
    }


@claim("C3-bn", "bn_leak", devices=DEVICES, fewer=FEWER, each=EACH)
def _leak(runs):
    def setting(groups: int, shuffled: bool = False):
        return chosen(runs, bn_groups=groups, shuffle_bn=shuffled)

    def loss(*which):
        return by_seed(setting(*which), closing_loss)

    def probe(*which):
        return at(setting(*which), "linear_probe")

    def lower(more, less):
        return difference(more, less, "nats")

    return {
        "loss": lower(loss(1), loss(DEVICES)),
        "accuracy": difference(probe(1), probe(DEVICES)),
        "repair": difference(probe(DEVICES, True), probe(DEVICES)),
        "closed": lower(loss(DEVICES, True), loss(DEVICES)),
        "fewer": lower(loss(1), loss(FEWER)),
        "knn": between("knn", setting(1), setting(DEVICES)),
    }


# --- the trick elsewhere ----------------------------------------------------------


@claim("C11", "frameworks")
def _relatives(runs):
    effects = {}
    for framework in ("simclr", "byol"):
        part = chosen(runs, framework=framework)
        rate = max((r.recipe.base_lr for r in part), default=0)
        learned, fixed = (
            chosen(part, base_lr=rate, patch_projection=kind)
            for kind in ("learned", "fixed")
        )
        effects[f"{framework}_accuracy"] = difference(
            at(fixed, "linear_probe"), at(learned, "linear_probe")
        )
        effects[f"{framework}_fall"] = difference(
            at(learned, "deepest_fall"), at(fixed, "deepest_fall")
        )
        effects[f"{framework}_gain"] = difference(
            at(learned, "linear_probe"), POINT * by_seed(learned, _untrained)
        )
    return effects


def _untrained(run) -> float:
    """The linear probe of the network that it started from."""
    return baselines.untrained(run.recipe)["linear_probe"]
