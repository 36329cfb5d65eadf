"""What is not a request that can be carried out: told in one sentence, with its field, and never a fault of the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT
from tests.web import client
from tests.web.api_calls import COHORT, Api, refused, signature

ENTER = "/trials/tvec/patients"
DEEP = b'{"patients": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES: list[tuple[bytes, int, str]] = [
    (b"", 422, "has no body"),
    (b"{", 400, "is not JSON: line 1, column 2"),
    (b"\xff\xfe", 400, "is not UTF-8, at byte 1"),
    (b'{"patients": "\xc3"}', 400, "is not UTF-8"),
    (b"\xef\xbb\xbf{}", 400, "is not JSON"),
    (b"[]", 422, "is not a JSON object"),
    (b"null", 422, "is not a JSON object"),
    (b'"text"', 422, "is not a JSON object"),
    (b"12", 422, "is not a JSON object"),
    (b'{"patients": NaN}', 400, "holds NaN"),
    (b'{"patients": -Infinity}', 400, "holds -Infinity"),
    (b'{"patients": 1e999}', 400, "too large"),
    (b'{"patients": ' + b"9" * 5000 + b"}", 400, "5000 digits"),
    (DEEP, 400, "nested too deeply"),
    (b'{"patients": [], "patients": []}', 400, "says 'patients' twice"),
    (b'{"patients": "\\ud800"}', 400, "half a letter"),
    (b'{"patients": []} {}', 400, "is not JSON"),
    (b"<patients/>", 400, "is not JSON"),
    (b'{"deviation": "' + b"a" * 2_000_001 + b'"}', 413, "at most 2000000"),
    (b'{"deviation": "' + b"a" * 3_000_000 + b'"}', 413, "larger than"),
]


@pytest.fixture(scope="module")
def api(pages: Path) -> Api:
    found = Api()
    found.post("root", "/trials", {"trial": "begun", "design": client.DESIGN.read_text()})
    found.put("root", "/trials/begun/roles/sita", {"roles": ["site"]})
    found.post("sita", "/trials/begun/patients", {"patients": COHORT})
    return found


@pytest.mark.parametrize(("raw", "status", "text"), BODIES)
def test_a_body_that_cannot_be_read(api: Api, raw: bytes, status: int, text: str) -> None:
    """Bytes that are no JSON object are refused with what is wrong and where."""
    assert text in refused(api.send("sita", "POST", ENTER, raw), status)["error"]


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "x",
    ],
)
def test_a_body_of_another_type(api: Api, media: str) -> None:
    """Anything but JSON in UTF-8 is refused, though it might be read."""
    assert (
        refused(api.send("sita", "POST", ENTER, json.dumps({"patients": COHORT}).encode(), media), 415)["field"]
        == "Content-Type"
    )


PATIENT = {"patient": "01", "cohort": 1, "level": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "patients"),
        ({"patients": []}, "patients"),
        ({"patients": None}, "patients"),
        ({"patients": {}}, "patients"),
        ({"patients": [PATIENT] * 1001}, "patients"),
        ({"patients": [PATIENT], "comment": "x"}, "comment"),
        ({"patients": [PATIENT, {**PATIENT, "name": "Ann"}]}, "patients.2.name"),
        ({"patients": [PATIENT, {}]}, "patients.2.patient"),
        ({"patients": [{**PATIENT, "patient": "Ann Smith"}]}, "patients.1.patient"),
        ({"patients": [{**PATIENT, "patient": "<script>1"}]}, "patients.1.patient"),
        ({"patients": [{**PATIENT, "patient": "=1+1"}]}, "patients.1.patient"),
        ({"patients": [{**PATIENT, "patient": 1}]}, "patients.1.patient"),
        ({"patients": [{**PATIENT, "level": "1"}]}, "patients.1.level"),
        ({"patients": [{**PATIENT, "level": 1.5}]}, "patients.1.level"),
        ({"patients": [{**PATIENT, "level": True}]}, "patients.1.level"),
        ({"patients": [{**PATIENT, "level": 0}]}, "patients.1.level"),
        ({"patients": [PATIENT, {**PATIENT, "patient": "02", "level": 4}]}, "patients.2.level"),
        ({"patients": [PATIENT, PATIENT]}, "patients.1.patient"),
        ({"patients": [{**PATIENT, "dlt": 1}]}, "patients.1.dlt"),
        ({"patients": [{**PATIENT, "dlt": "no"}]}, "patients.1.dlt"),
        ({"patients": [{**PATIENT, "outcome": "A"}]}, "patients.1.outcome"),
        ({"patients": [{**PATIENT, "treated": "31.03.2026"}]}, "patients.1.treated"),
        ({"patients": [{**PATIENT, "treated": "2026-03-31"}]}, "patients.1.treated"),
        ({"patients": [{**PATIENT, "cohort": None}]}, "patients.1.cohort"),
        ({"patients": [{**PATIENT, "evaluable": False}]}, "patients.1.reason"),
        ({"patients": [{**PATIENT, "evaluable": False, "reason": " =1+1"}]}, "patients.1.reason"),
        ({"patients": [PATIENT], "as_of": "2026-02-30"}, "as_of"),
        ({"patients": [PATIENT], "seen": "abc"}, "seen"),
        ({"patients": [PATIENT], "deviation": "for nothing"}, "deviation"),
        ({"patients": [PATIENT], "deviation": "a" * 4001}, "deviation"),
        ({"patients": [PATIENT], "deviation": 5}, "deviation"),
    ],
)
def test_patients_that_cannot_be(api: Api, body: dict[str, Any], field: str) -> None:
    """A fault names the field, and of a row its number counted from 1; nobody of the request is then entered."""
    found = refused(api.ask("sita", "POST", ENTER, body), 422)
    assert found["field"] == field, found
    assert api.get("vera", "/trials/tvec")["patients"] == 0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/trials/tvec/decisions", {"choice": "up"}, "choice"),
        ("/trials/tvec/decisions", {"choice": "hold", "level": 1, "reason": "x"}, "choice"),
        ("/trials/tvec/decisions", {"choice": "higher", "level": 9, "reason": "x"}, "level"),
        ("/trials/tvec/decisions", {"choice": "hold"}, "reason"),
        ("/trials/tvec/decisions", {"choice": "hold", "reason": "  "}, "reason"),
        ("/trials/tvec/decisions", {"choice": "hold", "reason": "bell \u0007"}, "reason"),
        ("/trials/tvec/decisions", {"choice": "hold", "reason": "x", "analysis": "5f" * 32}, "analysis"),
        ("/trials/tvec/decisions", {"choice": "hold", "reason": "x", "analysis": "5f"}, "analysis"),
        (
            "/trials/tvec/decisions",
            {"choice": "hold", "reason": "x", "signature": {"password": "p"}},
            "signature.meaning",
        ),
        (
            "/trials/tvec/decisions",
            {"choice": "hold", "reason": "x", "signature": {"meaning": "x", "password": "p"}},
            "signature.meaning",
        ),
        ("/trials/tvec/analyses", {"as_of": "2026-03-31"}, "as_of"),
        ("/trials/tvec/analyses", {"as_of": 20260331}, "as_of"),
        ("/trials/tvec/approvals", {"agrees": "yes", "subject": "5f" * 32}, "agrees"),
        ("/trials/tvec/approvals", {"agrees": True}, "subject"),
        ("/trials/tvec/approvals", {"agrees": True, "subject": None}, "subject"),
        ("/trials/tvec/approvals", {"agrees": True, "subject": "5f" * 31}, "subject"),
        ("/trials/tvec/signatures", {"subject": "5f" * 32, **signature("consent")}, "meaning"),
        ("/trials/tvec/closings", {}, "mtd_level"),
        ("/trials/tvec/closings", {"mtd_level": 0}, "mtd_level"),
        ("/trials/tvec/closings", {"mtd_level": 4}, "mtd_level"),
    ],
)
def test_acts_that_cannot_be(api: Api, path: str, body: dict[str, Any], field: str) -> None:
    """What does not go together is refused by the field that is wrong."""
    assert refused(api.ask("cher", "POST", path, body), 422)["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"changes": {"patient": "02"}}, "changes.patient"),
        ({"changes": {"age": 60}}, "changes.age"),
        ({"changes": {"level": None}, "reason": "x"}, "changes.level"),
        ({"changes": {"level": 4}, "reason": "x"}, "changes.level"),
        ({"changes": {"dlt": "yes"}}, "changes.dlt"),
        ({"changes": {"cohort": 2}}, "changes.cohort"),
        ({"changes": {"backfill": True}, "reason": "x"}, "changes.backfill"),
        ({"changes": {"dlt": True}}, "reason"),
        ({"changes": {"evaluable": False}, "reason": "x"}, "changes.reason"),
        ({"changes": []}, "changes"),
        ({"changes": {}}, None),
    ],
)
def test_amendments_that_cannot_be(api: Api, body: dict[str, Any], field: str | None) -> None:
    """A fault of an amendment names the field that was to change, or the reason that is missing."""
    assert refused(api.ask("sita", "PATCH", "/trials/begun/patients/01", body), 422)["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"trial": "Big", "design": "x"}, "trial"),
        ({"trial": "system", "design": "x"}, "trial"),
        ({"trial": "a/b", "design": "x"}, "trial"),
        ({"trial": "a", "design": ""}, "design"),
        ({"trial": "a", "design": "method: {kind: bion}"}, "design"),
        ({"trial": "a", "design": "\u0000"}, "design"),
        ({"trial": "a", "design": "&a [*a, *a]"}, "design"),
        ({"trial": "a", "design": "{" * 5000}, "design"),
        ({"trial": "a", "design": "x", "design_name": "../../etc/passwd"}, "design_name"),
        ({"trial": "a", "design": "x", "attached": "x", "attached_name": "/etc/passwd"}, "attached_name"),
        ({"trial": "a", "design": client.DESIGN.read_text(), "title": "\u0000"}, "title"),
        ({"trial": "a", "design": client.DESIGN.read_text(), "title": " "}, "title"),
    ],
)
def test_trials_that_cannot_begin(api: Api, body: dict[str, Any], field: str) -> None:
    """A name, a title or a design that cannot be is refused, and no trial begins."""
    assert refused(api.ask("root", "POST", "/trials", body), 422)["field"] == field


def test_a_file_that_is_missing_is_asked_for(api: Api) -> None:
    """A design whose method reads a file needs it sent along; the sentence names the file, and no folder of the server."""
    design = (ROOT / "designs" / "decision_table.yaml").read_text()
    file = "data/decision-table-mtpi2-030.csv"
    found = refused(api.ask("root", "POST", "/trials", {"trial": "table", "design": design}), 422)
    assert found["error"] == f"design.yaml:9 method.file: '{file}' is not kept with it; give both"
    with_file = {"attached": (ROOT / "designs" / file).read_text(), "attached_name": file}
    api.post("root", "/trials", {"trial": "table", "design": design, **with_file})


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd"])
def test_a_file_of_a_design_stays_beside_it(api: Api, name: str) -> None:
    """The name of the file that a method reads leads nowhere else."""
    body = {"trial": "a", "design": client.DESIGN.read_text(), "attached": "x: 1", "attached_name": name}
    assert api.ask("root", "POST", "/trials", body).status_code == 422


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/trials/tvec/recommendation?asof=2026-03-31", "asof"),
        ("/trials/tvec/recommendation?as_of=2026-03-31&as_of=2026-03-30", "as_of"),
        ("/trials/tvec/recommendation?as_of=", "as_of"),
        ("/trials/tvec/recommendation?as_of=2026-03-31", "as_of"),
        ("/trials/tvec/history?limit=0", "limit"),
        ("/trials/tvec/history?limit=100000", "limit"),
        ("/trials/tvec/history?after=-1", "after"),
        ("/trials/tvec/history?after=1e30", "after"),
        ("/trials/tvec/history?after=99999999999999999999", "after"),
        ("/trials/tvec/history/0", "number"),
        ("/trials/tvec/history/abc", "number"),
        ("/trials/tvec/analyses/99999999999999999999", "number"),
        ("/trials/tvec/verify?head=xyz", "head"),
        (f"/trials/tvec/verify?head={'a' * 15}", "head"),
        (f"/trials/tvec/verify?head={'a' * 65}", "head"),
        ("/trials/tvec/verify?recompute=maybe", "recompute"),
        ("/trials/tvec?x=1", "x"),
    ],
)
def test_parameters_that_are_not_there(api: Api, path: str, field: str) -> None:
    """A misspelt or impossible parameter is refused: `asof` must not give the recommendation of today."""
    assert refused(api.ask("vera", "GET", path), 422)["field"] == field


def test_addresses_and_methods_that_are_not_there(api: Api) -> None:
    """An address that is none, and a method that an address does not have, are told as JSON."""
    for path in (
        "/",
        "/nowhere",
        "/trials/",
        "/trials/tvec/",
        "/trials/tvec/nothing",
        "/trials/tvec/history/1/2",
        "/docs",
    ):
        refused(api.ask("vera", "GET", path), 404)
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"):
        answer = api.ask("vera", method, "/trials/tvec")
        refused(answer, 405)
        assert answer.headers["Allow"] == "GET"


def test_roles_of_nobody(api: Api) -> None:
    """Roles are given to accounts that are there: a misspelt name must not wait for whoever gets it one day."""
    found = refused(api.ask("adam", "PUT", "/trials/tvec/roles/norra", {"roles": ["chair"]}), 404)
    assert "no account 'norra'" in found["error"]


def test_entries_that_are_not_there(api: Api) -> None:
    """A patient, entry or analysis that is not on record is 404, with its name."""
    assert "patient 99" in refused(api.ask("vera", "GET", f"{ENTER}/99"), 404)["error"]
    assert "patient 99" in refused(api.ask("sita", "PATCH", f"{ENTER}/99", {"changes": {"dlt": True}}), 404)["error"]
    assert refused(api.ask("vera", "GET", "/trials/tvec/history/9999"), 404)["entry"] == 9999
    refused(api.ask("vera", "GET", "/trials/tvec/analyses/1"), 404)
