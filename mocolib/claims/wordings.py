"""The wording of findings, in one place.

A claim has a sentence for each outcome of its primary effect, and may end in a clause
that follows the outcome of a second one. Fields: `first` and `second`, the two means
that are compared; `mean` with its sign, `size` without it, `less` with the other one,
`times` as a power of two; `low` and `high`, the ends of the interval; `n`, the seeds.
Numbers are in the effect's unit, points of accuracy unless the sentence says otherwise.
"""

from dataclasses import dataclass

OPEN = ", a difference that chance could have made"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A claim's sentence by outcome; a clause by that of the effect `key`."""

    holds: str
    open: str
    opposite: str
    void: str = ""  # where what the claim presupposes was not found
    key: str = ""
    also: tuple = ()  # the clause where that effect holds, is open, is opposite


def gained(key: str, what: str = "accuracy") -> dict:
    """A clause on an effect that is positive where `what` rose."""
    return dict(
        key=key,
        also=(
            f", and {what} rose by {{size}} points",
            f", and {what} changed by {{mean}} points, which is open",
            f", and {what} fell by {{size}} points",
        ),
    )


def lost(key: str, what: str = "accuracy") -> dict:
    """A clause on an effect that is positive where `what` fell."""
    rose, _, fell = gained(key, what)["also"]
    apart = f", and {what} changed by {{less}} points, which is open"
    return dict(key=key, also=(fell, apart, rose))


WORDINGS = {
    "C1": Wording(
        holds="With the rate in proportion to the batch, the deepest fall grew from "
        "{second} points at batch 64 to {first} at batch 512",
        open="With the rate in proportion to the batch, the deepest fall was {second} "
        "points at batch 64 and {first} at batch 512" + OPEN,
        opposite="With the rate in proportion to the batch, the deepest fall shrank "
        "from {second} points at batch 64 to {first} at batch 512",
        **lost("accuracy"),
    ),
    "C1b": Wording(
        holds="It is the rate: at batch 512 the small batch's rate took {first} points "
        "off the deepest fall, more than half of what the batch had added",
        open="At batch 512 the small batch's rate took {first} points off the deepest "
        "fall; whether that is more than half of what the batch had added is open",
        opposite="It is not the rate alone: at batch 512 the small batch's rate took "
        "only {first} points off the deepest fall, less than half of what the batch "
        "had added",
        void="The deepest fall did not surely grow with the batch, so there was no "
        "growth to explain",
        key="small",
        also=(
            "; at the large batch's rate a small batch falls deeper too, by {size} "
            "points",
            "; whether a small batch shakes at the large batch's rate is open ({mean} "
            "points)",
            "; at the large batch's rate a small batch falls {size} points less deep",
        ),
    ),
    "C2": Wording(
        holds="At the shaking rates the dense monitor saw {first} dips a run, a "
        "reading once an epoch {second}",
        open="At the shaking rates the dense monitor saw {first} dips a run, a reading "
        "once an epoch {second}" + OPEN,
        opposite="At the shaking rates a reading once an epoch saw {second} dips a "
        "run, more than the {first} of the dense monitor",
    ),
    "C3": Wording(
        holds="The queue gained {size} points of kNN from 16 to 8192 negatives",
        open="The queue's kNN was {second} % with 16 negatives and {first} % with "
        "8192" + OPEN,
        opposite="The queue lost {size} points of kNN from 16 to 8192 negatives",
        key="rival",
        also=(
            "; there it beat the memory bank by {size} points",
            "; whether it beats the memory bank is open ({mean} points)",
            "; there the memory bank beat it by {size} points",
        ),
    ),
    "C3-bn": Wording(
        holds="With BatchNorm over 32 devices and keys in order the loss ended {size} "
        "lower than on one",
        open="With BatchNorm over 32 devices and keys in order the loss ended at "
        "{second}, on one device at {first}" + OPEN,
        opposite="With BatchNorm over 32 devices and keys in order the loss ended "
        "{size} higher than on one",
        **lost("accuracy"),
    ),
    "C4": Wording(
        holds="The deepest fall grew with the rate, from {second} points at the "
        "smallest to {first} at a shaking one",
        open="The deepest fall was {second} points at the smallest rate and {first} at "
        "a shaking one" + OPEN,
        opposite="The deepest fall shrank with the rate, from {second} points at the "
        "smallest to {first} at a shaking one",
        key="jitter",
        also=(
            ", and jitter by {size} points",
            "; jitter changed by {mean} points, which is open",
            "; jitter shrank by {size} points",
        ),
    ),
    "C5": Wording(
        holds="Over its rates LAMB's jitter grew by {second} points, AdamW's by "
        "{first}",
        open="Over its rates LAMB's jitter grew by {second} points, AdamW's by "
        "{first}" + OPEN,
        opposite="Over its rates LAMB's jitter grew by {second} points, more than "
        "AdamW's {first}",
        key="cost",
        also=(
            ", and its largest rate cost {first} points of accuracy, AdamW's {second}",
            "; whether its largest rate costs more accuracy than AdamW's is open "
            "({mean} points)",
            ", and its largest rate cost only {first} points of accuracy, AdamW's "
            "{second}",
        ),
    ),
    "C6": Wording(
        holds="At the shaking rates the first layer's gradient led the projector's, "
        "by {size} standard deviations of chance",
        open="Which of first layer and projector leads at the shaking rates is open "
        "({mean} standard deviations of chance)",
        opposite="At the shaking rates the projector's gradient led the first layer's, "
        "by {size} standard deviations of chance",
        key="fall",
        also=(
            "; behind a spike kNN fell by {size} points",
            "; whether kNN falls behind a spike is open ({mean} points)",
            "; behind a spike kNN rose by {size} points",
        ),
    ),
    "C7": Wording(
        holds="Fixing the projection cut the deepest fall at the shaking rates from "
        "{first} to {second} points",
        open="At the shaking rates the deepest fall was {first} points learned and "
        "{second} fixed" + OPEN,
        opposite="Fixing the projection deepened the deepest fall at the shaking rates "
        "from {first} to {second} points",
        **gained("accuracy"),
    ),
    "C8": Wording(
        holds="Where a token has room for the whole patch, a fixed projection cost "
        "less than half a point of accuracy ({first} % fixed, {second} % learned)",
        open="Where a token has room for the whole patch, a fixed projection reached "
        "{first} % and a learned one {second} %; whether it costs less than half a "
        "point is open",
        opposite="Even where a token has room for the whole patch, a fixed projection "
        "cost more than half a point of accuracy ({first} % fixed, {second} % learned)",
        key="condition",
        also=(
            "; an orthogonal matrix was {size} points better than a random one",
            "; whether an orthogonal matrix is better than a random one is open "
            "({mean} points)",
            "; an orthogonal matrix was {size} points worse than a random one",
        ),
    ),
    "C9": Wording(
        holds="With the projection fixed the deepest fall still grew, from {second} "
        "points at the calm rate to {first} at the largest",
        open="With the projection fixed the deepest fall was {second} points at the "
        "calm rate and {first} at the largest" + OPEN,
        opposite="With the projection fixed the deepest fall shrank, from {second} "
        "points at the calm rate to {first} at the largest",
    ),
    "C10": Wording(
        holds="An abrupt step of the temperature made a dip of {size} points",
        open="Whether an abrupt step of the temperature makes a dip is open ({mean} "
        "points)",
        opposite="Behind an abrupt step of the temperature kNN rose by {size} points",
        key="jitter",
        also=(
            ", and jitter stayed higher, by {size} points",
            "; jitter afterwards differed by {mean} points, which is open",
            "; afterwards jitter was lower, by {size} points",
        ),
    ),
    "C11": Wording(
        holds="At its own shaking rate SimCLR gained {size} points from a fixed "
        "projection",
        open="At its own shaking rate SimCLR reached {first} % with a fixed projection "
        "and {second} % with a learned one" + OPEN,
        opposite="At its own shaking rate SimCLR lost {size} points with a fixed "
        "projection",
        key="byol accuracy",
        also=(
            ", BYOL {size}",
            "; whether BYOL gains is open ({mean} points)",
            "; BYOL lost {size} points",
        ),
    ),
    "C12": Wording(
        holds="With the projection's gradient clipped at 1e-3 the deepest fall was "
        "{first} points, clipped at 1e-8, which nearly freezes, {second}",
        open="With the projection's gradient clipped at 1e-3 the deepest fall was "
        "{first} points, clipped at 1e-8, which nearly freezes, {second}" + OPEN,
        opposite="With the projection's gradient clipped at 1e-3 the deepest fall was "
        "{first} points, less than the {second} of a clip at 1e-8, which nearly "
        "freezes",
        key="slow",
        also=(
            "; a fifth of the rate for the projection took {size} points off",
            "; whether a fifth of the rate for the projection helps is open ({mean} "
            "points)",
            "; a fifth of the rate for the projection added {size} points",
        ),
    ),
    "C13": Wording(
        holds="The prediction head was worth {size} points of accuracy",
        open="With the prediction head accuracy was {first} %, without {second} %"
        + OPEN,
        opposite="Without the prediction head accuracy was {size} points higher",
        key="m = .9",
        also=(
            "; momentum .99 beat .9 by {size} points",
            "; whether momentum .99 beats .9 is open ({mean} points)",
            "; momentum .9 beat .99 by {size} points",
        ),
    ),
    "C14": Wording(
        holds="Ahead of a spike AdamW expected too small a gradient of the first "
        "layer: √(g²/v), what comes over what it expects, stood at {times} times its "
        "typical value",
        open="Ahead of a spike √(g²/v) of the first layer, the gradient over what "
        "AdamW expects of it, stood at {times} times its typical value, which is open",
        opposite="Ahead of a spike AdamW expected too large a gradient of the first "
        "layer: √(g²/v), what comes over what it expects, stood at {times} times its "
        "typical value",
        key="edge",
        also=(
            "; the curvature stayed within a factor of two of its limit, 38 over the "
            "rate",
            "; whether the curvature stays near its limit, 38 over the rate, is open",
            "; the curvature was further than a factor of two from its limit, 38 over "
            "the rate",
        ),
    ),
    "C14b": Wording(
        holds="A shorter memory of the optimizer, β₂ = .95, took {first} points off "
        "the deepest fall, more than half of what freezing takes",
        open="A shorter memory of the optimizer, β₂ = .95, took {first} points off the "
        "deepest fall; whether that is half of what freezing takes is open",
        opposite="A shorter memory of the optimizer, β₂ = .95, took {first} points off "
        "the deepest fall, less than half of what freezing takes",
        void="Freezing did not surely make the deepest fall smaller in these runs, so "
        "there was no gap to close",
        key="qk",
        also=(
            "; qk-norm took {size} points off it",
            "; whether qk-norm takes something off it is open ({mean} points)",
            "; qk-norm added {size} points to it",
        ),
    ),
    "C15": Wording(
        holds="With the projection fixed just before it, {first} % of the spikes did "
        "not come; with other images {second} %",
        open="With the projection fixed just before it, {first} % of the spikes did "
        "not come; with other images {second} %" + OPEN,
        opposite="With the projection fixed just before it, only {first} % of the "
        "spikes did not come; with other images {second} %",
    ),
    "C16": Wording(
        holds="At the shaking rate the patch projection's effective rank, how many "
        "directions it uses, fell from {first} to {second}",
        open="At the shaking rate the patch projection's effective rank, how many "
        "directions it uses, was {first} at the start and {second} at the end" + OPEN,
        opposite="At the shaking rate the patch projection's effective rank, how many "
        "directions it uses, rose from {first} to {second}",
        key="calm",
        also=(
            ", {size} below that of a calm run",
            "; whether it ends below that of a calm run is open ({mean})",
            ", {size} above that of a calm run",
        ),
    ),
}
