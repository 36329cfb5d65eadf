"""BOIN against the authors' software (BOIN 2.7.2), published examples and exact enumeration."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.decision import select
from escalate.core.tally import Tally
from escalate.study.simulate import simulate
from tests.helpers import cases, make, reference

# lambda_d is exactly 1/2 here (0.3 and 0.7 are symmetric), so lambda_d n is a whole number for even n. The paper and its
# documentation de-escalate at equality; BOIN 2.7.2's code does not (methods/quirks: B1). We follow the paper.
AT_EQUALITY = {"boin_boundary-0279"}
RULES: tuple[dict[str, Any], ...] = ({"kind": "eliminate"},)


def _boin(inputs: dict[str, Any], **settings: Any) -> esc.Design:
    rules: list[dict[str, Any]] = [{"kind": "eliminate", "cutoff": inputs["cutoff_eli"]}]
    if inputs.get("extrasafe") or inputs.get("offset", 0) >= 0.5:
        rules.append({"kind": "extra_safe", "cutoff": inputs["cutoff_eli"], "offset": inputs["offset"]})
    if inputs.get("n_earlystop", 100) < 100:
        rules.append({"kind": "stop_at_patients_at_dose", "patients": inputs["n_earlystop"], "only_if_staying": True})
    method: dict[str, Any] = {"kind": "boin", "titration": inputs.get("titration", False)}
    if not inputs.get("p_saf_p_tox_default", False) and "p_saf" in inputs:
        method |= {"p_saf": inputs["p_saf"], "p_tox": inputs["p_tox"]}
    if inputs.get("boundMTD"):
        method["bound_mtd"] = True
    return make(method, target=inputs["target"], rules=tuple(rules), **settings)


@pytest.mark.parametrize("case", cases("boin_boundary"), ids=lambda case: case["id"])
def test_boundaries_are_those_of_the_authors_software(case: dict[str, Any]) -> None:
    """Source: BOIN 2.7.2 `get.boundary`; counts exactly, lambdas to 1e-12."""
    inputs, outputs = case["inputs"], case["outputs"]
    size = inputs["ncohort"] * inputs["cohortsize"]
    if "error" in outputs and case["id"] not in {"boin_boundary-0256", "boin_boundary-0288"}:
        with pytest.raises(esc.DesignError):
            _boin(inputs, max_patients=size, cohort_size=inputs["cohortsize"])
        return
    table = esc.table(_boin(inputs, max_patients=size, cohort_size=inputs["cohortsize"]))
    if "error" in outputs:
        # The software fails by a fault of its own (quirks B3, B4); there is no value to compare with.
        assert table.rows
        return
    assert table.boundaries["lambda_e"] == pytest.approx(outputs["lambda_e"], abs=1e-12)
    assert table.boundaries["lambda_d"] == pytest.approx(outputs["lambda_d"], abs=1e-12)
    expected = outputs["full_boundary_tab"] if "full_boundary_tab" in outputs else outputs["boundary_tab"]
    stops = outputs.get("stop_boundary", {}).get("stop_if_ge", [None] * len(expected["n"]))
    for k, n in enumerate(expected["n"]):
        row = table.rows[n - 1]
        assert row.patients == n
        assert row.escalate_if_dlts_at_most == expected["escalate_if_le"][k], n
        if case["id"] in AT_EQUALITY and n % 2 == 0:
            assert row.deescalate_if_dlts_at_least == min(n // 2, expected["eliminate_if_ge"][k] or n)
        else:
            assert row.deescalate_if_dlts_at_least == expected["deescalate_if_ge"][k], n
        assert row.eliminate_if_dlts_at_least == expected["eliminate_if_ge"][k], n
        if "stop_boundary" in outputs:
            assert row.stop_at_lowest_if_dlts_at_least == stops[k], n


@pytest.mark.parametrize("case", cases("boin_select_mtd"), ids=lambda case: case["id"])
def test_selection_is_that_of_the_authors_software(case: dict[str, Any]) -> None:
    """Source: BOIN 2.7.2 `select.mtd`; the MTD exactly, estimates, limits and Pr(overdose) to 1e-6."""
    inputs, outputs = case["inputs"], case["outputs"]
    design = _boin({**inputs, "p_saf": 0.6 * inputs["target"]}, n_doses=len(inputs["npts"]), max_patients=200)
    tally = Tally.of([inputs["npts"]], [inputs["ntox"]])
    mtd = int(select(design, tally)[0]) + 1
    assert mtd == (0 if outputs["mtd_none"] else outputs["mtd"])
    summary = design.method.summarise(design, tally)
    for values, name in (
        (summary.estimate, "p_iso"),
        (summary.lower, "ci_lower"),
        (summary.upper, "ci_upper"),
        (summary.prob_overdose, "p_overdose"),
    ):
        if name in outputs:
            expected = [np.nan if value is None else value for value in outputs[name]]
            np.testing.assert_allclose(values[0], expected, atol=1e-6)


LARGE = {"boin_oc-manual_example_titration", "boin_oc-manual_example_20x3"}
"""Of 60 patients: their automata take tens of seconds."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.slow] if case["id"] in LARGE else [], id=case["id"])
        for case in cases("boin_oc")
    ],
)
def test_exact_characteristics_agree_with_simulated_ones(case: dict[str, Any]) -> None:
    """Source: BOIN 2.7.2 `get.oc`, 20,000 trials; within 4 of its Monte-Carlo errors, 17 cases x about 20 figures."""
    inputs, outputs = case["inputs"], case["outputs"]
    design = _boin(
        inputs,
        n_doses=len(inputs["p_true"]),
        max_patients=inputs["ncohort"] * inputs["cohortsize"],
        cohort_size=inputs["cohortsize"],
        start_level=1 if inputs["titration"] else inputs["startdose"],
    )
    truth = esc.Scenario(name="truth", dlt=tuple(inputs["p_true"]))
    try:
        found = simulate([design], [truth], exact=True).designs[0].characteristics
    except esc.TooLargeError:
        # Titration and 60 patients: 14 million states. 200,000 trials add a tenth to the variance of the difference.
        found = simulate([design], [truth], trials=200_000, seed=1).designs[0].characteristics
    # A share seen in none of 20,000 trials has no error of its own; 20 / 20,000 bounds it with near certainty.
    floor = 4 * np.sqrt(20) / 20_000

    def agree(ours: list[float], theirs: list[float], errors: list[float], scale: float = 1.0) -> None:
        assert np.all(np.abs(np.array(ours) * scale - theirs) <= np.maximum(4 * np.array(errors), floor * scale))

    agree([x for x, _ in found.of(0, "selected")], outputs["sel_percent"], outputs["sel_percent_se"], 100)
    agree([found.value(0, "selected_none")], [outputs["percent_stop"]], [outputs["percent_stop_se"]], 100)
    agree([x for x, _ in found.of(0, "patients")], outputs["npatients"], outputs["npatients_se"])
    agree([x for x, _ in found.of(0, "dlts")], outputs["ntox"], outputs["ntox_se"])
    agree([found.value(0, "mean_patients")], [outputs["total_n"]], [outputs["total_n_se"]])
    agree([found.value(0, "mean_dlts")], [outputs["total_tox"]], [outputs["total_tox_se"]])
    for share in ("60", "80"):
        ours = found.value(0, f"risk_overdose_{share}_planned")
        agree([ours], [outputs[f"overdose{share}"]], [outputs[f"overdose{share}_se"]], 100)


def test_enumerated_characteristics() -> None:
    """Source: exact enumeration in Python and 20,000 trials in R, dossier interval.md 1, example 5; six decimals."""
    found = simulate(
        [make({"kind": "boin"}, max_patients=24)],
        [esc.Scenario(name="a", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))],
        exact=True,
    )
    oc = found.designs[0].characteristics
    assert [x for x, _ in oc.of(0, "selected")] == pytest.approx(
        [0.0124261, 0.2505886, 0.5104531, 0.2020587, 0.0242626], abs=5e-8
    )
    assert oc.value(0, "selected_none") == pytest.approx(0.0002109, abs=5e-8)
    assert [x for x, _ in oc.of(0, "patients")] == pytest.approx(
        [4.073702, 7.595804, 8.262970, 3.482357, 0.581050], abs=5e-7
    )
    toxic = (
        simulate(
            [make({"kind": "boin"}, 3, max_patients=18)], [esc.Scenario(name="b", dlt=(0.45, 0.55, 0.65))], exact=True
        )
        .designs[0]
        .characteristics
    )
    assert toxic.value(0, "selected_none") == pytest.approx(0.5264288, abs=5e-8)
    assert toxic.of(0, "selected")[0][0] == pytest.approx(0.4247855, abs=5e-8)


def test_published_path() -> None:
    """Source: Han et al. (2019), the worked trial of the BOIN tutorial, by way of escalation's tests."""
    case = next(case for case in cases("published_examples") if case["id"] == "boin_worked_path")
    design = make({"kind": "boin"}, case["inputs"]["num_doses"], target=case["inputs"]["target"], max_patients=60)
    for step in case["outputs"]["sequence"]:
        assert esc.recommend(design, step["outcomes"]).next_level == step["recommended_dose"], step


@pytest.mark.parametrize(
    "case", [c for c in cases("dose_paths") if c["inputs"]["model"] == "boin"], ids=lambda case: case["id"]
)
def test_paths_of_another_package(case: dict[str, Any]) -> None:
    """Source: escalation 0.2.3 `get_dose_paths`, every node."""
    inputs, outputs = case["inputs"], case["outputs"]
    design = make({"kind": "boin"}, inputs["num_doses"], target=inputs["target"])
    for path, dose, goes_on in zip(outputs["path"], outputs["recommended_dose"], outputs["continue"], strict=True):
        outcomes = f"{inputs['previous_outcomes']} {path}".strip()
        if not outcomes or (inputs["next_dose"] and not path):
            continue
        found = esc.recommend(design, outcomes)
        assert found.next_level == (dose if goes_on else None), path


def test_lambdas_of_the_paper() -> None:
    """Source: dossier interval.md 1, example 1 (also BOIN 2.7.2)."""
    for target, lambda_e, lambda_d in ((0.20, 0.157242287, 0.238462439), (0.25, 0.196800871, 0.298392152)):
        cuts = esc.table(make({"kind": "boin"}, target=target)).boundaries
        assert cuts == pytest.approx({"lambda_e": lambda_e, "lambda_d": lambda_d}, abs=1e-9)


def test_titration_completes_the_cohort_of_the_first_dlt() -> None:
    """One patient a level until the first DLT, then the rest of that cohort, then whole cohorts."""
    design = make({"kind": "boin", "titration": True})
    assert (esc.recommend(design).next_level, esc.recommend(design).next_cohort_size) == (1, 1)
    for outcomes, level, size in (
        ("1N", 2, 1),
        ("1N 2N 3T", 3, 2),
        ("1T", 1, 2),
        ("1N 2N 3T 3NN", 3, 3),
        ("1N 2N 3N 4N 5N", 5, 2),
    ):
        found = esc.recommend(design, outcomes)
        assert (found.next_level, found.next_cohort_size) == (level, size), outcomes


@pytest.mark.parametrize("target", [0.05, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.6])
def test_table_is_ordered(target: float) -> None:
    """For any target the cut-offs never cross and never fall as patients are added."""
    rows = esc.table(make({"kind": "boin"}, target=target, max_patients=60)).rows
    for k, row in enumerate(rows):
        assert row.escalate_if_dlts_at_most is not None
        assert row.deescalate_if_dlts_at_least is not None
        assert row.escalate_if_dlts_at_most < row.deescalate_if_dlts_at_least
        if k:
            assert row.escalate_if_dlts_at_most >= (rows[k - 1].escalate_if_dlts_at_most or 0)
        # The DLT rate at each cut lies on its side of the target.
        assert (
            Fraction(int(row.escalate_if_dlts_at_most), row.patients)
            < target
            < Fraction(int(row.deescalate_if_dlts_at_least), row.patients)
        )


def test_source_is_named() -> None:
    """The reference values say which version of the software they come from."""
    assert reference("boin_boundary")["source"]["version"] == "2.7.2"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"p_saf": 0.3}, "p_saf"),
        ({"p_saf": 0.29}, "p_saf"),
        ({"p_tox": 0.3}, "p_tox"),
        ({"p_tox": 0.32}, "p_tox"),
        ({"p_saf": 0.0}, "p_saf"),
    ],
)
def test_cuts_on_the_wrong_side_are_refused(settings: dict[str, float], field: str) -> None:
    """p_saf < target < p_tox, with room between them."""
    with pytest.raises(esc.DesignError, match=f"method.{field}"):
        make({"kind": "boin", **settings})
