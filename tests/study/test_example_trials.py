"""Trials told cohort by cohort are those that `simulate` runs, with the decisions of `recommend`."""

from __future__ import annotations

import numpy as np
import pytest

from escalate.core.arrays import NONE
from escalate.core.design import Design
from escalate.core.files import load_design, load_scenarios
from escalate.core.scenario import Scenario
from escalate.engine.monte_carlo import decide_some
from escalate.study.example_trials import CORRECT, EARLY, FIRST, ToldTrial, examples, tell
from escalate.study.recommend import recommend
from tests.helpers import ROOT

TRUTH = Scenario(name="MTD at level 2", dlt=(0.12, 0.30, 0.48))
DESIGNS = ("tvec-liver-3plus3", "tvec-liver-boin", "tvec-liver-crm", "tvec-liver-blrm", "tvec-liver-ewoc")


def design_of(name: str) -> Design:
    """Return a design of the repository."""
    return load_design(ROOT / f"designs/{name}.yaml")


def checked(told: ToldTrial) -> None:
    """Hold every decision of a trial against `recommend`, and what follows against the decision."""
    text = ""
    for k, cohort in enumerate(told.cohorts):
        text = f"{text} {cohort.level}{cohort.outcomes}".strip()
        asked = recommend(told.design, text)
        assert (asked.action, asked.next_level, asked.mtd_level, asked.reasons) == (
            cohort.decision.action,
            cohort.decision.next_level,
            cohort.decision.mtd_level,
            cohort.decision.reasons,
        )
        if k < len(told.cohorts) - 1:
            following = told.cohorts[k + 1]
            assert (following.level, len(following.outcomes)) == (asked.next_level, asked.next_cohort_size)
        else:
            assert asked.next_level is None
    assert text == told.outcome_string


@pytest.mark.parametrize("name", DESIGNS)
def test_told_as_simulated(name: str) -> None:
    """Patients, DLTs and MTD of trials told are those of the same trials simulated, and each decision is that of `recommend`."""
    # A posterior on a grid takes longer to ask.
    design, n = design_of(name), 3 if name.endswith(("blrm", "ewoc")) else 12
    ends, place = decide_some(design, TRUTH, 7, 0, n)
    for k in range(n):
        told = tell(design, TRUTH, 7, k + 1)
        counts = np.zeros((design.n_doses, 2), dtype=np.int64)
        for cohort in told.cohorts:
            counts[cohort.level - 1] += [cohort.outcomes.count("N"), cohort.outcomes.count("T")]
        assert counts.tolist() == ends.tally.counts[place[k]].tolist()
        selected = int(ends.selected[place[k]])
        assert told.mtd_level == (None if selected == NONE else selected + 1)
        if k < 2:
            checked(told)


def test_graded_outcomes() -> None:
    """Where outcomes are graded, each patient has the letter that the simulation counts."""
    design = design_of("gboin")
    truth = load_scenarios(ROOT / "simulations/scenarios/five-doses-graded.yaml")[1]
    ends, place = decide_some(design, truth, 3, 0, 5)
    for k in range(5):
        told = tell(design, truth, 3, k + 1)
        counts = np.zeros((design.n_doses, len(design.outcomes)), dtype=np.int64)
        for cohort in told.cohorts:
            counts[cohort.level - 1] += [cohort.outcomes.count(outcome.letter) for outcome in design.outcomes]
        assert counts.tolist() == ends.tally.counts[place[k]].tolist()
        checked(told)


def test_the_same_patients_under_every_design() -> None:
    """A trial number means the same patients: as long as two designs give the same levels, the outcomes are the same."""
    three, boin = (tell(design_of(name), TRUTH, 1, 1) for name in DESIGNS[:2])
    assert three.cohorts[0].outcomes == boin.cohorts[0].outcomes
    levels = [cohort.level for cohort in three.cohorts]
    same = next(k for k, cohort in enumerate(boin.cohorts) if levels[k] != cohort.level)
    assert same > 2
    assert [c.outcomes for c in three.cohorts[:same]] == [c.outcomes for c in boin.cohorts[:same]]


@pytest.mark.parametrize("name", DESIGNS[:3])
def test_chosen_by_rule(name: str) -> None:
    """Examples are the first trial, the first right one and the first that ended early, in order, none twice."""
    design = design_of(name)
    found = examples(design, TRUTH, 1, 3)
    assert found[0].trial == 1
    assert found[0].why.startswith(FIRST)
    assert [each.trial for each in found] == sorted({each.trial for each in found})
    right = next(each for each in found if CORRECT in each.why)
    early = next(each for each in found if EARLY in each.why)
    assert right.mtd_level == 2
    assert sum(len(cohort.outcomes) for cohort in early.cohorts) < design.max_patients
    ends, place = decide_some(design, TRUTH, 1, 0, early.trial)
    assert not (ends.tally.n_total[place][:-1] < design.max_patients).any()
    assert not (ends.selected[place][: right.trial - 1] == 1).any()


def test_no_mtd_and_more_examples() -> None:
    """Where every level is toxic the right end is no MTD; more examples than rules go on in order."""
    toxic = Scenario(name="toxic", dlt=(0.6, 0.7, 0.8))
    found = examples(design_of("tvec-liver-boin"), toxic, 1, 5)
    assert len(found) == 5
    assert next(each for each in found if "selected no dose" in each.why).mtd_level is None
    assert len(examples(design_of("tvec-liver-boin"), toxic, 1, 1)) == 1
