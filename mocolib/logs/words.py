"""What is said of a log: the sentences of words/logs.toml, by their names there."""

from types import SimpleNamespace

from mocolib.words import table

sentences, refusals, page, panel = (
    SimpleNamespace(**table("logs")[part])
    for part in ("sentences", "refusals", "page", "panel")
)
