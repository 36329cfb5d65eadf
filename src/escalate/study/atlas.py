"""The safety atlas: every reachable decision that a safety committee would question, and how likely a trial is to meet it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError, TooLargeError
from escalate.core.outcome import BINARY, category_rates, check_scenarios
from escalate.core.patients import outcome_string
from escalate.core.scenario import Scenario
from escalate.core.shown import Shown
from escalate.engine.automaton import Automaton, compile_design
from escalate.engine.paths import Events, Walk
from escalate.study.atlas_cells import Cell, cells
from escalate.study.atlas_kinds import NEED_TARGET, kinds
from escalate.study.check import CHECK_STATES
from escalate.study.marks import Mark, next_doses

EXAMPLES = 10
RISK = 0.8
ODDS_RATIO = 2.0
"""From level to level the odds of a DLT double in the scenarios that are built in."""


@dataclass(frozen=True)
class Example:
    """One trial that ends in a questionable decision.

    Parameters
    ----------
    outcomes
        Its outcome string: of all that lead to that state and outcome, the likeliest.
    patients
        Their number.
    probability
        That a trial shows these cohorts in this order, whatever the order within a cohort; by scenario.
    by_any_way
        That a trial comes to the same state and outcome, by these cohorts or by others; by scenario.
    """

    outcomes: str
    patients: int
    probability: tuple[float, ...]
    by_any_way: tuple[float, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of questionable decision.

    Parameters
    ----------
    code, text
        What it is, for programs and for people.
    letter
        How the picture names it.
    n_states
        Reachable states of this kind: a state with an outcome of its next cohort, or a state alone where the kind says
        "whatever the next cohort shows".
    probability, expected
        That a trial meets at least one, and how many it meets on average; by scenario.
    examples
        In turn the shortest and the likeliest, at most ten.
    """

    code: str
    text: str
    letter: str
    n_states: int
    probability: tuple[float, ...]
    expected: tuple[float, ...]
    examples: tuple[Example, ...]

    @property
    def worst(self) -> int | None:
        """Which scenario, from 0, makes meeting one most likely; None where there is no scenario, or no such state."""
        return int(np.argmax(self.probability)) if self.probability and self.n_states else None


@dataclass(frozen=True)
class Atlas(Shown):
    """The questionable decisions of a design.

    Parameters
    ----------
    built_in
        Whether the scenarios are those that the atlas makes itself: the MTD at each level in turn.
    without
        Codes of the kinds that were left out because the design has no target.
    cells
        What the design does by level, patients and DLTs.
    """

    design: Design
    risk: float
    scenarios: tuple[Scenario, ...]
    built_in: bool
    n_states: int
    kinds: tuple[Kind, ...]
    without: tuple[str, ...]
    cells: tuple[Cell, ...]

    def __repr__(self) -> str:
        return f"Atlas({self.design.title!r}: {len(self.kinds)} kinds of decisions, {self.n_states:,} states)"


def atlas(
    design: Design,
    scenarios: Sequence[Scenario] | None = None,
    risk: float = RISK,
    *,
    max_states: int = CHECK_STATES,
    automaton: Automaton | None = None,
) -> Atlas:
    """Return every kind of questionable decision that a design can reach, with exact probabilities.

    Parameters
    ----------
    scenarios
        What might be true. By default the MTD is at each level in turn, where the design has a target and looks at DLTs alone.
    risk
        A level is questioned where Pr(p > target) from its own data, prior Beta(1, 1), is above this.
    max_states
        Most reachable states that are walked.
    automaton
        The design compiled, where that has been done already.

    Raises
    ------
    EscalateError
        Where `risk` is not between 0 and 1, or the list of scenarios is empty.
    DesignError
        Where the design cannot be run, or a scenario does not fit it.
    TooLargeError
        Where the design has more states than allowed.
    """
    risk = checked_risk(risk)
    faults = list(design.method.cannot_run(design))
    if faults:
        raise DesignError("\n".join(f"method.{fault.field}: {fault.text}" for fault in faults))
    used = built_in_scenarios(design) if scenarios is None else tuple(scenarios)
    if scenarios is not None and not used:
        raise EscalateError("scenarios: the list is empty; give at least one, or None for those that are built in")
    check_scenarios(used, design.n_doses, design.outcomes, design.title)
    rates = np.array([category_rates(scenario, design.outcomes) for scenario in used])
    walk = Walk.of(automaton or compiled(design, max_states))
    following = next_doses(design, walk.automaton)
    marks = kinds(design, walk, following, risk)
    return Atlas(
        design,
        risk,
        used,
        scenarios is None and bool(used),
        walk.automaton.n_states + len(walk.automaton.terminals),
        tuple(_kind(design, walk, mark, letter, rates) for letter, mark in zip("ABCDEFGHIJ", marks, strict=False)),
        () if design.target is not None else NEED_TARGET,
        cells(design, walk, following, marks),
    )


def checked_risk(risk: float) -> float:
    """Return a risk that can be compared with.

    Raises
    ------
    EscalateError
        Where it is not between 0 and 1.
    """
    if not 0 < risk < 1:
        raise EscalateError(f"risk: {risk:g} is not between 0 and 1; give a probability such as {RISK:g}")
    return float(risk)


def compiled(design: Design, max_states: int = CHECK_STATES) -> Automaton:
    """Return a design compiled.

    Raises
    ------
    TooLargeError
        Saying what the atlas needs.
    """
    try:
        return compile_design(design, max_states)
    except TooLargeError as large:
        size = str(large).partition(";")[0]
        raise TooLargeError(
            f"the atlas walks every reachable state: {size}; use larger cohorts, fewer doses or fewer patients"
        ) from None


def built_in_scenarios(design: Design) -> tuple[Scenario, ...]:
    """Return the MTD at each level in turn, the odds of a DLT doubling from level to level; none where that says too little.

    Examples
    --------
    >>> from escalate.core.design import Design
    >>> doses = {"unit": "mg", "levels": (1.0, 2.0)}
    >>> design = Design.from_dict(
    ...     {"title": "a", "doses": doses, "target": 0.3, "max_patients": 9, "method": {"kind": "three_plus_three"}}
    ... )
    >>> [[round(p, 3) for p in scenario.dlt] for scenario in built_in_scenarios(design)]
    [[0.3, 0.462], [0.176, 0.3]]
    """
    if design.target is None or design.outcomes != BINARY:
        return ()
    target = design.target

    def rate(steps: int) -> float:
        # At the MTD exactly the target, not its nearest neighbour.
        return 1 / (1 + exp(log(1 / target - 1) - steps * log(ODDS_RATIO))) if steps else target

    return tuple(
        Scenario(name=f"MTD at level {mtd + 1}", dlt=tuple(rate(dose - mtd) for dose in range(design.n_doses)))
        for mtd in range(design.n_doses)
    )


def _kind(design: Design, walk: Walk, mark: Mark, letter: str, rates: FloatArray) -> Kind:
    events = Events.of(walk, mark.where, before=mark.before)
    once, number, best = events.sums(rates)
    rows = _examples(events, best)
    by_any_way = np.array([events.probability(rows, truth) for truth in rates]).reshape(len(rates), len(rows))
    own = by_any_way * (events.likeliest[rows] / events.paths[rows])
    shown = tuple(
        Example(
            outcome_string(events.string(row), design.outcomes) or "(before the first patient)",
            int(events.patients[row]),
            tuple(own[:, k].tolist()),
            tuple(by_any_way[:, k].tolist()),
        )
        for k, row in enumerate(rows.tolist())
    )
    return Kind(mark.code, mark.text, letter, len(events), tuple(once.tolist()), tuple(number.tolist()), shown)


def _examples(events: Events, best: FloatArray) -> IntArray:
    """Return which events to show: in turn the one with the fewest patients and the likeliest of those not yet chosen."""
    shortest = np.lexsort((-best, events.patients))[:EXAMPLES].tolist()
    likeliest = np.lexsort((events.patients, -best))[:EXAMPLES].tolist()
    turns = [row for pair in zip(shortest, likeliest, strict=True) for row in pair]
    return np.array(list(dict.fromkeys(turns))[:EXAMPLES], dtype=np.int64)
