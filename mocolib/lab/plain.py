"""What stands for a panel where its script does not run: a button, and a curve.

A front end may show widgets and run no script of a cell's. The button trains the run
that the panel begins with, and the curve grows as HTML.
"""

import ipywidgets as widgets

TOLD = (
    "No script runs in this front end, so the panel's controls are missing: the button "
    "trains one run as the panel begins."
)
LATE = 8  # seconds in which a script says that it is there, and hides this
STYLE = (
    "<style>@keyframes why-late {{ to {{ opacity: 1 }} }} .why-plain-{key} "
    "{{ opacity: 0; animation: why-late 0s {late}s forwards }}</style>"
)
WIDE, HIGH = 400, 160


class Plain:
    """Hears what the engine says until a script does."""

    def __init__(self, key: str, recipe, hear):
        self.recipe, self.hear, self.points, self.said = recipe, hear, [], TOLD
        self.button = widgets.Button(description="Train")
        self.button.on_click(self._train)
        self.curve = widgets.HTML()
        self.style = STYLE.format(key=key, late=LATE)
        self.box = widgets.VBox([self.button, self.curve])
        self.box.add_class(f"why-plain-{key}")
        self._draw()

    def _train(self, _):
        run = {"seed": self.recipe.seed, "settings": vars(self.recipe)}
        self.points = []
        self.hear({"do": "begin", "run": 0, "runs": [run]})
        self.hear({"do": "train"})

    def show(self, message: dict):
        row = message.get("row") or {}
        if row.get("knn") is not None:
            self.points.append((row["step"], 100 * row["knn"]))
            self.said = f"Step {row['step']}: kNN accuracy {self.points[-1][1]:.1f} %."
            self._draw()
        elif "sentence" in message:
            self.said = message["sentence"]
            self._draw()

    def _draw(self):
        steps = self.recipe.steps
        line = " ".join(
            f"{WIDE * step / steps:.1f},{HIGH * (1 - knn / 100):.1f}"
            for step, knn in self.points
        )
        self.curve.value = (
            f'{self.style}<svg viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" role="img" '
            'aria-label="kNN accuracy, 0 to 100 %, against the training step">'
            f'<path d="M0 0V{HIGH}H{WIDE}" fill="none" stroke="currentColor"/>'
            f'<polyline points="{line}" fill="none" stroke="#0173b2" stroke-width="2"/>'
            f"</svg><p>{self.said}</p>"
        )
