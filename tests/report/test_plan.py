"""What was decided beside what is recommended: the words of tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from escalate import load_design, recommend
from escalate.core.moves import Action
from escalate.core.read_dated import parse_dated
from escalate.report.plan import Plan, barred_words, lit_level, state_words
from tests.helpers import ROOT, make

BOIN = make({"kind": "boin"})


def _states(outcomes: str | None, plan: Plan | None = None) -> list[str]:
    found = recommend(BOIN, outcomes)
    return [state_words(found, row, plan) for row in found.doses]


def test_both_are_said_each_by_its_name() -> None:
    """What was decided and what is recommended stand in the cells of their levels, together where it is the same level."""
    assert _states("1NNN") == ["not barred", "recommended: 3 patients, escalate", *["not barred"] * (BOIN.n_doses - 2)]
    plan = Plan("decided", 1, "decided: 2 patients")
    assert _states("1NNN", plan)[:2] == ["decided: 2 patients", "recommended: 3 patients, escalate"]
    plan = Plan("decided", 2, "decided: 3 patients")
    assert _states("1NNN", plan)[1] == "decided: 3 patients; recommended: 3 patients, escalate"


def test_a_dose_that_cannot_be_given_says_why() -> None:
    """A rule that lasts bars, one that does not forbids now; a proposed dose that is barred says both."""
    states = _states("1NNN 2NNN 3TTT", Plan("proposed", 3, "proposed: 3 patients"))
    assert states[2] == "proposed: 3 patients; barred: eliminate"
    assert states[3] == "barred: eliminate"
    assert _states(None)[1:] == ["not before the start level"] * (BOIN.n_doses - 1)
    assert barred_words(BOIN, "coherence") == "not now: coherence"


def test_of_a_closed_trial_only_the_declared_level_is_the_mtd() -> None:
    """The MTD that the design stopped with is not named beside the declared one."""
    design = make({"kind": "boin"}, 3, max_patients=9)
    found = recommend(design, "1NNN 2NNN 3TTN")
    assert found.mtd_level is not None
    row = found.doses[found.mtd_level - 1]
    assert "MTD by the design" in state_words(found, row, None)
    assert "MTD" not in state_words(found, row, Plan("mtd", 1, "declared the MTD"))


@pytest.mark.parametrize(
    ("plan", "level"),
    [
        (None, 2),
        (Plan("decided", 1, "x"), 1),
        (Plan("mtd", 3, "x"), 3),
        (Plan("proposed", 3, "x"), None),
        (Plan("nobody"), None),
    ],
)
def test_what_holds_stands_out(plan: Plan | None, level: int | None) -> None:
    """The level lit is that of what holds; the recommended one only where nothing was decided."""
    found = recommend(BOIN, "1NNN")
    assert lit_level(found, plan) == level
    assert lit_level(None, plan) == (level if plan else None)
    assert lit_level(replace(found, next_cohort_size=1), plan) == level


def test_what_the_method_closed_is_barred() -> None:
    """A level that the method itself never gives again is barred as by a rule that lasts."""
    design = make({"kind": "three_plus_three"})
    found = recommend(design, "1NNN 2NNN 3NTT")
    states = [state_words(found, row, None) for row in found.doses]
    assert states == ["not barred", "recommended: 3 patients, de-escalate", *["barred: too toxic"] * 3]
    assert barred_words(design, "level_1_eliminated") == "not now: level 1 eliminated"


def test_while_accrual_waits_no_level_is_free() -> None:
    """Where the recommendation is to wait, a level that nothing bars is said to wait too."""
    design = load_design(ROOT / "designs" / "late-onset" / "tvec-liver-tite-boin.yaml")
    text = "patient,cohort,level,treated,last_follow_up,dlt_date\n" + "".join(
        f"{k},1,1,2026-01-0{k},2026-01-05,\n" for k in (1, 2, 3)
    )
    found = recommend(design, parse_dated(text.encode(), "patients", design, date(2026, 1, 5)))
    assert found.action is Action.SUSPEND
    assert {state_words(found, row, None) for row in found.doses} == {"not barred, but accrual waits"}
    assert state_words(found, found.doses[0], Plan("decided", 1, "")) == "not barred"
