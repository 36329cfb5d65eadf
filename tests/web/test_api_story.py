"""A trial from its first patient to its MTD, told by programs that speak JSON alone."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import COMMAND
from tests.helpers import ROOT
from tests.web import client
from tests.web.api_calls import AT, COHORT, Api, signature

CRM = (ROOT / "designs" / "tvec-liver-crm.yaml").read_text()


@pytest.fixture
def api(fresh: Path) -> Api:
    return Api()


def test_the_tvec_trial_from_start_to_end(api: Api) -> None:
    """Every operation in turn: open, roles, cohorts, an override with a second person, amendments, closing, export."""
    design = client.DESIGN.read_text()
    opened = api.post(
        "root", "/trials", {"trial": "liver", "design": design, "design_name": "boin.yaml", "synthetic": True}
    )
    assert opened["entry"]["number"] == 1
    assert opened["entry"]["kind"] == "opened"
    for person, roles in (("sita", ["site"]), ("stan", ["statistician"]), ("cher", ["chair"]), ("vera", ["viewer"])):
        api.put("root", f"/trials/liver/roles/{person}", {"roles": roles})
    assert api.get("vera", "/trials/liver/roles")["members"]["cher"] == ["chair"]

    _first_cohort(api)
    _override(api)
    _second_thoughts(api, design)
    _closing(api)
    verified = api.get("vera", f"/trials/liver/verify?head={opened['head']}&recompute=true")
    assert (verified["clean"], verified["faults"], verified["recomputed"]) == (True, [], 2)
    _history_is_whole(api)
    _archive_is_whole(api)


def _first_cohort(api: Api) -> None:
    """Enter a cohort whose outcomes come one by one."""
    trial = api.get("sita", "/trials/liver")
    assert (trial["open"], trial["patients"], trial["start_level"]) == (True, 0, 1)
    assert trial["may"] == ["view", "enter", "amend", "export"]
    first = api.get("sita", "/trials/liver/recommendation")
    assert (first["action"], first["next_level"], first["next_cohort_size"]) == ("start", 1, 3)

    pending = [{**row, "dlt": None} for row in COHORT]
    entered = api.post("sita", "/trials/liver/patients", {"patients": pending, "seen": trial["head"]})
    assert api.get("vera", "/trials/liver")["waiting_for"] == ["01", "02", "03"]
    refused = api.get("stan", "/trials/liver/recommendation", 422)
    assert "outcome of patients 01, 02, 03 is not known" in refused["error"]
    for row in COHORT:
        api.patch("sita", f"/trials/liver/patients/{row['patient']}", {"changes": {"dlt": False}})
    assert api.get("vera", "/trials/liver/patients/02") == {
        **dict.fromkeys(("outcome", "reason", "treated", "dlt_date", "last_follow_up", "response")),
        **COHORT[1],
        "evaluable": True,
        "backfill": False,
        "entered": entered["entry"]["number"],
        "changed": [entered["entry"]["number"] + 2],
    }


def _override(api: Api) -> None:
    """Decide on a higher dose than recommended: nobody is treated on it before a second person agrees."""
    analysis = api.post("stan", "/trials/liver/analyses", {})["entry"]
    whole = api.get("vera", f"/trials/liver/analyses/{analysis['number']}")
    assert (whole["current"], whole["next_level"]) == (True, 2)
    assert whole["recommendation"]["next_level"] == 2
    assert whole["data"] == api.ask("vera", "GET", "/trials/liver/data.csv").content.decode()

    override = {"choice": "higher", "level": 3, "reason": "Tolerated in melanoma", "analysis": analysis["hash"]}
    decided = api.post("stan", "/trials/liver/decisions", {**override, "signature": signature("authorship")})
    assert api.get("vera", "/trials/liver")["awaits_second"]["number"] == decided["entry"]["number"]
    early = [{"patient": f"0{k}", "cohort": 2, "level": 3, "dlt": k == 5} for k in (4, 5, 6)]
    assert "awaits a second person" in api.post("sita", "/trials/liver/patients", {"patients": early}, 422)["error"]
    assert api.post("cher", "/trials/liver/approvals", {"agrees": True}, 422)["field"] == "subject"
    api.post("cher", "/trials/liver/approvals", {"agrees": True, "subject": analysis["hash"]}, 409)
    api.post("stan", "/trials/liver/approvals", {"agrees": True, "subject": decided["entry"]["hash"]}, 403)
    refusal = {"agrees": False, "reason": "No", "subject": decided["entry"]["hash"]}
    refusal["signature"] = signature("approval")
    assert api.post("cher", "/trials/liver/approvals", refusal, 422)["field"] == "meaning"
    api.post(
        "cher",
        "/trials/liver/approvals",
        {"agrees": True, "subject": decided["entry"]["hash"], "signature": signature("approval")},
    )
    api.post("sita", "/trials/liver/patients", {"patients": early})
    api.post("cher", "/trials/liver/signatures", {"subject": decided["entry"]["hash"], **signature("review")})
    (decision,) = api.get("vera", "/trials/liver/decisions")["decisions"]
    assert (decision["standing"], decision["treated"], decision["remaining"]) == ("acted on", 3, 0)
    assert decision["approval"]["entry"]["by"] == "cher"
    assert [(s["name"], s["meaning"], s["void_by"]) for s in decision["signatures"]] == [
        ("Stan Test", "authorship", None), ("Cher Test", "approval", None), ("Cher Test", "review", None),
    ]  # fmt: skip


def _second_thoughts(api: Api, design: str) -> None:
    """Correct an outcome, which voids every signature that rested on it, and amend the design."""
    assert api.patch("sita", "/trials/liver/patients/02", {"changes": {"dlt": True}}, 422)["field"] == "reason"
    corrected = api.patch("sita", "/trials/liver/patients/02", {"changes": {"dlt": True}, "reason": "Reclassified"})
    assert {s["void_by"] for s in api.get("vera", "/trials/liver/signatures")["signatures"]} == {
        corrected["entry"]["number"]
    }

    amended = {
        "design": CRM,
        "design_name": "crm.yaml",
        "reason": "The regulator asked",
        "signature": signature("authorship"),
    }
    api.post("stan", "/trials/liver/designs", amended)
    designs = api.get("vera", "/trials/liver/designs")["designs"]
    assert [(d["version"], d["name"], d["text"]) for d in designs] == [(1, "boin.yaml", design), (2, "crm.yaml", CRM)]


def _closing(api: Api) -> None:
    """Stop, and declare the MTD."""
    api.post("cher", "/trials/liver/decisions", {"choice": "stop", "reason": "Enough is known"})
    selected = api.get("vera", "/trials/liver/selection")
    closing: dict[str, Any] = {"mtd_level": 1, "signature": signature("approval")}
    if selected["mtd_level"] != 1:
        closing["reason"] = "Safety"
    assert "approval is another person's" in api.post("cher", "/trials/liver/closings", closing, 422)["error"]
    closing["signature"] = signature("authorship")
    api.post("cher", "/trials/liver/closings", closing)
    (closed,) = api.get("vera", "/trials/liver/closings")["closings"]
    assert (closed["mtd_level"], closed["selected_level"], closed["standing"]) == (1, selected["mtd_level"], "in force")
    assert api.get("vera", "/trials/liver")["open"] is False


def _history_is_whole(api: Api) -> None:
    """Pages of three entries give the whole history, in order, each after the one before."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = api.get("vera", f"/trials/liver/history?after={after}&limit=3")
        assert len(page["entries"]) <= 3
        found += page["entries"]
        after = page["next"]
    assert [entry["number"] for entry in found] == list(range(1, len(found) + 1))
    assert all(later["previous"] == entry["hash"] for entry, later in pairwise(found))
    assert found[-1]["hash"] == page["head"]
    assert api.get("vera", f"/trials/liver/history/{found[-1]['number']}") == found[-1]
    assert {entry["via"] for entry in found} == {"API"}


def _archive_is_whole(api: Api) -> None:
    """The archive is a zip file with a record in which verifying finds nothing."""
    answer = api.ask("vera", "GET", "/trials/liver/archive.zip")
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "record.jsonl" in archive.namelist()


def test_the_recommendation_is_that_of_the_command(api: Api, tmp_path: Path) -> None:
    """The JSON of a recommendation is that of `escalate recommend --json` on the CSV that the API gives, but for the time."""
    rows = [{**row, "dlt": row["patient"] == "03"} for row in COHORT]
    api.post("sita", "/trials/tvec/patients", {"patients": rows})
    found = api.get("vera", "/trials/tvec/recommendation")
    data = tmp_path / "data.csv"
    data.write_bytes(api.ask("vera", "GET", "/trials/tvec/data.csv").content)
    told = subprocess.run(
        [str(COMMAND), "recommend", str(client.DESIGN), str(data), "--json"], capture_output=True, check=True
    )
    wanted = json.loads(told.stdout)
    for each in (found, wanted):
        each["provenance"].pop("time")
    assert found == wanted


def test_patients_with_dates_are_looked_at_on_a_day(api: Api) -> None:
    """Where patients have dates, `as_of` says which day is looked at, and the analysis on record says so."""
    design = (ROOT / "designs" / "late-onset" / "tite_boin.yaml").read_text()
    api.post("root", "/trials", {"trial": "late", "design": design})
    api.put("root", "/trials/late/roles/sofi", {"roles": ["site", "statistician"]})
    rows = [
        {"patient": f"1/{k}", "cohort": 1, "level": 1, "treated": "2026-03-02", "last_follow_up": "2026-03-10"}
        for k in (1, 2, 3)
    ]
    api.post("sofi", "/trials/late/patients", {"patients": rows, "as_of": "2026-03-10"})
    found = api.get("sofi", "/trials/late/recommendation?as_of=2026-03-10")
    assert found["as_of"] == "2026-03-10"
    assert len(found["pending"]) == 3
    number = api.post("sofi", "/trials/late/analyses", {"as_of": "2026-03-10"})["entry"]["number"]
    assert api.get("sofi", f"/trials/late/analyses/{number}")["as_of"] == "2026-03-10"
    # A study number may hold a slash, written as it is or escaped.
    assert api.get("sofi", "/trials/late/patients/1/2") == api.get("sofi", "/trials/late/patients/1%2F2")
    assert api.get("sofi", "/trials/late/recommendation?as_of=2026-02-30", 422)["field"] == "as_of"


def test_an_answer_names_the_head(api: Api) -> None:
    """Reading and writing alike give the head of the record in the header ETag, and a write says where its entry is."""
    answer = api.ask("vera", "GET", "/trials/tvec")
    assert answer.headers["ETag"] == f'"{json.loads(answer.content)["head"]}"'
    wrote = api.ask("sita", "POST", "/trials/tvec/patients", {"patients": COHORT})
    told = json.loads(wrote.content)
    assert wrote.headers["ETag"] == f'"{told["head"]}"'
    assert wrote.headers["Location"] == f"{AT}/trials/tvec/history/{told['entry']['number']}"
    assert set(told["entry"]) == {"number", "hash", "at", "by", "kind"}
    assert told["entry"]["by"] == "sita"


@pytest.mark.parametrize("choice", ["hold", "stop"])
def test_nobody_is_treated_while_outcomes_are_missing(api: Api, choice: str) -> None:
    """A trial is held or stopped before every outcome is known, with a reason; what treats somebody waits for them."""
    pending = [{**row, "dlt": None if row["patient"] == "03" else False} for row in COHORT]
    api.post("sita", "/trials/tvec/patients", {"patients": pending})
    path = "/trials/tvec/decisions"
    for dose in ({"choice": "accept"}, {"choice": "lower", "level": 1, "reason": "x"}):
        assert "is not known yet" in api.post("stan", path, dose, 422)["error"]
    if choice == "stop":
        assert api.post("stan", path, {"choice": choice}, 422)["field"] == "reason"
    assert api.get("vera", "/trials/tvec/analyses")["analyses"] == []
    decided = api.post("stan", path, {"choice": choice, "reason": "A death", "signature": signature("authorship")})
    number = decided["entry"]["number"]
    analysis = api.get("vera", f"/trials/tvec/analyses/{number - 1}")
    assert [reason["code"] for reason in analysis["recommendation"]["reasons"]] == ["outcomes_missing"]
    (decision,) = api.get("vera", "/trials/tvec/decisions")["decisions"]
    assert (decision["choice"], decision["standing"], decision["level"]) == (choice, "in force", None)
    more = [{"patient": "04", "cohort": 2, "level": 1, "dlt": False}]
    assert "nobody is treated on it" in api.post("sita", "/trials/tvec/patients", {"patients": more}, 422)["error"]
    # Nothing else is decided on an analysis that waits for outcomes.
    dose = {"choice": "higher", "level": 2, "patients": 3, "reason": "x", "analysis": analysis["entry"]["hash"]}
    assert api.ask("stan", "POST", path, dose).status_code in (409, 422)
    assert api.get("vera", "/trials/tvec/verify?recompute=true")["clean"] is True


def test_a_patient_entered_in_error(api: Api) -> None:
    """What was decided on a patient who is none is void, and nothing moves a patient to another level or cohort instead."""
    api.post("sita", "/trials/tvec/patients", {"patients": COHORT})
    api.post("stan", "/trials/tvec/decisions", {"choice": "accept"})
    path = "/trials/tvec/patients/03"
    assert "is not amended" in api.patch("sita", path, {"changes": {"level": 2}, "reason": "x"}, 422)["error"]
    assert api.post("sita", f"{path}/withdraw", {}, 422)["field"] == "reason"
    done = api.post("sita", f"{path}/withdraw", {"reason": "Mistyped"})
    assert api.get("vera", "/trials/tvec")["patients"] == 2
    (decision,) = api.get("vera", "/trials/tvec/decisions")["decisions"]
    assert decision["void_by"] == done["entry"]["number"]
    assert "Mistyped" in json.dumps(api.get("vera", f"/trials/tvec/history/{done['entry']['number']}"))
    assert api.get("vera", "/trials/tvec/verify?recompute=true")["clean"] is True
