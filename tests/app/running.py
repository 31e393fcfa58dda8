"""The page's server as a user starts it: `igkinetics app`, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Running:
    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]


@contextmanager
def running_app(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """A running page without a browser. At the end it is interrupted, as by Ctrl-C, and has to end well and quietly."""
    command = [sys.executable, "-m", "igkinetics", "app", "--no-browser", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "http://" not in line:
            raise RuntimeError(f"the page did not start: {line}{process.communicate(timeout=SECONDS)[1]}")
        yield Running(line.split()[-1], process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
        assert (process.returncode, said.strip().splitlines()[-1:]) == (0, ["Stopped."]), said
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
