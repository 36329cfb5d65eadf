"""`escalate serve` refuses, in one sentence, what it should not do; that it serves is told in tests/web."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.run import COMMAND, Result, environment, escalate
from tests.servers import postgres

PASSWORD = "a long password for tests\n"


def serve(*arguments: str | Path) -> Result:
    """Run the command where it does not come to serve."""
    return escalate("serve", *arguments, timeout=60)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with an administrator."""
    path = tmp_path_factory.mktemp("serve") / "record.db"
    done = escalate("account", "add", "root", "--admin", "--password-stdin", "--database", path, stdin=PASSWORD)
    assert done.code == 0, done.stderr
    return path


def refused(done: Result, *words: str) -> None:
    """Hold that a command ended in one sentence with these words."""
    assert done.code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_a_port_in_use(record: Path) -> None:
    """A port that another program listens on is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused(serve("--database", record, "--port", port), f"--port {port}", "is in use", "choose another")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "65536"], ["--port: 65536 is not a port"]),
        (["--port", "-1"], ["--port: -1 is not a port"]),
        (["--threads", "0"], ["--threads: 0 is not between 1 and 64"]),
        (["--host", "0.0.0.0"], ["passwords would travel unencrypted", "--behind-https", "--insecure"]),
        (["--host", "::"], ["passwords would travel unencrypted"]),
        (["--host", "192.0.2.1"], ["passwords would travel unencrypted"]),
        (
            ["--host", "192.0.2.1", "--behind-https", "--proxy", "192.0.2.2"],
            ["--host 192.0.2.1", "cannot be listened on"],
        ),
        (["--host", "localhost.evil.example", "--behind-https", "--port", "0"], ["--host localhost.evil.example"]),
        (["--proxy", "192.0.2.1"], ["--proxy: goes with --behind-https"]),
        (["--demo", "--host", "0.0.0.0", "--insecure"], ["--demo", "for this machine alone"]),
        (["--demo"], ["--demo: makes a record of its own"]),
    ],
)
def test_places_that_are_refused(record: Path, arguments: list[str], words: list[str]) -> None:
    """A port or an address that cannot be, a network without https, a demonstration for others: none is served."""
    refused(serve("--database", record, *arguments), *words)


def test_insecure_is_said_and_warned_of(record: Path) -> None:
    """Whoever insists on a network without https is warned all the same."""
    done = serve("--database", record, "--host", "192.0.2.1", "--insecure")
    assert done.code == 2
    assert done.stderr.startswith("warning: passwords travel unencrypted")


def test_without_an_account(tmp_path: Path) -> None:
    """A record into which nobody could sign in is not served; how to make the first administrator is said."""
    path = tmp_path / "record.db"
    for arguments in (["add", "root", "--password-stdin"], ["shut", "root"]):
        assert escalate("account", *arguments, "--database", path, stdin=PASSWORD).code == 0
    refused(serve("--database", path, "--port", "0"), "escalate account add NAME --admin")


def test_without_a_record(tmp_path: Path) -> None:
    """A file that is not there, or no record, is not served, and not made."""
    refused(serve("--database", tmp_path / "none.db"), "there is no record here")
    (tmp_path / "text.db").write_text("hello, this is no database", encoding="utf-8")
    refused(serve("--database", tmp_path / "text.db"), "is not a database")
    refused(serve("--database", tmp_path), "is a directory")
    assert not (tmp_path / "none.db").exists()


def test_no_password_is_printed() -> None:
    """The line that says what is served, where, names the database without the password in its address."""
    user, _, rest = postgres().fresh_database().removeprefix("postgresql://").rpartition("@")
    url = f"postgresql://{user}:hidden@{rest}"
    done = escalate("account", "add", "root", "--admin", "--password-stdin", "--database", url, stdin=PASSWORD)
    assert done.code == 0, done.stderr
    assert done.stderr == f"note: postgresql://{rest}: there was no record; a new one was begun\n"
    server = subprocess.Popen(
        [str(COMMAND), "serve", "--port", "0", "--database", url],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
    finally:
        server.send_signal(signal.SIGINT)
        later, _ = server.communicate(timeout=60)
    assert first.startswith(f"escalate serves postgresql://{rest} at http://127.0.0.1:")
    assert "hidden" not in first + later


def test_help() -> None:
    """The command says what each option does, and that it serves this machine alone."""
    done = escalate("serve", "--help")
    assert done.code == 0
    for option in (
        "--database",
        "--host",
        "--port",
        "--allow-host",
        "--behind-https",
        "--threads",
        "--demo",
        "--insecure",
    ):
        assert option in done.stdout
    assert "on this machine alone" in done.stdout
