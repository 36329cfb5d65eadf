"""Walk every reachable state of a design and name those a statistician would question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE
from escalate.core.design import Design
from escalate.core.errors import TooLargeError
from escalate.core.patients import outcome_string
from escalate.core.shown import Shown
from escalate.engine.automaton import Automaton, compile_design
from escalate.study.marks import Mark, marks

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
class Check(Shown):
    """What `check` found."""

    design: Design
    findings: tuple[Finding, ...]
    n_states: int | None

    def __repr__(self) -> str:
        return f"Check({self.design.title!r}: {'passed' if self.passed else 'questionable'}, {len(self.findings)} findings)"

    @property
    def passed(self) -> bool:
        """Whether nothing is questionable."""
        return not any(finding.warning for finding in self.findings)


def check(design: Design, max_states: int = CHECK_STATES, *, automaton: Automaton | None = None) -> Check:
    """Return what a statistician would question in a design that can be run.

    Parameters
    ----------
    max_states
        Reachable states beyond which they are not walked, and the answer says so.
    automaton
        The design compiled, where that has been done already.
    """
    faults = list(design.method.cannot_run(design))
    if faults:
        found = [Finding("cannot_run", f"method.{fault.field}: {fault.text}", warning=True) for fault in faults]
        return Check(design, tuple(found), None)
    doubts = [*design.method.doubts(design), *(doubt for rule in design.rules for doubt in rule.doubts(design))]
    doubts += design.backfill.doubts(design) if design.backfill is not None else ()
    doubts += _same_labels(design)
    findings = [Finding("doubt", doubt, warning=True) for doubt in doubts]
    try:
        automaton = automaton or compile_design(design, max_states)
    except TooLargeError as large:
        about = str(large).partition(";")[0]
        text = f"the reachable states were not walked, so nothing is known of what the design does in them: {about}"
        findings.append(Finding("not_walked", text, warning=False))
        return Check(design, tuple(findings), None)
    findings += [_finding(design, automaton, mark) for mark in marks(design, automaton)]
    if not (automaton.terminals.selected == NONE).any():
        text = "no outcome ends the trial without an MTD: nothing stops it when every dose is too toxic"
        findings.append(Finding("no_safety_stop", text, warning=True))
    findings += _first_dlt(design, automaton)
    return Check(design, tuple(findings), automaton.n_states + len(automaton.terminals))


def _same_labels(design: Design) -> Iterator[str]:
    """Yield a sentence for each label that several levels have."""
    labels = design.doses.labels or ()
    for label in dict.fromkeys(labels):
        levels = [str(level) for level, other in enumerate(labels, start=1) if other == label]
        if len(levels) > 1:
            yield (
                f"doses.labels: levels {' and '.join((', '.join(levels[:-1]), levels[-1]))} have the same label, '{label}'; "
                "give each level a label of its own"
            )


def _first_dlt(design: Design, automaton: Automaton) -> list[Finding]:
    """Note a trial that one DLT in its first cohort ends without an MTD."""
    size = int(automaton.size[0])
    for outcome in np.flatnonzero(automaton.occurs[0]).tolist():
        cohort = automaton.cohort(0, outcome)
        child = int(automaton.child[0, outcome])
        ends = child < 0 and automaton.terminals.selected[~child] == NONE
        if ends and cohort[1][-1] == 1 and sum(cohort[1][1:]) == 1:
            text = f"one DLT among the first {size} patients ends the trial without an MTD" if size > 1 else (
                "a DLT in the first patient ends the trial without an MTD"
            )  # fmt: skip
            return [Finding("stops_on_first_dlt", text, False, (outcome_string([cohort], design.outcomes),))]
    return []


def _finding(design: Design, automaton: Automaton, mark: Mark) -> Finding:
    found = np.argwhere(mark.where)
    # Fewest patients first: the states most likely to be met.
    patients = [sum(sum(counts) for _, counts in automaton.path_to(int(state))) for state, _ in found[:2000]]
    order = np.argsort(patients, kind="stable")[:SHOWN]
    examples = [example(design, automaton, mark, int(state), int(outcome)) for state, outcome in found[order]]
    n = len(found)
    return Finding(
        mark.code, f"{mark.text}: {n:,} reachable state{'s' if n > 1 else ''}", mark.warning, tuple(examples)
    )


def example(design: Design, automaton: Automaton, mark: Mark, state: int, outcome: int) -> str:
    """Return an outcome string that reaches a marked state, its marked cohort included unless the mark is of the state."""
    cohorts = automaton.path_to(state)
    if not mark.before:
        cohorts = [*cohorts, automaton.cohort(state, outcome)]
    return outcome_string(cohorts, design.outcomes) or "(before the first patient)"
