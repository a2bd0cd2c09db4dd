"""Firefox, driven as a person would: by WebDriver BiDi, which it speaks without a driver.

Source: W3C, WebDriver BiDi, https://www.w3.org/TR/webdriver-bidi/.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from websocket import WebSocket, create_connection  # which JupyterLab needs too

Json: TypeAlias = Any
"""What a page can say: anything that JSON has."""

TIMEOUT = 300  # seconds; for a cold start on a busy machine
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# Quiet and alone: no start page, no update, no report to its maker.
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "services.settings.server": "data:,#none",
    "toolkit.telemetry.enabled": False,
    "ui.prefersReducedMotion": 1,  # what is to be pressed does not glide away
}
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Tab": "\ue004"}
MIDDLE = """(selector) => {
  const found = document.querySelector(selector);
  found.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = found.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];
}"""


class Firefox:
    """One window of a Firefox, with the few verbs that the tests need."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.ids = itertools.count(1)
        self.requested: list[str] = []
        """The address of each request since the last page was opened, in order."""
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["network.beforeRequestSent"])
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command and return its result. Raises AssertionError with Firefox's word."""
        number = next(self.ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.socket.recv())
            if said.get("method") == "network.beforeRequestSent":
                self.requested.append(said["params"]["request"]["url"])
            if said.get("id") == number:
                assert said["type"] == "success", f"{method}: {said.get('message')}"
                result: dict[str, Any] = said["result"]
                return result

    def goto(self, address: str) -> None:
        """Open a page and wait until it is loaded."""
        self.requested.clear()
        self.send(
            "browsingContext.navigate", context=self.context, url=address, wait="complete"
        )

    def evaluate(self, function: str, argument: object = None) -> Json:
        """Return what a function of the page says, or what it promised, as JSON has it."""
        said = self.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({function})("
            f"{json.dumps(argument)})) ?? null)()",
            target={"context": self.context},
            awaitPromise=True,
        )
        assert said["type"] == "success", said["exceptionDetails"]["text"]
        return json.loads(said["result"].get("value", "null"))

    def resize(self, width: int, height: int) -> None:
        """Give the page a window of this size, in px."""
        size = {"width": width, "height": height}
        self.send("browsingContext.setViewport", context=self.context, viewport=size)

    def until(self, function: str, argument: object = None) -> None:
        """Wait until a function of the page says something true."""
        held = "while (!held(argument)) await new Promise(requestAnimationFrame);"
        self.evaluate(f"async (argument) => {{ const held = {function}; {held} }}", argument)

    def click(self, selector: str) -> None:
        """Press the primary button on the first such element, once it is there."""
        self.until("(s) => document.querySelector(s)?.checkVisibility()", selector)
        at = self.evaluate(MIDDLE, selector)
        moves = [
            {"type": "pointerMove", "x": at[0], "y": at[1]},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def press(self, key: str) -> None:
        """Press a key and let it go: a character, or a name of `KEYS`.

        A window without a screen has no focus: a script hears keys, but Enter presses nothing.
        """
        value = KEYS.get(key, key)
        strokes = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": strokes})

    def _act(self, source: dict[str, Json]) -> None:
        self.send("input.performActions", context=self.context, actions=[source])


@contextmanager
def firefox(program: str) -> Iterator[Firefox]:
    """A Firefox with a profile of its own, which ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = (
            f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()
        )
        Path(profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [
            *(program, "--headless", "--no-remote", "--profile", profile),
            *("--remote-debugging-port", "0", "about:blank"),
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                found = next(filter(None, map(LISTENING.search, process.stderr)))
                socket = create_connection(
                    f"{found[1]}/session", timeout=TIMEOUT, suppress_origin=True
                )
                yield Firefox(socket)
                socket.close()
            finally:
                process.terminate()
                process.communicate()
