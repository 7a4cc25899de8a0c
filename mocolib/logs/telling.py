"""A judged log told in sentences: which of them, in which order, with which numbers."""

from mocolib.logs import advice
from mocolib.logs.advice import CHAPTER
from mocolib.logs.columns import WHOLE, ends
from mocolib.logs.judged import DENSE, FEWEST, LEAD_FROM, SURE, Judged
from mocolib.logs.words import sentences as words
from mocolib.words import said

MOST_FALLS, MOST_PLACES, MOST_NORMS, MOST_NAMES = 5, 8, 3, 8  # told one by one


def told(judged: Judged) -> list[str]:
    """The sentences, in the order in which they are read."""
    return [*_read(judged), *_accuracy(judged), *_spikes(judged), *_advice(judged)]


def _read(judged: Judged) -> list[str]:
    taken = {
        k: judged.columns.get(k) or said(words.NOWHERE)
        for k in ("accuracy", "loss", "rate")
    }
    norms = list(judged.columns.get("norms", {}).values())
    first, last = place(judged.first), place(judged.last)
    along = judged.columns.get("axis") or said(words.MANY["row"])
    fields = dict(title=judged.title, rows=f"{judged.rows:,}", along=along)
    fields |= {"first": first, "last": last, **taken}
    if len(norms) > MOST_NORMS:
        span = dict(count=len(norms), begin=norms[0], end=norms[-1])
        lines = [said(words.READ_MANY, **fields, **span)]
    else:
        lines = [
            said(words.READ, **fields, norms=", ".join(norms) or said(words.NOWHERE))
        ]
    if judged.others:
        names, more = judged.others[:MOST_NAMES], len(judged.others) - MOST_NAMES
        others = words.OTHERS if more <= 0 else words.MANY_OTHERS
        lines.append(said(others, names=", ".join(names), count=more))
    for note, count in judged.notes.items():
        one = words.ONE_NOTE.get(note) if count == 1 else None
        lines.append(said(one or words.NOTES[note], count=f"{count:,}"))
    return [*lines, *_broken(judged)]


def _broken(judged: Judged) -> list[str]:
    """Where the loss, and a few of the gradients, are no numbers."""
    lines, axis = [], axis_name(judged)
    names = list(judged.broken)[: MOST_NORMS + ("loss" in judged.broken)]
    sentences = {
        "infinite": (words.ONE_INFINITE, words.INFINITE),
        "nan": (words.ONE_NAN, words.NAN),
    }
    for name in names:
        for kind, found in judged.broken[name].items():
            sentence = sentences[kind][found["count"] > 1]
            fields = dict(count=f"{found['count']:,}", at=place(found["first"]))
            lines.append(said(sentence, what=_what(name), axis=axis, **fields))
    if more := len(judged.broken) - len(names):
        lines.append(said(words.MORE_BROKEN, count=more))
    if judged.diverged is not None:
        lines.append(said(words.DIVERGED, axis=axis, at=place(judged.diverged)))
    return lines


def _what(name: str) -> str:
    plain = {"loss": words.LOSS, WHOLE: words.WHOLE}.get(name)
    return said(plain) if plain else said(words.GRADIENT, layer=name)


def _every(judged: Judged) -> str:
    if judged.every == 1:
        return said(words.EVERY_ONE, axis=axis_name(judged))
    axes = said(words.MANY.get(judged.axis, judged.axis))
    return said(words.EVERY, every=place(judged.every), axes=axes)


def _accuracy(judged: Judged) -> list[str]:
    if not judged.readings:
        return [said(words.NO_ACCURACY)]
    lines = []
    if judged.every is not None:
        lines.append(_every(judged))
    if judged.unit == "share":
        lines.append(said(words.SHARES))
    if judged.noise is None:
        few = words.ONE_READING if judged.readings == 1 else words.FEW_READINGS
        return [*lines, said(few, readings=judged.readings, least=FEWEST)]
    if judged.missed:
        share, depth = (percent(judged.missed[k]) for k in ("share", "depth"))
        counts = {k: judged.missed[k] for k in ("falls", "runs")}
        counts |= {"readings": judged.readings, "share": share, "depth": depth}
        lines.append(said(words.MISSED, **counts))
    lines += _falls(judged)
    noise, jitter = points(judged.noise), points(judged.jitter)
    chance = f"{judged.falls_by_chance:.2g}"
    lines.append(
        said(words.CHANCE, readings=judged.readings, noise=noise, chance=chance)
    )
    if judged.start is None:
        lines.append(said(words.NO_START))
    else:
        end, first = percent(judged.end, 1), percent(judged.start["accuracy"], 1)
        axis, at = axis_name(judged), place(judged.start["at"])
        held = words.HELD if judged.risen else words.NOT_RISEN
        if judged.collapsed:
            below = judged.end < judged.start["accuracy"]
            held = words.BELOW if below else words.COLLAPSED
        lines.append(said(held, end=end, first=first, axis=axis, at=at))
    return [*lines, said(words.JITTER, jitter=jitter)]


def _falls(judged: Judged) -> list[str]:
    if not judged.falls:
        return [said(words.NO_FALL, noise=points(judged.noise))]
    lines, axis = [], axis_name(judged)
    deepest = sorted(judged.falls, key=lambda fall: -fall["depth"])[:MOST_FALLS]
    for fall in sorted(deepest, key=lambda fall: fall["start"]):
        late = words.LASTING if fall["end"] is None else words.LATE
        sentence = words.DIP if fall["made_good"] else late
        places = {k: place(fall[k]) for k in ("start", "low", "end")}
        lines.append(said(sentence, depth=points(fall["depth"]), axis=axis, **places))
        if fall["phase"]:
            lines.append(
                said(words.PHASES[fall["phase"]], axis=axis, start=places["start"])
            )
        if "loss" in fall["bursts"]:
            lines.append(
                said(
                    words.WITH, what=said(words.LOSS), axis=axis, start=places["start"]
                )
            )
    if more := len(judged.falls) - len(deepest):
        lines.append(
            said(words.ONE_MORE) if more == 1 else said(words.MORE, count=more)
        )
    return lines


def _spikes(judged: Judged) -> list[str]:
    lines = []
    shown, others = _told_one_by_one(judged)
    for name, found in shown.items():
        what = _what(name)
        if found["coarse"]:
            lines.append(said(words.COARSE, what=what))
            continue
        places = found["at"][:MOST_PLACES]
        count = len(found["at"])
        several = words.SPIKES if count == len(places) else words.MANY_SPIKES
        sentence = {0: words.NO_SPIKE, 1: words.ONE_SPIKE}.get(count, several)
        fields = dict(what=what, count=count, judged=f"{found['judged']:,}")
        fields |= {"axis": axis_name(judged), "places": ", ".join(map(place, places))}
        lines.append(said(sentence, **fields, chance=f"{found['by_chance']:.2g}"))
        if found["smoothed"]:
            lines.append(said(words.SMOOTHED, what=what))
    if others:
        count = sum(len(found["at"]) for found in others.values())
        chance = sum(found["by_chance"] for found in others.values())
        fields = dict(layers=len(others), count=count, chance=f"{chance:.2g}")
        lines.append(said(words.OTHER_SPIKES, **fields))
    if judged.lead is None:
        return [*lines, said(words.NO_NORMS, least=LEAD_FROM)]
    ahead = judged.lead["ahead"]
    sentence = (
        words.LEVEL if abs(ahead) < SURE else words.LEADS if ahead > 0 else words.TRAILS
    )
    fields = {**judged.lead, "ahead": f"{abs(ahead):.1f}"}
    return [*lines, said(sentence, **fields)]


def _told_one_by_one(judged: Judged) -> tuple[dict, dict]:
    """Of many norms the two ends, and the one that jumps most; then all others."""
    bursts, often = judged.bursts, max(judged.jumps, key=judged.jumps.get, default="")
    names = {"loss", often, *(ends(judged.columns.get("norms", {})) or ())}
    if len(bursts) <= MOST_NORMS + 1:
        names = set(bursts)
    shown = {name: found for name, found in bursts.items() if name in names}
    return shown, {name: bursts[name] for name in bursts if name not in names}


def _advice(judged: Judged) -> list[str]:
    layer = max(judged.jumps, key=judged.jumps.get, default="")
    lines = []
    for entry in advice.ENTRIES:
        if entry.id in judged.advice:
            lines.append(said(entry.says, layer=layer, dense=DENSE))
            where = words.EVIDENCE if entry.claims else words.WHERE
            claims = ", ".join(entry.claims)
            fields = dict(chapter=CHAPTER, anchor=entry.anchor, claims=claims)
            lines.append(said(where, **fields))
    return lines


def axis_name(judged: Judged) -> str:
    return said(words.AXES.get(judged.axis, judged.axis))


def place(at: float | None) -> str:
    """A place on an axis: 1,250 or 12.4.

    >>> place(1250.0), place(12.4), place(None)
    ('1,250', '12.4', '')
    """
    if at is None:
        return ""
    return f"{at:,.0f}" if at == round(at) else f"{at:,.4g}"


def points(share: float) -> str:
    return f"{100 * share:.1f}" if share >= 0.001 else f"{100 * share:.2g}"


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f}"
