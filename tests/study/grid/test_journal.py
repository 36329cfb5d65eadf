"""The journal, and the store: what is written down is there, each thing whole or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.errors import EscalateError
from escalate.study.grid.journal import Journal, Kept, read
from escalate.study.grid.store import Store

ONE = Kept("a" * 64, 0, "b" * 64, "done", "c" * 64, 20)
FAILED = Kept("a" * 64, 1, "d" * 64, "failed", error="small: every scenario: too large")
TRIED = Kept("a" * 64, 2, "e" * 64, "done", "f" * 64, 20, trials_sha256="0" * 64)
NONE = Kept("", 0, "9" * 64, "failed", error="design 3: is none")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.mark.parametrize("kept", [ONE, FAILED, TRIED, NONE])
def test_a_line_says_all_of_a_job(kept: Kept) -> None:
    """What a line says is the job again; it says nothing that is not there."""
    assert Kept.of(kept.line()) == kept
    assert ("trials_sha256" in json.loads(kept.line())) == bool(kept.trials_sha256)


@given(st.text())
def test_a_line_of_anything(text: str) -> None:
    """Whatever a line is, it is a job or refused as none; nothing else happens."""
    with pytest.raises(ValueError, match="is no line"):
        Kept.of(text)


@given(
    st.dictionaries(
        st.sampled_from(["design", "block", "key", "status", "sha256", "rows", "error", "trials_sha256", "more"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.sampled_from(["a" * 64, "done", "failed"]),
    )
)
def test_a_line_of_anything_in_braces(said: dict[str, object]) -> None:
    """A job that is accepted has hashes for names, so that its files are where they belong."""
    try:
        kept = Kept.of(json.dumps(said))
    except ValueError:
        return
    assert set(kept.key) <= set("0123456789abcdef")
    assert ".." not in kept.path


def test_files_of_a_job() -> None:
    """A part, and where they are kept the single trials, are named by the hashes of design and job."""
    name = f"design={'a' * 16}/{'e' * 16}.parquet"
    assert TRIED.files == {f"parts/{name}": "f" * 64, f"trials/{name}": "0" * 64}
    assert list(ONE.files) == [ONE.path]


def test_jobs_by_number(journal: Journal) -> None:
    """Jobs are told in their order, whatever the order in which they were written."""
    journal.add([(2, TRIED), (1, FAILED)])
    journal.add([(0, ONE)])
    assert list(journal.jobs()) == [ONE, FAILED, TRIED]
    assert list(journal.jobs("failed")) == [FAILED]
    assert (journal.count("done"), journal.count("failed")) == (2, 1)
    assert journal.keys_of("a" * 16) == {"b" * 16, "e" * 16}
    assert journal.keys_of("b" * 16) == set()


def test_all_or_none(journal: Journal) -> None:
    """Of jobs written together none is there where one cannot be."""

    def some() -> Iterator[tuple[int, Kept]]:
        yield 0, ONE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.add(some())
    assert list(journal.jobs()) == []


def test_jobs_of_a_run_that_was_cut_are_earlier_ones(tmp_path: Path) -> None:
    """What was done is found by its key in the next run; what failed is not, and is tried again."""
    first = Journal(tmp_path / "journal.sqlite")
    first.add([(0, ONE), (1, FAILED)])
    first.close()
    second = Journal(tmp_path / "journal.sqlite")
    assert list(second.jobs()) == []
    assert second.earlier(ONE.key) == ONE
    assert second.earlier(FAILED.key) is None
    second.remove()
    assert not list(tmp_path.iterdir())


def test_read_while_another_writes(tmp_path: Path, journal: Journal) -> None:
    """Who looks sees what is written down, and hinders nobody; where there is nothing, nothing."""
    journal.add([(0, ONE), (1, FAILED)])
    assert read(tmp_path / "journal.sqlite") == (1, 1, [FAILED])
    assert read(tmp_path / "no.sqlite") == (0, 0, [])
    (tmp_path / "noise.sqlite").write_bytes(b"noise" * 1000)
    assert read(tmp_path / "noise.sqlite") == (0, 0, [])


def write_for_ever(folder: str, pipe: multiprocessing.connection.Connection) -> None:
    journal = Journal(Path(folder) / "journal.sqlite")
    k = 0
    while True:
        journal.add([(k, Kept("a" * 64, k, f"{k:064x}", "done", "c" * 64, 1))])
        pipe.send(k)
        k += 1


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """Of a process that is killed (-9) while it writes down jobs, every job that it was told is written is there."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    writer = context.Process(target=write_for_ever, args=(str(tmp_path), there))
    writer.start()
    there.close()
    time.sleep(0.3)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    told = -1
    try:
        while here.poll():
            told = here.recv()
    except EOFError:
        pass
    after = Journal(tmp_path / "journal.sqlite")
    assert told > 0
    assert all(after.earlier(f"{k:064x}") is not None for k in range(told + 1))
    after.close()


# --- the store -------------------------------------------------------------------------------------------------------


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A folder that is held is not held twice; let go, it is free, and no lock is left."""
    store, other = Store(tmp_path / "r"), Store(tmp_path / "r")
    with store.held():
        with pytest.raises(EscalateError, match="another process is working on this study"), other.held():
            pass
        assert (tmp_path / "r" / ".lock").is_file()
    with other.held():
        pass
    assert not (tmp_path / "r" / ".lock").exists()


def test_a_lock_that_was_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened the lock just before its holder took it away does not hold the folder by a file that is gone."""
    import fcntl

    store = Store(tmp_path)
    flock, times = fcntl.flock, [0]

    def late(file: object, how: int) -> None:
        times[0] += 1
        if times[0] == 1:
            (tmp_path / ".lock").unlink()
        flock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", late)
    with store.held(), pytest.raises(EscalateError, match="another process"), Store(tmp_path).held():
        pass
    assert times[0] == 3


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where the folder cannot be made it is said."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EscalateError, match=r"cannot be written \(Not a directory\)"),
        Store(tmp_path / "file" / "r").held(),
    ):
        pass
