"""The published runs of a sweep, packed into two files in place of their folders."""

import os
import tempfile
from pathlib import Path

from mocolib import runs, sweep
from mocolib.errors import BadInput
from mocolib.files import shown
from mocolib.runs import Run, pack, publish


def pack_sweep(name, root) -> Path:
    """Pack the folders under `root` that are a sweep's runs; the pack's Parquet file.

    Whole or not at all: the folders go when what the files give back is what they held,
    to the last bit. A run that lies in another sweep's pack stays there. BadInput where
    the sweep is not whole, or a folder is not sound or holds more than is published.
    """
    plan, root = sweep.read(name), Path(root)
    file, places = root / f"{plan.name}.parquet", pack.places(root)
    loose = _loose(plan, file, places)
    known = {id: Run(at) for id, at in places.items() if at.parent == file}
    for id in loose.keys() & known.keys():  # a removal was interrupted
        _check_copy(loose[id], known[id])
    order = dict.fromkeys([*(recipe.id for recipe in plan.recipes), *known])
    chosen = [known.get(id) or loose[id] for id in order if id in known or id in loose]
    with tempfile.TemporaryDirectory(dir=root, prefix=".packing-") as part:
        new = Path(part) / file.name
        sums = [publish.digest(run) for run in chosen]
        pack.write(chosen, sums, _elsewhere(plan, file, places), new)
        for run in chosen:
            _check_copy(run, Run(new / run.id))
        pack.put(new, file)
        for run in loose.values():  # they go with the folder that they are moved to
            os.rename(run.folder, Path(part) / run.id)
    return file


def _loose(plan: sweep.Sweep, file: Path, places: dict) -> dict[str, Run]:
    """The folders to pack, by id."""
    root = file.parent
    lacking = sum(runs.find(recipe, root) is None for recipe in plan.recipes)
    if lacking:
        raise BadInput(
            f"sweep {plan.name} lacks {lacking} of {len(plan.recipes)} runs under "
            f"{shown(root)}, but must be whole to be packed."
        )
    found = {
        recipe.id: Run(root / recipe.id)
        for recipe in plan.recipes
        if (root / recipe.id).is_dir()
        and places.get(recipe.id, file / recipe.id).parent == file
    }
    if not found:
        raise BadInput(
            f"sweep {plan.name} has no folder under {shown(root)}, but must have one "
            "to be packed."
        )
    for run in found.values():
        _check_publishable(run)
    return found


def _check_publishable(run: Run):
    more = {path.name for path in run.folder.iterdir()} - set(publish.FILES)
    if more:
        raise BadInput(
            f"run {run.id} has {min(more)} in {shown(run.folder)}, but must have what "
            "`mocolib runs publish` writes, and nothing else, to be packed."
        )
    faults = publish.verify(run)
    if faults:
        raise BadInput(f"run {faults[0][:-1]}, but must be sound to be packed.")


def _check_copy(run: Run, copy: Run):
    """Whether two places give the same record, to the last bit."""
    same = publish.digest(run) == publish.digest(copy)
    if not same or not run.steps.equals(copy.steps) or publish.verify(copy):
        raise BadInput(
            f"run {run.id} in {shown(copy.folder)} differs from the one in "
            f"{shown(run.folder)}, but must be the same to take its place."
        )


def _elsewhere(plan: sweep.Sweep, file: Path, places: dict) -> dict[str, list]:
    """The sweep's runs that other packs have, by the name of the pack."""
    found: dict = {}
    for recipe in plan.recipes:
        other = places.get(recipe.id, file / recipe.id).parent
        if other != file:
            found.setdefault(other.stem, []).append(recipe.id)
    return found
