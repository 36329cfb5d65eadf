"""A chain of entries: each carries the hash of the one before, so that none can be changed, taken out or put in unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SYSTEM_CHAIN = "system"
"""The chain of what concerns no single trial: accounts, sign-ins, denials, trials opened."""
GENESIS = "0" * 64
"""What the first entry of a chain carries in place of a hash before."""
_FORMAT = "escalate/entry/1"


def canonical(content: Any) -> str:
    """Return JSON in the one form that is hashed: keys in order, no blanks, letters as they are.

    Raises
    ------
    ValueError
        Where a number is not finite.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str | bytes) -> str:
    """Return the hash of text (as UTF-8) or bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One entry of a chain.

    Parameters
    ----------
    chain
        The trial, or `system`.
    number
        From 1, without gaps.
    at
        When it was written, in UTC.
    by, via
        Who wrote it, and through what: the command line, a page, the API.
    kind, body
        What it says; the body is canonical JSON.
    request
        What names the request that it came from, so that the same request twice makes one entry; empty where there is none.
    previous, hash
        The hash of the entry before, and of this one.
    """

    chain: str
    number: int
    at: str
    by: str
    via: str
    kind: str
    body: str
    request: str
    previous: str
    hash: str

    @classmethod
    def following(
        cls, last: Entry | None, *, chain: str, at: str, by: str, via: str, kind: str, body: str, request: str
    ) -> Entry:
        """Return the entry that comes after `last`."""
        number, previous = (last.number + 1, last.hash) if last else (1, GENESIS)
        parts = (chain, number, at, by, via, kind, body, request, previous)
        return cls(*parts, hash=_hash_of(parts))

    @property
    def content(self) -> Mapping[str, Any]:
        """The body.

        Raises
        ------
        ValueError
            Where it is not JSON, or nested beyond reading.
        """
        try:
            found: Mapping[str, Any] = json.loads(self.body)
        except RecursionError:
            raise ValueError("is nested beyond reading") from None
        return found

    def is_whole(self) -> bool:
        """Return whether the content gives the hash."""
        try:
            return _hash_of(self._parts()) == self.hash
        except (TypeError, ValueError):
            # A damaged database gives values of other types, of which nothing was made.
            return False

    def _parts(self) -> tuple[object, ...]:
        return (
            self.chain, self.number, self.at, self.by, self.via, self.kind, self.body, self.request, self.previous
        )  # fmt: skip


def _hash_of(parts: tuple[object, ...]) -> str:
    return sha256(canonical([_FORMAT, *parts]))


@dataclass(frozen=True)
class Fault:
    """What is wrong with a chain, and at which entry; `number` is None where it concerns the chain as a whole."""

    chain: str
    number: int | None
    text: str


def faults_of(chain: str, entries: Iterable[Entry], head: str | None = None) -> Iterator[Fault]:
    """Yield every fault of a chain, read in the order of its numbers.

    Parameters
    ----------
    head
        The hash of an entry that must be there, as printed on an export or a signed page: finds a cut tail.
    """
    last: Entry | None = None
    seen = head is None
    for entry in entries:
        expected = last.number + 1 if last else 1
        whole = entry.is_whole()
        if type(entry.number) is not int:
            yield Fault(chain, expected, f"an entry after entry {expected - 1} was edited: it has no number")
            continue
        if entry.chain != chain:
            yield Fault(chain, entry.number, f"entry {entry.number} says that it belongs to '{str(entry.chain)[:40]}'")
        if entry.number < expected:
            yield Fault(
                chain, entry.number, f"entry {entry.number} comes after entry {expected - 1}: it was inserted or moved"
            )
        elif entry.number > expected:
            gap = (
                f"entry {expected} is"
                if entry.number == expected + 1
                else f"entries {expected} to {entry.number - 1} are"
            )
            yield Fault(chain, expected, f"{gap} missing")
        elif whole and entry.previous != (last.hash if last else GENESIS):
            before = (
                f"does not follow entry {last.number} as it stands" if last else "is not the first that was written"
            )
            yield Fault(
                chain, entry.number, f"entry {entry.number} {before}: one of them was replaced, inserted or moved"
            )
        if not whole:
            yield Fault(chain, entry.number, f"entry {entry.number} was edited: its content does not give its hash")
        seen = seen or entry.hash == head
        last = entry
    if not seen:
        there = f"ends at entry {last.number}" if last else "is empty"
        missing = f"the entry with hash {(head or '')[:16]}… is not there"
        yield Fault(chain, None, f"{missing}: the chain {there}, and its tail was cut or replaced")
