"""The same request twice, and two people at once: nothing is doubled, and nobody overwrites what they did not see."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.servers import postgres
from tests.web import client
from tests.web.api_calls import COHORT, Api, signature

ENTER = "/trials/tvec/patients"


@pytest.fixture
def api(fresh: Path) -> Api:
    return Api()


@pytest.fixture(params=["sqlite", "postgresql"])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """Give the API on each kind of database."""
    with client.closing():
        client.set_up(tmp_path / "record.db" if request.param == "sqlite" else postgres().fresh_database())
        yield Api()


def number_of_entries(api: Api) -> int:
    """Return how many entries the trial has."""
    return int(api.get("vera", "/trials/tvec")["entries"])


def test_a_request_with_a_key_is_recorded_once(each: Api) -> None:
    """The same request again writes nothing, and gives the same entry with status 200 and a header that says so."""
    first = each.ask("sita", "POST", ENTER, {"patients": COHORT}, Idempotency_Key="export-7")
    again = each.ask("sita", "POST", ENTER, {"patients": COHORT}, Idempotency_Key="export-7")
    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert json.loads(first.content) == json.loads(again.content)


def test_the_entry_of_a_replay_is_that_of_the_request(api: Api) -> None:
    """A decision brings an analysis before it and a signature after it; the replay names the decision all the same."""
    api.post("sita", ENTER, {"patients": COHORT})
    body = {"choice": "accept", "signature": signature("authorship")}
    first = api.post("stan", "/trials/tvec/decisions", body, Idempotency_Key="k")
    again = api.post("stan", "/trials/tvec/decisions", body, 200, Idempotency_Key="k")
    assert first == again
    assert first["entry"]["kind"] == "decided"


def test_opening_a_trial_twice_with_a_key_opens_one(api: Api) -> None:
    """Without a key a second trial of the name is refused; with one the first answer comes again."""
    body = {"trial": "liver", "design": client.DESIGN.read_text()}
    first = api.post("root", "/trials", body, Idempotency_Key="k")
    assert api.post("root", "/trials", body, 200, Idempotency_Key="k") == first
    assert api.post("root", "/trials", body, 422)["field"] == "trial"


def test_a_key_is_of_one_request_and_one_person(each: Api) -> None:
    """Another body under the same key is refused, not taken for the first; another person's same key is another key."""
    each.post("sita", ENTER, {"patients": COHORT}, Idempotency_Key="k")
    more = [{"patient": "04", "cohort": 1, "level": 1}]
    found = each.post("sita", ENTER, {"patients": more, "deviation": "By mistake"}, 422, Idempotency_Key="k")
    assert found["field"] == "Idempotency-Key"
    each.post("sofi", ENTER, {"patients": more, "deviation": "By mistake"}, Idempotency_Key="k")


@pytest.mark.parametrize("key", ["", "a" * 201, "two words", "\u00e9"])
def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    """A key that cannot be told from another is no key."""
    assert api.post("sita", ENTER, {"patients": COHORT}, 422, Idempotency_Key=key)["field"] == "Idempotency-Key"


def test_no_hash_of_a_password_is_kept(api: Api) -> None:
    """What names a request in the record does not depend on the password in it, which could be guessed from a hash."""
    from escalate.conduct import store

    api.post("sita", ENTER, {"patients": COHORT})
    body = {"choice": "hold", "reason": "Wait", "signature": signature("authorship")}
    api.post("stan", "/trials/tvec/decisions", body, Idempotency_Key="k")
    requests = [entry.request for entry in store.entries_of("tvec") if entry.request]
    body["signature"] = {"password": "another", "meaning": "authorship"}
    # It is asked for all the same.
    assert api.post("stan", "/trials/tvec/decisions", body, 422, Idempotency_Key="k")["field"] == "password"
    assert len(requests) == 1
    assert len(requests[0]) <= 80


def test_a_patient_entered_in_error_is_taken_out_once(api: Api) -> None:
    """The patient leaves the data and stays in the history; the same request again is told the same, another finds nobody."""
    rows = [*COHORT[:2], {**COHORT[2], "patient": "1/03"}]
    api.post("sita", ENTER, {"patients": rows})
    out, said = f"{ENTER}/1/03/withdraw", {"reason": "Mistyped"}
    assert api.post("sita", out, {"reason": " "}, 422)["field"] == "reason"
    first = api.post("sita", out, said, Idempotency_Key="k")
    assert first["entry"]["kind"] == "withdrawn"
    assert api.post("sita", out, said, 200, Idempotency_Key="k") == first
    assert "not on record" in api.post("sita", out, said, 422)["error"]
    api.post("sita", f"{ENTER}/99/withdraw", said, 404)
    assert [row["patient"] for row in api.get("vera", ENTER)["patients"]] == ["01", "02"]
    assert "entered in error" in api.get("vera", f"/trials/tvec/history/{first['entry']['number']}")["text"]
    api.get("vera", f"{ENTER}/1/03", 404)
    api.post("sita", ENTER, {"patients": [COHORT[2]]})


def test_what_happened_since_is_told(api: Api) -> None:
    """A write on a head that is not the last is refused with 409, which says what happened, by whom, and as which entry."""
    head = api.get("stan", "/trials/tvec")["head"]
    entered = api.post("sita", ENTER, {"patients": COHORT, "seen": head})
    for more in ({"seen": head}, {}):
        headers = {} if more else {"If_Match": f'"{head}"'}
        found = api.post("stan", "/trials/tvec/analyses", more, 409, **headers)
        assert found["entry"] == entered["entry"]["number"]
        assert "by sita" in found["error"]
        assert "nothing of yours was saved" in found["error"]
    api.post("stan", "/trials/tvec/analyses", {}, If_Match=f'"{entered["head"]}"')


@pytest.mark.parametrize("header", ["*", '"abc"', "W/" + '"' + "5f" * 32 + '"', ""])
def test_a_header_that_is_no_head_is_refused(api: Api, header: str) -> None:
    """A precondition that cannot be held is not passed over."""
    assert api.post("stan", "/trials/tvec/analyses", {}, 422, If_Match=header)["field"] == "If-Match"


def test_header_and_body_say_the_same_head(api: Api) -> None:
    """Two heads that differ are refused, whichever is right."""
    head = api.get("stan", "/trials/tvec")["head"]
    found = api.post("stan", "/trials/tvec/analyses", {"seen": head}, 422, If_Match=f'"{"5f" * 32}"')
    assert found["field"] == "If-Match"


def _at_once(requests: list[tuple[str, str, Any, dict[str, str]]], api: Api) -> list[tuple[int, Any]]:
    """Send requests at the same moment, each from a thread of its own."""
    from django.db import connections

    start = threading.Barrier(len(requests))

    def one(request: tuple[str, str, Any, dict[str, str]]) -> tuple[int, Any]:
        who, path, body, headers = request
        start.wait()
        try:
            answer = api.ask(who, "POST", path, body, **headers)
            return answer.status_code, json.loads(answer.content)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def test_the_same_request_at_once_is_recorded_once(each: Api) -> None:
    """Eight copies of one request at the same moment make one entry, and every answer names it."""
    before = number_of_entries(each)
    found = _at_once([("sita", ENTER, {"patients": COHORT}, {"Idempotency-Key": "k"})] * 8, each)
    assert sorted(status for status, _ in found) == [200] * 7 + [201]
    assert {told["entry"]["number"] for _, told in found} == {before + 1}
    assert number_of_entries(each) == before + 1


def test_of_two_who_decide_at_once_one_is_told(each: Api) -> None:
    """Two decisions on the same head: one is recorded, the other is told by whom and as which entry."""
    head = each.post("sita", ENTER, {"patients": COHORT})["head"]
    body = {"choice": "accept", "seen": head}
    found = _at_once([(who, "/trials/tvec/decisions", body, {}) for who in ("stan", "cher")], each)
    assert sorted(status for status, _ in found) == [201, 409]
    assert len(each.get("vera", "/trials/tvec/decisions")["decisions"]) == 1


def test_the_head_of_an_answer_is_of_the_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another wrote just after is not given as seen: the head in the answer is that of the request's own last entry."""
    from escalate.conduct import entering

    enter = entering.enter

    def and_another(*arguments: Any, **more: Any) -> Any:
        entry = enter(*arguments, **more)
        entering.amend("tvec", "01", {"dlt": True}, api.lead, reason="At once")
        return entry

    monkeypatch.setattr(entering, "enter", and_another)
    entered = api.post("sita", ENTER, {"patients": COHORT})
    assert entered["head"] == entered["entry"]["hash"]
    assert "by lead" in api.post("stan", "/trials/tvec/analyses", {"seen": entered["head"]}, 409)["error"]
