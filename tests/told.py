"""What a panel is told to show: the JSON inside its HTML."""

import json
import re

import numpy as np


def told(shown: str) -> dict:
    """The data of the first element in some HTML."""
    return json.loads(re.search(r'json">(.*?)</script>', shown, re.S)[1])


def picture(data: dict, n: int) -> str:
    """The HTML of a frame."""
    return "".join(data["pieces"][i] for i in data["frames"][n])


def frame(shown: str, **chosen) -> tuple[str, str]:
    """The picture and the words of a panel over frames, where it begins or as chosen.

    chosen: the index of an option's value.
    """
    data = told(shown)
    at = [
        chosen.get(axis["name"], start)
        for axis, start in zip(data["axes"], data["start"], strict=True)
    ]
    sizes = [len(axis["words"]) for axis in data["axes"]]
    n = int(np.ravel_multi_index(at, sizes))
    return picture(data, n), data["spoken"][n]
