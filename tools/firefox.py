"""A tab of a headless Firefox that only reaches localhost, over WebDriver BiDi.

Firefox speaks the protocol itself, so nothing stands between: JSON over a websocket.
"""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websocket import WebSocket, create_connection

PATIENCE = 120  # seconds; the machine may have other work
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# a proxy that is not there: nothing but localhost can be reached
PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "localhost",
}


class Tab:
    """One tab: `open` a page, `evaluate` JavaScript in it, read its `problems`."""

    def __init__(self, socket: WebSocket):
        self.socket, self.asked = socket, 0
        self.problems: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        # where the theme keeps the reader's choice; without one it complains
        choice = "localStorage.mode = localStorage.theme = 'light'"
        choice = f"() => {{ if (origin !== 'null') {choice}; }}"  # not on about:blank
        self.ask("script.addPreloadScript", functionDeclaration=choice)
        [tab] = self.ask("browsingContext.getTree")["contexts"]
        self.context = tab["context"]

    def ask(self, method: str, **params) -> dict:
        """A command's result; what the page logs meanwhile is kept where it is bad."""
        self.asked += 1
        command = {"id": self.asked, "method": method, "params": params}
        self.socket.send(json.dumps(command))
        while True:
            heard = json.loads(self.socket.recv())
            if heard["type"] == "event":
                entry = heard["params"]
                if entry.get("level") == "error":
                    self.problems.append(entry["text"])
            elif heard["type"] == "error":
                raise RuntimeError(f"{method}: {heard['message']}")
            else:
                return heard["result"]

    def open(self, url: str) -> None:
        self.ask(
            "browsingContext.navigate", context=self.context, url=url, wait="complete"
        )

    def evaluate(self, expression: str):
        """The value of an expression, or what its promise comes to."""
        answer = self.ask(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self.context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))

    def wait_for(self, expression: str) -> None:
        """Until the expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} after {PATIENCE} s")
            time.sleep(0.2)


@contextmanager
def open_tab(firefox: str) -> Iterator[Tab]:
    """A tab of a Firefox with a profile of its own, both gone afterwards."""
    with tempfile.TemporaryDirectory() as profile:
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in PREFERENCES.items()
        )
        Path(profile, "user.js").write_text("".join(lines))
        log = Path(profile, "log")
        command = [firefox, "--headless", "--no-remote", "--profile", profile]
        with log.open("w") as out:
            browser = subprocess.Popen(
                [*command, "--remote-debugging-port", "0"],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            socket = create_connection(
                f"{_address(log)}/session",
                timeout=PATIENCE,
                suppress_origin=True,  # Firefox takes no orders from pages
            )
            yield Tab(socket)
            socket.close()
        finally:
            browser.terminate()
            browser.wait()


def _address(log: Path) -> str:
    """Where it listens, which it says when it is ready."""
    end = time.monotonic() + PATIENCE
    while not (found := LISTENS.search(log.read_text())):
        if time.monotonic() > end:
            raise TimeoutError(f"Firefox did not begin to listen:\n{log.read_text()}")
        time.sleep(0.1)
    return found[1]
