"""Rules that end the trial, hold it, combine or size: by hand, one decision at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core import registry
from escalate.core.decision import cohort_size, cohorts_counted
from escalate.core.rule import Rule, StopRule
from escalate.core.tally import Tally
from escalate.rules.all_of import AllOf
from escalate.rules.any_of import AnyOf
from escalate.rules.max_dlts import MaxDlts
from escalate.rules.stop_at_patients import StopAtPatients
from escalate.rules.stop_when_stable import StopWhenStable
from tests.helpers import make

BOIN: dict[str, Any] = {"kind": "boin"}


def rule(kind: str, **settings: Any) -> dict[str, Any]:
    """Return a rule as a file says it."""
    return {"kind": kind, **settings}


def ends(rules: tuple[dict[str, Any], ...], outcomes: str, **settings: Any) -> set[str]:
    """Return the codes of what ends a BOIN trial after an outcome string; empty where it goes on."""
    found = esc.recommend(make(BOIN, rules=rules, **settings), outcomes)
    return {reason.code for reason in found.reasons} if found.action == "stop" else set()


# --- one rule --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "outcomes", "stops"),
    [
        (rule("stop_at_patients", patients=6), "1NNN", False),
        (rule("stop_at_patients", patients=6), "1NNN 2NNN", True),
        (rule("stop_at_patients", patients=5), "1NNN 2NNN", True),
        (rule("max_dlts", dlts=2), "1NNT 1NNN", False),
        (rule("max_dlts", dlts=2), "1NNT 1NNN 2NNT", True),
        (rule("max_dlts", dlts=2), "1NNN 2NTT", True),
        # 1/3 stays; 2/6 stays; so does 3/9.
        (rule("stop_when_stable", cohorts=3), "1NNT 1NNT", False),
        (rule("stop_when_stable", cohorts=3), "1NNT 1NNT 1NNT", True),
        (rule("stop_when_stable", cohorts=2), "1NNT 1NNT", True),
        # 1/6 at the end: the next dose would be another.
        (rule("stop_when_stable", cohorts=2), "1NNT 1NNN", False),
        # In a row means in a row: level 1 had two cohorts, not the last two.
        (rule("stop_when_stable", cohorts=2), "1NNT 1NNN 2NTT 1NNT", False),
        (rule("stop_when_stable", cohorts=1), "1NNT", True),
    ],
)
def test_stop(one: dict[str, Any], outcomes: str, stops: bool) -> None:
    """At the number, not before it."""
    assert ends((one,), outcomes) == ({one["kind"]} if stops else set())


def test_stable_at_a_dose_that_a_rule_keeps() -> None:
    """What counts is the dose that would follow, rules included: BOIN wants level 2, and may not."""
    rules = (rule("stop_when_stable", cohorts=1), rule("stick_on_dlts", patients=3, dlts=1, then="stay"))
    assert ends(rules, "1NNT", target=0.45) == {"stop_when_stable"}
    assert ends(rules[:1], "1NNT", target=0.45) == set()


def test_max_dlts_leaves_the_mtd_alone() -> None:
    """The trial ends and the MTD is selected as usual."""
    found = esc.recommend(make(BOIN, rules=(rule("max_dlts", dlts=2),)), "1NNN 2NNT 2NNT")
    assert (str(found.action), found.mtd_level) == (
        "stop",
        esc.select(make(BOIN, rules=()), "1NNN 2NNT 2NNT").mtd_level,
    )
    assert found.mtd_level is not None


# --- holding ---------------------------------------------------------------------------------------------------------
STOP = rule("stop_at_patients_at_dose", patients=6)


@pytest.mark.parametrize(
    ("hold", "outcomes", "stops"),
    [
        (rule("min_patients_before_stop", patients=7), "1NNT 1NNT", False),
        (rule("min_patients_before_stop", patients=6), "1NNT 1NNT", True),
        (rule("min_patients_before_stop", patients=9), "1NNT 1NNT 1NNT", True),
        # 2/6 at level 1: it would be selected, with six patients.
        (rule("min_patients_at_selected", patients=6), "1NNT 1NNT", True),
        (rule("min_patients_at_selected", patients=7), "1NNT 1NNT", False),
        # Level 1 has 0/6 and would be selected; level 2, given last, has 4/6.
        (rule("min_patients_at_selected", patients=9), "1NNN 2NNT 2TTT", False),
    ],
)
def test_hold(hold: dict[str, Any], outcomes: str, stops: bool) -> None:
    """A stop is held until there are as many patients as the rule asks for."""
    assert ends((STOP, hold), outcomes) == ({STOP["kind"]} if stops else set())


def test_what_is_not_held() -> None:
    """Safety, the size of the trial and the method's own end are not held back."""
    for hold in (rule("min_patients_before_stop", patients=30), rule("min_patients_at_selected", patients=30)):
        assert ends((hold, rule("eliminate")), "1TTT") == {"eliminate"}
        assert ends((hold, rule("max_dlts", dlts=1)), "1NNT") == {"max_dlts"}
        assert ends((hold, STOP), "1NNT 1NNT 1NNT", max_patients=9) == {"max_patients"}
        three = make({"kind": "three_plus_three"}, 3, max_patients=18, rules=(hold,))
        assert [reason.code for reason in esc.recommend(three, "1NNN 2NTT 1NNN").reasons] == ["mtd_established"]


def test_no_dose_to_select_holds_nothing() -> None:
    """3/3 at level 1 bars it from being the MTD: there is no dose to wait for."""
    rules = (
        rule("min_patients_at_selected", patients=9),
        rule("stop_at_patients", patients=3),
        rule("overdose_cap", cutoff=0.95, basis="beta_binomial"),
    )
    assert ends(rules, "1TTT") == {"stop_at_patients", "overdose_cap"}
    assert ends(rules, "1NNN") == set()


def test_who_holds_is_said() -> None:
    """A recommendation that goes on because of a rule that holds names it, and the trace who is held back."""
    hold = rule("min_patients_before_stop", patients=12)
    found = esc.recommend(make(BOIN, rules=(STOP, hold)), "1NNT 1NNT")
    assert [reason.code for reason in found.reasons] == ["stay", "min_patients_before_stop"]
    assert found.reasons[1].text == (
        "The trial has 6 evaluable patients; the rule asks for 12: the trial may not end yet. "
        "Held back: stop_at_patients_at_dose."
    )
    lines = {line.source.removeprefix("rule: "): line for line in found.trace}
    assert lines["stop_at_patients_at_dose"].verdict == "held back"
    assert lines["stop_at_patients_at_dose"].text.endswith("The stop is held back by min_patients_before_stop.")
    assert lines["min_patients_before_stop"].verdict == "holds"
    # Where there is no stop to hold back there is nothing to say of it.
    found = esc.recommend(make(BOIN, rules=(STOP, hold)), "1NNT")
    assert [reason.code for reason in found.reasons] == ["stay"]
    assert [line.verdict for line in found.trace[2:]] == ["allows", "holds"]


def test_doubts_about_numbers_that_do_nothing() -> None:
    """A stop, a cap or a hold beyond the size of the trial, and a hold where there is nothing to hold back."""
    for one, others, n in (
        (rule("stop_at_patients", patients=30), (), 1),
        (rule("stop_at_patients", patients=29), (), 0),
        (rule("max_dlts", dlts=31), (), 1),
        (rule("max_dlts", dlts=10), (), 0),
        (rule("min_patients_before_stop", patients=30), (STOP,), 1),
        (rule("min_patients_before_stop", patients=12), (STOP,), 0),
        (rule("min_patients_before_stop", patients=12), (rule("max_dlts", dlts=3),), 1),
        (rule("min_patients_at_selected", patients=30), (STOP,), 1),
        (rule("min_patients_at_selected", patients=6), (), 1),
        (rule("all_of", rules=[rule("stop_at_patients", patients=30)]), (), 1),
    ):
        design = make(BOIN, rules=(one, *others))
        assert len(list(design.rules[0].doubts(design))) == n, one


# --- combinations ----------------------------------------------------------------------------------------------------
ENOUGH, AT_DOSE, STABLE = (
    rule("stop_at_patients", patients=9),
    rule("stop_at_patients_at_dose", patients=6),
    rule("stop_when_stable", cohorts=2),
)


@pytest.mark.parametrize(
    ("outcomes", "holding"),
    [
        ("1NNT 1NNT", (False, True, True)),
        ("1NNN 2NNN 3NNT", (True, False, False)),
        ("1NNN 2NNT 2NNT", (True, True, True)),
        ("1NNN 2NTT 1NNN", (True, True, False)),
        ("1NNN", (False, False, False)),
    ],
)
def test_any_and_all(outcomes: str, holding: tuple[bool, bool, bool]) -> None:
    """`any_of` stops where one of its rules alone would, `all_of` where each would, and nested as written."""
    parts = [ENOUGH, AT_DOSE, STABLE]
    assert tuple(bool(ends((part,), outcomes)) for part in parts) == holding
    assert bool(ends((rule("any_of", rules=parts),), outcomes)) == any(holding)
    assert bool(ends((rule("all_of", rules=parts),), outcomes)) == all(holding)
    nested = rule("all_of", rules=[ENOUGH, rule("any_of", rules=[AT_DOSE, STABLE])])
    assert bool(ends((nested,), outcomes)) == (holding[0] and (holding[1] or holding[2]))
    nested = rule("any_of", rules=[ENOUGH, rule("all_of", rules=[AT_DOSE, STABLE])])
    assert bool(ends((nested,), outcomes)) == (holding[0] or (holding[1] and holding[2]))


def test_safety_inside_a_combination() -> None:
    """A cap on DLTs inside `any_of` is not held back; inside `all_of` it is, unless all of it is about safety."""
    hold, cap = rule("min_patients_before_stop", patients=12), rule("max_dlts", dlts=2)
    assert ends((hold, rule("any_of", rules=[cap, AT_DOSE])), "1NTT") == {"any_of"}
    assert ends((hold, rule("any_of", rules=[cap, AT_DOSE])), "1NNT 1NNN") == set()
    few = rule("stop_at_patients", patients=3)
    assert ends((rule("all_of", rules=[cap, few]),), "1NTT") == {"all_of"}
    assert ends((hold, rule("all_of", rules=[cap, few])), "1NTT") == set()
    assert ends((hold, rule("all_of", rules=[cap, rule("max_dlts", dlts=1)])), "1NTT") == {"all_of"}


def test_combination_explains_its_parts() -> None:
    """Which parts hold, with the numbers of each, and the condition as one sentence."""
    design = make(BOIN, rules=(rule("all_of", rules=[ENOUGH, AT_DOSE]),))
    assert design.rules[0].describe(design) == (
        "The trial stops when (it has 9 or more evaluable patients in all) and (the dose just given has 6 or more evaluable "
        "patients)."
    )
    line = esc.recommend(design, "1NNT 1NNT").trace[2]
    assert line.verdict == "allows"
    assert line.text == (
        "1 of 2 parts hold; all are needed. stop_at_patients does not hold: The trial has 6 evaluable patients; the rule asks "
        "for 9. stop_at_patients_at_dose holds: Level 1 has 6 evaluable patients; the rule asks for 6."
    )


def test_combination_counts_as_far_as_its_parts() -> None:
    """The longest run that a part counts is the one that is kept."""
    design = make(
        BOIN, rules=(rule("any_of", rules=[STABLE, rule("all_of", rules=[rule("stop_when_stable", cohorts=4)])]),)
    )
    assert cohorts_counted(design) == 4


def test_combinations_are_built_in_python_too() -> None:
    """From rules, or from what a file says; and are the same value."""
    built = AllOf(rules=(StopAtPatients(patients=9), AnyOf(rules=(MaxDlts(dlts=4), StopWhenStable(cohorts=2)))))
    said = rule("all_of", rules=[ENOUGH, rule("any_of", rules=[rule("max_dlts", dlts=4), STABLE])])
    assert make(BOIN, rules=(said,)).rules == (built,)
    assert built.model_dump(mode="json") == said


@pytest.mark.parametrize("cls", registry.rules().all(), ids=lambda cls: cls.model_fields["kind"].default)
def test_only_stops_can_be_combined(cls: type[Rule]) -> None:
    """Every rule that just ends the trial, and none that forbids doses, holds or sizes; from Python as from a file."""
    example = cls.examples()[0]
    said = example.model_dump(mode="json", by_alias=True, exclude_none=True)
    method: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "mean"}
    if example.kind in ("stop_when_mtd_above", "stop_when_mtd_certain"):
        method = {"kind": "blrm", "reference_amount": 3.0, "prior": {"mean": (-1.0, 0.0), "sd": (1.0, 0.5)}}
    if issubclass(cls, StopRule):
        assert cls.forbids is Rule.forbids
        assert make(method, rules=(rule("any_of", rules=[said]),)).rules[0] == AnyOf(rules=cls.examples()[:1])
        return
    what = "does not end the trial" if cls.forbids is Rule.forbids else "forbids doses"
    with pytest.raises(
        esc.DesignError, match=rf"^rules\[1\]\.rules\[2\]\.kind: '{example.kind}' {what}; only rules that"
    ):
        make(method, rules=(rule("any_of", rules=[STABLE, said]),))
    with pytest.raises(ValueError, match=what):
        AnyOf(rules=(example,))  # type: ignore[arg-type]


# --- cohort sizes ----------------------------------------------------------------------------------------------------
def test_cohort_sizes_by_level() -> None:
    """The size of the level that follows, from the first cohort on, cut to what the trial has left."""
    design = make(BOIN, rules=(rule("cohort_sizes", by_level=[1, 2, 3, 3, 3]),), max_patients=7)
    assert [
        esc.recommend(design, outcomes).next_cohort_size for outcomes in (None, "1N", "1N 2NN", "1N 2NN 3NNN")
    ] == [1, 2, 3, 1]  # fmt: skip
    assert esc.recommend(design, "1N 2NN").notes == ()
    assert "the design had said 2" in esc.recommend(design, "1N 2NNN").notes[0]


def test_cohort_sizes_by_dlts() -> None:
    """One patient a cohort until the first DLT of the trial, three from then on, six from the third."""
    steps = [{"from_dlts": 0, "size": 1}, {"from_dlts": 1, "size": 3}, {"from_dlts": 3, "size": 6}]
    design = make(BOIN, rules=(rule("cohort_sizes", by_dlts=steps),))
    tally = Tally.of(
        [[6, 6, 0, 0, 0]] * 5, [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 2, 0, 0, 0], [4, 2, 0, 0, 0]]
    )
    assert cohort_size(design, tally, np.zeros(5, dtype=np.int64)).tolist() == [1, 3, 3, 6, 6]
    assert esc.recommend(design).next_cohort_size == 1


def test_the_largest_cohort_holds() -> None:
    """Of two rules that size the cohort, and instead of the design's own size, larger or smaller."""
    by_level = rule("cohort_sizes", by_level=[1, 2, 3, 4, 5])
    by_dlts = rule("cohort_sizes", by_dlts=[{"from_dlts": 0, "size": 2}])
    tally, dose = Tally(np.zeros((5, 5, 2), dtype=np.int64)), np.arange(5)
    assert cohort_size(make(BOIN, rules=(by_level,)), tally, dose).tolist() == [1, 2, 3, 4, 5]
    assert cohort_size(make(BOIN, rules=(by_level, by_dlts)), tally, dose).tolist() == [2, 2, 3, 4, 5]
    assert cohort_size(make(BOIN, rules=(by_dlts, by_level)), tally, dose).tolist() == [2, 2, 3, 4, 5]


def test_a_method_that_sizes_its_cohorts_is_not_overruled() -> None:
    """Titration and the 3+3 say how many patients come next."""
    sizes = rule("cohort_sizes", by_level=[1, 1, 1, 1, 1])
    for method in ({"kind": "boin", "titration": True}, {"kind": "three_plus_three"}):
        with pytest.raises(esc.DesignError, match=rf"rules\[1\]\.kind: {method['kind']} here sizes its cohorts itself"):
            make(method, rules=(sizes,))
