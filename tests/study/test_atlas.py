"""The safety atlas against following every path of every patient, random trials, and what is known of published designs."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

import escalate as esc
from escalate.core.outcome import category_rates
from escalate.study.atlas import Atlas, Kind
from tests.helpers import make
from tests.study.every_path import State, cohorts_of, follow_all, next_state, random_trials

CRM: dict[str, Any] = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "plug_in"}
TRUTHS = (
    esc.Scenario(name="rising", dlt=(0.1, 0.25, 0.45), outcomes={"M": (0.2, 0.25, 0.2), "S": (0.1, 0.2, 0.15)}),
    esc.Scenario(name="toxic", dlt=(0.45, 0.6, 0.75), outcomes={"M": (0.25, 0.2, 0.125), "S": (0.125, 0.1, 0.1)}),
)
SMALL = {
    "boin": make({"kind": "boin"}, 3, max_patients=12),
    "boin titration": make({"kind": "boin", "titration": True}, 3, max_patients=10),
    "boin cohorts of 1": make({"kind": "boin"}, 3, cohort_size=1, max_patients=10),
    "crm": make(CRM, 3, max_patients=9),
    "crm free": make(CRM, 3, max_patients=12, start_level=2, rules=[]),
    "three_plus_three": make({"kind": "three_plus_three"}, 3, max_patients=12),
    "mtpi": make({"kind": "mtpi"}, 3, max_patients=12),
    "gboin": make({"kind": "gboin"}, 2, max_patients=9),
    "rules that count cohorts and size them": make(
        {"kind": "boin"},
        2,
        max_patients=11,
        rules=[{"kind": "stop_when_stable", "cohorts": 3}, {"kind": "cohort_sizes", "by_level": [1, 3]}],
    ),
}
RISKS = (0.8, 0.55)
ALWAYS = {"not_monotone"}
"""Kinds that the enumeration below leaves to tests/study/test_check.py."""


def _truths(design: esc.Design) -> list[esc.Scenario]:
    return [
        scenario.model_copy(
            update={
                "dlt": scenario.dlt[: design.n_doses],
                "outcomes": {key: values[: design.n_doses] for key, values in (scenario.outcomes or {}).items()},
            }
        )
        for scenario in TRUTHS
    ]


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("name", SMALL)
def test_probabilities_against_every_path(name: str, risk: float) -> None:
    """P(at least one), the expected number, the number of states and each example's own probability, to 1e-12."""
    design = SMALL[name]
    scenarios = _truths(design)
    found = esc.atlas(design, scenarios, risk)
    for v, scenario in enumerate(scenarios):
        rates = [[Fraction(float(p)) for p in row] for row in category_rates(scenario, design.outcomes)]
        expected = follow_all(design, rates, risk)
        for kind in found.kinds:
            if kind.code in ALWAYS:
                continue
            truth = expected[kind.code]
            assert kind.n_states == len(truth.places), kind.code
            assert kind.probability[v] == pytest.approx(float(truth.once), rel=1e-12, abs=1e-15), kind.code
            assert kind.expected[v] == pytest.approx(float(truth.number), rel=1e-12, abs=1e-15), kind.code
            for example in kind.examples:
                assert example.probability[v] == pytest.approx(float(truth.ways[example.outcomes]), rel=1e-12)
                assert example.by_any_way[v] >= example.probability[v] * (1 - 1e-12)
            if kind.n_states:
                sizes = {sum(map(str.isalpha, text)) for text in truth.ways if "(" not in text}
                assert kind.examples[0].patients == (min(sizes) if sizes else 0)


def test_likeliest_example_is_the_likeliest_of_all_strings() -> None:
    """No outcome string of its kind is more probable than the second example, or the first where both are one."""
    design = SMALL["boin cohorts of 1"]
    found = esc.atlas(design, TRUTHS)
    for v, scenario in enumerate(TRUTHS):
        rates = [[Fraction(1) - Fraction(p), Fraction(p)] for p in scenario.dlt]
        expected = follow_all(design, rates, 0.8)
        for kind in (kind for kind in found.kinds if kind.n_states):
            highest = max(max(example.probability) for example in kind.examples[:2])
            assert highest >= float(max(expected[kind.code].ways.values())) * (1 - 1e-12), (v, kind.code)


def _kind(found: Atlas, code: str) -> Kind:
    return next(kind for kind in found.kinds if kind.code == code)


@pytest.mark.parametrize("name", ["boin", "crm"])
def test_probabilities_against_random_trials(name: str) -> None:
    """The share of 200,000 random trials of 30 patients lies within exact binomial bounds; false alarms 1e-6 a kind."""
    design = make({"kind": "boin"}) if name == "boin" else make({**CRM, "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55]})
    scenario = esc.Scenario(name="a", dlt=(0.15, 0.3, 0.45, 0.6, 0.7))
    found, trials = esc.atlas(design, [scenario]), 200_000
    met = random_trials(design, np.array(scenario.dlt), trials, np.random.default_rng())
    seen = {code: int(hits.sum()) for code, hits in met.items()}
    for code, hits in seen.items():
        p = _kind(found, code).probability[0]
        low, high = stats.binom.ppf(5e-7, trials, p), stats.binom.isf(5e-7, trials, p)
        assert low <= hits <= high, (code, hits / trials, p)
    # The bounds can fail: a probability wrong by one in twelve is out of them, but for one time in a hundred million.
    p = 13 / 12 * _kind(found, "stays_in_risk").probability[0]
    assert not stats.binom.ppf(5e-7, trials, p) <= seen["stays_in_risk"] <= stats.binom.isf(5e-7, trials, p)


CLAIMS = {
    "incoherent": "escalate",
    "escalates_after_dlt_majority": "escalate",
    "escalates_after_all_dlts": "escalate",
    "escalates_into_risk": "escalate",
    "stays_in_risk": "stay",
    "stays_on_half": "stay",
}
SHOWN = {
    **SMALL,
    "boin 30": make({"kind": "boin"}),
    "crm 30": make({**CRM, "skeleton": [0.05, 0.12, 0.25, 0.4, 0.55]}),
    "mtpi 30": make({"kind": "mtpi"}),
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_example_shows_what_it_claims(name: str) -> None:
    """`recommend` on the string of each example escalates or stays as the kind says, with the data that make it questionable."""
    design = SHOWN[name]
    for kind in esc.atlas(design).kinds:
        for example in kind.examples:
            if kind.code not in CLAIMS:
                continue
            answer = esc.recommend(design, example.outcomes)
            assert answer.action == CLAIMS[kind.code], (kind.code, example.outcomes)
            assert not answer.notes, example.outcomes
            last = example.outcomes.split()[-1][1:]
            assert answer.next_level is not None
            there = answer.doses[answer.next_level - 1]
            if kind.code in {"escalates_into_risk", "stays_in_risk"} and len(design.outcomes) == 2:
                assert stats.beta.sf(0.3, 1 + there.dlts, 1 + there.patients - there.dlts) > 0.8
            if kind.code == "stays_on_half":
                assert there.patients >= 6
                assert 2 * there.dlts >= there.patients
            if kind.code == "escalates_after_all_dlts":
                assert set(last) == {"T"}
            if kind.code == "escalates_after_dlt_majority":
                assert 2 * last.count("T") > len(last)


@pytest.mark.parametrize("name", ["boin 30", "crm 30"])
def test_rigid_examples_are_rigid(name: str) -> None:
    """After the string, every outcome of the next cohort is followed by the same level."""
    design = SHOWN[name]
    for example in _kind(esc.atlas(design), "rigid").examples[:3]:
        level = esc.recommend(design, example.outcomes).next_level
        for word in ("NNN", "NNT", "NTT", "TTT"):
            assert esc.recommend(design, f"{example.outcomes} {level}{word}").next_level == level


def test_boin_escalates_after_a_cohort_full_of_dlts_at_patient_27() -> None:
    """At target 0.30 in cohorts of 3, 30 patients, whatever the levels from 3: twice, at 3/15 after 27; with 27 patients never."""
    for n_doses in (3, 4, 5, 6):
        kind = _kind(esc.atlas(make({"kind": "boin"}, n_doses)), "escalates_after_all_dlts")
        assert kind.n_states == 2
        assert {example.patients for example in kind.examples} == {27}
        for example in kind.examples:
            assert example.outcomes.endswith("1TTT")
            level = example.outcomes.split()
            assert sum(word.count("T") for word in level if word[0] == "1") == 3
            assert sum(len(word) - 1 for word in level if word[0] == "1") == 15
        assert max(kind.probability) < 2e-5
        assert (
            _kind(esc.atlas(make({"kind": "boin"}, n_doses, max_patients=27)), "escalates_after_all_dlts").n_states == 0
        )


def test_mtpi_stays_at_three_of_six() -> None:
    """Ji and others (2010): mTPI stays at 3/6 where the target is 0.30; BOIN de-escalates there, but from the lowest level."""
    found = _kind(esc.atlas(make({"kind": "mtpi"})), "stays_on_half")
    assert "1NNN 2NNT 2NTT" in {example.outcomes for example in found.examples}
    assert esc.recommend(make({"kind": "mtpi"}), "1NNN 2NNT 2NTT").action == "stay"
    assert esc.recommend(make({"kind": "boin"}), "1NNN 2NNT 2NTT").action == "de-escalate"


def test_coherence_leaves_nothing_incoherent() -> None:
    """With the rule no state of BOIN escalates after a toxic cohort; without it hundreds do."""
    free = esc.atlas(make({"kind": "boin"}))
    bound = esc.atlas(make({"kind": "boin"}, rules=[{"kind": "eliminate"}, {"kind": "coherence"}]))
    for code in ("incoherent", "escalates_after_dlt_majority", "escalates_after_all_dlts"):
        assert _kind(free, code).n_states > 0
        assert _kind(bound, code).n_states == 0
        assert set(_kind(bound, code).probability) == {0.0}


def test_three_plus_three_has_nothing_to_question() -> None:
    """It leaves a level at the second DLT, never escalates after one of three beyond 1/6, and goes back to no toxic level."""
    found = esc.atlas(make({"kind": "three_plus_three"}))
    assert [kind.n_states for kind in found.kinds] == [0] * 8


def test_risk_is_strict() -> None:
    """Pr(p > 0.5 | 1/2) is one half: not above 0.5, but above 0.499."""
    frame = {"kind": "boin"}
    design = make(frame, 2, target=0.5, cohort_size=2, max_patients=8)
    at, below = (_kind(esc.atlas(design, risk=risk), "stays_in_risk") for risk in (0.5, 0.499))
    assert "1NT" not in {example.outcomes for example in at.examples}
    assert "1NT" in {example.outcomes for example in below.examples}


def test_scenarios_of_its_own() -> None:
    """One for each level, the target exactly there, the odds doubling; none without a target, or where outcomes are graded."""
    scenarios = esc.atlas(SMALL["boin"]).scenarios
    assert [scenario.dlt[k] for k, scenario in enumerate(scenarios)] == [0.3] * 3
    for scenario in scenarios:
        odds = np.array(scenario.dlt) / (1 - np.array(scenario.dlt))
        np.testing.assert_allclose(odds[1:] / odds[:-1], 2, rtol=1e-12)
    free = esc.atlas(make({"kind": "three_plus_three"}, 3, target=None, max_patients=18))
    assert free.scenarios == ()
    assert free.without == ("incoherent", "escalates_into_risk", "stays_in_risk")
    assert {kind.code for kind in free.kinds}.isdisjoint(free.without)
    assert esc.atlas(SMALL["gboin"]).scenarios == ()


def test_bits_do_not_depend_on_the_company() -> None:
    """A scenario has the same probabilities alone and among others."""
    together, alone = esc.atlas(SMALL["crm"], TRUTHS), esc.atlas(SMALL["crm"], TRUTHS[1:])
    for one, other in zip(together.kinds, alone.kinds, strict=True):
        assert one.probability[1] == other.probability[0]
        assert one.expected[1] == other.expected[0]


def test_cells_hold_every_decision() -> None:
    """Each cell's actions are those that `decide` gives at that level, patients and DLTs, over all histories; letters too."""
    design = SMALL["boin"]
    seen: dict[tuple[int, int, int], set[str]] = defaultdict(set)

    def follow(state: State) -> None:
        for cohort, _ in cohorts_of(3, 2):
            after = next_state(design, state, cohort)
            patients, dlts = (
                a + b for a, b in ((sum(state.counts[state.dose]), 3), (state.counts[state.dose][1], cohort[1]))
            )
            key = (state.dose + 1, patients, dlts)
            if after is None:
                seen[key].add("end")
            else:
                seen[key].add("escalate" if after.dose > state.dose else "stay" if after.dose == state.dose else "down")
                follow(after)

    follow(State(((0, 0),) * 3, 0, 0))
    words = {"de-escalate": "down", "full": "end", "complete": "end"}
    found = esc.atlas(design)
    assert {(cell.level, cell.patients, cell.dlts) for cell in found.cells} == set(seen)
    for cell in found.cells:
        actions = {words.get(action, action) for action, _ in cell.actions}
        there = seen[cell.level, cell.patients, int(cell.dlts)]
        eliminated = stats.beta.sf(0.3, 1 + cell.dlts, 1 + cell.patients - cell.dlts) > 0.95
        assert ("eliminate" in actions) == eliminated, cell
        assert actions == there or (eliminated and there <= {"end", "down"}), cell
    by_letter = {code for cell in found.cells for code in cell.kinds}
    assert by_letter == {kind.code for kind in found.kinds if kind.n_states} - {"rigid"}


@pytest.mark.parametrize("risk", [0.0, 1.0, -1.0, 1.5, float("nan")])
def test_risk_out_of_range(risk: float) -> None:
    """A risk that is no probability is refused."""
    with pytest.raises(esc.EscalateError, match=r"risk: .* is not between 0 and 1; give a probability such as 0.8"):
        esc.atlas(SMALL["boin"], risk=risk)


def test_what_cannot_be_walked_is_refused() -> None:
    """Too large a design, no scenario, one of another length: each says so."""
    with pytest.raises(esc.TooLargeError, match="the atlas walks every reachable state: this design has about"):
        esc.atlas(make({"kind": "boin"}), max_states=1000)
    with pytest.raises(esc.EscalateError, match="scenarios: the list is empty"):
        esc.atlas(SMALL["boin"], [])
    with pytest.raises(esc.DesignError, match="has 5 DLT probabilities, but 'test' has 3 dose levels"):
        esc.atlas(SMALL["boin"], [esc.Scenario(name="a", dlt=(0.1, 0.2, 0.3, 0.4, 0.5))])
    with pytest.raises(esc.DesignError, match="needs 'outcomes"):
        esc.atlas(SMALL["gboin"], [esc.Scenario(name="a", dlt=(0.1, 0.2))])


def test_plain_check_is_as_it_was() -> None:
    """The kinds of the atlas alone are no findings of `check`."""
    codes = {finding.code for finding in esc.check(make({"kind": "mtpi"})).findings}
    assert codes <= {"incoherent", "rigid", "no_safety_stop", "doubt"}
