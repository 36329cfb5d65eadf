"""`escalate account`: accounts, their passwords, tokens and roles, by a person at a terminal."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.run import COMMAND, Result, environment, escalate
from tests.helpers import ROOT

PASSWORD = "a long password for tests"


def account(path: Path, *arguments: str, stdin: str = f"{PASSWORD}\n") -> Result:
    """Run the command on a record."""
    return escalate("account", *arguments, "--database", path, stdin=stdin)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with one account, ana."""
    path = tmp_path_factory.mktemp("accounts") / "record.db"
    done = account(path, "add", "ana", "--full-name", "Ana Berg", "--admin", "--password-stdin")
    assert (done.code, done.stdout) == (0, "administrator ana (Ana Berg) was made\n")
    assert done.stderr == f"note: {path}: there was no record; a new one was begun\n"
    # All of it into the one file that is copied.
    rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def record(begun: Path, tmp_path: Path) -> Path:
    """Return a copy of that record."""
    return Path(shutil.copy(begun, tmp_path / "record.db"))


def rows(path: Path, query: str) -> list[object]:
    """Return the first column of what a query finds."""
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute(query)]


def listed(path: Path) -> list[dict[str, object]]:
    """Return the accounts as the command lists them."""
    found: list[dict[str, object]] = json.loads(account(path, "list", "--json").stdout)["accounts"]
    return found


def test_a_life(record: Path) -> None:
    """An account is made, listed, given another password, shut and opened; each is a note with the one who did it."""
    assert listed(record) == [{"name": "ana", "full_name": "Ana Berg", "admin": True, "active": True}]
    assert "Ana Berg" in account(record, "list").stdout
    assert account(record, "password", "ana", "--password-stdin", stdin="another long password\n").code == 0
    assert account(record, "shut", "ana").code == 0
    assert listed(record)[0]["active"] is False
    assert "shut" in account(record, "list").stdout
    assert account(record, "open", "ana").code == 0
    assert listed(record)[0]["active"] is True
    kinds = rows(record, "SELECT kind FROM escalate_entry ORDER BY number")
    assert kinds == ["account_added", "password_changed", "account_shut", "tokens_withdrawn", "account_opened"]
    assert all(word not in record.read_bytes() for word in (PASSWORD.encode(), b"another long password"))


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["add", "ana", "--password-stdin"], f"{PASSWORD}\n", "there is an account 'ana' already"),
        (["add", "ANA", "--password-stdin"], f"{PASSWORD}\n", "there is an account 'ANA' already"),
        (["add", "bob", "--password-stdin"], "short\n", "at least 12 characters"),
        (["add", "bob", "--password-stdin"], "password1234\n", "too common"),
        (["add", "roberta-smith", "--password-stdin"], "roberta-smith\n", "too similar"),
        (["add", "bob", "--password-stdin"], "", "standard input holds no password"),
        (["add", "bob", "--password-stdin"], "\n", "standard input holds no password"),
        (["add", "bob"], f"{PASSWORD}\n", "asked for at a terminal"),
        (["add", "b ob", "--password-stdin"], f"{PASSWORD}\n", "cannot be the name of an account"),
        (["add", "bob", "--full-name", " ", "--password-stdin"], f"{PASSWORD}\n", "full name"),
        (["add", "bob", PASSWORD], "", "see 'escalate --help'"),
        (["add", "bob", "--password", PASSWORD], "", "No such option"),
        (["password", "bob", "--password-stdin"], f"{PASSWORD}\n", "there is no account 'bob'"),
        (["shut", "bob"], "", "there is no account 'bob'"),
        (["open", "bob"], "", "there is no account 'bob'"),
        (["token", "bob"], "", "there is no account 'bob'"),
        (["token", "ana", "--days", "0"], "", "is not between 1 and 365"),
        (["token", "ana", "--days", "366"], "", "is not between 1 and 365"),
        (["token", "ana", "--withdraw", "--days", "7"], "", "--days: is for a new token"),
        (["token", "ana", "--withdraw", "--label", ""], "", "--label: is for a new token"),
        (["token", "bob", "--withdraw"], "", "there is no account 'bob'"),
        (["roles", "none", "ana", "viewer"], "", "there is no trial 'none' here"),
    ],
)
def test_refusals(record: Path, arguments: list[str], stdin: str, words: str) -> None:
    """What cannot be is refused in a sentence, and no password is taken from the command line or given by default."""
    done = account(record, *arguments, stdin=stdin)
    assert done.code == 2
    assert words in done.stderr
    assert rows(record, "SELECT username FROM auth_user") == ["ana"]
    assert rows(record, "SELECT kind FROM escalate_entry") == ["account_added"]


def test_tokens(record: Path) -> None:
    """A token is printed once, is kept as a hash alone, and ends with the account."""
    made = json.loads(account(record, "token", "ana", "--days", "7", "--label", "pipeline", "--json").stdout)
    assert made["token"].startswith("esc_")
    assert (made["account"], made["days"], made["label"]) == ("ana", 7, "pipeline")
    assert account(record, "token", "ana").stdout.strip().startswith("esc_")
    assert made["token"].encode() not in record.read_bytes()
    assert account(record, "shut", "ana").code == 0
    assert _ended(record) == 2


def _ended(path: Path) -> int:
    """Return how many tokens were withdrawn; all of them are."""
    ended = rows(path, "SELECT withdrawn FROM escalate_token")
    assert all(ended)
    return len(ended)


def test_tokens_are_withdrawn(record: Path) -> None:
    """Every token of an account ends at one command, or with its password; which is noted with how many there were."""
    assert account(record, "token", "ana", "--withdraw").stdout == "ana had no token to withdraw\n"
    account(record, "token", "ana", "--days", "7")
    assert account(record, "token", "ana", "--withdraw").stdout == "1 token of ana withdrawn\n"
    for _ in range(2):
        account(record, "token", "ana")
    done = account(record, "token", "ana", "--withdraw", "--json")
    assert json.loads(done.stdout) == {"account": "ana", "withdrawn": 2}
    assert _ended(record) == 3
    account(record, "token", "ana")
    done = account(record, "password", "ana", "--password-stdin", stdin="another long password\n")
    assert done.stdout == "ana has another password; earlier sessions and tokens have ended\n"
    assert _ended(record) == 4
    bodies = rows(record, "SELECT body FROM escalate_entry WHERE kind = 'tokens_withdrawn' ORDER BY number")
    assert [json.loads(str(body))["tokens"] for body in bodies] == [0, 1, 2]


def test_a_new_record_is_told(tmp_path: Path, record: Path) -> None:
    """A mistyped name of a record does not go unseen: that a new one was begun is said, and of one that was there nothing."""
    for arguments in (["add", "bo", "--password-stdin"], ["add", "cy", "--no-password", "--json"]):
        done = account(record, *arguments)
        assert (done.code, done.stderr) == (0, "")
    done = account(tmp_path / "recrod.db", "add", "bo", "--no-password", "--json")
    assert (done.code, json.loads(done.stdout)["name"]) == (0, "bo")
    assert done.stderr == f"note: {tmp_path / 'recrod.db'}: there was no record; a new one was begun\n"
    for command in (["list"], ["token", "bo"], ["shut", "bo"]):
        done = account(tmp_path / "none.db", *command)
        assert (done.code, "there is no record here" in done.stderr) == (2, True)
    assert not (tmp_path / "none.db").exists()


def test_roles(record: Path) -> None:
    """Roles are given, replaced and taken; those that are none, and people without an account, are refused."""
    from tests.web import client

    with client.closing():
        from escalate.conduct import opening
        from escalate.conduct.actor import Actor
        from escalate.conduct.database import connect
        from escalate.conduct.design_lock import lock

        connect(str(record))
        design = lock(str(ROOT / "designs" / "tvec-liver-boin.yaml"))
        opening.open_trial("tvec", design, Actor("lead", "tests", everywhere=True))
    assert account(record, "roles", "tvec", "ana", "chair", "site").stdout == "ana is now chair, site of tvec\n"
    assert json.loads(account(record, "roles", "tvec", "ana", "viewer", "--json").stdout)["roles"] == ["viewer"]
    assert account(record, "roles", "tvec", "ana").stdout == "ana has no role in tvec any more\n"
    assert "did you mean 'viewer'" in account(record, "roles", "tvec", "ana", "viewr").stderr
    assert "there is no account 'bob'" in account(record, "roles", "tvec", "bob", "viewer").stderr


def typed(path: Path, *answers: str) -> tuple[int, str]:
    """Add bob at a terminal, and return the exit code and all that the terminal showed."""
    leader, follower = pty.openpty()
    command = subprocess.Popen(
        [str(COMMAND), "account", "add", "bob", "--database", str(path)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(),
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    waiting = list(answers)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            part = os.read(leader, 1000)
        except OSError:
            break
        if not part:
            break
        shown += part
        if waiting and shown.rstrip().endswith(b":"):
            # The prompt comes before the echo is off and what was typed is thrown away.
            time.sleep(0.1)
            os.write(leader, waiting.pop(0).encode() + b"\n")
    code = command.wait(30)
    os.close(leader)
    return code, shown.decode()


def test_a_password_is_typed_twice_and_not_shown(record: Path) -> None:
    """At a terminal the password is asked for twice and never shown; where the two differ nothing is made."""
    code, shown = typed(record, PASSWORD, "another long password")
    assert code == 2
    assert "the two are not the same" in shown
    assert len(listed(record)) == 1
    code, shown = typed(record, PASSWORD, PASSWORD)
    assert code == 0, shown
    assert "Password for bob:" in shown
    assert PASSWORD not in shown
    assert len(listed(record)) == 2


def test_help() -> None:
    """The group and each of its commands have help."""
    assert "Make an account" in escalate("account").stdout
    for command in ("add", "password", "list", "shut", "open", "token", "roles"):
        done = escalate("account", command, "--help")
        assert done.code == 0
        assert "--database" in done.stdout
