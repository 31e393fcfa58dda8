"""Who may talk to the page: the token, the Host, the Origin, what is uploaded; without a server or a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from igkinetics.app.guard import Guard, policy_for

TOKEN = "a-token-that-nobody-guesses"
PORT = 8721
HOME = f"http://127.0.0.1:{PORT}"
COOKIE = f"igkinetics-{PORT}={TOKEN}"
GOOD = {"host": f"127.0.0.1:{PORT}", "cookie": COOKIE}


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads whatever comes and answers 200, or accepts a websocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(headers: dict[str, str], **scope: Any) -> list[Message]:
    """What a request is answered."""
    chunks = scope.pop("chunks", [b""])
    guard = Guard(inner=reading, token=TOKEN, port=PORT, most_uploaded=1000)
    asked = {"type": "http", "method": "GET", "path": "/", "query_string": b"", **scope}
    asked["headers"] = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    inbox: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": place < len(chunks) - 1}
        for place, chunk in enumerate(chunks)
    ]
    if asked["type"] == "websocket":
        inbox = [{"type": "websocket.connect"}]
    answers: list[Message] = []

    async def receive() -> Message:
        return inbox.pop(0)

    async def send(message: Message) -> None:
        answers.append(message)

    asyncio.run(guard(asked, receive, send))
    return answers


def status(answers: list[Message]) -> int:
    return int(answers[0]["status"])


@pytest.mark.parametrize(
    "headers",
    [
        {"host": GOOD["host"]},
        {**GOOD, "cookie": f"igkinetics-{PORT}=another"},
        {**GOOD, "cookie": f"igkinetics-{PORT + 1}={TOKEN}"},
        {**GOOD, "cookie": '\x7f;;=";'},
        {**GOOD, "host": f"evil.example:{PORT}"},
        {**GOOD, "host": "127.0.0.1"},
        {**GOOD, "host": f"127.0.0.1:{PORT + 1}"},
        {"cookie": COOKIE},
        {**GOOD, "origin": "http://evil.example"},
        {**GOOD, "origin": f"http://localhost:{PORT}"},
        {**GOOD, "origin": "null"},
    ],
    ids=lambda headers: str(headers)[:60],
)
@pytest.mark.parametrize("path", ["/", "/assets/app.js", "/session/x/upload/y", "/lib/../../etc/passwd"])
def test_whoever_lacks_token_host_or_origin_is_refused(headers: dict[str, str], path: str) -> None:
    answers = ask(headers, path=path)
    assert status(answers) == 403
    assert b"inside" not in answers[1]["body"]
    assert TOKEN.encode() not in b"".join(str(each).encode() for each in answers)


def test_the_token_in_the_address_opens_the_page_and_becomes_a_cookie_that_scripts_cannot_read() -> None:
    answers = ask({"host": f"localhost:{PORT}"}, query_string=f"token={TOKEN}".encode())
    assert status(answers) == 200
    headers = dict(answers[0]["headers"])
    assert headers[b"set-cookie"].decode() == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert headers[b"cache-control"] == b"no-store"
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert status(ask(GOOD)) == 200
    assert status(ask({"host": GOOD["host"]}, query_string=b"token=")) == 403
    assert status(ask({"host": GOOD["host"]}, query_string=f"token=x&token={TOKEN}".encode())) == 403


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({**GOOD, "origin": HOME}, True),
        ({**GOOD, "origin": "http://evil.example"}, False),
        ({**GOOD, "origin": f"https://127.0.0.1:{PORT}"}, False),
        ({**GOOD}, False),
        ({"host": GOOD["host"], "origin": HOME}, False),
        ({**GOOD, "host": f"evil.example:{PORT}", "origin": f"http://evil.example:{PORT}"}, False),
    ],
)
def test_a_websocket_needs_cookie_host_and_the_pages_own_origin(headers: dict[str, str], accepted: bool) -> None:
    answers = ask(headers, type="websocket", path="/websocket/")
    assert [each["type"] for each in answers] == ["websocket.accept" if accepted else "websocket.close"]


def test_uploads_are_bounded_by_what_is_declared_and_by_what_comes() -> None:
    posting = {**GOOD, "origin": HOME}
    post = {"method": "POST", "path": "/session/x/upload/y"}
    assert status(ask(posting, **post, chunks=[b"x" * 900])) == 200
    assert status(ask({**posting, "content-length": "1001"}, **post)) == 413
    assert status(ask(posting, **post, chunks=[b"x" * 900, b"x" * 900])) == 413
    assert status(ask(GOOD, **post)) == 403  # a form of another page sends no such Origin
    assert status(ask(posting, method="PUT")) == 405


def test_of_scripts_within_the_page_only_those_it_was_made_with_may_run() -> None:
    made = "<script>one()</script><script src='x.js'></script>"
    assert policy_for(made).count("'sha256-") == 1
    assert policy_for(made) != policy_for("<script>two()</script>")
    assert "unsafe-eval" not in policy_for(made)
