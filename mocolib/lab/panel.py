"""The live panel: controls, a thread that trains, and curves that grow meanwhile.

It consumes the same iterator as everybody, `mocolib.train`. Pictures are drawn
between two steps and never more often than their cost allows, so the panel takes a
small, known share of the training's time.
"""

import math
import os
import threading
import time
from html import escape

import ipywidgets as widgets
from IPython.display import HTML

from mocolib.data import Dataset, load
from mocolib.errors import BadInput
from mocolib.lab import controls, curves, session
from mocolib.lab.page import in_page, scripts
from mocolib.lab.recorded import experiment
from mocolib.lab.traces import Trace, from_run, words
from mocolib.recipe import Recipe
from mocolib.runs import Run
from mocolib.train import CHANGEABLE, Step, Training, train

ELSEWHERE = (
    "These runs were recorded with the same recipe. To train with settings of your "
    "own, open this chapter in Colab (the rocket button above) or run make lab."
)
AXES = ("base_lr", "batch_size", "patch_projection", "optimizer", "temperature")


def live(recipe: Recipe, recorded=(), data: Dataset | None = None):
    """A panel that trains `recipe` with the settings you choose, to be displayed.

    `recorded`, runs of `mocolib.runs`, stand in grey behind the live curves: those
    whose settings are nearest to the chosen ones; those of other images are left out,
    with a sentence. In a built page, where nothing can train, they are shown alone, as
    an `experiment`. `data` spares the loading of `recipe.dataset`. A training that an
    earlier panel started stops.
    """
    if in_page():
        by = [a for a in AXES if len({getattr(r.recipe, a) for r in recorded}) > 1]
        return experiment(recorded, id="live", by=by or AXES[:1], question=ELSEWHERE)
    session.stop()
    return Panel(recipe, list(recorded), data)


class Panel(widgets.VBox):
    """Controls, three buttons, progress, curves, and a table of the runs so far."""

    def __init__(self, recipe: Recipe, recorded: list[Run], data: Dataset | None):
        self.recipe, self.data, self.traces = recipe, data, []
        self.recorded = [from_run(run) for run in recorded]
        self.pace, self.session = session.Pace(), None
        self.lock = threading.Lock()  # Clear and the training thread both draw
        trouble = self._load() or self._fit(recorded)
        images = None if self.data is None else len(self.data.train_images)
        self.controls = controls.build(recipe, images)
        self.run = widgets.Button(
            description="Run", icon="play", button_style="primary"
        )
        self.stop = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.clear = widgets.Button(description="Clear", icon="trash")
        self.bar = widgets.FloatProgress(max=1.0)
        self.note, self.progress, self.error = (widgets.HTML() for _ in range(3))
        self.charts, self.table = widgets.HTML(), widgets.HTML()
        self.scripts = widgets.Output()  # what draws the charts, where they stand
        self.scripts.append_display_data(HTML(scripts()))
        super().__init__(self._rows())
        self.run.on_click(self._on_run)
        self.stop.on_click(self._on_stop)
        self.clear.on_click(self._on_clear)
        for name, widget in self.controls.items():
            widget.observe(lambda change, n=name: self._moved(n, change), "value")
        self._explain()
        self._say(trouble)
        self._draw()

    def close(self):
        """Stop training, then go."""
        self._on_stop(None)
        super().close()

    def _rows(self) -> list:
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        for button in (self.run, self.stop, self.clear):
            button.layout.width = "88px"
        self.bar.layout.width, self.bar.layout.margin = "240px", "2px 12px"
        below = [self.run, self.stop, self.clear, self.bar, self.progress]
        return [
            controls.grid(self.controls),
            self.note,
            widgets.HBox(below, layout=wrap),
            self.error,
            self.scripts,
            self.charts,
            self.table,
        ]

    def _load(self) -> str:
        """The images, before they are needed; or the sentence why there are none."""
        try:
            self.data = self.data or load(self.recipe.dataset, self.recipe.image_size)
            _ = self.data.mean  # read from all images, then kept
            return ""
        except BadInput as error:
            return str(error)

    def _fit(self, recorded: list[Run]) -> str:
        """Keep the recorded runs of these images; a sentence where there are others."""
        own = self.data.fingerprint
        same = [run for run in recorded if run.provenance.get("data") == own]
        self.recorded = [from_run(run) for run in same]
        if len(same) == len(recorded):
            return ""
        other = next(run for run in recorded if run not in same)
        return (
            f"{len(recorded) - len(same)} recorded runs are left out, {other.id} for "
            f"one: they were trained on other images than {self.data.name} holds here."
        )

    def _explain(self, _=None):
        """Say what the controls come to, or why it can't be had."""
        try:
            asked = controls.chosen(self.recipe, self.controls)
            self.note.value = _paragraph(controls.explained(asked))
            self._say("")
        except BadInput as error:
            self._say(str(error))

    def _moved(self, name: str, change: dict):
        """A control was moved: it holds for the run that goes on, or for the next."""
        self._explain()
        self._draw()
        if not self.session or not self.session.is_alive():
            return
        trace, value = self.traces[-1], change["new"]
        said = words(name, value)
        if name not in CHANGEABLE:
            self.note.value += _paragraph(f"{said}: from the next run on.")
        elif getattr(self.running, name) != value:
            self.running = self.running.replace(**{name: value})
            self.session.changes.put({name: value})
            trace.marks.append((trace.steps, said))

    def _say(self, sentence: str):
        """Show one sentence of trouble, or none."""
        self.error.value = sentence and _paragraph(
            escape(sentence), 'role="alert"', "border-left: 3px solid #d55e00;"
        )

    def _on_run(self, _):
        if self.session and self.session.is_alive():
            return
        try:
            recipe = controls.chosen(self.recipe, self.controls)
        except BadInput as error:
            self._say(str(error))
            return
        trace, self.running = Trace(recipe=recipe), recipe
        self.traces = [*self.traces, trace]
        self.run.disabled, self.stop.disabled = True, False
        self.bar.value, self.bar.bar_style = 0.0, ""
        self.progress.value = _paragraph("starting …")
        self._say("")
        self.pace = session.Pace()
        self.session = session.start(
            begin=lambda: self._training(recipe),
            on_step=lambda step: self._take(trace, step),
            on_end=lambda *how: self._finish(trace, *how),
        )

    def _training(self, recipe: Recipe) -> Training:
        if self.data is None:  # it may have come since the panel was made
            self.data = load(recipe.dataset, recipe.image_size)
        return train(recipe, self.data, os.cpu_count() or 1)

    def _on_stop(self, _):
        if self.session:
            self.session.stopped.set()
            self.stop.disabled = True

    def _on_clear(self, _):
        running = self.session and self.session.is_alive()
        self.traces = self.traces[-1:] if running else []
        if not running:
            self.bar.value, self.progress.value = 0.0, ""
        self._draw()

    def _take(self, trace: Trace, step: Step):
        """A step has come: keep it, and show it if it is time."""
        trace.add(step)
        self.pace.step(step.samples)
        if self.pace.due():
            start = time.perf_counter()
            self.bar.value = step.index / trace.recipe.steps
            self.progress.value = _paragraph(_progress(trace, self.pace.rate))
            self._draw()
            self.pace.took(time.perf_counter() - start)

    def _finish(self, trace: Trace, outcome: str, trouble: str):
        """The run is over: the last picture, and the buttons back."""
        trace.outcome = outcome
        if not trace.steps:  # nothing to see of it
            self.traces = [t for t in self.traces if t is not trace]
        self.bar.value = trace.steps / trace.recipe.steps
        self.bar.bar_style = "success" if outcome == "finished" else "warning"
        self.progress.value = _paragraph(f"{outcome} · {self.pace.rate:,.0f} images/s")
        self._draw()
        self._say(trouble)
        self.run.disabled, self.stop.disabled = False, True

    def _draw(self):
        """Charts and table as they are now, before the nearest recorded run."""
        with self.lock:
            traces = [*self._nearest(), *self.traces]
            self.charts.value = curves.charts(traces, self.recipe.steps)
            self.table.value = curves.table(traces)

    def _nearest(self) -> list[Trace]:
        """The recorded run whose settings are closest to the chosen ones, if any."""
        chosen = {name: self.controls[name].value for name in AXES}
        return sorted(self.recorded, key=lambda t: distance(t.recipe, chosen))[:1]


def distance(recipe: Recipe, chosen: dict) -> float:
    """How far a recipe is from chosen settings: words weigh more than any number."""
    total = 0.0
    for name, value in chosen.items():
        own = getattr(recipe, name)
        if isinstance(value, str):
            total += 100 * (own != value)
        else:
            total += abs(math.log(max(own, 1e-9) / max(value, 1e-9)))
    return total


def _progress(trace: Trace, rate: float) -> str:
    text = f"step {trace.steps:,} of {trace.recipe.steps:,}"
    if not rate:
        return text
    left = (trace.recipe.steps - trace.steps) * trace.recipe.batch_size
    minutes, seconds = divmod(round(left / rate), 60)
    left = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{text} · {rate:,.0f} images/s · {left} left"


def _paragraph(text: str, attributes: str = "", style: str = "") -> str:
    """Text that may wrap; a widget alone would cut it to one row of 28 pixels."""
    style += " padding: 2px 8px; line-height: 1.5; white-space: normal"
    return f'<div {attributes} style="{style}">{text}</div>'
