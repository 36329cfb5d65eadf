"""Every path of every patient, whole history kept: a second way to what the engines merge and count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.decision import stop_codes
from escalate.core.tally import States, Tally
from escalate.engine.automaton import compile_design

History = list[tuple[int, int, int]]
"""Cohorts of a trial so far: dose (0-based), patients, DLTs."""
End = tuple[tuple[int, ...], tuple[int, ...], int, frozenset[str]]
"""A final state: patients and DLTs by dose, MTD, and the codes of what ended the trial."""


def in_all(history: History) -> tuple[int, int]:
    """Return patients and DLTs of the trial."""
    return sum(m for _, m, _ in history), sum(k for _, _, k in history)


def at(history: History, dose: int) -> tuple[int, int]:
    """Return patients and DLTs at a dose."""
    return in_all([cohort for cohort in history if cohort[0] == dose])


def last_all_at(history: History, dose: int, cohorts: int) -> bool:
    """Return whether the last so many cohorts, and there were as many, all had a dose."""
    return len(history) >= cohorts and all(given == dose for given, _, _ in history[-cohorts:])


@dataclass(frozen=True)
class Protocol:
    """The rules of a design once more, each as a sentence about the whole history.

    Parameters
    ----------
    forbids, bars
        Doses forbidden, with the code of who does; those in `bars` cannot be the MTD either.
    stops, safety
        Codes of what ends the trial, given the dose that would follow; those in `safety` cannot be held back.
    holds
        Whether the trial may not end yet, given the history and the MTD that it would select.
    size
        Patients in the next cohort, given the dose.
    """

    forbids: Callable[[History], dict[int, str]] = lambda _: {}
    bars: Callable[[History], set[int]] = lambda _: set()
    stops: Callable[[History, int], set[str]] = lambda _, __: set()
    safety: Callable[[History, int], set[str]] = lambda _, __: set()
    holds: Callable[[History, int], bool] = lambda _, __: False
    size: Callable[[History, int], int] | None = None


def brute_force(design: esc.Design, protocol: Protocol, truth: tuple[Fraction, ...]) -> dict[End, Fraction]:
    """Return the probability of every final state; of the design only the method and the frame are used."""
    final: dict[End, Fraction] = {}

    def tally_of(history: History) -> Tally:
        doses = range(design.n_doses)
        counts = [at(history, dose) for dose in doses]
        return Tally.of([[n for n, _ in counts]], [[y for _, y in counts]])

    def selected(history: History) -> int:
        allowed = np.array([[dose not in protocol.bars(history) for dose in range(design.n_doses)]])
        return int(design.method.select(design, tally_of(history), allowed)[0])

    def ends(history: History) -> tuple[int, set[str]]:
        dose, m, k = history[-1]
        states = States(tally_of(history), np.array([dose]), np.array([[m - k, k]]))
        wanted = int(design.method.decide(design, states).next[0])
        forbidden = protocol.forbids(history)
        following = max((d for d in range(wanted + 1) if d not in forbidden), default=NONE)
        codes = protocol.safety(history, following)
        if not protocol.holds(history, selected(history)):
            codes = codes | protocol.stops(history, following)
        if following == NONE and wanted != NONE:
            codes = codes | {forbidden[0]}
        if wanted == NONE:
            codes = codes | {"method_complete"}
        if in_all(history)[0] >= design.max_patients:
            codes = codes | {"max_patients"}
        return following, codes

    def follow(history: History, dose: int, mass: Fraction) -> None:
        size = protocol.size(history, dose) if protocol.size else design.cohort_size
        m = min(size, design.max_patients - in_all(history)[0])
        for k in range(m + 1):
            after = [*history, (dose, m, k)]
            p = mass * comb(m, k) * truth[dose] ** k * (1 - truth[dose]) ** (m - k)
            following, codes = ends(after)
            if codes:
                tally = tally_of(after)
                end = (tuple(tally.n[0].tolist()), tuple(tally.dlt[0].tolist()), selected(after), frozenset(codes))
                final[end] = final.get(end, Fraction(0)) + p
            else:
                follow(after, following, p)

    follow([], design.start_dose, Fraction(1))
    return final


def by_automaton(design: esc.Design, truth: tuple[Fraction, ...]) -> dict[End, Fraction]:
    """Return the same from the compiled automaton, as rational numbers."""
    end, codes = compile_design(design).terminals, stop_codes(design)
    found: dict[End, Fraction] = {}
    for t in range(len(end)):
        n, y = end.tally.n[t].tolist(), end.tally.dlt[t].tolist()
        mass = Fraction(int(end.paths[t]))
        for p, k, m in zip(truth, y, n, strict=True):
            mass *= p**k * (1 - p) ** (m - k)
        why = frozenset(code for k, code in enumerate(codes) if int(end.stops[t]) >> k & 1)
        found[tuple(n), tuple(y), int(end.selected[t]), why] = mass
    return found
