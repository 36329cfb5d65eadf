"""Killed at any moment: nothing acknowledged is lost, nothing half is kept, and the record goes on."""

from __future__ import annotations

import random
import time
from functools import partial

import pytest

from escalate.conduct import database, entering, store
from escalate.conduct.errors import UnavailableError
from escalate.conduct.verify import verify_database
from tests.conduct.acting import ana, begin, first, is_clean, is_told
from tests.conduct.forked import Forked, Tell, whole_acts, write_for_ever
from tests.servers import own_postgres


def kill_at(record: str, moments: int, seed: int) -> None:
    """Kill a writer at so many moments, and look after each."""
    dice = random.Random(seed)
    begin()
    first()
    acknowledged: list[str] = []
    in_time = 0
    for _ in range(moments):
        writer = Forked(record, lambda tell: write_for_ever("tvec", tell))
        if dice.random() < 0.8:
            writer.has_told()
        time.sleep(dice.uniform(0, 0.03))
        told = writer.kill()
        acknowledged += told
        in_time += bool(told)
        database.connect(record)
        state = store.load("tvec")
        there = {entry.hash for entry in store.entries_of("tvec")}
        assert set(acknowledged) <= there
        assert state.last.hash in there
    assert in_time > moments / 2
    assert whole_acts("tvec")
    assert is_clean("tvec")
    assert all(report.clean for report in verify_database())
    before = store.load("tvec").last.number
    entering.amend("tvec", "02", {"dlt": True}, ana, reason="The record goes on")
    assert store.load("tvec").last.number == before + 1


@pytest.mark.parametrize("moments", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_writers_killed_while_they_write(record: str, moments: int) -> None:
    """A writer is killed (-9) at random moments; each entry that it was told of is there, and the chain is clean."""
    kill_at(record, moments, moments)


def until_it_goes_away(tell: Tell, patient: str) -> None:
    try:
        write_for_ever("tvec", tell, patient)
    except UnavailableError as error:
        is_told(error, "cannot be reached")


def test_the_server_is_stopped_while_writing() -> None:
    """PostgreSQL is crashed while two write; the writers are told in a sentence, and what was acknowledged is there."""
    dice = random.Random(7)
    with own_postgres() as server:
        url = server.fresh_database()
        database.connect(url, create=True)
        begin()
        first()
        acknowledged: list[str] = []
        for _ in range(6):
            writers = [Forked(url, partial(until_it_goes_away, patient=name)) for name in ("01", "03")]
            time.sleep(dice.uniform(0.15, 0.4))
            server.stop("immediate")
            told = [writer.told() for writer in writers]
            server.start()
            acknowledged += [entry for each in told for entry in each]
            database.connect(url)
            store.load("tvec")
            assert set(acknowledged) <= {entry.hash for entry in store.entries_of("tvec")}
        assert len(acknowledged) > 20
        assert whole_acts("tvec")
        assert is_clean("tvec")
        entering.amend("tvec", "02", {"dlt": True}, ana, reason="The record goes on")
        from django.db import connections

        connections.close_all()
