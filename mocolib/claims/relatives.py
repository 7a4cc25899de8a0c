"""Claims on MoCo v3's relatives: MoCo v1's keys, SimCLR and BYOL (C3, C11)."""

import pandas as pd

from mocolib.analysis.measures import closing_loss
from mocolib.claims.contrasts import at, by_seed, chosen, grid, growth
from mocolib.claims.verdicts import claim, effect

# --- MoCo v1 ----------------------------------------------------------------------


@claim(
    "C3",
    "MoCo v1: more negatives help, and only queue and bank can have many; the queue "
    "beats the bank",
    "negatives",
)
def _negatives(runs):
    queue, bank, batch = (
        grid(runs, "linear_probe", "negatives", keys=keys)
        for keys in ("queue", "memory_bank", "end_to_end")
    )
    most = [
        table.iloc[:, -1] if table.shape[1] else pd.Series(dtype=float)
        for table in (queue, batch)
    ]
    name = "linear probe"
    return [
        effect(f"{name}, queue, most minus fewest negatives", growth(queue)),
        effect(f"{name}, end to end, most minus fewest negatives", growth(batch)),
        effect(f"{name}, most negatives, queue minus end to end", most[0] - most[1]),
        effect(
            f"{name}, queue minus memory bank, mean over K",
            (queue - bank).mean(axis=1, skipna=False),
        ),
    ]


@claim(
    "C3-bn",
    "BatchNorm leaks: with statistics by device and keys in order the loss is lower "
    "and the accuracy worse; shuffling the keys repairs it",
    "bn_leak",
)
def _leak(runs):
    effects = []
    for groups in sorted({r.recipe.bn_groups for r in runs if r.recipe.bn_groups > 1}):
        part = chosen(runs, bn_groups=groups)
        repaired, leaking = (chosen(part, shuffle_bn=b) for b in (True, False))
        loss = by_seed(repaired, closing_loss) - by_seed(leaking, closing_loss)
        probe = at(repaired, "linear_probe") - at(leaking, "linear_probe")
        name = f"shuffled minus in order, {groups} devices"
        effects += [
            effect(f"final loss, {name}", loss),
            effect(f"linear probe, {name}", probe),
        ]
    return effects


# --- the trick elsewhere ----------------------------------------------------------


@claim("C11", "The fixed projection helps SimCLR and BYOL on a ViT too", "frameworks")
def _relatives(runs):
    effects = []
    for framework, name in (("simclr", "SimCLR"), ("byol", "BYOL")):
        learned, fixed = (
            {
                column: at(runs, column, framework=framework, patch_projection=kind)
                for column in ("linear_probe", "jitter")
            }
            for kind in ("learned", "fixed")
        )
        effects += [
            effect(
                f"linear probe, fixed minus learned, {name}",
                fixed["linear_probe"] - learned["linear_probe"],
            ),
            effect(
                f"jitter, learned minus fixed, {name}",
                learned["jitter"] - fixed["jitter"],
            ),
        ]
    return effects
