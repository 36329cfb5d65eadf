"""Which jobs are done while the work goes on: on disk, so that memory does not grow with the number of jobs."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

JOURNAL: Final = "journal.sqlite"
SHORT: Final = 16
"""Letters of a hash in the name of a file."""
_COLUMNS: Final = "design, block, key, status, sha256, rows, error, trials_sha256"
_HASH: Final = re.compile("[0-9a-f]{64}")
_NO_FAULT_OF_THE_FILE: Final = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_PERM")


@dataclass(frozen=True)
class Kept:
    """A job of which the result is there, or why it is not.

    Parameters
    ----------
    design, key
        Hash of the design; hash of all that the result depends on.
    block
        Of the scenarios, from 0.
    status
        `done` or `failed`.
    sha256, trials_sha256
        Of the part; of the single trials where they are kept, empty otherwise.
    """

    design: str
    block: int
    key: str
    status: str
    sha256: str = ""
    rows: int = 0
    error: str | None = None
    trials_sha256: str = ""

    def line(self) -> str:
        """Return it as a line of the list of jobs."""
        said = {"design": self.design, "block": self.block, "key": self.key, "status": self.status}
        more: dict[str, str | int | None] = {"sha256": self.sha256, "rows": self.rows}
        if self.status == "failed":
            more = {"error": self.error}
        elif self.trials_sha256:
            more["trials_sha256"] = self.trials_sha256
        return json.dumps({**said, **more}) + "\n"

    @classmethod
    def of(cls, line: str) -> Kept:
        """Return what a line of the list of jobs says.

        Raises
        ------
        ValueError
            Where it is none.
        """
        try:
            found = cls(**json.loads(line))
            hashes = (found.key, *((found.design, found.sha256) if found.status == "done" else ()))
            whole = (
                all(map(_HASH.fullmatch, hashes))
                and found.status in ("done", "failed")
                and all(type(number) is int and number >= 0 for number in (found.block, found.rows))
                and isinstance(found.design, str)
                and (found.error is None or isinstance(found.error, str))
                and (found.trials_sha256 == "" or _HASH.fullmatch(found.trials_sha256))
            )
        except (TypeError, ValueError, RecursionError):
            whole = None
        if not whole:
            raise ValueError("is no line of a list of jobs")
        return found

    @property
    def path(self) -> str:
        """Where its part is, in the folder of the results."""
        return f"parts/{self._name}"

    @property
    def files(self) -> dict[str, str]:
        """Where what was written of it is, and the hash of each."""
        trials = {f"trials/{self._name}": self.trials_sha256} if self.trials_sha256 else {}
        return {self.path: self.sha256, **trials}

    @property
    def _name(self) -> str:
        return f"design={self.design[:SHORT]}/{self.key[:SHORT]}.parquet"


class Journal:
    """The jobs of a study by number, and those of an earlier run by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _spoken():
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if _no_fault_of_the_file(error):
                    raise
                # Damaged: what it said is computed again.
                self.remove()
                self._open()

    def _open(self) -> None:
        there = self.path.exists()
        self._db = sqlite3.connect(self.path, isolation_level=None)
        if there and self._db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        self._db.execute("PRAGMA journal_mode = WAL")
        # A power failure may lose the last jobs, which are then computed again; the death of the process loses nothing.
        self._db.execute("PRAGMA synchronous = NORMAL")
        for table in ("earlier", "jobs"):
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (number INTEGER PRIMARY KEY, design TEXT, block INTEGER, key TEXT, "
                "status TEXT, sha256 TEXT, rows INTEGER, error TEXT, trials_sha256 TEXT)"
            )
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {table}_key ON {table} (key)")
        # Each design is asked for at the end: without it the time goes with the square of their number.
        self._db.execute("CREATE INDEX IF NOT EXISTS jobs_design ON jobs (design)")
        # Jobs of a run that was cut are earlier ones now: the study may have changed.
        with self._whole():
            self._db.execute(f"INSERT INTO earlier ({_COLUMNS}) SELECT {_COLUMNS} FROM jobs")
            self._db.execute("DELETE FROM jobs")

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        with _spoken():
            self._db.execute("BEGIN")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # Where there is no room SQLite may have gone back by itself.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def add_earlier(self, lines: Iterable[str]) -> None:
        """Add jobs of a list; a line that is none is passed over."""
        with self._whole():
            for line in lines:
                with contextlib.suppress(ValueError):
                    self._insert("earlier", None, Kept.of(line))

    def has_earlier(self) -> bool:
        """Whether there is any job of an earlier run."""
        return self._db.execute("SELECT 1 FROM earlier WHERE status = 'done' LIMIT 1").fetchone() is not None

    def earlier(self, key: str) -> Kept | None:
        """Return a job of an earlier run by its key."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM earlier WHERE key = ? AND status = 'done' ORDER BY number DESC LIMIT 1", (key,)
        )
        row = found.fetchone()
        return None if row is None else Kept(*row)

    def add(self, jobs: Iterable[tuple[int, Kept]]) -> None:
        """Write jobs down, all or none."""
        with self._whole():
            for number, kept in jobs:
                self._insert("jobs", number, kept)

    def _insert(self, table: str, number: int | None, kept: Kept) -> None:
        row = (kept.design, kept.block, kept.key, kept.status, kept.sha256, kept.rows, kept.error)
        self._db.execute(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *row, kept.trials_sha256)
        )

    def jobs(self, status: str | None = None, limit: int = -1) -> Iterator[Kept]:
        """Yield jobs in their order; those of one status where asked for."""
        where, values = ("", ()) if status is None else ("WHERE status = ?", (status,))
        asked = self._db.execute(f"SELECT {_COLUMNS} FROM jobs {where} ORDER BY number LIMIT ?", (*values, limit))
        return (Kept(*row) for row in asked)

    def count(self, status: str) -> int:
        """Return how many jobs have a status."""
        return int(self._db.execute("SELECT count(*) FROM jobs WHERE status = ?", (status,)).fetchone()[0])

    def keys_of(self, design: str) -> set[str]:
        """Return the short keys of the jobs that are done of a design, given by its short hash."""
        asked = self._db.execute(
            "SELECT key FROM jobs WHERE status = 'done' AND design >= ? AND design < ?", (design, design + "g")
        )
        return {key[:SHORT] for (key,) in asked}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def remove(self) -> None:
        """Let go of the file and take it away."""
        with contextlib.suppress(AttributeError):
            self._db.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def read(path: Path) -> tuple[int, int, list[Kept]]:
    """Return how many jobs a journal has that are done, and that failed, and a hundred of these; another process may write."""
    if not path.is_file():
        return 0, 0, []
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        try:
            count = dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE status = 'failed' ORDER BY number LIMIT 100"
            ).fetchall()
        except sqlite3.DatabaseError:
            return 0, 0, []
    return int(count.get("done", 0)), int(count.get("failed", 0)), [Kept(*row) for row in rows]


def _no_fault_of_the_file(error: sqlite3.DatabaseError) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name == "SQLITE_FULL" or name.startswith(_NO_FAULT_OF_THE_FILE)


@contextlib.contextmanager
def _spoken() -> Iterator[None]:
    """Say as the system does that a file cannot be written."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not _no_fault_of_the_file(error):
            raise
        # Beyond the largest file allowed a write fails too.
        full = error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
        raise OSError(errno.ENOSPC if full else errno.EIO, f"the journal cannot be written: {error}") from None
