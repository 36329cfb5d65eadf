"""The real server: one process, started and stopped as by a person."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.cli.run import COMMAND, environment
from tests.web import client


@contextmanager
def served(*arguments: str | Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `escalate serve` on a free port, and return it with its address."""
    server = subprocess.Popen(
        [str(COMMAND), "serve", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment({**more, "PYTHONWARNINGS": "error"}),
    )
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:
            said += line
            found = re.search(r"at (http://\S+) ", line)
            if found:
                server.said = said  # type: ignore[attr-defined]
                yield server, found[1]
                break
        else:
            assert server.stderr is not None
            raise AssertionError(server.stderr.read())
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def ask(
    address: str, path: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str, list[str]]:
    """Return status, headers, page and cookies of one request, sent as it is written."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    body = urlencode(fields) if fields is not None else None
    form = {"Content-Type": "application/x-www-form-urlencoded"} if fields is not None else {}
    connection.request("GET" if fields is None else "POST", path, body, {**form, **(headers or {})})
    response = connection.getresponse()
    page = response.read().decode("utf-8", "replace")
    cookies = [value.split(";")[0].strip() for name, value in response.getheaders() if name == "Set-Cookie"]
    connection.close()
    return response.status, dict(response.getheaders()), page, cookies


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with people, which servers then serve."""
    path = tmp_path_factory.mktemp("server") / "record.db"
    with client.closing():
        client.set_up(path)
    return path


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, {0, 130}), (signal.SIGTERM, {0})])
def test_a_person_signs_in_at_a_real_server(record: Path, how: signal.Signals, code: set[int]) -> None:
    """The server says where it is, signs a person in and shows the trial; interrupted, it ends without a word."""
    with served("--database", record) as (server, address):
        status, headers, page, cookies = ask(address, "/sign-in")
        assert status == 200
        assert headers["Server"] == "escalate"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        fields = {"csrfmiddlewaretoken": token[1], "name": "vera", "password": client.PASSWORD}
        status, headers, page, more = ask(address, "/sign-in", fields, {"Cookie": "; ".join(cookies)})
        assert (status, headers["Location"]) == (303, "/trials/")
        status, _, page, _ = ask(address, "/trials/tvec/", headers={"Cookie": "; ".join(more)})
        assert status == 200
        assert "Vera Test" in page
        server.send_signal(how)
        out, err = server.communicate(timeout=20)
        assert server.returncode in code
        assert (out, err) == ("", "")


def test_wrong_passwords_sent_all_at_once(record: Path) -> None:
    """Attempts on one account in the same moment are not tried before the earlier ones are counted."""
    with served("--database", record) as (_, address), ThreadPoolExecutor(16) as pool:
        _, _, page, cookies = ask(address, "/sign-in")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        fields = {"csrfmiddlewaretoken": token[1], "name": "cher", "password": "a wrong password"}
        asked = [pool.submit(ask, address, "/sign-in", fields, {"Cookie": "; ".join(cookies)}) for _ in range(16)]
        assert Counter(one.result()[0] for one in asked) == {422: 4, 429: 12}


def test_raw_requests(record: Path) -> None:
    """Requests that no browser sends get an answer in 4xx, and the server goes on."""
    lines = [
        b"GET /%ff%fe%00?%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /static/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //evil.example/%2e%2e HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/trials/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"BREW / HTCPCP/1.0\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ]
    with served("--database", record) as (server, address):
        parts = urlsplit(address)
        for line in lines:
            with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
                connection.sendall(line)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(200)
            # One that is cut off, or is no HTTP, may be closed without an answer.
            assert not answer or re.match(rb"HTTP/1\.[01] (4\d\d|501) ", answer), (line[:60], answer)
        assert ask(address, "/healthz")[::2] == (200, "ok\n")
        assert server.poll() is None


def test_only_a_proxy_that_is_told_of_is_believed(record: Path) -> None:
    """Behind https the proxy's word on address and scheme counts; the host must be one of the server's."""
    forwarded = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "trials.example.org",
    }
    with served("--database", record, "--behind-https", "--allow-host", "trials.example.org") as (_, address):
        status, headers, _, cookies = ask(address, "/sign-in", headers=forwarded)
        assert status == 200
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert cookies[0].startswith("__Host-")
        status, headers, _, _ = ask(address, "/sign-in", headers={**forwarded, "X-Forwarded-Proto": "http"})
        assert (status, headers["Location"]) == (301, "https://trials.example.org/sign-in")
        assert ask(address, "/sign-in", headers={**forwarded, "X-Forwarded-Host": "evil.example"})[0] == 400
        fields = {"name": "vera", "password": "x"}
        assert ask(address, "/sign-in", fields, forwarded)[0] == 403
    with served("--database", record) as (_, address):
        assert ask(address, "/sign-in", headers=forwarded)[0] == 200
        assert "Strict-Transport-Security" not in ask(address, "/sign-in", headers=forwarded)[1]


def test_addresses_in_the_notes_are_those_of_clients(record: Path) -> None:
    """Notes of a server behind a proxy name the address of the client, not that of the proxy."""
    from escalate.web.settings import start

    with client.closing():
        start(str(record))
        assert "203.0.113.9" in {entry.content["address"] for entry in client.notes("form_refused")}


def test_a_demonstration(tmp_path: Path) -> None:
    """A demonstration says its passwords on the terminal and at the door, and says on its pages what it is."""
    with served("--demo", "--database", tmp_path / "demo.db") as (server, address):
        said: str = server.said  # type: ignore[attr-defined]
        _, _, page, _ = ask(address, "/sign-in")
        assert "synthetic" in said
        assert "synthetic" in page
        accounts = re.findall(r"^  (\S+) +(\S+) +", said, re.MULTILINE)
        assert len(accounts) >= 2
        assert all(name in page and password in page for name, password in accounts)
        assert len({password for _, password in accounts}) == len(accounts)
        assert all(len(password) >= 12 for _, password in accounts)
    with served("--database", tmp_path / "demo.db") as (_, address):
        page = ask(address, "/sign-in")[2]
        assert not any(password in page for _, password in accounts)


def test_a_secret_of_the_environment(record: Path) -> None:
    """Where the environment gives a secret it is used in place of that in the database; one too short is refused."""
    with served("--database", record, ESCALATE_SECRET_KEY="x" * 60) as (_, address):
        assert ask(address, "/healthz")[0] == 200
    done = subprocess.run(
        [str(COMMAND), "serve", "--port", "0", "--database", str(record)],
        capture_output=True,
        text=True,
        env=environment({"ESCALATE_SECRET_KEY": "short"}),
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "ESCALATE_SECRET_KEY: is too short" in done.stderr


def test_another_server_of_wsgi(record: Path) -> None:
    """The pages can be served by another server, told by the environment what to serve."""
    code = "from escalate.web.wsgi import application; print(application.__class__.__name__)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment({"ESCALATE_DATABASE": str(record), "ESCALATE_HOSTS": "a.example, b.example"}),
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("WSGIHandler\n", "")
