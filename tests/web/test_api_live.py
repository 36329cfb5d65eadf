"""What docs/reference/api.md shows, done as it stands there against a running server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.run import COMMAND
from tests.helpers import ROOT
from tests.web import client

PAGE = (ROOT / "docs" / "reference" / "api.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HEADER = "SUBJID,COHORT,LEVEL,DLT\n"


class Server(NamedTuple):
    """A server that runs, and what a person's shell has set."""

    folder: Path
    environment: dict[str, str]

    def shell(self, text: str) -> str:
        """Return what commands print, as a person types them."""
        told = subprocess.run(
            ["bash", "-euc", text],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=60,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    def bring(self, rows: str) -> subprocess.CompletedProcess[str]:
        """Run the program of the page on an export."""
        (self.folder / "edc.py").write_text(PROGRAM)
        (self.folder / "export.csv").write_text(HEADER + rows)
        return subprocess.run(
            [sys.executable, "edc.py", "export.csv"],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=60,
        )


@pytest.fixture
def server(fresh: Path) -> Iterator[Server]:
    environment = {
        **os.environ,
        "PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}",
        "ESCALATE_DATABASE": str(fresh),
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
    }
    child = subprocess.Popen(
        [str(COMMAND), "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        assert child.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", child.stdout.readline())
        assert found is not None
        environment["ESCALATE_SERVER"] = found[0]
        account = Server(fresh.parent, environment).shell(SHELL[0])
        token = re.search(r"esc_\S+", account)
        assert token is not None
        yield Server(fresh.parent, {**environment, "ESCALATE_TOKEN": token[0]})
    finally:
        child.terminate()
        child.communicate(timeout=30)


def test_the_commands_of_the_page(server: Server) -> None:
    """From the account to the first recommendation, every command of the page does what the page says."""
    told = [server.shell(text) for text in SHELL[1:]]
    assert '"name":"edc","full_name":"EDC interface","admin":false' in told[0]
    assert '"kind":"entered"' in told[1]
    assert '"kind":"amended"' in told[2]
    assert '"action":"escalate","next_level":2' in told[2]


def test_the_program_of_the_page(server: Server) -> None:
    """Exports come in as they grow: patients once, outcomes as they become known, and what needs a person stops it."""
    first = server.bring("101-01,1,1,N\n101-02,1,1,\n102-01,1,1,N\n")
    assert first.stdout.splitlines() == ["cohort 1: 3 patients entered, entry 9"], first.stderr
    assert server.bring("101-01,1,1,N\n101-02,1,1,\n102-01,1,1,N\n").stdout == ""
    second = server.bring("101-01,1,1,N\n101-02,1,1,N\n102-01,1,1,N\n")
    assert second.stdout.splitlines() == ["patient 101-02 amended, entry 10"], second.stderr
    corrected = server.bring("101-01,1,1,Y\n101-02,1,1,N\n102-01,1,1,N\n")
    assert corrected.returncode == 1
    assert ": reason: is missing" in corrected.stderr
    undecided = server.bring("101-01,1,1,N\n101-02,1,1,N\n102-01,1,1,N\n103-01,2,2,N\n")
    assert undecided.returncode == 1
    assert "reason of the deviation" in undecided.stderr

    from escalate.conduct import store

    store.forget()
    assert {name: patient.row.dlt for name, patient in store.load("tvec").patients.items()} == {
        "101-01": False,
        "101-02": False,
        "102-01": False,
    }
    assert {entry.by for entry in store.entries_of("tvec", 8)} == {"edc"}
    assert client.notes("token_refused") == []


def test_the_program_says_what_the_server_says(server: Server) -> None:
    """A token that is none is told in the sentence of the server, and not tried again."""
    wrong = Server(server.folder, {**server.environment, "ESCALATE_TOKEN": "esc_wrong"}).bring("101-01,1,1,N\n")
    assert wrong.returncode == 1
    assert ": the token is not one" in wrong.stderr
