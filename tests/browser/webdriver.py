"""A headless Chromium driven over the W3C WebDriver protocol by Debian's chromedriver, with Python's own HTTP client.

No network is used: chromedriver listens on the loopback, and the browser is told to resolve no name at all.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
MISSING = "needs Debian's chromium and chromium-driver: apt-get install chromium chromium-driver"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
)
START_SECONDS = 30.0


class Browser:
    """One session. Scripts are functions' bodies that return something JSON can say."""

    def __init__(self, port: int, profile: Path) -> None:
        self.root = f"http://127.0.0.1:{port}"
        options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self.session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def _of_session(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call(method, f"/session/{self.session}{path}", body)

    def open(self, page: Path) -> None:
        self.visit(page.resolve().as_uri())

    def visit(self, address: str) -> None:
        self._of_session("POST", "/url", {"url": address})

    def script(self, code: str, *arguments: Any) -> Any:
        return self._of_session("POST", "/execute/sync", {"script": code, "args": list(arguments)})

    def script_that_waits(self, code: str) -> Any:
        """The last argument of `code` is a function to be called with the answer."""
        return self._of_session("POST", "/execute/async", {"script": code, "args": []})

    def element(self, selector: str) -> str:
        return str(self._of_session("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT])

    def click(self, selector: str) -> None:
        """As a reader does: fails where the element is hidden or covered."""
        self._of_session("POST", f"/element/{self.element(selector)}/click", {})

    def type_into(self, selector: str, text: str) -> None:
        self._of_session("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._of_session("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def view(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """A window of `width` CSS pixels, in light or dark mode."""
        window = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **window)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self) -> bytes:
        return base64.b64decode(self._of_session("GET", "/screenshot"))

    def pdf(self) -> bytes:
        return base64.b64decode(self.devtools("Page.printToPDF", printBackground=True)["data"])

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last call: "browser" (console, errors) or "performance" (network)."""
        return list(self._of_session("POST", "/se/log", {"type": kind}))

    def requested(self) -> list[str]:
        """Addresses asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        self._of_session("DELETE", "")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A running browser whose profile lies in `folder`."""
    assert CHROMEDRIVER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([CHROMEDRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        opened = _when_listening(process, port, folder)
        try:
            yield opened
        finally:
            opened.close()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _when_listening(process: subprocess.Popen[bytes], port: int, folder: Path) -> Browser:
    last = time.monotonic() + START_SECONDS
    while time.monotonic() < last and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return Browser(port, folder / "profile")
    raise RuntimeError(f"chromedriver did not answer within {START_SECONDS:g} s")
