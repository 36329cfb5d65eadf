"""Where the server, its database or the record is at fault: told apart, in one sentence, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web.api_calls import COHORT, Api, refused

ENTER = "/trials/tvec/patients"


def test_a_record_that_was_changed_is_told(fresh: Path) -> None:
    """Of a changed record nothing is concluded: 500 with the entry, and the administrator of the server can verify it."""
    from django.db import connection

    from escalate.conduct import store

    api = Api()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER escalate_entry_no_update")
        cursor.execute("UPDATE escalate_entry SET \"by\" = 'mallory' WHERE chain = 'tvec' AND number = 3")
    store.forget()
    found = refused(api.ask("vera", "GET", "/trials/tvec"), 500)
    assert found["entry"] == 3
    assert "nothing is concluded" in found["error"]
    refused(api.ask("sita", "POST", ENTER, {"patients": COHORT}), 500)
    verified = api.get("root", "/trials/tvec/verify")
    assert verified["clean"] is False
    assert verified["faults"][0]["entry"] == 3
    assert api.get("root", "/trials")["damaged"] == ["tvec"]
    assert api.get("vera", "/trials") == {"trials": [], "damaged": []}


def test_a_database_that_is_away_is_told(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database cannot be reached the answer is 503 with the time to wait, and afterwards all is as before."""
    from django.db import OperationalError
    from django.db.backends.utils import CursorWrapper

    api = Api()
    head = api.get("vera", "/trials/tvec")["head"]

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(CursorWrapper, "execute", away)
        for who, method, path, body in (
            ("vera", "GET", "/trials/tvec", None),
            ("sita", "POST", ENTER, {"patients": COHORT}),
        ):
            answer = api.ask(who, method, path, body)
            found = refused(answer, 503)
            assert answer.headers["Retry-After"] == "5"
            assert "nothing saved is lost" in found["error"]
    assert api.get("vera", "/trials/tvec")["head"] == head


def test_a_fault_of_ours_is_told_without_its_innards(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server fails there is a sentence, and nothing of the program."""
    from escalate.web.api import reading

    def fails(*_: Any) -> None:
        raise ZeroDivisionError("innards")

    monkeypatch.setattr(reading, "snapshot", fails)
    found = refused(Api().ask("vera", "GET", "/trials/tvec/data.csv"), 500)
    assert "innards" not in found["error"]
