"""PostgreSQL for the tests: a real server in a temporary folder, gone when the tests end, however they end."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg

START_SECONDS = 60.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "logging_collector": "off",
}
# Below the ports that the system gives to connections, so that none has taken ours while the server is stopped.
PORTS = range(15000, 32000)
# Waits for the end of its input, which means that the test process is gone, even killed; then server and folder go.
KEEPER = 'cat; kill -QUIT "$0"; while kill -0 "$0"; do sleep 0.1; done; rm -rf "$1"'


class Postgres:
    """One PostgreSQL server, on a port of 127.0.0.1 that stays its own when it is stopped and started again."""

    def __init__(self, *, durable: bool = True) -> None:
        self._bin = binaries()
        # What is thrown away within minutes need not reach the disk; whoever breaks a server wants it to.
        self._settings = SETTINGS if durable else SETTINGS | {"fsync": "off", "full_page_writes": "off"}
        self.user = unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="escalate-postgres-"))
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._databases = 0
        account = pwd.getpwnam(self.user)
        if os.geteuid() == 0:
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Start the server, if it does not run, and return when it answers."""
        if self.running:
            return
        # One that was killed leaves this behind; in it is the id of a process that may by now be another's.
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._server = self._child(
                [str(self._bin / "postgres"), "-D", self._data, "-p", str(self.port), *options], stdout=log, stderr=log
            )
        pid = str(self._server.pid)
        self._keeper = self._child(
            ["sh", "-c", KEEPER, pid, str(self.folder)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if not self.running or time.monotonic() > until:
                    raise RuntimeError(f"PostgreSQL does not start: {self.log()[-2000:]}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self, mode: Literal["immediate", "fast"] = "immediate") -> None:
        """Stop the server: at once as in a crash (immediate), or in good order with every session cut (fast)."""
        if self._server is None or self._keeper is None:
            return
        self._keeper.kill()
        self._keeper.communicate()
        self._server.send_signal({"immediate": signal.SIGQUIT, "fast": signal.SIGINT}[mode])
        self._server.wait(START_SECONDS)

    @property
    def running(self) -> bool:
        """Tell whether the server's process is there."""
        return self._server is not None and self._server.poll() is None

    def url(self, database: str) -> str:
        """Return the address of a database on this server."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"

    def fresh_database(self) -> str:
        """Make an empty database and return its address."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def log(self) -> str:
        """Return what the server has written to its log."""
        return (self.folder / "log").read_text(errors="replace")

    def remove(self) -> None:
        """Stop the server and delete all that it stored."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _child(self, command: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
        """Start a program as the unprivileged user, away from our settings and from a Ctrl-C meant for the tests."""
        if os.geteuid() == 0:
            pipes |= {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return subprocess.Popen(command, cwd=self.folder, env=environment, start_new_session=True, **pipes)

    def _run(self, program: str, *arguments: str) -> None:
        child = self._child([str(self._bin / program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = child.communicate()
        if child.returncode:
            raise RuntimeError(f"{program} failed: {said.decode(errors='replace')}")


@cache
def _shared() -> Postgres:
    server = Postgres(durable=False)
    atexit.register(server.remove)
    return server


def postgres() -> Postgres:
    """Return the one server of this test process, running; a test that stopped it finds it started again."""
    server = _shared()
    server.start()
    return server


@contextlib.contextmanager
def own_postgres() -> Iterator[Postgres]:
    """Give a server of its own, running, for a test that stops or breaks it."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL server's programs."""
    # Debian keeps the server's programs off the path, one folder a version.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = shutil.which("initdb") or next((str(path) for path in reversed(debian)), None)
    if found is None:
        raise RuntimeError("This test needs a PostgreSQL server, Debian package postgresql, and there is none here.")
    return Path(found).resolve().parent


def unprivileged() -> str:
    """Return the user to run the server as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    for port in random.SystemRandom().sample(PORTS, 50):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("No port of 127.0.0.1 is free.")
