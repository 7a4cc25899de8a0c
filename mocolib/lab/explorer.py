"""The panel over recorded runs in a kernel: the page's controls, as core widgets."""

import ipywidgets as widgets

from mocolib.lab.chart import Curve, chart, short, swatch
from mocolib.lab.controls import STYLE, column, named
from mocolib.lab.curves import COLOURS, DASHES, LOOK, wrapped
from mocolib.lab.describe import DOTS, LOG, X_AXES, Axis, Description
from mocolib.lab.page import NO_RUNS

MOST = 6  # curves on top of each other that can still be told apart


class Explorer(widgets.VBox):
    """A slider or a switch an axis, Keep, and the charts of the chosen settings."""

    def __init__(self, description: Description, caption: str | None = None):
        self.description, self.at = description, description.start
        self.kept = list(description.keep)
        self.controls = [control(axis) for axis in description.axes]
        self.keep = widgets.Button(description="Keep this curve", icon="thumb-tack")
        self.clear = widgets.Button(description="Clear kept", icon="trash")
        self.bands = widgets.Checkbox(
            value=True, description="band of all seeds", indent=False
        )
        options = [(words, x) for x, words in X_AXES.items()]
        self.x = widgets.ToggleButtons(options=options, value=description.x)
        self.charts, self.table = widgets.HTML(), widgets.HTML()
        self.caption = widgets.HTML(f"<em>{caption}</em>" if caption else "")
        super().__init__(self._rows())
        if description.groups:
            self._listen()
            self._follow()
        else:
            self.charts.value = NO_RUNS

    def _rows(self) -> list:
        row = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.keep.layout.width = "150px"
        self.clear.layout.width = "120px"
        self.bands.layout.width = "170px"
        self.x.style.button_width = "110px"
        shown = [c for c in self.controls if len(c.options) > 1]
        parts = [
            named(c.tooltip, c) if isinstance(c, widgets.ToggleButtons) else c
            for c in shown
        ]
        buttons = widgets.HBox([self.keep, self.clear, self.bands, self.x], layout=row)
        return [column(parts), buttons, self.charts, self.table, self.caption]

    def _listen(self):
        for k, control in enumerate(self.controls):
            control.observe(lambda change, k=k: self._choose(k, change["new"]), "value")
        self.keep.on_click(lambda _: self._keep())
        self.clear.on_click(lambda _: self._clear())
        for widget in (self.bands, self.x):
            widget.observe(lambda _: self._draw(), "value")

    def _choose(self, k: int, value: int):
        """Move one control; the others follow where the setting was not recorded."""
        if self.at[k] == value:
            return
        self.at = nearest(self.description, self.at, k, value)
        self._follow()

    def _follow(self):
        for control, value in zip(self.controls, self.at, strict=True):
            control.value = value
        self._draw()

    def _keep(self):
        if self.at not in self.kept and len(self.kept) < MOST - 1:
            self.kept.append(self.at)
        self._draw()

    def _clear(self):
        self.kept = []
        self._draw()

    def _draw(self):
        shown = [self.at, *(at for at in self.kept if at != self.at)]
        places = {at: i for i, at in reversed([*enumerate([*self.kept, self.at])])}
        styles = [_style(places[at]) for at in shown]
        drawn = [
            self._chart(key, title, shown, styles)
            for key, title in self.description.charts.items()
        ]
        self.charts.value = LOOK + wrapped(drawn)
        self.table.value = _table(self.description, shown, styles)

    def _chart(self, key: str, title: str, shown: list, styles: list) -> str:
        groups = [self.description.groups[at] for at in shown]
        per = [group.images if self.x.value == "images" else 1 for group in groups]
        curves = [
            Curve(
                name=self.description.name(group.at),
                x=[step * each for step, _ in group.lines[key]],
                y=[value for _, value in group.lines[key]],
                band=[
                    (step * each, low, high)
                    for step, low, high in group.bands.get(key, ())
                    if self.bands.value
                ],
                **style,
            )
            for group, each, style in zip(groups, per, styles, strict=True)
        ]
        return chart(
            curves,
            title,
            until=max(g.until * each for g, each in zip(groups, per, strict=True)),
            x=X_AXES[self.x.value],
            log=key in LOG,
            dots=key in DOTS,
        )


def _style(place: int) -> dict:
    """Colour and dash by the order in which curves were kept, as in the page."""
    return {"colour": COLOURS[place], "dash": DASHES[place % len(DASHES)]}


def nearest(description: Description, at: tuple, k: int, value: int) -> tuple:
    """The recorded setting with this value on axis k that is closest to `at`."""
    fit = [a for a in description.groups if a[k] == value]
    far = [sum(abs(x - y) for x, y in zip(a, at, strict=True)) for a in fit]
    return fit[far.index(min(far))] if fit else at


def control(axis: Axis):
    """A slider for numbers, buttons for words; the value is the option's index."""
    options = [(word, i) for i, word in enumerate(axis.words)] or [("none", 0)]
    if axis.numeric:
        return widgets.SelectionSlider(
            description=axis.label,
            options=options,
            style=STYLE,
            layout=widgets.Layout(width="340px", max_width="100%"),
        )
    buttons = widgets.ToggleButtons(options=options, tooltip=axis.label)
    buttons.style.button_width = "auto"
    return buttons


def _table(description: Description, shown: list, styles: list) -> str:
    groups = [description.groups[at] for at in shown]
    facts = list(dict.fromkeys(name for group in groups for name in group.facts))
    heads = "".join(f"<th>{name}</th>" for name in ("setting", "runs", *facts))
    rows = "".join(
        f"<tr><td>{swatch(**style, opacity=1)}{description.name(at)}</td>"
        f"<td>{group.seeds}</td>"
        + "".join(f"<td>{_fact(group.facts.get(name))}</td>" for name in facts)
        + "</tr>"
        for at, group, style in zip(shown, groups, styles, strict=True)
    )
    return (
        '<div class="moco-lab" role="status" aria-live="polite" '
        f'style="overflow-x: auto"><table><tr>{heads}</tr>{rows}</table></div>'
    )


def _fact(values) -> str:
    if values is None:
        return "–"
    mean, low, high = map(short, values)
    return mean if low == high else f"{mean} <small>({low} to {high})</small>"
