"""States that a statistician would question, found by walking every reachable one: what `check` and the atlas show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.decision import stop_codes
from escalate.core.design import Design
from escalate.core.outcome import BINARY, burden_units, rate_word
from escalate.core.plan import exact
from escalate.engine.automaton import Automaton
from escalate.engine.outcomes import outcomes, worsenings

TOO_TOXIC = -1
"""The 'dose' that follows where the trial ends with no dose, or a dose below all: it orders below every level."""
ENDED = -2
"""Where the trial ends for another reason: not to be compared."""


@dataclass(frozen=True, eq=False)
class Mark:
    """Reachable states of one kind.

    Parameters
    ----------
    code, text
        What they are, for programs and for people.
    where
        The outcomes of the next cohort that are meant, by state, shape (S, K); where `before`, the state is meant whatever its
        cohort shows, and only the first outcome is marked.
    warning
        Whether `check` fails because of it.
    """

    code: str
    text: str
    where: Mask
    warning: bool = False
    before: bool = False


def marks(design: Design, automaton: Automaton) -> Iterator[Mark]:
    """Yield each kind of questionable state that a design reaches."""
    for mark in all_marks(design, automaton, next_doses(design, automaton)):
        if mark.where.any():
            yield mark


def all_marks(design: Design, automaton: Automaton, following: IntArray) -> Iterator[Mark]:
    """Yield each kind of questionable state that `check` looks for, reached or not, given the doses that follow (S, K)."""
    escalates = automaton.occurs & (following > automaton.dose[:, None])
    size, burden = automaton.size[:, None], burdens(design, automaton)
    if design.target is not None:
        goal, whole = exact(design.target), burden_units(design.outcomes)[1]
        toxic = burden * goal.denominator >= size * whole * goal.numerator
        yield Mark(
            "incoherent",
            f"escalates right after a cohort whose {rate_word(design.outcomes)} is at or above the target {design.target:g}",
            escalates & toxic,
        )
        yield after_all_dlts(automaton, following)
    worse = (
        "one more DLT in the cohort" if design.outcomes == BINARY else "a worse outcome of one patient in the cohort"
    )
    yield Mark(
        "not_monotone",
        f"gives a higher dose after {worse}",
        _rises(automaton, following),
        warning=True,
    )
    if design.n_doses > 1:
        yield Mark(
            "rigid",
            "gives the same dose again whatever the next cohort shows",
            _rigid(automaton, following),
            before=True,
        )


def after_all_dlts(automaton: Automaton, following: IntArray) -> Mark:
    """Mark escalations right after a cohort of two or more, all with a DLT."""
    size = automaton.size[:, None]
    escalates = automaton.occurs & (following > automaton.dose[:, None])
    return Mark(
        "escalates_after_all_dlts",
        "escalates right after a cohort in which every patient had a DLT",
        escalates & (dlts(automaton) == size) & (size > 1),
    )


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


def _of_outcomes(automaton: Automaton, weights: IntArray) -> IntArray:
    """Return the weighted count of each outcome of each state's next cohort, weights by category (C,); shape (S, K)."""
    by_size = np.zeros((int(automaton.size.max()) + 1, automaton.child.shape[1]), dtype=np.int64)
    for m in np.unique(automaton.size).tolist():
        table = outcomes(m, automaton.n_categories)[0]
        by_size[m, : len(table)] = table @ weights
    return by_size[automaton.size]


def burdens(design: Design, automaton: Automaton) -> IntArray:
    """Return the burden of each outcome of each state's next cohort, in whole units; shape (S, K)."""
    return _of_outcomes(automaton, burden_units(design.outcomes)[0])


def dlts(automaton: Automaton) -> IntArray:
    """Return the DLTs in each outcome of each state's next cohort; shape (S, K)."""
    return _of_outcomes(automaton, np.arange(automaton.n_categories) // (automaton.n_categories - 1))


def _rises(automaton: Automaton, following: IntArray) -> Mask:
    """Mark outcomes that lead to a higher dose than one in which a patient fares better by one category."""
    marked = np.zeros(following.shape, dtype=bool)
    for m in np.unique(automaton.size).tolist():
        rows = np.flatnonzero(automaton.size == m)
        for better, worse in worsenings(m, automaton.n_categories):
            fewer, more = following[rows, better], following[rows, worse]
            marked[rows, worse] |= (more > fewer) & (fewer >= TOO_TOXIC)
    return marked


def _rigid(automaton: Automaton, following: IntArray) -> Mask:
    """Mark states that give the same dose again whatever a cohort of two or more shows."""
    same = np.where(automaton.occurs, following == automaton.dose[:, None], True).all(axis=1)
    marked = np.zeros(following.shape, dtype=bool)
    marked[:, 0] = same & (automaton.size > 1)
    return marked
