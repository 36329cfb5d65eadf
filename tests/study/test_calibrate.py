"""The search itself: losses against `simulate`, the choice against brute force, the check on fresh scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.errors import EscalateError
from escalate.study.calibrate import calibrate
from escalate.study.calibration_results import Calibration, worst_mean
from tests.helpers import make

CRM = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "plug_in"}
RULES = ({"kind": "no_skipping"}, {"kind": "coherence"}, {"kind": "lowest_dose_too_toxic", "cutoff": 0.9})
DESIGN = make(CRM, n_doses=3, max_patients=12, rules=RULES)
DRAWN = esc.generate("paoletti", target=0.3, doses=3, gap=0.1, count=40, seed=1)
FRESH = esc.generate("paoletti", target=0.3, doses=3, gap=0.1, count=40, seed=2)
CHOSEN = (esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5)), esc.Scenario(name="toxic", dlt=(0.5, 0.6, 0.7)))
VARY: dict[str, Any] = {"method.prior_sd": [0.4, 1.0, 1.6], "cohort_size": [2, 3], "rules[3].cutoff": [0.9, 0.95]}


def _loss(design: esc.Design, scenarios: Any) -> np.ndarray[Any, Any]:
    """Return 1 - pcs + 0.5 overdose_selected by the other road: `simulate`."""
    found = esc.simulate([design], scenarios).designs[0].scalars
    return 1 - found["pcs"][0] + 0.5 * found["overdose_selected"][0]


@pytest.fixture(scope="module")
def found() -> Calibration:
    """Return one calibration over random truths."""
    return calibrate(DESIGN, DRAWN, VARY, loss="1 - pcs + 0.5*overdose_selected", fresh=FRESH)


def test_losses_are_those_of_simulate(found: Calibration) -> None:
    """The loss of each candidate is that of its own exact operating characteristics, and the best is the smallest mean."""
    assert len(found.judged) == 13
    losses = [_loss(one.candidate.design, DRAWN) for one in found.judged]
    for one, loss in zip(found.judged, losses, strict=True):
        np.testing.assert_allclose(one.loss, loss, atol=1e-12)
        assert one.mean == pytest.approx(loss.mean())
        assert one.se == pytest.approx(loss.std(ddof=1) / np.sqrt(40))
        assert one.worst == pytest.approx(np.sort(loss)[-4:].mean())
    assert found.best == int(np.argmin([loss.mean() for loss in losses]))


def test_paired_errors(found: Calibration) -> None:
    """The error of a difference is that of the paired differences, and tells who is as good as the best."""
    best = found.chosen.loss
    for one in found.judged:
        gap = one.loss - best
        mean, se = gap.mean(), gap.std(ddof=1) / np.sqrt(40)
        assert found.gap(one).mean == pytest.approx(mean, abs=1e-12)
        assert found.gap(one).se == pytest.approx(se, abs=1e-12)
        assert found.alike(one) == (mean <= 2 * se + 1e-9)
    assert found.chosen in found.as_good


def test_fresh_scenarios(found: Calibration) -> None:
    """The check on fresh scenarios is that of the chosen and of the given design, paired."""
    assert found.fresh is not None
    assert found.fresh.gap is not None
    chosen, given = (_loss(design, FRESH) for design in (found.chosen.candidate.design, DESIGN))
    assert found.fresh.chosen.mean == pytest.approx(chosen.mean())
    assert found.fresh.gap.mean == pytest.approx((chosen - given).mean())
    assert found.fresh.gap.se == pytest.approx((chosen - given).std(ddof=1) / np.sqrt(40))


def test_same_for_any_number_of_workers(found: Calibration) -> None:
    """Every number is the same, bit for bit, with one thread and with several, and when run again."""
    for workers in (1, 3):
        again = calibrate(DESIGN, DRAWN, VARY, loss="1 - pcs + 0.5*overdose_selected", fresh=FRESH, workers=workers)
        assert again.rows() == found.rows()


def test_mean_distance() -> None:
    """The mean distance is what the selected level's rate is away from the target, by the selection probabilities."""
    found = calibrate(DESIGN, CHOSEN, {"cohort_size": [2]}, loss="mean_distance")
    oc = esc.simulate([DESIGN], CHOSEN).designs[0].characteristics
    expected = []
    for v, scenario in enumerate(CHOSEN):
        selected = [p for p, _ in oc.of(v, "selected")]
        none = 0.0 if scenario.name == "toxic" else 0.3 * oc.value(v, "selected_none")
        expected.append(none + sum(s * abs(p - 0.3) for s, p in zip(selected, scenario.dlt, strict=True)))
    assert found.start is not None
    np.testing.assert_allclose(found.start.loss, expected, atol=1e-12)


def test_chosen_scenarios_have_no_error() -> None:
    """Over scenarios that somebody chose differences are exact: only ties are as good as the best."""
    found = calibrate(DESIGN, CHOSEN, {"method.prior_sd": [0.4, 1.0]})
    assert not found.drawn
    assert {one.se for one in found.judged} == {0.0}
    assert found.as_good == (found.chosen,)


def test_ties_go_to_the_given_design_then_to_the_first() -> None:
    """Where settings make no difference nothing is changed."""
    rules = (*RULES, {"kind": "stop_at_patients_at_dose", "patients": 12})
    design = make(CRM, n_doses=3, max_patients=12, rules=rules)
    found = calibrate(design, CHOSEN, {"rules[4].patients": [13, 14]})
    assert found.chosen.candidate.number == 0
    assert len(found.as_good) == 3


def test_limits() -> None:
    """The best within the limits is chosen, on the mean or on the worst scenario; without any it is refused."""
    free = calibrate(DESIGN, DRAWN, VARY)
    means = {one.candidate.number: one.metrics["overdose_allocated"] for one in free.judged}
    bound = float(np.median(list(means.values())))
    found = calibrate(DESIGN, DRAWN, VARY, subject_to=[f"overdose_allocated <= {bound!r}"])
    within = [one for one in free.judged if means[one.candidate.number] <= bound]
    assert found.chosen.candidate.number == min(within, key=lambda one: one.mean).candidate.number
    assert [one.kept for one in found.judged] == [means[one.candidate.number] <= bound for one in found.judged]
    worst = calibrate(DESIGN, DRAWN, VARY, subject_to=["max: selected_none <= 0.99"])
    each = esc.simulate([DESIGN], DRAWN).designs[0].scalars["selected_none"][0]
    assert worst.judged[0].limits[0] == pytest.approx(each.max())
    with pytest.raises(
        EscalateError, match=r"no candidate is within the limits; 'pcs >= 0\.99': the nearest is 0\.\d+, with"
    ):
        calibrate(DESIGN, DRAWN, VARY, subject_to=["pcs >= 0.99"])


def test_refine() -> None:
    """Refining stays between the values given, tries nothing twice and never ends worse."""
    vary: dict[str, Any] = {"method.prior_sd": [0.4, 1.0, 1.6], "max_patients": [9, 12]}
    grid, fine = (calibrate(DESIGN, DRAWN, vary, refine=refine) for refine in (False, True))
    assert fine.chosen.mean <= grid.chosen.mean
    added = [one.candidate for one in fine.judged if one.candidate.step]
    assert added
    assert all(0.4 <= one.settings[0] <= 1.6 and 9 <= one.settings[1] <= 12 for one in added)
    assert all(isinstance(one.settings[1], int) for one in added)
    assert len({one.candidate.settings for one in fine.judged}) == len(fine.judged)
    assert [one.candidate.number for one in fine.judged] == list(range(len(fine.judged)))


def test_by_value(found: Calibration) -> None:
    """For each value of a setting the best candidate that has it."""
    for k, (field, values) in enumerate(VARY.items()):
        rows = found.by_value(k)
        assert [value for value, _ in rows] == values, field
        for value, one in rows:
            some = [other.mean for other in found.judged[1:] if other.candidate.settings[k] == value]
            assert one.mean == min(some)


def test_too_large_candidates_are_left_out() -> None:
    """A candidate with too many states is left out and named; the others are judged."""
    longer = make(CRM, n_doses=3, max_patients=24, rules=RULES)
    found = calibrate(longer, CHOSEN, {"cohort_size": [1]}, max_states=3000)
    assert [one.candidate.number for one in found.judged] == [0]
    assert found.skipped[0].candidate.settings == (1,)
    assert "the limit is 3,000" in found.skipped[0].why
    wide = make(CRM, n_doses=3, max_patients=24, cohort_size=1, rules=RULES)
    other = calibrate(wide, CHOSEN, {"cohort_size": [3]}, fresh=CHOSEN, max_states=3000)
    assert other.start is None
    assert other.fresh is not None
    assert other.fresh.gap is None
    with pytest.raises(EscalateError, match="every candidate is too large"):
        calibrate(wide, CHOSEN, {"method.prior_sd": [1.0]}, max_states=3000)


def test_too_many_candidates() -> None:
    """A grid that is too large is refused, with its size and a time."""
    with pytest.raises(
        EscalateError, match=r"the grid has 12 candidates \(3 x 2 x 2\), which takes about \d+ s, and the limit is 5"
    ):
        calibrate(DESIGN, CHOSEN, VARY, max_candidates=5)


@pytest.mark.parametrize(
    ("design", "scenarios", "loss", "says"),
    [
        (
            make({"kind": "three_plus_three"}, n_doses=3, target=None),
            CHOSEN,
            "1 - pcs",
            "pcs needs a design with a target",
        ),
        (
            DESIGN,
            (esc.Scenario(name="flat", dlt=(0.3, 0.3, 0.3)),),
            "-accuracy_index",
            "no value under scenario 'flat'",
        ),
        (DESIGN, (), "1 - pcs", "there are no scenarios"),
        (DESIGN, CHOSEN, "pcs", "is minimised, but pcs is better the higher it is"),
        (DESIGN, (esc.Scenario(name="short", dlt=(0.3,)),), "1 - pcs", "has 1 DLT probabilities"),
    ],
)
def test_refused(design: esc.Design, scenarios: Any, loss: str, says: str) -> None:
    """What cannot be judged is refused in a sentence."""
    with pytest.raises(EscalateError) as refused:
        calibrate(design, scenarios, {"cohort_size": [2]}, loss=loss)
    assert says in str(refused.value)


def test_worst_tenth() -> None:
    """The worst tenth is at least one scenario, rounded up."""
    assert worst_mean(np.array([0.1, 0.5, 0.2])) == 0.5
    assert worst_mean(np.arange(11.0)) == pytest.approx(9.5)


def test_graded_outcomes_and_other_methods() -> None:
    """Any method can be calibrated: here BOIN by its cut-offs and a start from published rules."""
    found = calibrate(
        make({"kind": "boin"}, n_doses=3, max_patients=12),
        DRAWN,
        {"method.p_saf": [0.15, 0.2], "rules[1].cutoff": [0.9]},
    )
    assert [one.candidate.number for one in found.judged] == [0, 1, 2]
    assert found.to_frame().shape[0] == 3
