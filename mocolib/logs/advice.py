"""From what a log shows to what to do: the tree of the chapter *What to do today*.

Its entries, with their sentences, stand in words/advice.toml.
"""

from dataclasses import dataclass

from mocolib.words import table

CHAPTER = "book/what_to_do.ipynb"  # whose headings the anchors are


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One piece of advice."""

    id: str
    when: list  # symptoms that are all there
    unless: list = ()  # and none of these
    anchor: str  # a heading of the chapter
    claims: list = ()  # of the ledger
    says: str


ENTRIES = tuple(Entry(id=id, **row) for id, row in table("advice").items())


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
    shown = {name for name, found in bursts.items() if not found["coarse"]}
    told = "loss" if "loss" in shown else None
    diverged = known["diverged"] is not None
    # a gradient that never was a number is only logged so
    broken = any(name == "loss" or name in bursts for name in known["broken"])
    answers = {
        "diverged": diverged,
        "broken": broken,
        "no_number": diverged or broken,
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
        "spikes_seen": bool(shown),
        "coarse": "loss" in bursts and "loss" not in shown,
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
    if not found or found["smoothed"] or found["coarse"]:
        return False
    mean = found["by_chance"]
    return len(found["at"]) > mean + 2 * mean**0.5 + 1
