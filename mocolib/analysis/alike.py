"""Whether runs that are told as one are one: their seeds differ, and nothing else."""

from collections.abc import Iterable

from mocolib.errors import BadInput
from mocolib.runs import Run

SHOWN = 3  # fields, and values of each, that a sentence names


def check_groups(runs: Iterable[Run], *by: str):
    """`check_alike` of the runs of each setting of some fields of the recipe."""
    groups: dict = {}
    for run in runs:
        at = tuple(getattr(run.recipe, name) for name in by)
        groups.setdefault(at, []).append((run.recipe.seed, vars(run.recipe)))
    for at, members in groups.items():
        check_alike(members, dict(zip(by, at, strict=True)))


def check_alike(members: list[tuple[int, dict]], where: dict):
    """BadInput where the members of a group, (seed, settings) each, are not alike.

    Their settings may differ in nothing but the seed, and no seed may be there twice:
    a mean, a range or a median run would be none of one setting. `where`: the settings
    that all have and by which the group is known.
    """
    place = " ".join(f"{name}={value}" for name, value in where.items()) or "one line"
    names = dict.fromkeys(name for _, settings in members for name in settings)
    values = {
        name: list(dict.fromkeys(settings.get(name) for _, settings in members))
        for name in names
        if name != "seed"
    }
    differ = {name: some for name, some in values.items() if len(some) > 1}
    if differ:
        raise BadInput(
            f"runs of {place} differ in {_listed(differ)}, but must differ in nothing "
            "but the seed: take one value of each, or tell them apart."
        )
    seeds = [seed for seed, _ in members]
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if twice is not None:
        raise BadInput(
            f"runs of {place} have seed {twice} {seeds.count(twice)} times, but must "
            "have each seed once."
        )


def _listed(differ: dict) -> str:
    """Some names with some of their values: `optimizer (adamw, sgd)`."""
    told = [f"{name} ({_some(values)})" for name, values in differ.items()]
    return _some(told)


def _some(items: list) -> str:
    return ", ".join(map(str, items[:SHOWN])) + ", …" * (len(items) > SHOWN)
