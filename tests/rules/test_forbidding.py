"""Rules that forbid doses: `stick_on_dlts`, `cap_increment`, `overdose_cap`, each against a hand calculation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import escalate as esc
from escalate.core.decision import decide, select
from escalate.core.patients import from_outcomes
from escalate.core.tally import States, Tally
from escalate.rules.cap_increment import CapIncrement
from tests.helpers import make

BOIN: dict[str, Any] = {"kind": "boin"}
CRM: dict[str, Any] = {"kind": "crm", "skeleton": [0.05, 0.12, 0.25, 0.40, 0.55], "estimate": "plug_in"}


def forbidden(rule: dict[str, Any], outcomes: str, method: dict[str, Any] = CRM, **settings: Any) -> list[int]:
    """Return the levels that a rule alone forbids after an outcome string."""
    design = make(method, rules=(rule,), **settings)
    mask = decide(design, from_outcomes(outcomes, design).last(design.n_doses)).forbidden[0, 0]
    return (np.flatnonzero(mask) + 1).tolist()


# --- stick_on_dlts ---------------------------------------------------------------------------------------------------
STAY = {"kind": "stick_on_dlts", "patients": 3, "dlts": 1, "then": "stay"}
LEAVE = {"kind": "stick_on_dlts", "patients": 6, "dlts": 3, "then": "de_escalate"}


@pytest.mark.parametrize(
    ("rule", "outcomes", "levels"),
    [
        (STAY, "1NNN", []),
        (STAY, "1NNT", [2, 3, 4, 5]),
        (STAY, "1TTT", [2, 3, 4, 5]),
        (STAY, "1NNN 2NNN 3NNT", [4, 5]),
        (STAY, "1NNN 2NNT 2NNN", []),
        (STAY, "1NNN 2NNT 1NNN", []),
        (LEAVE, "1NNN 2NNT 2NNT", []),
        (LEAVE, "1NNN 2NNT 2NTT", [2, 3, 4, 5]),
        (LEAVE, "1NNT 1NTT", [2, 3, 4, 5]),
        (LEAVE, "1NNT 1NTT 1NNN", []),
    ],
)
def test_stick_on_dlts(rule: dict[str, Any], outcomes: str, levels: list[int]) -> None:
    """Exactly so many patients at the dose just given, at least so many DLTs; level 1 is never left."""
    assert forbidden(rule, outcomes) == levels


def test_stick_on_dlts_decides() -> None:
    """BOIN at target 40% stays at 3/6 (cuts .3142 and .4824 give 3/6 = .5: down); at 2/6 = .333 it stays, and is made to leave."""
    leave = {**LEAVE, "dlts": 2}
    assert esc.recommend(make(BOIN, target=0.4, rules=()), "1NNN 2NNT 2NNT").next_level == 2
    found = esc.recommend(make(BOIN, target=0.4, rules=(leave,)), "1NNN 2NNT 2NNT")
    assert (found.next_level, found.reasons[0].code) == (1, "stick_on_dlts")
    assert found.reasons[0].text == "Level 2: 2/6 DLTs; the rule is for 2 or more in 6: the level is left."


def test_stick_on_dlts_never_keeps_a_dose_too_high() -> None:
    """`stay` forbids escalation; a method that wants to go down goes down: 2/3 under BOIN."""
    assert esc.recommend(make(BOIN, rules=(STAY,)), "1NNN 2NTT").next_level == 1


def test_stick_on_dlts_is_questioned_where_it_cannot_speak() -> None:
    """Cohorts of 3 never make 4 patients; cohorts of 2 do, and cohorts that a rule sizes may."""
    four = {**STAY, "patients": 4}
    sized = {"kind": "cohort_sizes", "by_level": [1, 1, 3, 3, 3]}
    for rules, cohort_size, doubts in (((four,), 3, 1), ((four,), 2, 0), ((four, sized), 3, 0), ((STAY,), 3, 0)):
        design = make(BOIN, cohort_size=cohort_size, rules=rules)
        assert len(list(design.rules[0].doubts(design))) == doubts


# --- cap_increment ---------------------------------------------------------------------------------------------------
AMOUNTS = (10.0, 20.0, 30.0, 40.0, 60.0)


def cap(**settings: Any) -> dict[str, Any]:
    """Return the rule."""
    return {"kind": "cap_increment", **settings}


BY_AMOUNT = [{"from_amount": 0, "relative": 1.0}, {"from_amount": 20, "relative": 0.33}]
BY_DLTS = [{"from_dlts": 0, "relative": 1.0}, {"from_dlts": 1, "relative": 0.5}, {"from_dlts": 3, "levels": 0}]

BY_LAST = [
    {"from_dlts_in_cohort": 0, "relative": 1.0},
    {"from_dlts_in_cohort": 1, "relative": 0.5},
    {"from_dlts_in_cohort": 2, "levels": 0},
]


@pytest.mark.parametrize(
    ("settings", "outcomes", "levels"),
    [
        # 10 mg doubled is 20 mg, allowed: at most means at most.
        ({"relative": 1.0}, "1NNN", [3, 4, 5]),
        ({"relative": 0.99}, "1NNN", [2, 3, 4, 5]),
        ({"relative": 1.0}, "2NNN", [5]),
        ({"levels": 1}, "2NNN", [4, 5]),
        ({"relative": 1.0, "levels": 1}, "2NNN", [4, 5]),
        ({"relative": 0.5, "levels": 2}, "2NNN", [4, 5]),
        # The dose last given is the reference, or the highest so far.
        ({"relative": 1.0}, "3NNN 1NNN", [3, 4, 5]),
        ({"relative": 1.0, "from": "highest"}, "3NNN 1NNN", []),
        ({"levels": 1, "from": "highest"}, "3NNN 1NNN", [5]),
        # Left-closed: at 20 mg the second band holds; 20 x 1.33 = 26.6 and 30 x 1.33 = 39.9.
        ({"bands": BY_AMOUNT}, "1NNN", [3, 4, 5]),
        ({"bands": BY_AMOUNT}, "2NNN", [3, 4, 5]),
        ({"bands": BY_AMOUNT}, "3NNN", [4, 5]),
        ({"bands": BY_AMOUNT, "from": "highest"}, "3NNN 1NNN", [4, 5]),
        # All DLTs of the trial, wherever: 20 x 1.5 = 30 after one or two; nothing above after three.
        ({"bands": BY_DLTS}, "2NNN", [5]),
        ({"bands": BY_DLTS}, "1NNT 2NNN", [4, 5]),
        ({"bands": BY_DLTS}, "1NTT 2NNN", [4, 5]),
        ({"bands": BY_DLTS}, "1NTT 2NNT", [3, 4, 5]),
        # Those of the last cohort alone, at the same dose or not.
        ({"bands": BY_LAST}, "1NTT 2NNN", [5]),
        ({"bands": BY_LAST}, "1NNN 2NNT", [4, 5]),
        ({"bands": BY_LAST}, "2NNT 2NNN", [5]),
        ({"bands": BY_LAST}, "2NNN 2NTT", [3, 4, 5]),
    ],
)  # fmt: skip
def test_cap_increment(settings: dict[str, Any], outcomes: str, levels: list[int]) -> None:
    """By hand, at 10, 20, 30, 40 and 60 mg."""
    assert forbidden(cap(**settings), outcomes, doses={"unit": "mg", "levels": AMOUNTS}) == levels


def test_cap_increment_compares_decimals() -> None:
    """0.1 mg and 40% more is 0.14 mg exactly, which is allowed; in floating point it is a hair less, and would not be."""
    assert 0.1 * 1.4 < 0.14
    assert 0.7 * 1.33 < 0.931
    for amounts, relative in (((0.1, 0.14), 0.4), ((0.7, 0.931), 0.33), ((0.1, 0.3), 2.0)):
        doses = {"unit": "mg", "levels": amounts}
        design = make(BOIN, 2, doses=doses, rules=(cap(relative=relative),))
        assert not decide(design, from_outcomes("1NNN", design).last(2)).forbidden.any()
    doses = {"unit": "mg", "levels": (0.1, 0.1400001)}
    design = make(BOIN, 2, doses=doses, rules=(cap(relative=0.4),))
    assert decide(design, from_outcomes("1NNN", design).last(2)).forbidden[0, 0].tolist() == [False, True]


@given(
    amounts=st.lists(st.integers(1, 400), min_size=2, max_size=8, unique=True).map(sorted),
    relative=st.integers(1, 300),
    levels=st.integers(1, 4),
    data=st.data(),
)
def test_cap_increment_by_fractions(amounts: list[int], relative: int, levels: int, data: st.DataObject) -> None:
    """Amounts in tenths of a mg, caps in percent: what is forbidden is what whole numbers say, and never the reference."""
    last = data.draw(st.integers(0, len(amounts) - 1))
    doses = {"unit": "mg", "levels": tuple(a / 10 for a in amounts)}
    design = make(BOIN, len(amounts), doses=doses, rules=(cap(relative=relative / 100, levels=levels),))
    found = decide(design, from_outcomes(f"{last + 1}NNN", design).last(len(amounts))).forbidden[0, 0]
    allowed = [
        Fraction(amount, amounts[last]) <= 1 + Fraction(relative, 100) and dose <= last + levels
        for dose, amount in enumerate(amounts)
    ]
    assert (~found).tolist() == allowed
    assert not found[last]


@pytest.mark.parametrize(
    ("settings", "start", "said"),
    [
        ({"relative": 1.0}, 1, []),
        ({"relative": 0.9}, 1, ["level 2 (20 mg) can never be given"]),
        ({"relative": 0.5}, 2, []),
        ({"bands": BY_AMOUNT}, 1, ["level 3 (30 mg) can never be given"]),
        ({"bands": BY_DLTS}, 1, ["from 1 DLT on, level 2 (20 mg) is more than 50% above level 1"]),
        ({"levels": 1}, 1, []),
    ],
)
def test_cap_increment_is_questioned(settings: dict[str, Any], start: int, said: list[str]) -> None:
    """A level that no cap lets the trial reach, from the start level on; a band that allows no step from a level."""
    doses = {"unit": "mg", "levels": AMOUNTS}
    design = make(CRM, doses=doses, start_level=start, rules=(cap(**settings),))
    found = list(design.rules[0].doubts(design))
    assert len(found) == len(said)
    assert all(word in text for word, text in zip(said, found, strict=True))


def test_cap_increment_in_words() -> None:
    """The protocol sentence and the explanation, with the amounts."""
    doses = {"unit": "mg", "levels": AMOUNTS}
    design = make(CRM, doses=doses, rules=(cap(bands=BY_AMOUNT),))
    assert design.rules[0].describe(design) == (
        "Escalation from the dose last given is by at most 100%; by at most 33% instead where that is 20 mg or more."
    )
    assert design.rules[0].explain(design, from_outcomes("1NNN 2NNN", design).last(5), 2) == (
        "Level 2 (20 mg) is the last given: at most 33% above it (26.6 mg), so up to level 2."
    )


def test_cap_increment_is_one_rule_with_no_skipping() -> None:
    """`levels: 1` forbids what `no_skipping` does, from the last dose and from the highest."""
    counts = np.random.default_rng(1).integers(0, 3, size=(50, 5, 2))
    counts[:, 0, 0] += 1
    dose = np.array([int(np.flatnonzero(row.sum(axis=1))[-1]) for row in counts])
    states = States(Tally(counts), np.minimum(dose, np.arange(50) % 5), np.zeros((50, 2), dtype=np.int64))
    for basis in ("last", "highest"):
        design = make(CRM, rules=(cap(levels=1, **{"from": basis}), {"kind": "no_skipping", "from": basis}))
        assert isinstance(design.rules[0], CapIncrement)
        first, second = (rule.forbids(design, states) for rule in design.rules)
        assert np.array_equal(first, second)


# --- overdose_cap ----------------------------------------------------------------------------------------------------
def overdose(**settings: Any) -> dict[str, Any]:
    """Return the rule."""
    return {"kind": "overdose_cap", **settings}


@pytest.mark.parametrize(
    ("settings", "outcomes", "levels"),
    [
        # Source: dossier interval.md 1, example 3: Pr(p > .3) = .9163 after 2/3, .9919 after 3/3, .8740 after 3/6.
        ({"cutoff": 0.9162}, "1NNN 2NTT", [2, 3, 4, 5]),
        ({"cutoff": 0.9164}, "1NNN 2NTT", []),
        ({"cutoff": 0.9162, "min_patients": 4}, "1NNN 2NTT", []),
        ({"cutoff": 0.873}, "1NNN 2NTT 2NNT", [2, 3, 4, 5]),
        ({"cutoff": 0.875}, "1NNN 2NTT 2NNT", []),
        # Pr(p > .3) = .7 without data: an untried dose is not forbidden by that.
        ({"cutoff": 0.5}, "1NNNNNN", []),
        # Pr(p > .5 | 1/1) = .75.
        ({"cutoff": 0.74, "above": 0.5}, "1T", [1, 2, 3, 4, 5]),
        ({"cutoff": 0.75, "above": 0.5}, "1T", []),
    ],
)
def test_overdose_cap_by_own_data(settings: dict[str, Any], outcomes: str, levels: list[int]) -> None:
    """Strictly above the cut-off, the dose and all above it, from each dose's own data."""
    assert forbidden(overdose(basis="beta_binomial", **settings), outcomes, BOIN) == levels


def test_overdose_cap_by_the_model() -> None:
    """Source: dossier crm.md 1, example 6: Pr(p_1 > .25) = .0366804 after 0, 0, 1, 2 DLTs; every dose is asked, tried or not."""
    outcomes = "1NNN 2NNN 3NNT 4NTT"
    for cutoff, lowest in ((0.03668, True), (0.03669, False)):
        levels = forbidden(overdose(cutoff=cutoff), outcomes, target=0.25)
        assert (1 in levels) == lowest
        assert levels == list(range(levels[0], 6))
    assert forbidden(overdose(cutoff=0.5), "1NNN", target=0.25) == [5]
    assert forbidden(overdose(cutoff=0.5, min_patients=4), "1NNN", target=0.25) == []


def test_overdose_cap_by_the_model_against_quadrature() -> None:
    """The power model's Pr(p_j > x) once more, from SciPy's adaptive quadrature."""
    from scipy import integrate

    skeleton, n, y = np.array([0.05, 0.12, 0.25, 0.40, 0.55]), np.array([3, 3, 0, 0, 0]), np.array([0, 1, 0, 0, 0])

    def density(beta: float) -> float:
        p = skeleton ** np.exp(beta)
        return float(np.prod(p**y * (1 - p) ** (n - y)) * stats.norm.pdf(beta, scale=1.34**0.5))

    whole = integrate.quad(density, -12, 12, limit=400, points=[-2, 0, 2])[0]
    # p_j > x exactly where beta < log(log x / log s_j).
    tail = [
        integrate.quad(density, -12, np.log(np.log(0.33) / np.log(s)), limit=400)[0] / whole for s in skeleton.tolist()
    ]
    for cutoff in (0.1, 0.25, 0.6, 0.9):
        assert forbidden(overdose(cutoff=cutoff, above=0.33), "1NNN 2NNT", target=0.25) == [
            j + 1 for j, value in enumerate(tail) if value > cutoff
        ]


def test_overdose_cap_bars_the_mtd_too() -> None:
    """A dose that the rule forbids is not selected, and the trial stops with none where level 1 is forbidden."""
    design = make(BOIN, rules=(overdose(cutoff=0.9, basis="beta_binomial"),))
    tally = Tally.of([[3, 3, 0, 0, 0]], [[0, 2, 0, 0, 0]])
    assert select(design, tally).tolist() == [0]
    found = esc.recommend(design, "1TTT")
    assert (str(found.action), found.mtd_level, [reason.code for reason in found.reasons]) == (
        "stop", None, ["overdose_cap"],
    )  # fmt: skip


def test_overdose_cap_judges_the_data_as_they_stand() -> None:
    """Good luck later lifts the bar, unlike that of `eliminate`: 3/3 at level 2, then 0/3."""
    rule = overdose(cutoff=0.95, basis="beta_binomial")
    assert forbidden(rule, "1NNN 2TTT", BOIN) == [2, 3, 4, 5]
    assert forbidden(rule, "1NNN 2TTT 2NNN", BOIN) == []
