"""Read and append entries: one writer at a time for each chain, and each request once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from django.db import IntegrityError, connection, transaction

from escalate.conduct.actor import Actor
from escalate.conduct.bodies import Body
from escalate.conduct.chain import GENESIS, SYSTEM_CHAIN, Entry, canonical
from escalate.conduct.database import faults_told
from escalate.conduct.errors import (
    AlreadyRecordedError,
    ConflictError,
    NotFoundError,
    RecordError,
    TamperedError,
)
from escalate.conduct.models import RecordEntry
from escalate.conduct.permissions import check_known
from escalate.conduct.reading import following, read_trial
from escalate.conduct.state import TrialState
from escalate.core.errors import harmless

SYSTEM = SYSTEM_CHAIN
_COLUMNS = ("chain", "number", "at", "by", "via", "kind", "body", "request", "previous", "hash")
_KEPT = 512
_states: OrderedDict[str, TrialState] = OrderedDict()
_lock = Lock()
_writing = Lock()
_reading = Lock()


def entries_of(
    chain: str, after: int = 0, *, kind: str | None = None, limit: int | None = None
) -> Generator[Entry, None, None]:
    """Yield the entries of a chain in order, or those of one kind, at most `limit`."""
    if not chain.isprintable():
        return
    with faults_told():
        rows = RecordEntry.objects.filter(chain=chain, number__gt=after).order_by("number").values_list(*_COLUMNS)
        if kind is not None:
            rows = rows.filter(kind=kind)
        for row in rows[:limit].iterator(chunk_size=2000):
            yield Entry(*row)


def whole_entries_of(
    chain: str, after: int = 0, *, kind: str | None = None, limit: int | None = None
) -> Iterator[Entry]:
    """Yield entries as `entries_of` does, each held against its hash and, where all are read, against the one before.

    Raises
    ------
    TamperedError
        At the first that is not what was written.
    """
    before: Entry | None = None
    # A fault leaves no query open.
    with closing(entries_of(chain, after, kind=kind, limit=limit)) as entries:
        for entry in entries:
            follows = kind is not None or _follows(entry, before, after)
            if not (entry.is_whole() and follows and entry.chain == chain):
                raise TamperedError(
                    f"{chain}: entry {entry.number} is not what was written; nothing is concluded from a record that was "
                    "changed: verify it"
                )
            yield entry
            before = entry


def _follows(entry: Entry, before: Entry | None, after: int) -> bool:
    """Return whether an entry is the next one; of the first after others the hash before is not known."""
    if before is not None:
        return (entry.number, entry.previous) == (before.number + 1, before.hash)
    return entry.number == max(after, 0) + 1 and (after > 0 or entry.previous == GENESIS)


def named_in(trial: str, person: str) -> bool:
    """Return whether a person was ever given a role, though the record be changed: who may hear that it was."""
    given = (entry.body for entry in entries_of(trial, kind="roles"))
    return any(canonical(person) in body for body in given)


def last_of(chain: str) -> Entry | None:
    """Return the last entry of a chain."""
    with faults_told():
        row = RecordEntry.objects.filter(chain=chain).order_by("-number").values_list(*_COLUMNS).first()
    return Entry(*row) if row else None


def chains() -> tuple[str, ...]:
    """Return the names of all chains, in order."""
    with faults_told():
        return tuple(RecordEntry.objects.order_by("chain").values_list("chain", flat=True).distinct())


def trials() -> tuple[str, ...]:
    """Return the names of all trials, in order."""
    return tuple(chain for chain in chains() if chain != SYSTEM)


def heads() -> dict[str, str]:
    """Return the hash of the last entry of every trial, in one look at the database."""
    with faults_told(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.chain, e.hash FROM escalate_entry e "
            "JOIN (SELECT chain, MAX(number) AS number FROM escalate_entry GROUP BY chain) last "
            "ON last.chain = e.chain AND last.number = e.number ORDER BY e.chain"
        )
        return {chain: str(head) for chain, head in cursor.fetchall() if chain != SYSTEM}


def load(trial: str) -> TrialState:
    """Return a trial as it stands.

    Raises
    ------
    NotFoundError
        Where there is none of that name.
    TamperedError
        Where its record is not what was written.
    """
    # What cannot be a name, half a letter or a NUL, no database is asked for.
    head = None if trial == SYSTEM or not trial.isprintable() else _head_of(trial)
    if head is None:
        raise NotFoundError(f"there is no trial '{harmless(trial[:40])}' here")
    known = _known(trial)
    if known is not None and known.head == head[1]:
        return known
    with _reading:
        # Of many who ask for the same trial one reads it.
        return _read_anew(trial, head)


def _known(trial: str) -> TrialState | None:
    with _lock:
        known = _states.get(trial)
        if known is not None:
            _states.move_to_end(trial)
        return known


def _read_anew(trial: str, head: tuple[int, str]) -> TrialState:
    known = _known(trial)
    if known is not None and known.head == head[1]:
        return known
    if known is not None and known.last.number >= head[0]:
        # The chain is not a continuation of what was read: read it again from its start.
        known = None
    try:
        state = _read(trial, known)
    except TamperedError:
        if known is None:
            raise
        # A database put back from a backup went on otherwise than what was read.
        state = _read(trial, None)
    _remember(state)
    return state


def _read(trial: str, known: TrialState | None) -> TrialState:
    # A fault leaves no query open.
    with closing(entries_of(trial, known.last.number if known else 0)) as entries:
        return read_trial(trial, entries, known)


def load_all() -> tuple[TrialState, ...]:
    """Return every trial that can be read; one whose record was changed is left out, and named by `verify`."""
    found = []
    for trial in trials():
        with suppress(TamperedError):
            found.append(load(trial))
    return tuple(found)


def _head_of(trial: str) -> tuple[int, str] | None:
    with faults_told():
        found: tuple[int, str] | None = (
            RecordEntry.objects.filter(chain=trial).order_by("-number").values_list("number", "hash").first()
        )
    return found


def _remember(state: TrialState) -> None:
    with _lock:
        _states[state.trial] = state
        _states.move_to_end(state.trial)
        while len(_states) > _KEPT:
            _states.popitem(last=False)


def forget() -> None:
    """Forget what was read, as another database is worked on."""
    with _lock:
        _states.clear()


@dataclass
class Pen:
    """Writes entries of one chain, within one transaction."""

    chain: str
    actor: Actor
    state: TrialState | None
    last: Entry | None
    written: list[Entry] = field(default_factory=list)

    @property
    def trial(self) -> TrialState:
        """The trial as it stands with what was written so far."""
        if self.state is None:
            raise NotFoundError(f"there is no trial '{harmless(self.chain[:40])}' here")
        return self.state

    def write(self, body: Body) -> Entry:
        """Append an entry."""
        content = body.model_dump(mode="json", exclude_none=False)
        entry = self._append(body.kind, content)
        self.state = following(self.chain, self.state, entry)
        return entry

    def note(self, kind: str, content: dict[str, Any]) -> Entry:
        """Append an entry to the chain of the system; what is no text, as an address may hold, is replaced."""
        return self._append(kind, {key: _text(value) for key, value in content.items()})

    def restore(self, entries: Iterable[Entry]) -> None:
        """Put in entries written elsewhere, as they are."""
        kept = list(entries)
        for entry in kept:
            _check_columns(entry)
        RecordEntry.objects.bulk_create(
            [RecordEntry(**{name: getattr(entry, name) for name in _COLUMNS}) for entry in kept], batch_size=500
        )
        self.state = read_trial(self.chain, kept)
        self.last = kept[-1]

    def _append(self, kind: str, content: dict[str, Any]) -> Entry:
        # The request stands on the first entry that it makes.
        request = "" if self.written else self.actor.request
        entry = Entry.following(
            self.last,
            chain=self.chain,
            at=datetime.now(UTC).isoformat(timespec="microseconds"),
            by=self.actor.name,
            via=self.actor.via,
            kind=kind,
            body=canonical(content),
            request=request,
        )
        RecordEntry.objects.create(**{name: getattr(entry, name) for name in _COLUMNS})
        self.last = entry
        self.written.append(entry)
        return entry


def _check_columns(entry: Entry) -> None:
    """Refuse an entry written elsewhere that no column holds."""
    Actor(entry.by, entry.via, entry.request)
    try:
        entry.body.encode()
        datetime.fromisoformat(entry.at)
    except ValueError:
        raise RecordError(
            f"{entry.chain[:40]}: entry {entry.number}: has a time or a text that cannot be kept"
        ) from None
    if len(entry.at) > 32:
        raise RecordError(f"{entry.chain[:40]}: entry {entry.number}: has no time")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else "?" for c in value.encode("utf-8", "replace").decode())


@contextmanager
def appending(chain: str, actor: Actor, *, seen: str | None = None) -> Iterator[Pen]:
    """Open a chain for writing; what is written in the block is kept whole, or not at all.

    Parameters
    ----------
    seen
        Hash of the last entry that the person saw.

    Raises
    ------
    AlreadyRecordedError
        Where the request came before.
    ConflictError
        Where the chain went on since `seen`.
    UnavailableError
        Where the database cannot be written; nothing of the block is kept.
    """
    with faults_told():
        try:
            with _turn(), transaction.atomic():
                _alone(chain)
                pen = _pen(chain, actor, seen)
                yield pen
        except IntegrityError as fault:
            raise ConflictError(
                f"{chain}: somebody else wrote at the same moment; nothing of yours was saved: look again"
            ) from fault
    if pen.state is not None and pen.written:
        _remember(pen.state)


@contextmanager
def _turn() -> Iterator[None]:
    """Let the threads of a process write to SQLite in turn: who waits there asks again and again, ever more rarely."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with _writing:
        yield


def _alone(chain: str) -> None:
    """Wait until nobody else writes to the chain; SQLite has one writer at a time as it is."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [chain])


def _pen(chain: str, actor: Actor, seen: str | None) -> Pen:
    if chain == SYSTEM:
        return Pen(chain, actor, None, last_of(chain))
    if not chain.isprintable():
        return Pen(chain, actor, None, None)
    state = load(chain) if _head_of(chain) else None
    if state is not None:
        check_known(state, actor)
        # What is known of the trial was read before; nothing is written on a chain that was changed since.
        for _ in whole_entries_of(chain):
            pass
    if actor.request:
        before = RecordEntry.objects.filter(chain=chain, request=actor.request).values_list("number", flat=True).first()
        if before is not None:
            raise AlreadyRecordedError(f"{chain}: this was recorded already, as entry {before}", before)
    if seen is not None and state is not None and state.head != seen:
        raise ConflictError(_went_on(state, seen))
    return Pen(chain, actor, state, state.last if state else None)


def _went_on(state: TrialState, seen: str) -> str:
    last = state.last
    return (
        f"{state.trial}: the record went on while you worked: entry {last.number}, by {last.by} at {last.at[:19]} UTC; "
        "nothing of yours was saved: look at it, then send it again if it still holds"
    )


def note(kind: str, content: dict[str, Any], actor: Actor) -> Entry:
    """Append an entry to the chain of the system."""
    with appending(SYSTEM, actor) as pen:
        return pen.note(kind, content)
