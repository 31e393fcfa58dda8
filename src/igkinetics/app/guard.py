"""Who may talk to the page's server: only a browser on this machine that was given the token, from the page itself.

As Jupyter does it: a secret token in the address, exchanged for a cookie that no script can read; the Host checked, so
that no foreign name can be made to point here; the Origin checked, so that no other page can ask or connect.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_UPLOADED: Final = 64 * 2**20
"""Bytes of one file that is uploaded ..."""
MOST_UPLOADED_IN_ALL: Final = 512 * 2**20
"""... and of all files while the server runs."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Whatever a script or a name in a table tries, the page loads nothing from elsewhere and sends nothing there."""
INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)
HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
REFUSED: Final = {
    HTTPStatus.FORBIDDEN: "This page needs the whole address that `igkinetics app` printed, with its token.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"A file may have at most {MOST_UPLOADED // 2**20} MiB.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Only GET, HEAD and POST are answered.",
}
METHODS: Final = ("GET", "HEAD", "POST")


class _TooLargeError(Exception):
    """A body that goes on beyond the bound."""


def policy_for(page: str) -> str:
    """The policy of a page: of the scripts within it those that it was made with may run, by their hashes."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in INLINE.findall(page)]
    return POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in digests))


@dataclass(slots=True)
class Guard:
    """An application that lets through what may talk to `inner`, on this port and with this token. policy: of what the
    page may load and run."""

    inner: ASGIApp
    token: str
    port: int
    policy: str = POLICY.format(hashes="")
    uploaded: int = 0
    most_uploaded: int = MOST_UPLOADED

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def cookie(self) -> str:
        return f"igkinetics-{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refused before it is accepted (the browser is answered 403) unless cookie, Host and Origin are right."""
        if self._allowed(scope, needs_origin=True):
            await self.inner(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in METHODS:
            await refuse(send, HTTPStatus.METHOD_NOT_ALLOWED)
            return
        if not self._allowed(scope, needs_origin=scope["method"] == "POST"):
            await refuse(send, HTTPStatus.FORBIDDEN)
            return
        declared = header(scope, b"content-length")
        if declared.isdigit() and not self._fits(int(declared)):
            await refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        began, received = False, 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            self.uploaded += len(message.get("body", b""))
            if not self._fits(received):
                raise _TooLargeError
            return message

        async def guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message = {**message, "headers": self._headers(scope, message.get("headers", []))}
            await send(message)

        try:
            await self.inner(scope, counted, guarded)
        except _TooLargeError:
            if not began:
                await refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _fits(self, size: int) -> bool:
        return size <= self.most_uploaded and self.uploaded <= MOST_UPLOADED_IN_ALL

    def _allowed(self, scope: Scope, *, needs_origin: bool) -> bool:
        """Whether the Host is ours, the Origin the page's own (where a browser must send one), and the token right."""
        host, origin = header(scope, b"host"), header(scope, b"origin")
        if host not in self.hosts:
            return False
        if (origin or needs_origin) and origin != f"http://{host}":
            return False
        return any(hmac.compare_digest(given.encode(), self.token.encode()) for given in self._tokens(scope))

    def _tokens(self, scope: Scope) -> list[str]:
        """What is given as the token: in the address of the page, and as a cookie."""
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        try:
            morsel = SimpleCookie(header(scope, b"cookie")).get(self.cookie)
        except CookieError:
            morsel = None
        return [*given[:1], *([morsel.value] if morsel is not None else [])]

    def _headers(self, scope: Scope, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The answer's headers with ours; the cookie goes with the page."""
        headers = {**HEADERS, "Content-Security-Policy": self.policy}
        ours = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        names = {name for name, _ in ours}
        if scope["path"] == "/":
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
            ours.append((b"set-cookie", cookie.encode()))
        return [pair for pair in given if pair[0].lower() not in names] + ours


def header(scope: Scope, name: bytes) -> str:
    """A header of a request; empty where there is none, or more than one."""
    found = [value for key, value in scope["headers"] if key.lower() == name]
    return str(found[0].decode("latin-1")) if len(found) == 1 else ""


async def refuse(send: Send, status: HTTPStatus) -> None:
    """A short answer in plain words."""
    body = f"{status.value} {status.phrase}. {REFUSED[status]}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
