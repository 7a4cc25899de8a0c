"""Logs easily misread: numbers that are none, ends that stand still, odd forms.

test_logs_lost says what is in them; test_own_log holds the page to the same.
"""

import json

import numpy as np

from mocolib.logs.chance import white

NAN, INF = float("nan"), float("inf")
STEPS = np.arange(500)
LOSS = 2 + 0.03 * white(500)
RISING = 0.65 - 0.6 * np.exp(-STEPS / 75) + 0.0025 * white(500, 1)
READ = np.where(STEPS % 5 == 0, RISING, NAN)
FEW = np.arange(100)
CURVE = RISING[::5]


def table(blank: str = "", **columns) -> str:
    def cell(value) -> str:
        return blank if np.isnan(value) else f"{value:.6g}"

    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(cell, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def at(values, places, value) -> np.ndarray:
    found = np.array(values, float)
    found[list(places)] = value
    return found


def gaps(blank: str) -> str:
    """As Lightning writes it, a row of each thing; two without a loss end it."""
    rows = ["epoch,lr,step,train_loss_step,val_acc,other"]
    for k, (loss, accuracy) in enumerate(zip(LOSS[:300], RISING[:300], strict=True)):
        rows.append(f"?,1e-3,{k * 10},?,?,?")
        rows.append(f"{k // 5},?,{k * 10},{loss:.5f},?,?")
        if k % 5 == 4:
            rows.append(f"{k // 5},?,{k * 10},?,{accuracy:.5f},?")
            rows.append(f"{k // 5},?,{k * 10},?,?,7")
    return "\n".join(rows).replace("?", blank) + "\n"


def lines(row, count: int = 100) -> str:
    return "".join(f"{row(k)}\n" for k in range(count))


SPIKED = at(LOSS, (150, 250, 350), 4)
BROKEN = {
    "inf inside": table(step=STEPS, loss=at(LOSS, (200, 201, 300, 400), INF), knn=READ),
    "minus inf inside": table(step=STEPS, loss=at(LOSS, (200,), -INF), knn=READ),
    "NaN for a while": table(
        "nan", step=STEPS, loss=at(LOSS, range(200, 350), NAN), knn=RISING
    ),
    "NaN once": table("nan", step=STEPS, loss=at(LOSS, (200,), NAN), knn=RISING),
    "inf norms": table(
        step=STEPS,
        loss=SPIKED,
        knn=RISING,
        **{
            "grad_norm/patch_embed": at(
                np.exp(0.1 * white(500, 2)), (150, 250, 350), INF
            ),
            "grad_norm/head": np.exp(0.1 * white(500, 3)),
        },
    ),
    "many broken norms": table(
        "nan",
        step=STEPS,
        loss=LOSS,
        **{
            f"grad_norm/{k}": at(np.exp(white(500, k)), (100 + k,), (NAN, INF)[k % 2])
            for k in range(7)
        },
    ),
    "a norm that never is": table(
        "nan", step=STEPS, loss=LOSS, **{"grad_norm/head": np.full(500, NAN)}
    ),
    "NaN, then for good": table(
        "nan",
        step=STEPS,
        loss=at(LOSS, [100, 150, 200, *range(400, 500)], NAN),
        knn=RISING,
    ),
    "NaN from the second step on": table(
        "nan", step=STEPS, loss=at(LOSS, range(1, 500), NAN), knn=at(RISING, (0,), NAN)
    ),
    "gaps of NaN": gaps("nan"),
    "gaps": gaps(""),
    "every tenth": table(
        "nan", step=STEPS, loss=np.where(STEPS % 10 == 0, LOSS, NAN), knn=RISING
    ),
    "every tenth, then none": table(
        "nan",
        step=STEPS,
        loss=np.where((STEPS % 10 == 0) & (STEPS < 300), LOSS, NAN),
        knn=RISING,
    ),
    "one number a step": lines(
        lambda k: (
            f'{{"step": {k}, "loss": NaN, "mine": 1}}\n'
            f'{{"step": {k}, "loss": {LOSS[k]}}}'
        )
    ),
    "Hugging Face": lines(
        lambda k: {
            "loss": float(LOSS[k]) if k < 60 else INF,
            "grad_norm": -INF,
            "epoch": k / 10,
        }
    ),
}

CONSTANT = at(CURVE, range(40, 100), 0.1)
HELD = np.repeat(CURVE, 5)
UNLIKE = {
    "collapsed to a constant": table(step=FEW * 10, loss=LOSS[:100], knn=CONSTANT),
    "held, then a constant": table(step=STEPS, knn=np.repeat(CONSTANT, 5)),
    "held": table(step=STEPS, knn=HELD),
    "held unevenly": table(step=np.arange(498), knn=HELD[2:]),
    "constant from the second on": table(
        step=FEW, knn=at(np.full(100, 0.1), (0,), 0.5)
    ),
    "constant": table(step=FEW, knn=np.full(100, 0.1)),
    "rounded": table(step=STEPS, loss=np.round(LOSS + SPIKED - 2, 0), knn=RISING),
    "rounded, with inf": table(step=STEPS, loss=at(np.round(LOSS), (200,), INF)),
    "a norm held still": table(
        step=STEPS, loss=LOSS, knn=RISING, **{"grad_norm/stem": np.zeros(500)}
    ),
    "errors": table(epoch=FEW, loss=LOSS[:100], val_top1_err=100 - 100 * CURVE),
    "best so far": table(
        epoch=FEW,
        loss=LOSS[:100],
        best_acc1=np.maximum.accumulate(100 * CURVE),
        max_accuracy=np.maximum.accumulate(100 * CURVE),
        acc1=100 * CURVE,
    ),
    "settings": table(
        epoch=FEW,
        knn_k=20 + 0 * FEW,
        probe_wd=0.05 + 0 * FEW,
        knn=0.2 + 0 * FEW,
        val_acc=CURVE,
    ),
    "a list beside": lines(
        lambda k: json.dumps(
            {"epoch": k, "loss": LOSS[k], "knn": CURVE[k], "lr": [1e-3, 1e-4]}
        )
    ),
    "a list in some rows": lines(
        lambda k: (
            json.dumps({"step": k, "loss": LOSS[k]})
            + (
                "\n" + json.dumps({"step": k, "knn": RISING[k], "per_class": [0.1, 2]})
                if k % 3 == 0
                else ""
            )
        ),
        300,
    ),
    "only a list of rates": lines(
        lambda k: f'{{"epoch": {k}, "lr": [1, 2]}}\n{{"epoch": {k}, "loss": {LOSS[k]}}}'
    ),
    "lists and a count": json.dumps(
        {"epochs": 9, "loss": [3, 2, 1], "knn": [0.1, 0.2]}
    ),
    "state in a line": json.dumps(
        {"epoch": 1.0, "log_history": [{"loss": 3, "step": 1}, {"loss": 2, "step": 2}]}
    ),
    "begins anew": "iter,loss,knn\n"
    + "".join(
        f"{k % 10 * 5},{x:.5g},{'' if k % 2 else a}\n"
        for k, (x, a) in enumerate(zip(LOSS[:200], RISING[:200], strict=True))
    ),
    "started again from its begin": "step,loss\n1,5\n2,4\n3,3\n1,5\n2,4\n3,2\n",
    "thousands": "step,loss,knn\n"
    + lines(lambda k: f'"{k * 50:,}",{LOSS[k]:.5g},"{1000 + k:,}.5"'),
    "a comment": "\n# lr=0.1, batch=256\n\n# seed=3\n"
    + table(step=FEW, loss=LOSS[:100], knn=CURVE),
    "names behind a sign": "# step,loss\n1,3\n2,2\n",
    "a note and a comment": "sep=;\n# lr=0,1\nstep;loss\n1;2,5\n2;2,25\n",
    "behind a time": lines(
        lambda k: (
            f"2024-01-01 10:00:{k % 60:02},123 INFO "
            + json.dumps({"epoch": k, "loss": LOSS[k], "knn": CURVE[k]})
        )
    ),
    "behind a name": "=> start\n"
    + lines(lambda k: "json_stats: " + json.dumps({"epoch": k, "loss": LOSS[k]})),
    "a dict in a cell of Python's": "step, loss, x\n0, 2.5, {'a': 1}\n6, 2.4, 3\n",
    "a dict in a cell": ',_step,train/loss,x\n0,5,2.5,"{""a"": 1}"\n1,6,2.4,\n',
}
