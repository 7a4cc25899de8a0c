"""Settings, their values, measures and layers in words; ids in code, words for readers.

An id is ASCII and never shown. Its words stand in settings.toml, unless it reads as it
should with spaces for its underscores.
"""

from numbers import Integral, Real

from mocolib.words.language import said, table

LABELS, TITLES, VALUES, FACTS, PHRASES = (
    table("settings")[part]
    for part in ("labels", "titles", "values", "facts", "phrases")
)


def label(name: str) -> str:
    """A setting's name: `temperature τ`."""
    return said(LABELS.get(name, name.replace("_", " ")))


def title(name: str) -> str:
    """The same where there is little room: `τ`."""
    return said(TITLES[name]) if name in TITLES else label(name)


def fact(name: str) -> str:
    """A measure as the head of a column."""
    return said(FACTS.get(name, name))


def value(given) -> str:
    """A setting's value, or any id in words."""
    if isinstance(given, bool):
        return said("yes") if given else said("no")
    if isinstance(given, Integral):
        return f"{given:,}"
    if isinstance(given, Real):
        return short(given)
    return said(VALUES.get(given, str(given).replace("_", " ")))


def spoken(name: str, given) -> str:
    """A setting and its value, so that they stand alone: `base rate 0.004`."""
    if isinstance(given, bool):
        phrase = "with {label}" if given else "without {label}"
        return said(phrase, label=label(name))
    digits = given not in VALUES and any(c.isdigit() for c in str(given))
    if digits and name not in PHRASES:
        return said("{label} {value}", label=label(name), value=value(given))
    return said(PHRASES.get(name, "{value}"), value=value(given))


def short(value: float) -> str:
    """A number in few letters: 0.004, 0.2, 1.5e-4, 61k. The page writes them alike."""
    if value and (abs(value) < 0.001 or abs(value) >= 1e6):
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    if abs(value) >= 999.5:
        return f"{float(f'{value / 1000:.3g}'):g}k"
    return f"{float(f'{value:.3g}'):g}"


def layer_name(layer: str) -> str:
    """A layer: `block 1, qkv` for `blocks.0.qkv`."""
    head, *rest = layer.split(".")
    if head == "blocks" and len(rest) == 1:
        return said("block {number}", number=int(rest[0]) + 1)
    if head == "blocks":
        return said("block {number}, {part}", number=int(rest[0]) + 1, part=rest[1])
    if rest and rest[-1].isdecimal():
        number = int(rest[-1]) + 1
        return said("{part} {number}", part=said(head), number=number)
    return said(layer.replace("_", " ").replace(".", " "))
