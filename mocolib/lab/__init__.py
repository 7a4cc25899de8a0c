"""Panels for the chapters: the live one trains while you watch.

    from mocolib import lab, named_recipe
    lab.live(named_recipe("live"))

From a run to the screen: traces (what is shown of a run) -> chart (one SVG) ->
curves (three charts and a table) -> panel (controls and buttons), with session (the
thread that trains) beside it.
"""

from mocolib.lab.chapter import picture, verdict
from mocolib.lab.panel import live

__all__ = ["live", "picture", "verdict"]
