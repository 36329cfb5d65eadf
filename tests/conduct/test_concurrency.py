"""Many writers at once: nothing lost, nothing doubled, and nobody decides on what has changed."""

from __future__ import annotations

from functools import partial

import pytest

from escalate.conduct import accounts, database, deciding, entering, opening, store
from escalate.conduct.actor import Actor
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import AlreadyRecordedError, ConflictError, RecordError
from escalate.conduct.verify import verify_database
from tests.conduct.acting import BOIN, ana, begin, first, is_clean, is_told, people, rows
from tests.conduct.forked import Forked, Tell

WRITERS = 20
EACH = 8


def to_its_own(tell: Tell, k: int) -> None:
    for n in range(EACH):
        dlt = bool(store.load(f"trial-{k}").patients["01"].row.dlt)
        tell(entering.amend(f"trial-{k}", "01", {"dlt": not dlt}, ana, reason=f"{n}").hash)


def to_one(tell: Tell, k: int) -> None:
    for n in range(EACH):
        dlt = bool(store.load("shared").patients[f"0{k}"].row.dlt)
        tell(entering.amend("shared", f"0{k}", {"dlt": not dlt}, Actor(f"w{k}", "page", f"{k}-{n}"), reason="x").hash)


def test_20_writers_to_their_trials_and_5_to_one(record: str) -> None:
    """20 processes write to trials of their own and 5 to one trial: each entry told is there once, and every chain is clean."""
    for k in range(WRITERS):
        begin(f"trial-{k}")
        first(f"trial-{k}")
    begin("shared", BOIN)
    people("shared", **{f"w{k}": "site" for k in range(1, 6)})
    entering.enter("shared", rows("01 02 03 04 05", 1, 1), ana, deviation="Five at once")
    writers = [Forked(record, partial(to_its_own, k=k)) for k in range(WRITERS)]
    writers += [Forked(record, partial(to_one, k=k)) for k in range(1, 6)]
    told = [writer.told() for writer in writers]
    database.connect(record)
    assert [len(each) for each in told] == [EACH] * 25
    for k in range(WRITERS):
        amended = [entry.hash for entry in store.entries_of(f"trial-{k}") if entry.kind == "amended"]
        assert amended == told[k]
    amended = [entry.hash for entry in store.entries_of("shared") if entry.kind == "amended"]
    assert sorted(amended) == sorted(hash_ for each in told[WRITERS:] for hash_ in each)
    assert all(report.clean for report in verify_database())
    assert is_clean("shared")


def decides(tell: Tell, k: int, seen: str) -> None:
    try:
        tell(deciding.decide("tvec", "hold", Actor(f"w{k}", "page", everywhere=True), reason=f"{k}", seen=seen).hash)
    except ConflictError as error:
        is_told(error, "the record went on")
        tell("conflict")


def test_ten_decide_at_once(record: str) -> None:
    """Of ten who saw the same and decide at once, one wins and nine are told."""
    begin()
    first()
    seen = store.load("tvec").head
    told = [
        each
        for writer in [Forked(record, partial(decides, k=k, seen=seen)) for k in range(10)]
        for each in writer.told()
    ]
    database.connect(record)
    assert told.count("conflict") == 9
    decisions = store.load("tvec").decisions
    assert [decision.entry.hash for decision in decisions] == [each for each in told if each != "conflict"]


def sends(tell: Tell) -> None:
    try:
        tell(entering.enter("tvec", rows("01 02 03", 1, 1), Actor("ana", "page", "form-1", everywhere=True)).hash)
    except AlreadyRecordedError as error:
        tell(f"again {error.number}")


def test_one_form_sent_ten_times_at_once(record: str) -> None:
    """A form that a browser sends ten times at once makes one entry, and nine answers name it."""
    begin()
    told = [each for writer in [Forked(record, sends) for _ in range(10)] for each in writer.told()]
    database.connect(record)
    assert told.count("again 2") == 9
    assert store.load("tvec").last.hash in told
    assert is_clean("tvec")


def opens(tell: Tell, k: int) -> None:
    try:
        tell(opening.open_trial("tvec", lock(str(BOIN)), Actor(f"w{k}", "page", everywhere=True)).head)
    except RecordError:
        tell("taken")


def test_ten_begin_one_trial(record: str) -> None:
    """Of ten who begin a trial of one name at once, one does."""
    told = [each for writer in [Forked(record, partial(opens, k=k)) for k in range(10)] for each in writer.told()]
    database.connect(record)
    assert told.count("taken") == 9
    assert store.load("tvec").head in told
    assert all(report.clean for report in verify_database())


def adds(tell: Tell, k: int) -> None:
    try:
        accounts.add_account(("carl", "Carl", "CARL")[k % 3], "Carl C.", None, ana)
        tell("added")
    except RecordError:
        tell("taken")


def test_one_name_given_at_once(record: str) -> None:
    """Of six who make an account of one name at once, in whatever case, one does."""
    told = [each for writer in [Forked(record, partial(adds, k=k)) for k in range(6)] for each in writer.told()]
    database.connect(record)
    assert told.count("added") == 1
    assert len(accounts.accounts()) == 1


def makes(tell: Tell) -> None:
    tell(str(len(store.chains())))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_record_made_by_many_at_once(kind: str, tmp_path: object) -> None:
    """Processes that all find no record and make it at once leave one whole record."""
    from django.db import connections

    from tests.servers import postgres

    where = f"{tmp_path}/new.db" if kind == "sqlite" else postgres().fresh_database()
    writers = [Forked(where, makes, create=True) for _ in range(5)]
    assert [writer.told() for writer in writers] == [["0"]] * 5
    database.connect(where)
    begin()
    assert is_clean("tvec")
    connections.close_all()
