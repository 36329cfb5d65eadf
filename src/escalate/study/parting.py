"""Walk two designs side by side, as long as they agree, and find where they part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from escalate.core.arrays import NONE, AnyArray, IntArray
from escalate.core.decision import carried, cohort_size, cohorts_counted, decide, select_at_stop
from escalate.core.design import Design
from escalate.core.patients import outcome_string
from escalate.core.tally import States, Tally
from escalate.engine.automaton import state_keys
from escalate.engine.outcomes import number_of_outcomes, outcomes

MAX_SITUATIONS: Final = 2_000_000
WHATS: Final = ("", "next_level", "cohort_size", "stop", "mtd")
"""What differs, by code; the first is nothing."""


@dataclass(frozen=True)
class Parting:
    """Outcomes after which two designs answer differently, and in what."""

    outcomes: str
    patients: int
    what: str


@dataclass(frozen=True)
class Partings:
    """The shortest partings; how many situations were compared, and in how many the answers differ; and how far."""

    partings: tuple[Parting, ...]
    compared: int
    differing: int
    up_to: int | None


@dataclass(frozen=True, eq=False)
class _Layer:
    """States of one number of patients that both designs reach together; `rows` count cohorts in a row, one a design."""

    counts: IntArray
    next: IntArray
    rows: tuple[IntArray, IntArray]
    parent: IntArray
    outcome: IntArray

    def where(self, keep: AnyArray) -> _Layer:
        return _Layer(
            self.counts[keep],
            self.next[keep],
            (self.rows[0][keep], self.rows[1][keep]),
            self.parent[keep],
            self.outcome[keep],
        )


def part(first: Design, second: Design, *, strings: int, limit: int = MAX_SITUATIONS) -> Partings:
    """Return where two designs of the same levels and outcomes part.

    Situations are compared by number of patients; of those that differ the shortest are given, and of these the ones with the
    fewest DLTs. States that are equal for both designs are merged.
    """
    pair = (first, second)
    start = _start(pair)
    if start is not None:
        return Partings((Parting("", 0, start),), 1, 1, None)
    walked = _Walked(pair)
    found: dict[int, list[Parting]] = defaultdict(list)
    compared, differing = 1, 0
    none = np.zeros(1, dtype=np.int64)
    counts = np.zeros((1, first.n_doses, len(first.outcomes)), dtype=np.int64)
    waiting: dict[int, list[_Layer]] = defaultdict(list)
    waiting[0] = [_Layer(counts, np.array([first.start_dose]), (none, none), none - 1, none)]
    while waiting:
        patients = min(waiting)
        layer, size = walked.enter(waiting.pop(patients))
        if compared + int(number_of_outcomes(size, len(first.outcomes)).sum()) > limit:
            return Partings(_shortest(found, strings), compared, differing, patients)
        for here, seen, what in walked.compare(layer, size):
            compared += len(what)
            apart = np.flatnonzero(what)
            differing += len(apart)
            fewest = apart[np.argsort(seen.counts[apart, :, -1].sum(axis=1), kind="stable")]
            for row in fewest[: strings - len(found[here])].tolist():
                text = outcome_string(walked.path(int(seen.parent[row]), int(seen.outcome[row])), first.outcomes)
                found[here].append(Parting(text, here, WHATS[what[row]]))
            going = (what == 0) & (seen.next != NONE)
            if going.any():
                waiting[here].append(seen.where(going))
    return Partings(_shortest(found, strings), compared, differing, None)


def _shortest(found: dict[int, list[Parting]], strings: int) -> tuple[Parting, ...]:
    return tuple(parting for patients in sorted(found) for parting in found[patients])[:strings]


def _start(pair: tuple[Design, Design]) -> str | None:
    """Return what differs before the first patient."""
    if pair[0].start_level != pair[1].start_level:
        return "next_level"
    none = np.zeros((1, pair[0].n_doses, len(pair[0].outcomes)), dtype=np.int64)
    sizes = {int(cohort_size(design, Tally(none), np.array([design.start_dose]))[0]) for design in pair}
    return "cohort_size" if len(sizes) > 1 else None


class _Walked:
    """The states walked so far, each with the state and the outcome that led to it."""

    def __init__(self, pair: tuple[Design, Design]) -> None:
        self.pair = pair
        self.counted = tuple(cohorts_counted(design) for design in pair)
        self.parents: list[int] = []
        self.outcomes: list[int] = []
        self.doses: list[int] = []
        self.sizes: list[int] = []

    def enter(self, parts: list[_Layer]) -> tuple[_Layer, IntArray]:
        """Merge equal states, number them, and return them with the size of their next cohort."""
        joined = _Layer(
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.next for part in parts]),
            (np.concatenate([part.rows[0] for part in parts]), np.concatenate([part.rows[1] for part in parts])),
            np.concatenate([part.parent for part in parts]),
            np.concatenate([part.outcome for part in parts]),
        )
        label = (joined.next * (self.counted[0] + 1) + joined.rows[0]) * (self.counted[1] + 1) + joined.rows[1]
        _, kept = np.unique(state_keys(joined.counts, label), return_index=True)
        layer = joined.where(kept)
        size = cohort_size(self.pair[0], Tally(layer.counts), layer.next)
        self.parents += layer.parent.tolist()
        self.outcomes += layer.outcome.tolist()
        self.doses += layer.next.tolist()
        self.sizes += size.tolist()
        return layer, size

    def compare(self, layer: _Layer, size: IntArray) -> Iterator[tuple[int, _Layer, IntArray]]:
        """Yield, by size of the cohort: the patients then, what each outcome leads to, and in what the answers differ."""
        first_id = len(self.parents) - len(layer.next)
        for m in np.unique(size).tolist():
            rows = np.flatnonzero(size == m)
            listed = outcomes(m, layer.counts.shape[2])[0]
            counts = np.repeat(layer.counts[rows], len(listed), axis=0)
            dose, outcome = np.repeat(layer.next[rows], len(listed)), np.tile(np.arange(len(listed)), len(rows))
            counts[np.arange(len(counts)), dose] += listed[outcome]
            both = [self._answer(k, counts, dose, listed[outcome], layer.rows[k][rows], len(listed)) for k in (0, 1)]
            seen = _Layer(
                counts, both[0][0], (both[0][3], both[1][3]), np.repeat(first_id + rows, len(listed)), outcome
            )
            yield int(counts[0].sum()), seen, _what(both[0], both[1])

    def _answer(
        self, k: int, counts: IntArray, dose: IntArray, cohort: IntArray, in_a_row: IntArray, n_outcomes: int
    ) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Return the next dose, the size of the next cohort, the MTD, and cohorts in a row, by one of the designs."""
        design, tally = self.pair[k], Tally(counts)
        states = States(tally, dose, cohort, np.repeat(in_a_row + 1, n_outcomes) if self.counted[k] else None)
        decisions = decide(design, states)
        size = np.zeros(len(dose), dtype=np.int64)
        going = np.flatnonzero(decisions.next != NONE)
        if len(going):
            size[going] = cohort_size(design, Tally(counts[going]), decisions.next[going])
        mtd = select_at_stop(design, tally, decisions)
        return decisions.next, size, mtd, carried(design, states, decisions.next)

    def path(self, state: int, outcome: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return the cohorts (dose, outcome counts) that lead to an outcome of a state."""
        cohorts = []
        while state >= 0:
            counts = outcomes(self.sizes[state], len(self.pair[0].outcomes))[0][outcome]
            cohorts.append((self.doses[state], tuple(counts.tolist())))
            state, outcome = self.parents[state], self.outcomes[state]
        return cohorts[::-1]


def _what(one: tuple[IntArray, ...], other: tuple[IntArray, ...]) -> IntArray:
    """Return codes of `WHATS`."""
    stops = (one[0] == NONE, other[0] == NONE)
    what = np.zeros(len(one[0]), dtype=np.int64)
    what[stops[0] & stops[1] & (one[2] != other[2])] = WHATS.index("mtd")
    what[stops[0] != stops[1]] = WHATS.index("stop")
    on = ~stops[0] & ~stops[1]
    what[on & (one[1] != other[1])] = WHATS.index("cohort_size")
    what[on & (one[0] != other[0])] = WHATS.index("next_level")
    return what
