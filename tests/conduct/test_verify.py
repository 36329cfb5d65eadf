"""What `verify` says: of whole records nothing, of forged ones which entry; and that answers come out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from escalate.conduct import store
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.errors import NotFoundError
from escalate.conduct.verify import Report, verify_database, verify_entries, verify_trial
from tests.conduct.acting import ana, begin, first, put
from tests.conduct.test_flips import fill

pytestmark = pytest.mark.usefixtures("sqlite_file")


def forged(kind: str, change: Callable[[dict[str, Any]], None], *, recompute: bool = False) -> tuple[int, Report]:
    """Change what the first entry of a kind says, and write the whole chain anew from there, every hash right."""
    fill()
    entries = list(store.entries_of("tvec"))
    at = next(k for k, entry in enumerate(entries) if entry.kind == kind)
    content = dict(entries[at].content)
    change(content)
    moved: dict[str, str] = {}
    chain: list[Entry] = entries[:at]
    for entry in entries[at:]:
        body = canonical(content) if entry is entries[at] else entry.body
        for old, new in moved.items():
            body = body.replace(old, new)
        following = Entry.following(
            chain[-1] if chain else None,
            **{name: getattr(entry, name) for name in ("chain", "at", "by", "via", "kind", "request")},
            body=body,
        )
        moved[entry.hash] = following.hash
        chain.append(following)
    return at + 1, verify_entries("tvec", chain, recompute=recompute)


def to_another_level(content: dict[str, Any]) -> None:
    content["recommendation"]["next_level"] = 3
    content["recommendation_sha256"] = sha256(canonical(content["recommendation"]))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("opened", lambda c: c["design"].update(text=c["design"]["text"].replace("0.30", "0.40"))),
        ("analysed", lambda c: c.update(data=c["data"].replace("01,1,1,0", "01,1,1,1"))),
        ("analysed", lambda c: c["recommendation"].update(next_level=3)),
        ("analysed", lambda c: c.update(design_sha256="0" * 64)),
        ("design_amended", lambda c: c["design"].update(text=c["design"]["text"] + "\n")),
        ("closed", lambda c: c.update(data=c["data"] + "07,9,1,0,1,\n")),
    ],
    ids=["design", "data", "recommendation", "of another design", "new design", "final data"],
)
def test_an_entry_that_contradicts_itself(kind: str, change: Callable[[dict[str, Any]], None]) -> None:
    """A chain written anew with every hash right is found out where an entry contradicts what it holds, and named."""
    number, report = forged(kind, change)
    assert any(fault.number == number for fault in report.faults)


def test_a_forged_recommendation_is_found_by_computing() -> None:
    """A recommendation changed with its own hash is found when it is computed again; signatures do not fit it any more."""
    number, report = forged("analysed", to_another_level, recompute=True)
    assert any(fault.number == number and "computed again" in fault.text for fault in report.faults)
    assert any("signature does not cover" in fault.text for fault in report.faults)


def test_a_decision_that_says_it_needs_nobody() -> None:
    """A forged decision above the recommendation that says it is not upward is found."""
    number, report = forged("decided", lambda c: c.update(upward=False, departs=False))
    assert not report.clean
    assert any(fault.number == number for fault in report.faults)


def test_a_second_person_who_is_the_first() -> None:
    """A forged agreement by the person who decided is found."""
    fill()
    entries = list(store.entries_of("tvec"))
    at = next(k for k, entry in enumerate(entries) if entry.kind == "approved")
    same = Entry.following(
        entries[at - 1],
        **{name: getattr(entries[at], name) for name in ("chain", "at", "via", "kind", "request", "body")},
        by="ana",
    )
    assert not verify_entries("tvec", [*entries[:at], same]).clean


def test_whole_records() -> None:
    """A record as written has no fault, also computed again, and its heads are all there."""
    fill()
    assert all(report.clean for report in verify_database(recompute=True))
    report = verify_trial("tvec", recompute=True)
    assert (report.clean, report.recomputed) == (True, 1)
    for entry in store.entries_of("tvec"):
        assert verify_trial("tvec", entry.hash).clean
        assert verify_trial("tvec", f" {entry.hash[:16].upper()}… ").clean


@pytest.mark.parametrize("head", ["", "0" * 64, "abc", "zz", "\ud800", "x" * 5000, "%"])
def test_heads_that_are_not_there(head: str) -> None:
    """A head that is not there, or too short to name an entry, is a fault, never passed over."""
    begin()
    first()
    assert not verify_trial("tvec", head).clean
    for length in (1, 7, 8, 15):
        assert not verify_trial("tvec", store.load("tvec").head[:length]).clean
    assert verify_trial("tvec", store.load("tvec").head[:16]).clean


def test_trials_that_are_not_there() -> None:
    """A trial that is not there is told."""
    for name in ("nope", "System", "", "\ud800", "a\0"):
        with pytest.raises(NotFoundError):
            verify_trial(name)


def test_a_trial_that_is_gone_with_the_tail_of_the_system() -> None:
    """A trial taken out whole with what the system's chain says from then on leaves no trace but a head kept elsewhere."""
    begin("kept"), begin("gone")
    store.note("denied", {"account": "eve"}, ana)
    report = verify_trial("system")
    head = report.head
    assert (report.chain, report.entries, report.clean) == ("system", 3, True)
    for known in (head, str(head)[:16], *(entry.hash for entry in store.entries_of("system"))):
        assert verify_trial("system", known).clean
    for unknown in ("", str(head)[:15], "0" * 64):
        assert not verify_trial("system", unknown).clean
    with altered() as cursor:
        cursor.execute("DELETE FROM escalate_entry WHERE chain = 'gone' OR chain = 'system' AND number >= 2")
    assert all(each.clean for each in verify_database())
    assert verify_trial("system").clean
    (fault,) = verify_trial("system", head).faults
    assert "the chain ends at entry 1, and its tail was cut or replaced" in fault.text


@contextmanager
def altered() -> Iterator[Any]:
    """Alter the database as its owner can: without the triggers, which are there again after."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield cursor
        for _, sql in triggers:
            cursor.execute(sql)


def test_an_entry_of_the_system_that_was_edited() -> None:
    """An entry of the chain of the system that is not what was written is named, by its chain alone and with the rest."""
    begin()
    with altered() as cursor:
        cursor.execute("UPDATE escalate_entry SET \"by\" = 'eve' WHERE chain = 'system'")
    for report in (verify_trial("system"), verify_database()[0]):
        assert [(fault.number, "was edited" in fault.text) for fault in report.faults] == [(1, True)]


def test_a_trial_of_nobody() -> None:
    """Entries that no opening in the system's chain names are found."""
    begin()
    entry = next(iter(store.entries_of("tvec")))
    alien = Entry.following(
        None, **{n: getattr(entry, n) for n in ("at", "by", "via", "kind", "body", "request")}, chain="alien"
    )
    put(alien)
    assert any(fault.chain == "alien" for report in verify_database() for fault in report.faults)
    assert replace(alien, chain="x").is_whole() is False
