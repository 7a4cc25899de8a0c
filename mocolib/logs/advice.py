"""From what a log shows to what to do: the tree of the chapter *What to do today*.

Data in one place. An entry fits where all of its symptoms are there and none of those
that speak against it; what speaks for it is left to recorded claims.
"""

from dataclasses import dataclass

CHAPTER = "book/what_to_do.ipynb"  # whose headings the anchors are


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One piece of advice; the sentence for it is `sentences.ADVICE[id]`."""

    id: str
    when: tuple  # symptoms that are all there
    unless: tuple = ()  # and none of these
    anchor: str  # a heading of the chapter
    claims: tuple = ()  # of the ledger


ENTRIES = (
    Entry(
        id="no_number",
        when=("diverged",),
        anchor="the-loss-is-no-number",
    ),
    Entry(
        id="collapse_in_warmup",
        when=("collapse", "fell_in_warmup"),
        unless=("diverged",),
        anchor="it-falls-and-stays-down",
        claims=("C9",),
    ),
    Entry(
        id="collapse",
        when=("collapse",),
        unless=("diverged", "fell_in_warmup"),
        anchor="it-falls-and-stays-down",
        claims=("C9",),
    ),
    Entry(
        id="lasting_at_peak",
        when=("lasting_fall", "lasting_at_peak"),
        unless=("collapse", "diverged"),
        anchor="it-falls-and-stays-down",
        claims=("C4",),
    ),
    Entry(
        id="lasting_fall",
        when=("lasting_fall",),
        unless=("collapse", "lasting_at_peak", "diverged"),
        anchor="it-falls-and-stays-down",
        claims=("C4",),
    ),
    Entry(
        id="not_risen",
        when=("not_risen",),
        unless=("collapse", "diverged"),
        anchor="when-it-is-something-else",
    ),
    Entry(
        id="one_layer_jumps",
        when=("one_layer_jumps",),
        anchor="the-loss-spikes-and-one-layer-jumps",
        claims=("C6", "C7"),
    ),
    Entry(
        id="layers_jump",
        when=("layers_jump",),
        anchor="the-loss-spikes-and-one-layer-jumps",
        claims=("C6",),
    ),
    Entry(
        id="spikes_without_norms",
        when=("loss_spikes",),
        unless=("layers",),
        anchor="first-look-densely",
    ),
    Entry(
        id="spikes_alone",
        when=("loss_spikes", "layers"),
        unless=("one_layer_jumps", "layers_jump"),
        anchor="what-a-spike-is-and-what-it-is-not",
    ),
    Entry(
        id="dip_with_spike",
        when=("dip", "dip_with_spike"),
        unless=("one_layer_jumps", "layers_jump"),
        anchor="it-dips-and-climbs-back",
        claims=("C4",),
    ),
    Entry(
        id="dip_without_spike",
        when=("dip", "spikes_seen"),
        unless=("dip_with_spike",),
        anchor="it-dips-and-climbs-back",
        claims=("C4",),
    ),
    Entry(
        id="dip_alone",
        when=("dip",),
        unless=("spikes_seen",),
        anchor="first-look-densely",
    ),
    Entry(
        id="no_accuracy",
        when=("no_accuracy",),
        anchor="first-look-densely",
    ),
    Entry(
        id="too_sparse",
        when=("sparse",),
        unless=("no_accuracy",),
        anchor="first-look-densely",
        claims=("C2",),
    ),
    Entry(
        id="fine",
        when=("calm",),
        unless=(
            *("sparse", "diverged", "collapse", "loss_spikes"),
            *("one_layer_jumps", "layers_jump", "not_risen"),
        ),
        anchor="nothing-is-wrong",
    ),
)


def fitting(symptoms: tuple) -> tuple:
    """The ids of the entries that fit, the gravest first."""
    there = set(symptoms)
    return tuple(
        entry.id
        for entry in ENTRIES
        if there.issuperset(entry.when) and not there & set(entry.unless)
    )


def symptoms(known: dict, layers: list, dense: int) -> tuple:
    """What the entries ask for, of what `judged.judge` has found."""
    falls, bursts = known["falls"], known["bursts"]
    lasting = [fall for fall in falls if not fall["made_good"]]
    dips = [fall for fall in falls if fall["made_good"]]
    spikes = len(bursts.get("loss", {}).get("at", ()))
    beyond = _beyond(bursts.get("loss"))
    most, second = [*sorted(known["jumps"].values(), reverse=True), 0, 0][:2]
    jump, several = spikes > 1 and most > spikes / 2, second > most / 2
    told = "loss" if "loss" in bursts else None
    answers = {
        "diverged": known["diverged"] is not None,
        "no_accuracy": not known["readings"],
        "sparse": known["readings"] < dense,
        "collapse": bool(known["collapsed"]),
        "fell_in_warmup": any(fall["phase"] == "warmup" for fall in lasting),
        "lasting_fall": bool(lasting),
        "lasting_at_peak": any(fall["phase"] == "peak" for fall in lasting),
        "dip": bool(dips),
        "dip_with_spike": any(
            told in fall["bursts"] if told else fall["bursts"] for fall in dips
        ),
        "spikes_seen": bool(bursts),
        "loss_spikes": beyond,
        "layers": bool(layers),
        # in most spikes of the loss; noise alone hardly has two beside each other
        "one_layer_jumps": jump and not several,
        "layers_jump": jump and several,
        "not_risen": known["risen"] is False,
        "calm": known["noise"] is not None and not falls,
    }
    return tuple(name for name, there in answers.items() if there)


def _beyond(found: dict | None) -> bool:
    """Whether there are more spikes than noise has, by one and 2 sd of Poisson's."""
    if not found or found["smoothed"]:
        return False
    mean = found["by_chance"]
    return len(found["at"]) > mean + 2 * mean**0.5 + 1
