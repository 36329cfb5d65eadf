"""Who may do what through the API: every role against every operation, and trials of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web import client
from tests.web.api_calls import COHORT, Api, is_problem, signature

HASH = "5f" * 32
READING = (
    "",
    "/designs",
    "/patients",
    "/patients/01",
    "/recommendation",
    "/selection",
    "/analyses",
    "/analyses/8",
    "/decisions",
    "/signatures",
    "/closings",
    "/roles",
    "/history",
    "/history/1",
    "/verify",
    "/data.csv",
    "/archive.zip",
    "/meeting-pack",
)
# What each operation takes to pass the question who asks; what comes after is another matter.
WRITING: dict[tuple[str, str], tuple[dict[str, Any], frozenset[str]]] = {
    ("POST", "/patients"): ({"patients": COHORT}, frozenset({"sita", "sofi"})),
    ("PATCH", "/patients/01"): ({"changes": {"dlt": False}}, frozenset({"sita", "stan", "sofi"})),
    ("POST", "/patients/01/withdraw"): ({"reason": " "}, frozenset({"sita", "stan", "sofi"})),
    ("POST", "/analyses"): ({}, frozenset({"stan", "cher", "sofi"})),
    ("POST", "/decisions"): ({"choice": "accept", "level": 3}, frozenset({"stan", "cher", "sofi"})),
    ("POST", "/approvals"): ({"agrees": True, "subject": HASH}, frozenset({"stan", "cher", "sofi"})),
    ("POST", "/signatures"): ({"subject": HASH, **signature("review")}, frozenset({"stan", "cher", "sofi"})),
    ("POST", "/designs"): (
        {"design": client.DESIGN.read_text(), "reason": "again"},
        frozenset({"stan", "sofi"}),
    ),
    ("POST", "/closings"): ({"mtd_level": 3}, frozenset({"cher"})),
    ("PUT", "/roles/nora"): ({"roles": []}, frozenset({"adam", "root"})),
}
MEMBERS = frozenset(client.PEOPLE) - {"nora"}


@pytest.fixture(scope="module")
def api(pages: Path) -> Api:
    found = Api()
    found.post(
        "sita", "/trials/tvec/patients", {"patients": [{**row, "dlt": row["patient"] == "03"} for row in COHORT]}
    )
    return found


def test_no_operation_is_left_out(api: Api) -> None:
    """The tests of roles know every operation that there is on a trial."""
    names = {"01": "{patient}", "nora": "{person}", "8": "{number}", "1": "{number}"}

    def known(path: str) -> str:
        return "/".join(names.get(part, part) for part in path.split("/"))

    there = {
        (method.upper(), path.removeprefix("/api/v1/trials/{trial}"))
        for path, methods in api.get(None, "/openapi.json")["paths"].items()
        for method in methods
        if "{trial}" in path
    }
    assert there == {("GET", known(path)) for path in READING} | {(method, known(path)) for method, path in WRITING}


@pytest.mark.parametrize("path", READING)
def test_members_read_and_nobody_else(api: Api, path: str) -> None:
    """Each role reads everything of its trial; without a role there is no trial, and the administrator sees roles alone."""
    number = json.loads(api.ask("vera", "GET", "/trials/tvec").content)["last"]["number"]
    for who in (*client.PEOPLE, "root"):
        answer = api.ask(who, "GET", f"/trials/tvec{path}")
        if who in MEMBERS:
            # The last entry is of the patients, and no analysis.
            wanted = 404 if path == f"/analyses/{number}" else 200
        elif who == "root":
            wanted = 200 if path == "/roles" else 403
        else:
            wanted = 404
        assert answer.status_code == wanted, (who, answer.content)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_each_role_writes_what_it_may(api: Api, method: str, path: str) -> None:
    """A role that may not write gets 403 and nobody else's trial is there; nothing is written by a refusal."""
    body, allowed = WRITING[method, path]
    for who in (*client.PEOPLE, "root"):
        before = api.get("vera", "/trials/tvec")["entries"]
        answer = api.ask(who, method, f"/trials/tvec{path}", body)
        if who in allowed:
            assert answer.status_code in (201, 409, 422), (who, answer.content)
            continue
        assert answer.status_code == (404 if who == "nora" else 403), (who, answer.content)
        is_problem(json.loads(answer.content))
        assert api.get("vera", "/trials/tvec")["entries"] == before


def test_the_administrator_of_the_server_alone_begins_trials(api: Api) -> None:
    """Nobody else begins a trial, whatever the role in another."""
    for number, who in enumerate((*client.PEOPLE, "root")):
        body = {"trial": f"new-{number}", "design": client.DESIGN.read_text()}
        assert api.ask(who, "POST", "/trials", body).status_code == (201 if who == "root" else 403)


@pytest.mark.parametrize("head", [None, HASH])
def test_a_trial_of_others_is_as_one_that_is_not_there(api: Api, head: str | None) -> None:
    """Every operation answers alike, to the letter but for the name, for a trial of others, one that never was, and no name."""
    more = {} if head is None else {"If-Match": head, "Idempotency-Key": "a-key"}
    for method, path, body in [
        *(("GET", path, None) for path in READING),
        *((method, path, body) for (method, path), (body, _) in WRITING.items()),
    ]:
        told = []
        for trial in ("other", "there-is-none", "system", "NO%20name", "..%2F..", "%00", "x" * 300):
            answer = api.ask("stan", method, f"/trials/{trial}{path}", body, **more)
            assert answer.status_code == 404, (method, trial, path, answer.content)
            told.append(json.loads(answer.content)["error"])
        assert told[0].replace("other", "there-is-none") == told[1]


def test_the_list_shows_the_trials_of_whoever_asks(api: Api) -> None:
    """A person sees the trials in which the person has a role; the administrator of the server sees all."""
    assert [trial["trial"] for trial in api.get("vera", "/trials")["trials"]] == ["tvec"]
    assert api.get("nora", "/trials") == {"trials": [], "damaged": []}
    assert {trial["trial"] for trial in api.get("root", "/trials")["trials"]} >= {"other", "tvec"}


def test_refusals_are_in_the_chain_of_the_system(fresh: Path) -> None:
    """What a person was refused is noted, with the person, the address of the operation and the way it came."""
    api = Api()
    api.get("stan", "/trials/other", 404)
    api.post("vera", "/trials/tvec/analyses", {}, 403)
    api.get("esc_wrong", "/me", 401)
    kinds = [(note.kind, note.by, note.via, note.content["path"]) for note in client.notes()[-3:]]
    assert kinds == [
        ("denied", "stan", "API", "/api/v1/trials/other"),
        ("denied", "vera", "API", "/api/v1/trials/tvec/analyses"),
        ("token_refused", "nobody", "API", "/api/v1/me"),
    ]
    # A patient who is not there is no refusal.
    api.get("vera", "/trials/tvec/patients/99", 404)
    assert client.notes()[-1].kind == "token_refused"
    for _ in range(100):
        api.get("esc_wrong", "/me", 401)
    assert len(client.notes("token_refused")) == 1
