"""Design amendments and closing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from escalate.conduct import changing, deciding, entering, signatures, store
from escalate.conduct.bodies import LockedDesign
from escalate.conduct.design_lock import lock, lock_text
from escalate.conduct.errors import ConflictError, NotAllowedError, RecordError
from escalate.conduct.state import Standing
from escalate.conduct.verify import verify_trial
from escalate.core.errors import EscalateError
from tests.conduct.acting import BOIN, CRM, GRADED, TITE, ana, begin, bob, first, higher, is_clean, rows

pytestmark = pytest.mark.usefixtures("record")


def altered(*changes: tuple[str, str]) -> LockedDesign:
    text = BOIN.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return lock_text(text, "new.yaml")


LEVELS = "levels: [4.0e7, 4.0e8, 8.0e8]"
LABELS = 'labels: ["10^7 PFU/mL, up to 4 mL", "10^8 PFU/mL, up to 4 mL", "10^8 PFU/mL, up to 8 mL"]'


def test_an_amendment_says_what_changes() -> None:
    """The reason, both answers and every setting that differs are kept, and the design is the new one from then on."""
    begin()
    first()
    entry = changing.amend_design("tvec", lock(str(CRM)), " Asked for by the authority ", ana)
    state = store.load("tvec")
    assert state.design.method.kind == "crm"
    assert [version.number for version in state.designs] == [1, 2]
    body = state.design_amendments[0][1]
    assert body.reason == "Asked for by the authority"
    assert any(text.startswith("method") for text in body.differences)
    assert body.before["next_level"] == 2
    assert body.data_sha256 == state.design_amendments[0][1].after["provenance"]["data_sha256"]
    assert entry.content["version"]
    assert is_clean("tvec")


def test_a_changed_answer_is_told() -> None:
    """An amendment that turns the recommendation says so, and which setting did it."""
    begin()
    first(dlts=["01"])
    entry = changing.amend_design("tvec", altered(("target: 0.30", "target: 0.15")), "Safety", ana)
    said = " | ".join(entry.content["differences"])
    assert "target: 0.3, now 0.15" in said
    assert "reasons: stay, now de_escalate" in said


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_no_amendment_without_reason(reason: str) -> None:
    """A design is not amended without a reason."""
    begin()
    with pytest.raises(RecordError, match=r"^reason: is missing"):
        changing.amend_design("tvec", lock(str(CRM)), reason, ana)


def test_the_present_design_is_no_amendment() -> None:
    """The same file again changes nothing and is refused."""
    begin()
    with pytest.raises(RecordError, match="is the present design"):
        changing.amend_design("tvec", lock(str(BOIN)), "x", ana)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (((LEVELS, "levels: [4.1e7, 4.0e8, 8.0e8]"),), "level 1, at which patient 01 was treated"),
        (((LEVELS, "levels: [1.0e7, 4.0e7, 4.0e8]"),), "level 1, at which patient 01"),
        ((("unit: PFU ", "unit: mg "),), "a unit is not amended"),
    ],
)
def test_used_levels_keep_their_amount(changes: tuple[tuple[str, str], ...], said: str) -> None:
    """A level at which somebody was treated stays that amount in that unit: the record would else say another dose."""
    begin()
    first()
    with pytest.raises(RecordError, match=said):
        changing.amend_design("tvec", altered(*changes), "x", ana)


def test_unused_levels_can_change() -> None:
    """A level at which nobody was treated can be another amount, and levels can be added above."""
    begin()
    first()
    entry = changing.amend_design(
        "tvec",
        altered((LEVELS, "levels: [4.0e7, 3.0e8, 8.0e8, 1.6e9]"), (LABELS, 'labels: ["a", "b", "c", "d"]')),
        "Smaller step",
        ana,
    )
    assert any(text.startswith("doses.levels") for text in entry.content["differences"])
    assert store.load("tvec").design.n_doses == 4


def test_a_level_in_use_cannot_go() -> None:
    """A design without a level that was used is refused."""
    begin()
    first()
    higher()
    deciding.approve("tvec", bob, agrees=True)
    entering.enter("tvec", rows("04 05 06", 2, 3), ana)
    with pytest.raises(RecordError, match="level 3, at which patient 04 was treated"):
        changing.amend_design(
            "tvec",
            altered((LEVELS, "levels: [4.0e7, 4.0e8]"), (LABELS, 'labels: ["a", "b"]')),
            "x",
            ana,
        )


@pytest.mark.parametrize("design", [TITE, GRADED])
def test_the_kind_of_data_stays(design: object) -> None:
    """A design that reads other columns than those on record is refused once there are patients."""
    begin()
    first()
    with pytest.raises(RecordError):
        changing.amend_design("tvec", lock(str(design)), "x", ana)


def test_an_amendment_does_not_wait_for_outcomes() -> None:
    """Where an outcome is missing the amendment is recorded, and says that there was no recommendation and why."""
    begin()
    first(dlt=None)
    entry = changing.amend_design("tvec", lock(str(CRM)), "x", ana)
    assert any("no recommendation before" in text for text in entry.content["differences"])


def test_nobody_more_is_treated_on_a_decision_of_the_old_design() -> None:
    """In the middle of a cohort a new design ends the decision; who was treated stays treated on it, and it stays signed."""
    begin()
    first()
    decision = deciding.decide("tvec", "accept", ana, signing=signatures.Signing("Ana", "authorship"))
    entering.enter("tvec", rows("04", 2, 2), ana)
    changing.amend_design("tvec", lock(str(CRM)), "Safety", ana)
    with pytest.raises(RecordError, match="nothing was decided about more"):
        entering.enter("tvec", rows("05", 3, 2), ana)
    state = store.load("tvec")
    assert state.decisions[0].standing is Standing.ACTED_ON
    assert [s.void_by for s in state.signatures_on(decision.hash)] == [None]
    deciding.decide("tvec", "accept", ana)
    entering.enter("tvec", rows("05", 3, store.load("tvec").decisions[-1].body.level or 0), ana)


def test_closing_as_selected() -> None:
    """After a decision to stop the level that the design selects is declared without a reason, and the trial is closed."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    entering.enter("tvec", rows("04 05 06", 2, 2, dlts=["04", "05", "06"]), ana)
    deciding.decide("tvec", "stop", ana, reason="Enough is known")
    changing.close("tvec", 1, ana)
    state = store.load("tvec")
    assert state.closing is not None
    assert (state.closing.standing, state.is_open, state.closing.body.departs) == (Standing.IN_FORCE, False, False)
    acts: list[Callable[[], object]] = [
        lambda: changing.close("tvec", 1, ana),
        lambda: deciding.decide("tvec", "accept", ana),
        lambda: changing.amend_design("tvec", lock(str(CRM)), "x", ana),
    ]
    for act in acts:
        with pytest.raises(RecordError, match="is closed"):
            act()
    assert is_clean("tvec")


def test_closing_otherwise() -> None:
    """Another MTD needs a reason, a higher one a second person, and one that nobody had is none."""
    begin()
    first()
    deciding.decide("tvec", "accept", ana)
    entering.enter("tvec", rows("04 05 06", 2, 2, dlts=["04", "05", "06"]), ana)
    for level in (2, None):
        with pytest.raises(RecordError, match=r"^reason: is missing; the design selects level 1"):
            changing.close("tvec", level, ana)
    for level in (3, 0, 4, -1):
        with pytest.raises(RecordError, match=r"^mtd_level: "):
            changing.close("tvec", level, ana, reason="x")
    changing.close("tvec", 2, ana, reason="As the sponsor wishes")
    state = store.load("tvec")
    assert state.closing is not None
    assert state.closing.standing is Standing.AWAITS_SECOND
    with pytest.raises(NotAllowedError, match="another person"):
        deciding.approve("tvec", ana, agrees=True)
    deciding.approve("tvec", bob, agrees=False, reason="No")
    assert store.load("tvec").is_open
    changing.close("tvec", 1, ana, reason="Then as selected")
    assert not store.load("tvec").is_open


def test_closing_before_the_design_stops() -> None:
    """While the design goes on the trial is closed with a reason alone, though the MTD be the selected one."""
    begin()
    first()
    said = r"^reason: is missing; the design has not stopped \(it recommends to treat 3 patients at level 2"
    for wait in (False, True):
        if wait:
            # A hold is no end, and a decision to stop that is overtaken is none either.
            deciding.decide("tvec", "stop", ana, reason="Enough")
            deciding.decide("tvec", "hold", ana, reason="Or not")
        head = store.load("tvec").head
        for blank in (None, "", " \n"):
            with pytest.raises(RecordError, match=said):
                changing.close("tvec", 1, ana, reason=blank)
        assert store.load("tvec").head == head
    entry = changing.close("tvec", 1, ana, reason="The sponsor ends it")
    assert (entry.content["departs"], entry.content["reason"]) == (False, "The sponsor ends it")
    assert verify_trial("tvec").clean


def test_closing_when_the_design_stops() -> None:
    """Where the design stops, what it selects is declared without a reason."""
    begin()
    first(dlts=["01", "02", "03"])
    assert deciding.analyse("tvec", ana).content["recommendation"]["action"] == "stop"
    entry = changing.close("tvec", None, ana)
    assert (entry.content["selected_level"], entry.content["reason"]) == (None, None)


def test_closing_waits_for_outcomes() -> None:
    """No MTD is declared while an outcome is missing, or without patients."""
    begin()
    with pytest.raises(EscalateError, match="no patients"):
        changing.close("tvec", None, ana)
    first(dlt=None)
    with pytest.raises(EscalateError, match="not known yet"):
        changing.close("tvec", 1, ana)
    begin("dated", TITE)
    entering.enter(
        "dated", rows("01 02 03", 1, 1, treated="2026-01-01", last_follow_up="2026-01-05"), ana, as_of=date(2026, 1, 5)
    )
    with pytest.raises(EscalateError, match="pending"):
        changing.close("dated", 1, ana, as_of=date(2026, 1, 5), reason="x")


def test_a_void_closing_is_made_anew() -> None:
    """After a correction the MTD is declared again, from the corrected data; an approval of the void one is refused."""
    begin()
    first()
    changing.close("tvec", 1, ana, reason="As far as it goes")
    entering.amend("tvec", "01", {"dlt": True}, ana, reason="Found later")
    with pytest.raises(ConflictError):
        deciding.approve("tvec", bob, agrees=True)
    changing.close("tvec", 1, ana, reason="Still")
    state = store.load("tvec")
    assert [closing.standing for closing in state.closings] == [Standing.VOID, Standing.IN_FORCE]
    assert "01,1,1,1" in state.closings[-1].body.data
