"""What the tests of the toxicity interval designs share: another package's decisions, asked of our designs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

import escalate as esc
from escalate.core.decision import decide, select
from escalate.core.tally import States, Tally
from tests.helpers import cases, make

Departures = dict[str, dict[tuple[int, int], str]]
"""Case, then (patients, DLTs), then our decision where it is not the reference's."""


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    """Return the cases of one kind in a file of reference values."""
    return [case for case in cases(name) if case["inputs"]["kind"] == kind]


def design_of(kind: str, inputs: dict[str, Any], n_doses: int, **method: Any) -> esc.Design:
    """Return the design that a reference case describes, with both safety rules at its cut-off and under its prior."""
    cutoff = float(inputs["exclusion_certainty"])
    settings: dict[str, Any] = {"kind": kind, **method}
    names = {"k1": "k1", "k2": "k2", "epsilon1": "epsilon_low", "epsilon2": "epsilon_high"}
    settings |= {ours: float(inputs[theirs]) for theirs, ours in names.items() if theirs in inputs}
    if "alpha" in inputs and inputs["kind"] != "mtd_selection":
        settings["prior"] = (float(inputs["alpha"]), float(inputs["beta"]))
    prior = settings.get("prior", (0.005, 0.005) if kind == "tpi" else (1.0, 1.0))
    rules = (
        {"kind": "eliminate", "cutoff": cutoff, "min_patients": 2, "prior": prior},
        {"kind": "lowest_dose_too_toxic", "cutoff": cutoff, "basis": "beta_binomial", "prior": prior},
    )
    return make(settings, n_doses, target=inputs["target"], max_patients=60, rules=rules)


def states_at(n_doses: int, dose: int, n: list[int], dlt: list[int]) -> States:
    """Return states with n patients and dlt DLTs at a dose, 0-based, and nothing elsewhere."""
    counts = np.zeros((len(n), n_doses, 2), dtype=np.int64)
    counts[:, dose, 0], counts[:, dose, 1] = np.array(n) - np.array(dlt), dlt
    return States(Tally(counts), np.full(len(n), dose), counts[:, dose])


def decisions(design: esc.Design, dose: int, n: list[int], dlt: list[int]) -> list[str]:
    """Return E, S, D or STOP for each number of patients and DLTs at a dose, 0-based."""
    following = decide(design, states_at(design.n_doses, dose, n, dlt)).next
    return ["STOP" if to < 0 else "DSE"[int(np.sign(to - dose)) + 1] for to in following.tolist()]


def assert_table(kind: str, case: dict[str, Any], departures: Departures) -> None:
    """Every row of a reference decision table, but for the departures listed, and each of those."""
    inputs, outputs = case["inputs"], case["outputs"]
    found = decisions(design_of(kind, inputs, inputs["num_doses"]), inputs["last_dose"] - 1, outputs["n"], outputs["y"])
    ours = departures.get(case["id"], {})
    rows = list(zip(outputs["n"], outputs["y"], outputs["decision"], strict=True))
    assert set(ours) <= {(n, y) for n, y, _ in rows}
    assert all(ours[n, y] != decision for n, y, decision in rows if (n, y) in ours)
    assert found == [ours.get((n, y), decision) for n, y, decision in rows]


def assert_next_dose(kind: str, case: dict[str, Any]) -> None:
    """The next dose where the one above has data that may exclude it."""
    inputs = case["inputs"]
    design = design_of(kind, inputs, inputs["num_doses"])
    dose = inputs["last_dose"] - 1
    states = states_at(design.n_doses, dose, [inputs["n_current"]], [inputs["y_current"]])
    counts = states.tally.counts.copy()
    counts[0, dose + 1] = [inputs["n_next"] - inputs["y_next"], inputs["y_next"]]
    following = decide(design, States(Tally(counts), states.dose, counts[:, dose])).next
    assert int(following[0]) + 1 == case["outputs"]["recommended_dose"]


def selected(kind: str, case: dict[str, Any]) -> int | None:
    """Return our MTD, a level from 1, for a reference case of selection; a prior of 0 is taken as 1e-6."""
    inputs = case["inputs"]
    design = design_of(
        kind,
        inputs,
        len(inputs["n"]),
        mtd_prior=(max(float(inputs["alpha"]), 1e-6), max(float(inputs["beta"]), 1e-6)),
        mtd_among="tried" if inputs["pava_just_tested_doses"] else "all",
    )
    level = int(select(design, Tally.of([inputs["n"]], [inputs["y"]]))[0]) + 1
    return level or None


def tail(target: float, n: int, dlt: int, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return Pr(p > target | data) by SciPy."""
    return float(stats.beta.sf(target, prior[0] + dlt, prior[1] + n - dlt))


def masses_by_scipy(edges: list[float], n: int, dlt: int, prior: tuple[float, float] = (1.0, 1.0)) -> Any:
    """Return the posterior mass of each interval by SciPy."""
    return np.diff(stats.beta.cdf(edges, prior[0] + dlt, prior[1] + n - dlt))


def actions(design: esc.Design, n: int, dose: int = 0) -> str:
    """Return the table's row for n patients as E, S and D by number of DLTs, without any rule."""
    return "".join("DSE"[action + 1] for action in design.method.actions(design, n, dose).tolist())  # type: ignore[attr-defined]


def assert_monotone(design: esc.Design, n_max: int = 20) -> None:
    """More DLTs among the same patients never raise the action, at any dose."""
    for dose in range(design.n_doses):
        for n in range(1, n_max + 1):
            row = actions(design, n, dose)
            assert row == "".join(sorted(row, key="ESD".index)), (n, dose, row)


def cut_offs(row: str) -> tuple[int | None, int | None]:
    """Return the most DLTs that escalate and the fewest that de-escalate in a row of actions."""
    return (row.rindex("E") if "E" in row else None), (row.index("D") if "D" in row else None)


def assert_published_path(kind: str, identifier: str, departures: dict[str, int | None] | None = None) -> None:
    """Every recommendation of a published decision figure or table, but for the departures listed, and each of those."""
    case = next(case for case in cases("published_examples") if case["id"] == identifier)
    design = make({"kind": kind}, case["inputs"]["num_doses"], target=case["inputs"]["target"], max_patients=60)
    departures = departures or {}
    seen = set()
    for step in case["outputs"]["sequence"]:
        expected = departures.get(step["outcomes"], step["recommended_dose"])
        if step["outcomes"] in departures:
            seen.add(step["outcomes"])
            assert expected != step["recommended_dose"]
        assert esc.recommend(design, step["outcomes"]).next_level == expected, step
    assert seen == set(departures)


def published_oc(kind: str, identifier: str) -> tuple[dict[str, Any], Any]:
    """Return a published table of operating characteristics and ours, exact, in cohorts of three."""
    case = next(case for case in cases("published_examples") if case["id"] == identifier)
    inputs = case["inputs"]
    design = make({"kind": kind}, inputs["num_doses"], target=inputs["target"], max_patients=inputs["max_n"])
    truth = [esc.Scenario(name="published", dlt=tuple(inputs["true_prob_tox"]))]
    return case["outputs"], esc.simulate([design], truth).designs[0].characteristics
