"""The server as it runs: refused requests, files that nobody may read, ports, how it ends."""

from __future__ import annotations

import base64
import http.client
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from running import Running
from typer.testing import CliRunner

from igkinetics.app.serve import bound_socket
from igkinetics.cli.main import app
from igkinetics.errors import InputError

MOST = 64 * 2**20


def answer(page: Running, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def cookie(page: Running) -> str:
    return f"igkinetics-{page.port}={page.token}"


def test_the_page_answers_only_with_its_token_and_host(page: Running) -> None:
    assert answer(page, "/").status == 403
    assert answer(page, "/?token=wrong").status == 403
    assert answer(page, f"/?token={page.token}", Host="evil.example").status == 403
    assert answer(page, f"/?token={page.token}", Host=f"evil.example:{page.port}").status == 403
    found = answer(page, f"/?token={page.token}")
    assert found.status == 200
    assert b"What next for this patient" in found.read()
    assert page.token not in str(found.headers.get("location"))


def test_every_asset_is_this_servers_own(page: Running) -> None:
    text = answer(page, f"/?token={page.token}").read().decode()
    links = re.findall(r"""(?:src|href)=["']([^"'#]+)""", text)
    assert len(links) > 6
    assert [link for link in links if "//" in link or link.startswith("data:")] == []
    for link in links:
        found = answer(page, "/" + link, Cookie=cookie(page))
        assert found.status == 200, link
        content = found.read()
        assert b"cdn." not in content, link
        assert b"googleapis" not in content, link


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../session.py",
        "/assets/%2e%2e/session.py",
        "/assets/..%2fsession.py",
        "/assets/..%5csession.py",
        "/assets//etc/passwd",
        "/lib/shiny-1.8.0/../../../../../../../../etc/passwd",
        "/lib/shiny-1.8.0/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/look/style.css/../../environment.py",
        "/session/x/download/../../etc/passwd",
        "/assets/%00",
        "/etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_pages_files(page: Running, path: str) -> None:
    found = answer(page, path, Cookie=cookie(page))
    content = found.read()
    assert found.status in (400, 404)
    assert b"root:" not in content
    assert b"import " not in content


def handshake(page: Running, **headers: str) -> int:
    """The status that the opening of a websocket is answered with."""
    lines = {
        "Host": f"127.0.0.1:{page.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    text = "GET /websocket/ HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as opened:
        opened.sendall(text.encode())
        return int(opened.recv(64).split()[1])


def test_a_websocket_is_opened_from_the_page_alone(page: Running) -> None:
    own = f"http://127.0.0.1:{page.port}"
    assert handshake(page, Origin=own, Cookie=cookie(page)) == 101
    assert handshake(page, Origin="http://evil.example", Cookie=cookie(page)) == 403
    assert handshake(page, Cookie=cookie(page)) == 403
    assert handshake(page, Origin=own) == 403
    assert handshake(page, Origin=own, Cookie=cookie(page), Host="evil.example") == 403


def test_an_upload_beyond_the_bound_is_refused_before_it_is_sent(page: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.putrequest("POST", "/session/x/upload/y")
    for name, value in {
        "Cookie": cookie(page),
        "Origin": f"http://127.0.0.1:{page.port}",
        "Content-Length": str(MOST + 1),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_it_listens_on_this_machine_alone(page: Running) -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs /proc/net/tcp")
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [each for each in listening if each.endswith(f":{page.port:04X}")] == [f"0100007F:{page.port:04X}"]


def test_a_port_in_use_is_told_and_without_one_the_next_is_taken(page: Running) -> None:
    with pytest.raises(InputError, match=f"found '{page.port}'; is in use"):
        bound_socket(page.port)
    with pytest.raises(InputError, match="found '70000'"):
        bound_socket(70000)
    with closing(bound_socket(None)) as other:
        assert other.getsockname()[1] != page.port


def test_what_cannot_be_opened_is_told_on_the_terminal() -> None:
    for arguments, words in (
        (["no/such/cohort"], "no/such/cohort"),
        (["--card", "no_such_card"], "adult_b_cell_depletion"),
        (["--threshold", "-4"], "above 0"),
    ):
        done = CliRunner().invoke(app, ["app", "--no-browser", *arguments])
        assert done.exit_code == 2
        assert words in done.stderr


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igkinetics.extras.find_spec", lambda module: None)
    done = CliRunner().invoke(app, ["app"])
    assert done.exit_code == 2
    assert "pip install 'igkinetics[app]'" in done.stderr
