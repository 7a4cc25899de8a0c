"""Messages between a panel in a kernel and its engine, over two hidden core widgets.

The panel's script (assets/lab/kernel.js) writes into a Textarea, as a reader types, and
reads an HTML widget as it changes. No front end is asked for more, so that what works
under ipywidgets 7 works under 8. Either side numbers what it says and says again what
the other has not heard: front ends merge what comes fast, and servers drop it.
"""

import atexit
import base64
import json
import math
import threading
import time
import uuid
from html import escape

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML, display

from mocolib.lab.engine import Engine
from mocolib.lab.plain import Plain
from mocolib.recipe import Recipe

WAIT = 0.3  # seconds between two batches of steps
NUMBERS = {math.inf: "Infinity", -math.inf: "-Infinity"}  # as JavaScript has them

_wires: "dict[str, Wire]" = {}  # by panel: the older one of a cell ends with the next


class Wire:
    """One panel's widgets and its engine."""

    def __init__(self, panel: str, recipe: Recipe):
        self.key = uuid.uuid4().hex[:12]
        self.engine = Engine(self.say, self.flush)
        self.plain = Plain(self.key, recipe, self.engine.hear)
        self.lock = threading.RLock()  # the training's thread and the kernel's both say
        self.other = None  # the script that talks with us
        self.heard = self.batches = 0
        self.messages, self.sent, self.looks = [], 0, {}
        self.next = 0.0  # when the next steps are due
        self.into, self.out = widgets.Textarea(), widgets.HTML()
        for name, widget in (("into", self.into), ("out", self.out)):
            widget.layout.display = "none"
            widget.add_class(f"why-{name}-{self.key}")
        self.into.observe(self._take, "value")
        if panel in _wires:
            _wires[panel].close()
        _wires[panel] = self

    def close(self):
        """The engine stops after the step that it is in; the widgets go."""
        self.engine.stop()
        for widget in (self.into, self.out):
            widget.close()

    def _take(self, change: dict):
        """What the script wrote: {from, messages: [[number, message], ...]}."""
        if not change["new"]:
            return
        told = json.loads(change["new"])
        with self.lock:
            if told["from"] != self.other:  # the first, or a page that was loaded anew
                self.engine.stop()
                self.other, self.heard = told["from"], 0
                self.messages, self.sent = [], 0
            for number, message in told["messages"]:
                if number >= self.heard:
                    self.heard = number + 1
                    self._obey(message)
            self.flush()

    def _obey(self, message: dict):
        if message["do"] == "again":
            self.sent = min(self.sent, message["since"])
        elif message["do"] != "hello":
            self.engine.hear(message)

    def say(self, message: dict):
        """To the script; steps go together, no faster than front ends take them."""
        with self.lock:
            if message["is"] == "ready":  # what was said of other runs counts no more
                self.messages = [{} for _ in self.messages]
            if message.get("look"):  # only the last look at a run is drawn
                self.looks.get(message["part"], {}).pop("look", None)
                self.looks[message["part"]] = message
            if self.other is None:
                self.plain.show(message)
            self.messages.append(message)
            if message["is"] != "step" or time.monotonic() >= self.next:
                self.flush()

    def flush(self):
        """Send what has not been sent, and say what was heard."""
        with self.lock:
            self.batches += 1
            batch = {
                "to": self.other,
                "batch": self.batches,  # so that no two are alike
                "heard": self.heard,
                "since": self.sent,
                "busy": self.engine.busy,
                "messages": self.messages[self.sent :],
            }
            text = json.dumps(plain(batch), allow_nan=False, separators=(",", ":"))
            self.out.value = f'<pre class="why-said">{escape(text, quote=False)}</pre>'
            self.sent, self.next = len(self.messages), time.monotonic() + WAIT


class Live:
    """A panel with an engine behind it: what a cell shows of it."""

    def __init__(self, html: HTML, wire: Wire):
        self.html, self.wire = html, wire

    def _ipython_display_(self):
        parts = self.wire.plain.box, self.wire.into, self.wire.out
        display(self.html, widgets.VBox(parts))


def plain(value):
    """As JSON has it: arrays in base64, and a word for what is no number."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        coded = base64.b64encode(value.tobytes()).decode()
        return {"array": str(value.dtype), "base64": coded}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": NUMBERS.get(value, "NaN")}
    return value


@atexit.register
def _end():
    """What trains must not run into the end of the process."""
    for wire in _wires.values():
        wire.engine.stop(seconds=5)
