"""Claims on MoCo v3's relatives: MoCo v1's keys, SimCLR and BYOL (C3, C11)."""

import math

from mocolib.analysis.measures import closing_loss
from mocolib.claims.contrasts import at, by_seed, chosen
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference

FEW, SOME, MANY, BATCH = (
    16,
    256,
    8192,
    255,
)  # negatives; BATCH: what end to end can have

# --- MoCo v1 ----------------------------------------------------------------------


@claim(
    "C3",
    "More negatives help",
    "MoCo v1's queue gains with the number of its negatives",
    "negatives",
)
def _negatives(runs):
    def knn(keys: str, negatives: int):
        return at(runs, "knn", keys=keys, negatives=negatives)

    bank = chosen(runs, keys="memory_bank", negatives=MANY)
    # a rival that guesses is none: its loss at the end lies at ln(1 + K) or above
    guesses = bool(bank) and by_seed(bank, closing_loss).mean() >= math.log(1 + MANY)
    return {
        "queue": difference(
            f"kNN, queue, {MANY} negatives minus {FEW}",
            knn("queue", MANY),
            knn("queue", FEW),
        ),
        "batch": difference(
            f"kNN, end to end, {BATCH} negatives minus {FEW}",
            knn("end_to_end", BATCH),
            knn("end_to_end", FEW),
        ),
        "bank": difference(
            f"kNN, memory bank, {MANY} negatives minus {FEW}",
            knn("memory_bank", MANY),
            knn("memory_bank", FEW),
            void=guesses,
        ),
        "rival": difference(
            f"kNN, queue minus memory bank, {MANY} negatives",
            knn("queue", MANY),
            knn("memory_bank", MANY),
            void=guesses,
        ),
        "age": difference(
            f"kNN, end to end with {BATCH} negatives minus queue with {SOME}",
            knn("end_to_end", BATCH),
            knn("queue", SOME),
        ),
    }


@claim(
    "C3-bn",
    "BatchNorm leaks",
    "With BatchNorm by device and keys in order the loss falls without accuracy",
    "bn_leak",
)
def _leak(runs):
    most, fewer = 32, 8

    def setting(groups: int, shuffled: bool = False):
        return chosen(runs, bn_groups=groups, shuffle_bn=shuffled)

    def loss(*which):
        return by_seed(setting(*which), closing_loss)

    def probe(*which):
        return at(setting(*which), "linear_probe")

    order = "devices with keys in order"

    def lower(name, more, less):
        return difference(f"loss at the end, {name}", more, less, "nats")

    return {
        "loss": lower(f"one device minus {most} {order}", loss(1), loss(most)),
        "accuracy": difference(
            f"linear probe, one device minus {most} {order}", probe(1), probe(most)
        ),
        "repair": difference(
            f"linear probe, {most} devices, keys shuffled minus in order",
            probe(most, True),
            probe(most),
        ),
        "closed": lower(
            f"{most} devices, keys shuffled minus in order",
            loss(most, True),
            loss(most),
        ),
        "fewer": lower(f"one device minus {fewer} {order}", loss(1), loss(fewer)),
    }


# --- the trick elsewhere ----------------------------------------------------------


@claim(
    "C11",
    "The trick helps relatives",
    "At its own shaking rate SimCLR gains from a fixed projection",
    "frameworks",
)
def _relatives(runs):
    effects = {}
    for framework, name in (("simclr", "SimCLR"), ("byol", "BYOL")):
        part = chosen(runs, framework=framework)
        rate = max((r.recipe.base_lr for r in part), default=0)
        learned, fixed = (
            chosen(part, base_lr=rate, patch_projection=kind)
            for kind in ("learned", "fixed")
        )
        effects[f"{framework} accuracy"] = difference(
            f"linear probe, fixed minus learned, {name} at its shaking rate",
            at(fixed, "linear_probe"),
            at(learned, "linear_probe"),
        )
        effects[f"{framework} fall"] = difference(
            f"deepest fall, learned minus fixed, {name} at its shaking rate",
            at(learned, "deepest_fall"),
            at(fixed, "deepest_fall"),
        )
    return effects
