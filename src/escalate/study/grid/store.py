"""The results on disk: parts that are whole or not there, a journal while the work goes on, a manifest of what there is.

The folder holds `manifest.json`, `jobs.jsonl` (a line a job), `designs.parquet`, `scenarios.parquet`, and
`parts/design=<hash>/<key>.parquet`; where single trials are kept, `trials/design=<hash>/<key>.parquet`. While the work goes on
`journal.sqlite` says which jobs are done. None of it holds a time or the name of a machine: the same study gives the same bytes,
whatever happened on the way.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from escalate.core.errors import EscalateError
from escalate.study.grid.journal import JOURNAL, SHORT, Journal, Kept

MANIFEST, JOBS, LOCK = "manifest.json", "jobs.jsonl", ".lock"
FOLDERS: Final = ("parts", "trials")
_OURS: Final = re.compile(rf"[0-9a-f]{{{SHORT}}}\.parquet|\.[0-9a-f]{{{SHORT}}}\.parquet\.tmp")
STATES: Final = ("running", "complete", "incomplete")
SCHEMA: Final = "escalate/study-results/1"


class DiskFullError(EscalateError):
    """No more can be written; what is there can be resumed."""


@dataclass
class Store:
    """The folder of a study's results, held by one process at a time while it writes."""

    folder: Path
    _lock: IO[str] | None = field(default=None, repr=False)
    _journal: Journal | None = field(default=None, repr=False)

    def manifest(self) -> dict[str, Any] | None:
        """Return what the manifest says; None where there is none.

        Raises
        ------
        EscalateError
            Where there is something else.
        """
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            raise EscalateError(
                f"{path}: cannot be read as a manifest ({_said(fault)}); move {self.folder} away to begin anew"
            ) from None
        if not isinstance(found, dict) or found.get("schema") != SCHEMA or not _is_whole(found):
            raise EscalateError(f"{path}: is no manifest of a study's results; name another folder under outputs")
        return found

    def check_title(self, title: str, name: str) -> None:
        """Refuse a folder that holds something else.

        Raises
        ------
        EscalateError
            Where it holds the results of another study, or files but no manifest.
        """
        found = self.manifest()
        if found is None:
            # A process that was killed as it began has left these at most.
            begun = (LOCK, _temporary(Path(MANIFEST)).name)
            if self.folder.exists() and any(entry.name not in begun for entry in self.folder.iterdir()):
                raise EscalateError(
                    f"{self.folder}: holds other files and no results of a study; name another folder in {name}"
                )
        elif found.get("title") != title:
            raise EscalateError(
                f"{self.folder}: holds the results of another study, '{found.get('title')}', not of '{title}'; name another "
                f"folder under outputs in {name}"
            )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder against another process that would write.

        Raises
        ------
        EscalateError
            Where another process holds it.
        """
        import fcntl  # noqa: PLC0415 - not on every system

        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            while True:
                with writing(self.folder):
                    self._lock = (self.folder / LOCK).open("w")
                try:
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise EscalateError(
                        f"{self.folder}: another process is working on this study; wait for it or stop it"
                    ) from None
                if _is_there(self._lock, self.folder / LOCK):
                    break
                # Who held it took it away between our opening and holding it.
                self._lock.close()
            yield
            (self.folder / LOCK).unlink(missing_ok=True)
        finally:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def is_whole(self, kept: Kept) -> bool:
        """Whether all that was written of a job is there, byte for byte."""
        return kept.status == "done" and all(self.has(path, sha256) for path, sha256 in kept.files.items())

    def has(self, path: str, sha256: str) -> bool:
        """Whether a file is there with the content that has this hash."""
        try:
            with (self.folder / path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def begin(self, manifest: Mapping[str, Any]) -> Journal:
        """Write the manifest of work that goes on, and open the journal; what was listed before is in it."""
        with writing(self.folder):
            self._replace(MANIFEST, _pretty(manifest))
            self._journal = Journal(self.folder / JOURNAL)
            with (
                contextlib.suppress(FileNotFoundError),
                (self.folder / JOBS).open(encoding="utf-8", errors="replace") as file,
            ):
                self._journal.add_earlier(file)
            return self._journal

    def keep(self, kept: Kept, content: bytes | None, trials: bytes | None = None) -> None:
        """Write the part of a job, and its single trials where they are kept, so that each is whole or not there.

        Raises
        ------
        DiskFullError
            Where there is no room.
        """
        with writing(self.folder):
            for path, part in zip(kept.files, (content, trials), strict=False):
                if part is not None:
                    self._replace(path, part)

    def finish(self, manifest: Mapping[str, Any], jobs: Iterator[Kept], tables: Mapping[str, bytes]) -> None:
        """Write the list of jobs and the manifest, and take away whatever does not belong to them."""
        with writing(self.folder):
            digest = self._list(jobs)
            for name, content in tables.items():
                self._replace(name, content)
            self._sweep()
            hashes = {JOBS: digest, **{name: hashlib.sha256(content).hexdigest() for name, content in tables.items()}}
            self._replace(MANIFEST, _pretty({**manifest, "sha256": hashes}))
            if self._journal is not None:
                self._journal.remove()
                self._journal = None

    def _list(self, jobs: Iterator[Kept]) -> str:
        """Write the list of jobs, however long, and return its hash."""
        digest, path = hashlib.sha256(), self.folder / JOBS
        temporary = _temporary(path)
        try:
            with temporary.open("w", encoding="utf-8") as file:
                for kept in jobs:
                    line = kept.line()
                    file.write(line)
                    digest.update(line.encode())
            temporary.replace(path)
        except OSError:
            _take_away(temporary)
            raise
        return digest.hexdigest()

    def _sweep(self) -> None:
        """Take away parts that no job of the list names; what is not ours stays."""
        assert self._journal is not None
        for parts in (self.folder / name for name in FOLDERS):
            # Names alone, as there may be very many.
            for name in sorted(os.listdir(parts) if parts.is_dir() else []):
                folder = parts / name
                if not (name.startswith("design=") and folder.is_dir()):
                    continue
                wanted = self._journal.keys_of(name.removeprefix("design="))
                for path in sorted(folder.iterdir()):
                    if _OURS.fullmatch(path.name) and path.name.removesuffix(".parquet") not in wanted:
                        path.unlink()
                _remove_empty(folder)
            _remove_empty(parts)

    def _replace(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError:
            _take_away(temporary)
            raise


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in a sentence why something cannot be written."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFullError(f"{folder}: there is no room to write more ({os.strerror(fault.errno)})") from None
        raise EscalateError(f"{folder}: cannot be written ({fault.strerror})") from None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _take_away(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _is_there(file: IO[str], path: Path) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest says what every reader asks it."""
    counts = ("jobs", "failed") if manifest.get("status") != "running" else ()
    return (
        manifest.get("status") in STATES
        and isinstance(manifest.get("title"), str)
        and all(isinstance(manifest.get(name), int) for name in counts)
        and isinstance(manifest.get("sha256", {}), dict)
    )


def _said(fault: OSError | ValueError) -> str:
    return str(getattr(fault, "strerror", None) or fault)


def _pretty(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
