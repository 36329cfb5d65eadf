"""Ask the product a vector's question, the way a user does: through the public Python functions, or from a design file."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import Decisions, decide
from escalate.core.follow_up import FollowUp
from escalate.core.method import ModelMethod
from escalate.core.tally import States, Tally

Question = Mapping[str, Any]
Answer = dict[str, Any]


def answer(question: Question) -> Answer:
    """Return the product's answer, with every field that its kind of question has.

    Raises
    ------
    EscalateError
        Where the product refuses to answer.
    """
    return KINDS[question["kind"]](question)


def _design(question: Question) -> esc.Design:
    return esc.Design.from_dict(question["design"])


def _table(question: Question) -> Answer:
    found = esc.table(_design(question))
    rows = {row.patients: row for row in found.rows}
    wanted = [rows[n] for n in question["patients"]]
    columns = (
        "escalate_if_dlts_at_most",
        "deescalate_if_dlts_at_least",
        "eliminate_if_dlts_at_least",
        "stop_at_lowest_if_dlts_at_least",
    )
    return {**found.boundaries, **{name: [getattr(row, name) for row in wanted] for name in columns}}


def _doses(rows: Any) -> Answer:
    names = ("estimate", "lower", "upper", "prob_overdose", "allowed")
    return {name: [getattr(row, name) for row in rows] for name in names}


def _recommend(question: Question) -> Answer:
    found = esc.recommend(_design(question), question["outcomes"] or None)
    return {
        "action": str(found.action),
        "next_level": found.next_level,
        "next_cohort_size": found.next_cohort_size,
        "mtd_level": found.mtd_level,
        **_doses(found.doses),
    }


def _recommend_each(question: Question) -> Answer:
    design = _design(question)
    found = [esc.recommend(design, text or None) for text in question["outcomes"]]
    return {
        "action": [str(each.action) for each in found],
        "next_level": [each.next_level for each in found],
        "next_cohort_size": [each.next_cohort_size for each in found],
        "mtd_level": [each.mtd_level for each in found],
    }


def _select(question: Question) -> Answer:
    found = esc.select(_design(question), question["outcomes"])
    return {"mtd_level": found.mtd_level, **_doses(found.doses)}


def _decisions(question: Question) -> Answer:
    """Ask for many tallies at once, each with its last cohort at one level: what `recommend` asks for one."""
    design, dose = _design(question), question["level"] - 1
    if "tallies" in question:
        tallies = question["tallies"]
        n, dlt = (np.array([each[name] for each in tallies], dtype=np.int64) for name in ("patients", "dlts"))
    else:
        n, dlt = (np.zeros((len(question["patients"]), design.n_doses), dtype=np.int64) for _ in range(2))
        n[:, dose], dlt[:, dose] = question["patients"], question["dlts"]
    counts = np.stack([n - dlt, dlt], axis=-1)
    states = States(Tally(counts), np.full(len(counts), dose), counts[:, dose])
    following = decide(design, states).next.tolist()
    return {
        "action": [_action(to, dose) for to in following],
        "next_level": [None if to == NONE else to + 1 for to in following],
    }


def _action(to: int, dose: int) -> str:
    return "stop" if to == NONE else ("de-escalate", "stay", "escalate")[int(np.sign(to - dose)) + 1]


def _simulate(question: Question) -> Answer:
    scenario = esc.Scenario(name="conformance", dlt=tuple(question["scenario"]["dlt"]))
    found = esc.simulate([_design(question)], [scenario], exact=True).designs[0].characteristics
    by_dose = {name: [float(value) for value, _ in found.of(0, name)] for name in ("selected", "patients", "dlts")}
    alone = {name: float(found.value(0, name)) for name in ("selected_none", "mean_patients", "mean_dlts")}
    return {**by_dose, **alone}


def _paths(question: Question) -> Answer:
    tree = esc.paths(_design(question), sizes=question["sizes"], cohorts=len(question["sizes"]))
    found = {_in_order(node.path): node.next_level for node in tree.nodes}
    return {"next_level": [found[_in_order(path)] for path in question["outcomes"]]}


def _in_order(path: str) -> str:
    """Return an outcome string with the patients of each cohort in one order: theirs tells nothing."""
    return " ".join("".join(sorted(cohort)) for cohort in path.split())


def _follow_up(question: Question) -> Answer:
    """Ask for patients some of whom are pending; the last cohort is one patient at the highest level given."""
    design, patients = _design(question), question["patients"]
    tally, highest, found = _followed(design, patients)
    following = int(found.next[0])
    assert isinstance(design.method, ModelMethod)
    return {
        "action": "wait" if found.waits[0] else _action(following, highest),
        "estimate": design.method.estimate_doses(design, tally)[0].tolist(),
        "next_level": None if following == NONE else following + 1,
    }


def _follow_up_each(question: Question) -> Answer:
    """Ask the same for several groups of patients; of any method."""
    design = _design(question)
    actions, following = [], []
    for patients in question["patients"]:
        _, highest, found = _followed(design, patients)
        to = int(found.next[0])
        actions.append("wait" if found.waits[0] else _action(to, highest))
        following.append(None if to == NONE else to + 1)
    return {"action": actions, "next_level": following}


def _followed(design: esc.Design, patients: Sequence[Mapping[str, Any]]) -> tuple[Tally, int, Decisions]:
    """Return the tally of the patients, the dose of the last of them, and what follows."""
    counts = np.zeros((1, design.n_doses, 2), dtype=np.int64)
    for patient in patients:
        counts[0, patient["level"] - 1, int(patient["dlt"])] += 1
    waiting = [patient for patient in patients if not patient["dlt"] and patient["follow_up"] < 1]
    pending = FollowUp(
        np.array([[patient["level"] - 1 for patient in waiting]], dtype=np.int64),
        np.array([[patient["follow_up"] for patient in waiting]], dtype=np.float64),
        np.array([[patient["follow_up"] for patient in patients if patient["dlt"]]], dtype=np.float64),
    )
    tally = Tally(counts, pending)
    highest = max(patient["level"] for patient in patients) - 1
    return tally, highest, decide(design, States(tally, np.array([highest]), np.array([[1, 0]])))


def _refuse(question: Question) -> Answer:
    """Read the design from a file, and the data where there are any: which settings are at fault."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "design.yaml"
        # Every JSON text is a YAML text.
        path.write_text(json.dumps(question["design"], indent=1), encoding="utf-8")
        try:
            design = esc.load_design(path)
            if "outcomes" in question:
                esc.recommend(design, question["outcomes"])
        except esc.EscalateError as fault:
            said = [line.removeprefix(str(path)) for line in str(fault).splitlines()]
            fields = [found[1] for line in said if (found := re.match(r"(?::\d+)? ?([\w.\[\]]+):", line))]
            return {"refused": True, "fields": list(dict.fromkeys(fields))}
    return {"refused": False, "fields": []}


KINDS: Final[dict[str, Callable[[Question], Answer]]] = {
    "table": _table,
    "recommend": _recommend,
    "recommend_each": _recommend_each,
    "select": _select,
    "decisions": _decisions,
    "simulate": _simulate,
    "paths": _paths,
    "follow_up": _follow_up,
    "follow_up_each": _follow_up_each,
    "refuse": _refuse,
}
