"""A chain written anew with every hash right is found out where its entries break the rules by which they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from escalate.conduct import changing, deciding, entering, signatures, store
from escalate.conduct.bodies import Approved, Body, Entered, PatientRow, Signed, Withdrawn
from escalate.conduct.chain import Entry, canonical, sha256
from escalate.conduct.signatures import Signing, record_sha256
from escalate.conduct.verify import verify_entries, verify_trial
from tests.conduct.acting import ana, begin, first, higher, people, person, rows

pytestmark = pytest.mark.usefixtures("sqlite_file")
Content = dict[str, Any]


def by_the_rules() -> list[Entry]:
    """Take a trial to an accepted decision, everybody acting by their roles, and return its entries."""
    begin()
    people("tvec", sam="site", stan="statistician", carl="chair", vera="viewer")
    entering.enter("tvec", rows("01 02 03", 1, 1), person("sam"))
    deciding.decide("tvec", "accept", person("stan"), signing=Signing("Stan", "authorship"))
    return list(store.entries_of("tvec"))


def anew(entries: list[Entry], change: Mapping[str, Callable[[Content], None]]) -> list[Entry]:
    """Write a chain anew, every hash right, with what entries of some kinds say changed."""
    chain: list[Entry] = []
    moved: dict[str, str] = {}
    for entry in entries:
        body = entry.body
        for old, new in moved.items():
            body = body.replace(old, new)
        if entry.kind in change:
            content = dict(json.loads(body))
            change[entry.kind](content)
            body = canonical(content)
        same = {name: getattr(entry, name) for name in ("chain", "at", "by", "via", "kind", "request")}
        chain.append(Entry.following(chain[-1] if chain else None, **same, body=body))
        moved[entry.hash] = chain[-1].hash
    return chain


def appended(entries: list[Entry], body: Body, by: str, via: str = "page") -> list[Entry]:
    """Write one more entry, that nothing of ours wrote."""
    text = canonical(body.model_dump(mode="json"))
    more = Entry.following(
        entries[-1], chain="tvec", at=entries[-1].at, by=by, via=via, kind=body.kind, body=text, request=""
    )
    return [*entries, more]


def said(entries: list[Entry], *, recompute: bool = False) -> str:
    """Return the faults of a chain, each as one told of its last entry or of one before."""
    return " | ".join(fault.text for fault in verify_entries("tvec", entries, recompute=recompute).faults)


def test_what_is_written_keeps_the_rules() -> None:
    """Everything that people write by page, by their roles, from the first cohort to the closing, verifies."""
    by_the_rules()
    sam, stan, carl = person("sam"), person("stan"), person("carl")
    entering.enter("tvec", rows("04 05", 2, 2), sam)
    entering.amend("tvec", "04", {"dlt": True}, stan, reason="Read again")
    entering.withdraw("tvec", "05", "Another trial's", sam)
    higher(level=3, by=stan, signing=Signing("Stan", "authorship"))
    deciding.approve("tvec", carl, agrees=True, signing=Signing("Carl", "approval"))
    entering.enter("tvec", rows("07 08 09", 3, 3), sam)
    deciding.decide("tvec", "stop", carl, reason="Enough")
    closing = changing.close("tvec", 2, carl, reason="As discussed")
    signatures.sign("tvec", closing.hash, Signing("Stan", "review"), stan)
    report = verify_trial("tvec", recompute=True)
    assert report.faults == ()


DECIDED: list[tuple[Content, str]] = [
    ({"patients": 20}, "it is no decision on its recommendation"),
    ({"level": 3}, "it is no decision on its recommendation"),
    ({"patients": 20, "choice": "expand"}, "more patients, than it says"),
    ({"patients": 20, "choice": "expand", "departs": True}, "more patients, than it says"),
    ({"level": 3, "choice": "higher", "departs": True, "reason": "x"}, "of a higher level"),
    ({"level": 3, "choice": "lower", "departs": True, "upward": True, "reason": "x"}, "it is no decision"),
    ({"level": 1, "choice": "lower", "departs": True}, "without a reason"),
    ({"level": None, "patients": None}, "it is not of the level and number that it accepts"),
    ({"level": 9, "choice": "higher", "departs": True, "upward": True, "reason": "x"}, "it is no decision"),
    ({"choice": "hold", "departs": True, "reason": "x"}, "it is no decision"),
]


@pytest.mark.parametrize(("change", "fault"), DECIDED)
def test_decisions_that_are_none(change: Content, fault: str) -> None:
    """A decision for more than is recommended cannot hide it, nor say what it does not accept, nor depart without a reason."""
    chain = anew(by_the_rules(), {"decided": lambda content: content.update(change)})
    found = [
        f
        for f in verify_entries("tvec", chain).faults
        if f.number == next(e.number for e in chain if e.kind == "decided")
    ]
    assert any(fault in f.text for f in found), found


def patients(n: int, cohort: int, level: int) -> Entered:
    return Entered(
        patients=tuple(PatientRow(patient=f"{k}", cohort=cohort, level=level, dlt=False) for k in range(50, 50 + n))
    )


@pytest.mark.parametrize(("n", "level"), [(3, 3), (4, 2), (3, 1), (1, 3)])
def test_patients_on_no_decision(n: int, level: int) -> None:
    """Patients at another level, or more than decided, without a deviation are found."""
    entries = by_the_rules()
    assert not said(appended(entries, patients(3, 2, 2), "sam"))
    assert "patients are entered without a decision or a deviation" in said(
        appended(entries, patients(n, 2, level), "sam")
    )


@pytest.mark.parametrize("via", ["page", "API"])
@pytest.mark.parametrize("who", ["nobody", "vera", "carl"])
def test_who_had_no_role(who: str, via: str) -> None:
    """What somebody wrote by page or API who had no role that may do so is found; the command line asks for none."""
    entries = by_the_rules()
    assert f"{who} had no role that may do this" in said(appended(entries, patients(3, 2, 2), who, via))
    assert not said(appended(entries, patients(3, 2, 2), who, "command line (os user ana)"))
    out = Withdrawn(patient="01", reason="x")
    assert f"{who} had no role" in said(appended(entries, out, who, via))


def test_a_role_is_that_of_the_moment() -> None:
    """Who had a role when acting is not asked whether it is still there, nor the other way round."""
    from escalate.conduct import opening

    by_the_rules()
    entering.enter("tvec", rows("04", 2, 2), person("sam"))
    opening.give_roles("tvec", "sam", [], ana)
    entries = list(store.entries_of("tvec"))
    assert not said(entries)
    assert "sam had no role" in said(appended(entries, patients(2, 2, 2), "sam"))


def test_a_second_person_who_may_not() -> None:
    """An agreement of the person who decided, or of one without the role, is found."""
    by_the_rules()
    subject = higher(level=3, by=person("stan")).hash
    entries = list(store.entries_of("tvec"))
    agrees = Approved(subject=subject, agrees=True)
    assert not said(appended(entries, agrees, "carl"))
    for name in ("stan", "Stan", " STAN"):
        assert "of the person who decided" in said(appended(entries, agrees, name, "x"))
    assert "sam had no role" in said(appended(entries, agrees, "sam"))


def test_an_approval_of_ones_own() -> None:
    """A signature as approval by whoever wrote the decision is found."""
    entries = by_the_rules()
    state = store.load("tvec")
    subject = state.decisions[0].entry.hash
    covered = record_sha256(state, subject)
    signed = Signed(subject=subject, meaning="approval", record_sha256=covered, name="Stan")
    assert not said(appended(entries, signed, "carl"))
    assert "it approves what the same person wrote" in said(appended(entries, signed, "stan"))


CLOSED: list[tuple[Content, str]] = [
    ({"upward": False}, "how it departs from the MTD"),
    ({"departs": False, "upward": False}, "how it departs from the MTD"),
    ({"reason": None}, "without a reason"),
    ({"selected_level": 2, "departs": False, "upward": False}, "how it departs from the MTD"),
]


@pytest.mark.parametrize(("change", "fault"), CLOSED)
def test_closings_that_hide(change: Content, fault: str) -> None:
    """A higher MTD than selected cannot hide that it is one, and needs a second person."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    entering.enter("tvec", rows("04 05 06", 2, 2, dlts=["04", "05", "06"]), ana)
    changing.close("tvec", 2, ana, reason="As the sponsor wishes")
    entries = list(store.entries_of("tvec"))
    assert not said(entries)
    assert fault in said(anew(entries, {"closed": lambda content: content.update(change)}))


def without_outcomes(content: Content) -> None:
    """Let an analysis say that it waits for outcomes."""
    content["recommendation"] |= {
        "reasons": [{"code": "outcomes_missing", "text": "x"}], "next_level": None, "next_cohort_size": None, "doses": [],
        "action": "suspend",
    }  # fmt: skip
    content["recommendation_sha256"] = sha256(canonical(content["recommendation"]))


def test_outcomes_that_were_not_missing() -> None:
    """An analysis that hides its recommendation behind missing outcomes is found, and a dose decided on such a one."""
    entries = by_the_rules()
    chain = anew(entries, {"analysed": without_outcomes})
    assert "no outcome was missing, as it says" in said(chain, recompute=True)
    up: Content = {"choice": "higher", "upward": True, "departs": True, "reason": "x"}
    chain = anew(entries, {"analysed": without_outcomes, "decided": lambda content: content.update(up)})
    assert "it rests on an analysis without the outcomes that were missing" in said(chain)
