"""Entries read in order: what cannot have been written is refused, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from escalate.conduct import archive, deciding, entering, opening, store
from escalate.conduct.bodies import Amended, Approved, Body, Decided, Entered, Opened, PatientRow
from escalate.conduct.chain import Entry, canonical
from escalate.conduct.errors import RecordError, TamperedError
from escalate.conduct.history import history_csv
from escalate.conduct.reading import read_trial
from escalate.conduct.verify import verify_trial
from tests.conduct.acting import ana, begin, first, is_clean, people, put, rows

pytestmark = pytest.mark.usefixtures("record")


def after(last: Entry | None, kind: str, body: str, chain: str = "tvec") -> Entry:
    return Entry.following(
        last, chain=chain, at="2026-03-31T10:00:00+00:00", by="eve", via="by hand", kind=kind, body=body, request=""
    )


def written(body: Body) -> str:
    return canonical(body.model_dump(mode="json"))


def record() -> list[Entry]:
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    return list(store.entries_of("tvec"))


FORGED: dict[str, tuple[Callable[[list[Entry]], tuple[str, str]], str]] = {
    "opened twice": (lambda e: ("opened", e[0].body), "opened a second time"),
    "patient twice": (lambda e: ("entered", e[1].body), "patient 01 is entered a second time"),
    "amended nobody": (
        lambda e: ("amended", written(Amended(patient="99", changes={"dlt": (None, True)}, first_report=True))),
        "there is no patient 99",
    ),
    "amended from what was not": (
        lambda e: ("amended", written(Amended(patient="01", changes={"dlt": (True, False)}, first_report=True))),
        "dlt of patient 01 was not True",
    ),
    "amended to what cannot be": (
        lambda e: ("amended", written(Amended(patient="01", changes={"level": (1, "high")}, first_report=True))),
        "level",
    ),
    "amended a number": (
        lambda e: ("amended", written(Amended(patient="01", changes={"patient": ("01", "02")}, first_report=True))),
        "patient of patient 01",
    ),
    "decided on nothing": (
        lambda e: (
            "decided",
            written(Decided(analysis="0" * 64, choice="stop", level=None, patients=None, departs=True, upward=False)),
        ),
        "an analysis that is not on record",
    ),
    "approved nothing": (
        lambda e: ("approved", written(Approved(subject="0" * 64, agrees=True))),
        "approves nothing",
    ),
    "unknown kind": (lambda e: ("gift", "{}"), "does not know"),
    "no object": (lambda e: ("entered", "[]"), "patients: is missing"),
    "more fields": (lambda e: ("decided", '{"surname":"x"}'), "tvec: entry 5"),
}


@pytest.mark.parametrize("case", FORGED)
def test_entries_that_cannot_be(case: str) -> None:
    """An entry that fits the chain but says what cannot be is refused with its number."""
    entries = record()
    forge, said = FORGED[case]
    with pytest.raises(RecordError, match=r"^tvec: entry 5") as error:
        read_trial("tvec", [*entries, after(entries[-1], *forge(entries))])
    assert said in str(error.value)


def test_beginnings_that_cannot_be() -> None:
    """A trial begins with its opening; without entries there is none."""
    row = PatientRow(patient="1", cohort=1, level=1)
    with pytest.raises(RecordError, match="comes before the trial is opened"):
        read_trial("tvec", [after(None, "entered", written(Entered(patients=(row,))))])
    with pytest.raises(RecordError, match="has no entries"):
        read_trial("tvec", [])
    assert Opened.kind == "opened"


def test_a_changed_entry_is_not_read() -> None:
    """Nothing is concluded from a chain that is broken, wherever it is broken."""
    entries = record()
    for k, entry in enumerate(entries):
        for other in (
            replace(entry, by="eve"),
            replace(entry, body=entry.body + " "),
            replace(entry, previous="0" * 63 + "1"),
            replace(entry, number=entry.number + 1),
        ):
            with pytest.raises(TamperedError, match="nothing is concluded"):
                read_trial("tvec", [*entries[:k], other, *entries[k + 1 :]])
    for broken in (entries[1:], [*entries[:2], *entries[3:]], [entries[0], *entries]):
        with pytest.raises(RecordError):
            read_trial("tvec", broken)


def test_a_chain_that_begins_late_is_not_read() -> None:
    """A first entry that is not number 1, or follows another, is no beginning."""
    opened = record()[0]
    late = after(replace(opened, number=4), "opened", opened.body)
    with pytest.raises(TamperedError):
        read_trial("tvec", [late])


def test_the_record_of_another_trial_is_not_read() -> None:
    """Entries of another trial are not taken for those of this one."""
    entries = record()
    with pytest.raises(TamperedError):
        read_trial("other", entries)


def test_reading_on_is_reading_anew() -> None:
    """What is known and what follows give the same as everything read from the start, at every entry."""
    entries = record()
    whole = read_trial("tvec", entries)
    for k in range(1, len(entries)):
        known = read_trial("tvec", entries[:k])
        assert read_trial("tvec", entries[k:], known) == whole
        assert read_trial("tvec", entries[:k]) == known


def test_a_database_put_back_from_a_backup() -> None:
    """Where the record goes on otherwise than what was read, as after a backup, it is read anew, and is no tampering."""
    from django.db import connection

    begin()
    first()
    known = store.load("tvec")
    entering.amend("tvec", "01", {"dlt": True}, ana, reason="Lost with the backup")
    ahead = store.load("tvec")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER escalate_entry_no_delete")
        else:
            cursor.execute("DROP TRIGGER escalate_entry_no_change ON escalate_entry")
        cursor.execute("DELETE FROM escalate_entry WHERE chain = 'tvec' AND number = 3")
    assert store.load("tvec") == known
    store._remember(ahead)
    entries = [
        after(known.last, "amended", written(Amended(patient="02", changes={"dlt": (False, True)}, first_report=False)))
    ]
    entries.append(
        after(entries[0], "amended", written(Amended(patient="03", changes={"dlt": (False, True)}, first_report=False)))
    )
    for entry in entries:
        put(entry)
    assert store.load("tvec").last == entries[-1]
    assert is_clean("tvec")


def test_one_changed_trial_does_not_hide_the_others() -> None:
    """A trial whose record was changed is left out of the list; the others are there."""
    from django.db import connection

    begin("good"), begin("bad")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER escalate_entry_no_update")
        else:
            cursor.execute("DROP TRIGGER escalate_entry_no_change ON escalate_entry")
        cursor.execute("UPDATE escalate_entry SET \"by\" = 'eve' WHERE chain = 'bad'")
    store.forget()
    with pytest.raises(TamperedError, match=r"^bad: entry 1 was edited"):
        store.load("bad")
    assert [state.trial for state in store.load_all()] == ["good"]
    with pytest.raises(TamperedError):
        entering.enter("bad", rows("01", 1, 1), ana)


def behind_the_server(sql: str) -> None:
    """Alter the database under a server that has read the trial: the last hash is what it was."""
    from django.db import connection

    with connection.cursor() as cursor:
        for name in ("update", "delete") if connection.vendor == "sqlite" else ("change",):
            on = "" if connection.vendor == "sqlite" else " ON escalate_entry"
            cursor.execute(f"DROP TRIGGER escalate_entry_no_{name}{on}")
        cursor.execute(sql)


ALTERED = {
    "edited": "UPDATE escalate_entry SET body = replace(body, '\"dlt\":false', '\"dlt\":true') WHERE number = 2 AND chain = 'tvec'",
    "by another": "UPDATE escalate_entry SET \"by\" = 'mallory' WHERE number = 2 AND chain = 'tvec'",
    "the first is gone": "DELETE FROM escalate_entry WHERE number = 1 AND chain = 'tvec'",
    "one is gone": "DELETE FROM escalate_entry WHERE number = 3 AND chain = 'tvec'",
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_behind_a_server_is_told_and_not_written_on(what: str) -> None:
    """A record altered under a running server is neither printed, nor exported, nor written on, though its head be the same."""
    record()
    head = store.load("tvec").head
    behind_the_server(ALTERED[what])
    assert store.load("tvec").head == head
    acts: list[Callable[[], object]] = [
        lambda: list(store.whole_entries_of("tvec")),
        lambda: history_csv(store.whole_entries_of("tvec")),
        lambda: archive.write("tvec"),
        lambda: deciding.decide("tvec", "hold", ana, reason="x"),
        lambda: entering.amend("tvec", "01", {"dlt": True}, ana, reason="x"),
    ]
    for act in acts:
        with pytest.raises(TamperedError, match=r"^tvec: entry \d is not what was written; nothing is concluded"):
            act()
    assert len(list(store.entries_of("tvec"))) <= 4
    assert not verify_trial("tvec").clean


def test_whole_entries_are_all_entries() -> None:
    """Of a record as written every entry comes, from the start, after any, of one kind or a few."""
    entries = record()
    assert list(store.whole_entries_of("tvec")) == entries
    for after_ in range(-1, len(entries) + 2):
        assert list(store.whole_entries_of("tvec", after_)) == entries[max(after_, 0) :]
        assert list(store.whole_entries_of("tvec", after_, limit=1)) == entries[max(after_, 0) :][:1]
    assert [e.kind for e in store.whole_entries_of("tvec", kind="analysed")] == ["analysed"]
    assert not list(store.whole_entries_of("nope"))


def test_who_was_named_in_a_changed_record() -> None:
    """Who ever had a role may hear that the record was changed; others hear of no trial."""
    begin()
    people("tvec", sam="site", eva="viewer")
    opening.give_roles("tvec", "eva", [], ana)
    assert [name for name in ("sam", "eva", "ana", "sa", "", 'x"') if store.named_in("tvec", name)] == ["sam", "eva"]
