"""Walk every reachable state of a design and name those a statistician would question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.errors import TooLargeError
from escalate.core.plan import exact
from escalate.engine.automaton import Automaton, compile_design

CHECK_STATES = 1_500_000
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """Something to question: a code, a sentence, whether it makes the check fail, and outcome strings that show it."""

    code: str
    text: str
    warning: bool
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """What `check` found."""

    design: Design
    findings: tuple[Finding, ...]
    n_states: int | None

    @property
    def passed(self) -> bool:
        """Whether nothing is questionable."""
        return not any(finding.warning for finding in self.findings)


def check(design: Design, max_states: int = CHECK_STATES) -> Check:
    """Return what a statistician would question in a design that can be run."""
    faults = list(design.method.cannot_run(design))
    if faults:
        found = [Finding("cannot_run", f"method.{fault.field}: {fault.text}", warning=True) for fault in faults]
        return Check(design, tuple(found), None)
    findings = [Finding("doubt", doubt, warning=True) for doubt in design.method.doubts(design)]
    try:
        automaton = compile_design(design, max_states)
    except TooLargeError as large:
        findings.append(Finding("not_walked", f"the reachable states were not walked: {large}", warning=False))
        return Check(design, tuple(findings), None)
    findings += _walked(design, automaton)
    return Check(design, tuple(findings), automaton.n_states + len(automaton.terminals))


def _walked(design: Design, automaton: Automaton) -> list[Finding]:
    following = next_doses(design, automaton)
    seen = np.arange(following.shape[1]) <= automaton.size[:, None]
    dose = automaton.dose[:, None]
    findings = []

    target = design.target
    if target is not None:
        goal = exact(target)
        dlt = np.arange(following.shape[1])
        toxic = dlt * goal.denominator >= automaton.size[:, None] * goal.numerator
        findings += _report(
            automaton, seen & toxic & (following > dose), "incoherent",
            f"escalates right after a cohort whose DLT rate is at or above the target {target:g}", warning=False,
        )  # fmt: skip
        full = dlt == automaton.size[:, None]
        findings += _report(
            automaton, seen & full & (automaton.size[:, None] > 1) & (following > dose), "escalates_after_all_dlts",
            "escalates right after a cohort in which every patient had a DLT", warning=False,
        )  # fmt: skip
    fewer, more = following[:, :-1], following[:, 1:]
    rises = np.zeros_like(seen)
    rises[:, 1:] = seen[:, 1:] & (more > fewer) & (fewer >= TOO_TOXIC)
    findings += _report(
        automaton, rises, "not_monotone", "gives a higher dose after one more DLT in the cohort", warning=True
    )
    if design.n_doses > 1:
        findings += _rigid(automaton, following, seen)
    if not (automaton.terminals.selected == NONE).any():
        text = "no outcome ends the trial without an MTD: nothing stops it when every dose is too toxic"
        findings.append(Finding("no_safety_stop", text, warning=False))
    return findings


TOO_TOXIC = -1
"""The 'dose' that follows where the trial ends with no dose, or a dose below all: it orders below every level."""
ENDED = -2
"""Where the trial ends for another reason: not to be compared."""


def next_doses(design: Design, automaton: Automaton) -> IntArray:
    """Return the dose after each outcome of each state, `TOO_TOXIC` or `ENDED` at the end; shape (S, K)."""
    terminals, codes = automaton.terminals, stop_codes(design)
    safety = np.zeros(len(terminals), dtype=bool)
    for k, code in enumerate(codes):
        if any(rule.kind == code and rule.about_safety for rule in design.rules):
            safety |= (terminals.stops >> k & 1).astype(bool)
    end = np.where(safety & (terminals.selected == NONE), TOO_TOXIC, ENDED)
    child = automaton.child.astype(np.int64)
    return np.where(
        child > 0, automaton.dose[np.maximum(child, 0)], np.where(child < 0, end[np.where(child < 0, ~child, 0)], ENDED)
    )


def _rigid(automaton: Automaton, following: IntArray, seen: Mask) -> list[Finding]:
    """Find states that give the same dose again whatever a cohort of two or more shows."""
    size = automaton.size
    last = following[np.arange(len(size)), size]
    stuck = (size > 1) & (following[:, 0] == automaton.dose) & (last == automaton.dose)
    same = np.where(seen, following == automaton.dose[:, None], True).all(axis=1)
    rows = np.flatnonzero(stuck & same)
    marked = np.zeros_like(seen)
    marked[rows, 0] = True
    return _report(
        automaton,
        marked,
        "rigid",
        "gives the same dose again whatever the next cohort shows",
        warning=False,
        before=True,
    )


def _report(
    automaton: Automaton, marked: Mask, code: str, text: str, *, warning: bool, before: bool = False
) -> list[Finding]:
    found = np.argwhere(marked)
    if not len(found):
        return []
    # Fewest patients first: the states most likely to be met.
    patients = [sum(n for _, n, _ in automaton.path_to(int(state))) for state, _ in found[:2000]]
    order = np.argsort(patients, kind="stable")[:SHOWN]
    examples = []
    for state, outcome in found[order]:
        cohorts = automaton.path_to(int(state))
        if not before:
            cohorts = [*cohorts, (int(automaton.dose[state]), int(automaton.size[state]), int(outcome))]
        examples.append(outcome_string(cohorts) or "(before the first patient)")
    n = len(found)
    return [Finding(code, f"{text}: {n:,} reachable state{'s' if n > 1 else ''}", warning, tuple(examples))]


def outcome_string(cohorts: list[tuple[int, int, int]]) -> str:
    """Return cohorts (dose, patients, DLTs) as the field writes them.

    Examples
    --------
    >>> outcome_string([(0, 3, 0), (1, 3, 1)])
    '1NNN 2NNT'
    """
    return " ".join(f"{dose + 1}{'N' * (n - dlt)}{'T' * dlt}" for dose, n, dlt in cohorts)
