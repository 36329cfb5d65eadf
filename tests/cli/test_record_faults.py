"""`escalate trial` where things break: databases that are none, full disks, interruptions, other writers, changed records."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.run import COMMAND, DESIGN, Result, environment, escalate, write
from tests.servers import own_postgres, postgres

Break = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a record: trial `t`, one cohort at level 1 without DLT, the recommendation and its acceptance."""
    folder = tmp_path_factory.mktemp("record")
    write(folder, d_yaml=DESIGN)
    for arguments in (
        ("new", "d.yaml", "--trial", "t"),
        ("enter", "t", "--outcomes", "1NNN"),
        ("recommend", "t"),
        ("decide", "t", "accept"),
        ("export", "t", "t.zip"),
    ):
        done = escalate("trial", *arguments, cwd=folder)
        assert (done.code, done.stderr) == (0, "")
    with closing(sqlite3.connect(folder / "escalate.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "escalate.db"


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a folder with a copy of that record, its design and its archive."""
    for name in ("escalate.db", "d.yaml", "t.zip"):
        shutil.copy(whole.with_name(name), tmp_path / name)
    return tmp_path


def real(
    *arguments: str, cwd: Path, limit: int | None = None, bound: bool = False, stdout: int = subprocess.PIPE
) -> Result:
    """Run the installed command in a process of its own; with a limit of the size of files, or bound by permissions."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if bound and os.geteuid() == 0:
            # Root, too, then keeps to the permissions of files: PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
            for capability in (1, 2):
                assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0

    done = subprocess.run(
        [str(COMMAND), "trial", *arguments],
        stdout=stdout, stderr=subprocess.PIPE, cwd=cwd, env=environment(), check=False, preexec_fn=limited,
    )  # fmt: skip
    return Result((done.stdout or b"").decode(), done.stderr.decode(), done.returncode)


def clean(folder: Path, trial: str = "t") -> int:
    """Verify the record, and return how many entries the trial has."""
    done = escalate("trial", "verify", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert (done.code, done.stderr, found["clean"]) == (0, "", True)
    return int(next(chain["entries"] for chain in found["chains"] if chain["chain"] == trial))


def sentence(done: Result, *words: str) -> None:
    """Check that a command ended in one sentence and exit code 2."""
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr
    for word in ("Traceback", "should not have happened", "sqlite3.", "django.db"):
        assert word not in done.stderr


# --- databases that are none -----------------------------------------------------------------------------------------
def sql(*statements: str) -> Break:
    """Return what runs statements in a file."""

    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return run


def emptied(then: Break) -> Break:
    """Return what does something with a file that is new."""

    def run(path: Path) -> None:
        path.unlink()
        then(path)

    return run


NEWER = "INSERT INTO django_migrations (app, name, applied) VALUES ('conduct', '0099_later', '2030-01-01')"
TABLE = "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)"
BROKEN: dict[str, tuple[Break, str]] = {
    "text": (lambda path: path.write_text("hello, this is a text file\n"), "is not a database"),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000)), "is not a database"),
    "cut short": (lambda path: os.truncate(path, 5000), "is damaged or no database"),
    "a header alone": (lambda path: os.truncate(path, 16), "damaged or no database"),
    "overwritten": (lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xaa" * 200_000), "damaged or no database"),
    "another program's": (emptied(sql("CREATE TABLE notes (text)")), "not a record of escalate"),
    "another of Django": (
        emptied(sql(TABLE, "INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial', '2030-01-01')")),
        "not a record of escalate",
    ),
    "newer": (sql(NEWER), "was written by a newer version of escalate"),
    "a directory": (emptied(lambda path: path.mkdir()), "is a directory"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("arguments", [("list",), ("new", "d.yaml", "--trial", "n")])
def test_a_database_that_is_none(name: str, arguments: tuple[str, ...], folder: Path) -> None:
    """It is named, with what it is, and is left byte for byte as it was: `new` makes no record of what is another's."""
    damage, words = BROKEN[name]
    path = folder / "escalate.db"
    damage(path)
    before = path.read_bytes() if path.is_file() else b""
    sentence(escalate("trial", *arguments, cwd=folder), "escalate.db: ", words)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_an_empty_file(folder: Path) -> None:
    """An empty file is no record; `new` makes one of it, as of a file from mktemp."""
    (folder / "escalate.db").write_bytes(b"")
    sentence(escalate("trial", "list", cwd=folder), "escalate.db: is empty")
    assert escalate("trial", "new", "d.yaml", cwd=folder).code == 0


@pytest.mark.parametrize("value", ["", " ", "no/x.db", "http://a/b", "postgresql://", "postgresql://eve:hidden@h:x/d"])
def test_a_name_of_no_database(value: str, folder: Path) -> None:
    """An empty name is not the default, an address of another kind is no file, and a password is never shown."""
    for arguments in (("list",), ("new", "d.yaml", "--trial", "n")):
        done = escalate("trial", *arguments, "--database", value, cwd=folder)
        sentence(done)
        assert "hidden" not in done.stderr
    assert {path.name for path in folder.iterdir() if not path.name.startswith("escalate.db-")} == {
        "escalate.db", "d.yaml", "t.zip",
    }  # fmt: skip


def test_a_failing_new_makes_no_database(folder: Path) -> None:
    """A design or a name that is refused, or an archive that was changed, leaves no file behind."""
    (folder / "bad.zip").write_bytes((folder / "t.zip").read_bytes()[:-200])
    for arguments in (
        ("new", "none.yaml"),
        ("new", "d.yaml", "--trial", "T"),
        ("import", "bad.zip"),
        ("import", "d.yaml"),
    ):
        sentence(escalate("trial", *arguments, "--database", "n.db", cwd=folder))
    assert not (folder / "n.db").exists()


# --- disks -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("limit", [0, 100, 4096, 20_000])
def test_a_full_disk(limit: int, folder: Path) -> None:
    """A sentence; nothing half-written; what was on record is there; with room again the same command records it."""
    arguments = ("enter", "t", "--outcomes", "2NNT")
    sentence(real(*arguments, cwd=folder, limit=limit), "escalate.db: ", "nothing saved is lost")
    assert clean(folder) == 4
    assert escalate("trial", *arguments, cwd=folder).code == 0
    assert clean(folder) == 5


@pytest.mark.parametrize("limit", [0, 30_000, 100_000, 200_000])
def test_a_disk_that_is_full_as_the_record_is_made(limit: int, folder: Path) -> None:
    """`new` says so, and can be given again: what was begun is made to the end."""
    arguments = ("new", "d.yaml", "--trial", "n", "--database", "n.db")
    sentence(real(*arguments, cwd=folder, limit=limit), "no temporary file" if limit == 0 else "n.db: ")
    assert escalate("trial", *arguments, cwd=folder).code == 0
    assert escalate("trial", "verify", "--database", "n.db", cwd=folder).code == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_answer_that_cannot_be_written(form: tuple[str, ...], folder: Path) -> None:
    """The message says that the record has it all the same, so that nobody records it twice."""
    with Path("/dev/full").open("wb") as full:
        done = real("enter", "t", "--outcomes", "2NNT", *form, cwd=folder, stdout=full.fileno())
    sentence(done, "recorded as entry 5, but the answer cannot be written (No space left on device)")
    assert clean(folder) == 5


def test_a_reader_that_has_gone(folder: Path) -> None:
    """As with `| head`: no message and exit code 0, and it is on record."""
    process = subprocess.Popen(
        [str(COMMAND), "trial", "recommend", "t"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment()
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0
    assert clean(folder) == 4


def test_a_record_that_may_not_be_written(folder: Path) -> None:
    """Who may not write the file, or its folder, is told so in one sentence, and nothing is changed."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "escalate.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        sentence(real("enter", "t", "--outcomes", "2NNT", cwd=folder, bound=True), "escalate.db: ")
        sentence(real("new", "d.yaml", "--database", "n.db", cwd=folder, bound=True), "n.db: cannot be ")
        (folder / "escalate.db").chmod(0o000)
        sentence(real("list", cwd=folder, bound=True), "escalate.db: cannot be read (Permission denied)")
    finally:
        folder.chmod(0o755)
        (folder / "escalate.db").chmod(0o644)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# --- others who write, and interruptions -----------------------------------------------------------------------------
def test_two_who_write_at_once(folder: Path) -> None:
    """Each waits for its turn: nothing is lost, nothing doubled, and the chain is whole."""
    script = """
import subprocess, sys
for k in range(5):
    change = ["--patient", sys.argv[1], "--set", "dlt=" + ("yes", "no")[k % 2], "--reason", f"change {k}"]
    done = subprocess.run([*sys.argv[2:], *change], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, patient, str(COMMAND), "trial", "amend", "t"], cwd=folder, env=environment()
        )
        for patient in ("01", "02")
    ]
    assert [each.wait(120) for each in both] == [0, 0]
    assert clean(folder) == 14
    entries = json.loads(escalate("trial", "history", "t", "--json", cwd=folder).stdout)["entries"]
    told = sorted((entry["body"]["patient"], entry["reason"]) for entry in entries[4:])
    assert told == [(patient, f"change {k}") for patient in ("01", "02") for k in range(5)]


def _waiting(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has used no processor time for a while."""
    deadline, last, since = time.monotonic() + 60, -1, time.monotonic()
    while time.monotonic() - since < 0.6:
        assert process.poll() is None
        assert time.monotonic() < deadline
        # Fields 14 and 15: time in user and kernel mode.
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        used = int(fields[11]) + int(fields[12])
        if used != last or used < 20:
            last, since = used, time.monotonic()
        time.sleep(0.05)


def test_an_interruption(folder: Path) -> None:
    """Control-C while another writes ends with exit code 130 and says where to look; the record is whole."""
    with closing(sqlite3.connect(folder / "escalate.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = subprocess.Popen(
            [str(COMMAND), "trial", "enter", "t", "--outcomes", "2NNT"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment(),
        )  # fmt: skip
        _waiting(process)
        process.send_signal(signal.SIGINT)
        other.execute("ROLLBACK")
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, b"")
    assert stderr.decode() == (
        "error: interrupted; 'escalate trial history t' shows whether it was recorded: it is whole, or not there\n"
    )
    assert clean(folder) in (4, 5)


# --- records that were changed ---------------------------------------------------------------------------------------
CHANGES = {
    "edited": ("UPDATE escalate_entry SET body = body || ' ' WHERE chain = 't' AND number = 4", "entry 4 was edited"),
    "by another": ("UPDATE escalate_entry SET by = 'eve' WHERE chain = 't' AND number = 2", "entry 2 was edited"),
    "missing": ("DELETE FROM escalate_entry WHERE chain = 't' AND number = 3", "entry 3 is missing"),
    "first missing": ("DELETE FROM escalate_entry WHERE chain = 't' AND number = 1", "entry 1 is missing"),
}  # fmt: skip


def _changed(folder: Path, statement: str) -> None:
    """Change the record as somebody would who can write the file, and hide that triggers were taken away."""
    with closing(sqlite3.connect(folder / "escalate.db")) as connection:
        kept = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        for trigger in kept:
            connection.execute(trigger)
        connection.commit()


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_record(name: str, folder: Path) -> None:
    """`verify` names the entry, with exit code 1; nothing is concluded from the trial."""
    statement, words = CHANGES[name]
    _changed(folder, statement)
    for target in ((), ("t",)):
        done = escalate("trial", "verify", *target, cwd=folder)
        assert (done.code, done.stderr) == (1, "")
        assert f"Fault: {words}" in done.stdout
    assert escalate("trial", "recommend", "t", cwd=folder).code == 2


def test_nothing_is_done_with_a_changed_record(folder: Path) -> None:
    """No command shows or adds anything, `list` says which trial it is, and JSON of `verify` names the entry."""
    _changed(folder, CHANGES["edited"][0])
    for arguments in (
        ("show", "t"),
        ("history", "t"),
        ("export", "t", "x.zip"),
        ("decide", "t", "stop", "--reason", "x"),
    ):
        sentence(escalate("trial", *arguments, cwd=folder), "entry 4 was edited")
    assert not (folder / "x.zip").exists()
    done = escalate("trial", "list", cwd=folder)
    assert (done.code, "not readable" in done.stdout) == (1, True)
    found = json.loads(escalate("trial", "verify", "--json", cwd=folder).stdout)
    assert found["clean"] is False
    faults = next(chain["faults"] for chain in found["chains"] if chain["chain"] == "t")
    assert [fault["number"] for fault in faults] == [4]


def test_a_cut_tail(folder: Path) -> None:
    """A record whose last entry was cut is whole in itself; the head that was printed finds it."""
    head = json.loads(escalate("trial", "show", "t", "--json", cwd=folder).stdout)["head"]
    assert escalate("trial", "verify", "t", "--head", head, cwd=folder).code == 0
    _changed(folder, "DELETE FROM escalate_entry WHERE chain = 't' AND number = 4")
    assert escalate("trial", "verify", "t", cwd=folder).code == 0
    for printed in (head, head[:16], head.upper()):
        done = escalate("trial", "verify", "t", "--head", printed, cwd=folder)
        assert done.code == 1
        assert "tail was cut or replaced" in " ".join(done.stdout.split())


def test_a_changed_archive(folder: Path) -> None:
    """A file that was changed is named, also where its hash was made to fit, and nothing is imported."""
    with zipfile.ZipFile(folder / "t.zip") as old, zipfile.ZipFile(folder / "u.zip", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(b"01,1,1,0", b"01,1,1,1") if name == "data.csv" else content)
    done = escalate("trial", "verify", "u.zip", cwd=folder)
    assert (done.code, done.stderr) == (1, "")
    assert "data.csv does not give the hash in SHA256SUMS" in done.stdout
    assert "data.csv is not what the entries say" in done.stdout
    sentence(
        escalate("trial", "import", "u.zip", "--database", "n.db", cwd=folder), "u.zip: data.csv", "is not brought in"
    )
    assert not (folder / "n.db").exists()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------
def test_the_same_on_postgresql(folder: Path) -> None:
    """A trial from its start to an import from SQLite, by the same commands with the address of a PostgreSQL database."""
    url = postgres().fresh_database()

    def run(*arguments: str) -> Result:
        return escalate("trial", *arguments, "--database", url, cwd=folder)

    sentence(run("list"), "holds no record")
    for arguments in (
        ("new", "d.yaml", "--trial", "n"),
        ("enter", "n", "--outcomes", "1NNN"),
        ("recommend", "n"),
        ("decide", "n", "higher", "--level", "3", "--reason", "x", "--by", "ana"),
        ("decide", "n", "--approve", "--entry", "4", "--by", "bo"),
        ("amend", "n", "--patient", "01", "--set", "dlt=yes", "--reason", "y"),
        ("import", "t.zip"),
        ("export", "n", "n.zip"),
    ):
        done = run(*arguments)
        assert (done.code, done.stderr) == (0, ""), arguments
    assert run("verify", "--recompute").code == 0
    sentence(run("decide", "n", "accept"), "data or design changed")
    assert escalate("trial", "import", "n.zip", cwd=folder).code == 0
    assert clean(folder, "n") == 7


def test_a_postgresql_that_is_gone(folder: Path) -> None:
    """It is told in one sentence without the password, and is there again when the server is."""
    with own_postgres() as server:
        url = server.fresh_database().replace("@", ":hidden@")
        assert escalate("trial", "new", "d.yaml", "--database", url, cwd=folder).code == 0
        server.stop()
        done = escalate("trial", "enter", "d", "--outcomes", "1NNN", "--database", url, cwd=folder)
        sentence(done, "cannot be reached", "nothing saved is lost")
        assert "hidden" not in done.stderr
        server.start()
        assert escalate("trial", "enter", "d", "--outcomes", "1NNN", "--database", url, cwd=folder).code == 0
