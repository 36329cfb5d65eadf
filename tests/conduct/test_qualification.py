"""The checks of the record: passed as it is, failed where what they check is broken; nothing of them stays behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from escalate.conduct import triggers
from escalate.conduct.qualification import CHECKS
from escalate.qualification.run import checked

NAMES = {check.name: check for check in CHECKS}


@pytest.fixture(autouse=True)
def _away() -> Iterator[None]:
    from django.db import connections

    yield
    connections.close_all()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_passes(name: str) -> None:
    """On a record just made, every case."""
    found = list(checked(NAMES[name]))
    assert found
    assert [case.obtained for case in found if not case.passed] == []


def test_a_database_that_does_not_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triggers that let everything through: changes and deletions are done, which is a failed case each."""
    harmless = tuple(statement.replace("RAISE(ABORT, ", "coalesce(1, ") for statement in triggers._SQLITE)
    monkeypatch.setattr(triggers, "_SQLITE", harmless)
    found = {case.id.partition("/")[2]: case for case in checked(NAMES["record-refuses-changes"])}
    assert not found["change an entry"].passed
    assert not found["delete an entry"].passed
    assert found["change an entry"].obtained == "done"


def test_a_chain_whose_hashes_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tampering that is not found fails the check."""
    from escalate.conduct import verify

    monkeypatch.setattr(verify, "faults_of", lambda *whole: iter(()))
    found = {case.id.partition("/")[2]: case for case in checked(NAMES["record-tampering-is-found"])}
    assert not found["an entry changed"].passed


def test_anybody_may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights that are not checked fail the check."""
    from escalate.conduct import deciding, entering, permissions, store

    for module in (deciding, entering, permissions):
        if hasattr(module, "require"):
            monkeypatch.setattr(module, "require", lambda *whole: None)
    monkeypatch.setattr(store, "check_known", lambda *whole: None)
    assert any(not case.passed for case in checked(NAMES["record-refuses-strangers"]))
