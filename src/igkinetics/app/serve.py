"""The server of the page: on this machine alone, on a free port, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import closing
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from igkinetics.app.guard import Guard
from igkinetics.app.head_start import HeadStart
from igkinetics.app.opening import Opening
from igkinetics.errors import call_error

ADDRESS: Final = "127.0.0.1"
FIRST_PORT: Final = 8721
PORTS_TRIED: Final = 20
MOST_MESSAGE: Final = 4 * 2**20
"""Bytes of one message of the page: a record that was typed."""
SECONDS_TO_CLOSE: Final = 2


def bound_socket(port: int | None) -> socket.socket:
    """A socket on this port of the machine itself; None: the first free one from FIRST_PORT on. InputError where the
    port asked for is taken."""
    wanted = [port] if port is not None else [*range(FIRST_PORT, FIRST_PORT + PORTS_TRIED), 0]
    for each in wanted:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((ADDRESS, each))
            found.listen(64)
        except (OSError, OverflowError):
            found.close()
            continue
        return found
    expected = "is in use or not allowed here; give another, or none: the first free one is then taken"
    raise call_error("port", port, expected)


def run_page(opening: Opening, port: int | None, *, open_browser: bool, tell: Callable[[str], None]) -> None:
    """The page until Ctrl-C; threads may still be at work then. Whatever the environment says, nothing is reported to
    anybody."""
    os.environ["SHINY_OTEL_COLLECT"] = "none"
    os.environ.pop("SHINY_TESTMODE", None)
    head_start = HeadStart(opening).begin()
    from igkinetics.app.page import application  # after the environment, which Shiny reads once

    page, policy = application(opening, head_start)
    serve(page, policy, port, open_browser=open_browser, tell=tell)


def serve(
    application: ASGIApp, policy: str, port: int | None, *, open_browser: bool, tell: Callable[[str], None]
) -> None:
    """Serve until interrupted. tell: is told the address, token and all, once the server listens."""
    token = secrets.token_urlsafe(32)
    with closing(bound_socket(port)) as listening:
        own_port = int(listening.getsockname()[1])
        guard = Guard(inner=application, token=token, port=own_port, policy=policy)
        config = uvicorn.Config(
            guard,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=MOST_MESSAGE,
            timeout_graceful_shutdown=SECONDS_TO_CLOSE,
        )
        address = f"http://{ADDRESS}:{own_port}/?token={token}"
        tell(address)
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        try:
            # not Server.run: at its end it waits for threads, and one that compiles a kernel takes a minute
            asyncio.new_event_loop().run_until_complete(uvicorn.Server(config).serve(sockets=[listening]))
        except KeyboardInterrupt:  # how the page is meant to end
            return
