"""Which levels are open to backfill now, and why, with the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from escalate.core.arrays import NONE, IntArray, Mask
from escalate.core.backfill import Backfill, close_above, closures, open_to_backfill, settings_of, too_toxic
from escalate.core.decision import Decisions
from escalate.core.design import Design
from escalate.core.errors import DataError
from escalate.core.tally import States, Tally


@dataclass(frozen=True)
class BackfillDose:
    """Whether a level is open to backfill, why, and how many more patients it may be assigned now."""

    level: int
    open: bool
    why: str
    places: int


def open_doses(
    design: Design,
    state: States,
    responses: IntArray | None,
    *,
    barred: Mask | None = None,
    closed_before: Mask | None = None,
) -> tuple[BackfillDose, ...]:
    """Return what backfill may do at each level in a single state, in order of level.

    Parameters
    ----------
    state
        `dose` is the dose under escalation, or NONE where the escalation has ended; the tally holds every patient, those
        pending and those backfilled included.
    responses
        Responders by dose, shape (J,); None where responses are not recorded: then nothing is open unless `activity` is none.
    barred
        Doses that safety rules barred earlier for good, shape (J,).
    closed_before
        Doses that were ever closed for toxicity, shape (J,); looked at where `reopen` is false.

    Raises
    ------
    DataError
        Where there are not as many counts of responders as doses, or a count is negative or above the patients of its dose.
    ValueError
        Where the design has no backfill.
    """
    backfill, n = settings_of(design), state.tally.n[0]
    _check(n, responses)
    closed = closures(
        design,
        state,
        None if responses is None else responses[None, :],
        barred=None if barred is None else barred[None, :],
        closed_before=None if closed_before is None else closed_before[None, :],
    )
    is_open = open_to_backfill(closed)[0]
    found = []
    for j in range(design.n_doses):
        places = max(backfill.cap - int(n[j]), 0) if is_open[j] else 0
        reasons = [reason for reason, where in closed.items() if where[0, j]]
        why = _open(design, state.tally, responses, j) if is_open[j] else _closed(design, state, responses, j, reasons)
        found.append(BackfillDose(j + 1, bool(is_open[j]), why, places))
    return tuple(found)


def backfill_of(
    design: Design, states: States, responses: IntArray | None, decisions: Decisions
) -> tuple[BackfillDose, ...]:
    """Return what backfill may do now, after the last decision of one trial.

    The dose under escalation is the one just decided for; while the trial waits for outcomes it is the one last given, or the
    one decided for if that is lower.

    Parameters
    ----------
    states
        The trial after each of its cohorts, in order; the last is now. Only the last is needed unless `reopen` is false.
    responses
        Responders by dose, shape (J,); None where responses are not recorded.
    decisions
        What was decided in these states, in the same order, as `decide_along` gives it.

    Raises
    ------
    DataError
        Where the counts of responders cannot be.
    ValueError
        Where the design has no backfill, or no state is given.

    Examples
    --------
    >>> from escalate.core.decision import decide_along
    >>> from escalate.core.patients import from_outcomes
    >>> design = Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.25,
    ...     "max_patients": 30, "method": {"kind": "bf_boin"}, "backfill": {"activity": "none"}})
    >>> history = from_outcomes("1NNN 2NNN", design, design.outcomes).prefixes(3)
    >>> [dose.open for dose in backfill_of(design, history, None, decide_along(design, history))]
    [True, True, False]
    """
    if not len(states):
        raise ValueError("backfill_of needs the state of the trial after at least one cohort")
    last = states.take(np.array([-1]))
    given, following = int(last.dose[0]), int(decisions.next[-1])
    if following != NONE and decisions.waits[-1]:
        following = min(given, following)
    safety = np.array([rule.about_safety for rule in design.rules], dtype=bool)
    barred: Mask = np.logical_or.reduce(decisions.forbidden[safety, -1], axis=0)
    toxic: Mask = np.logical_or.reduce(too_toxic(close_above(design), states.tally), axis=0)
    now = States(last.tally, np.array([following]), last.cohort, last.in_a_row)
    return open_doses(design, now, responses, barred=barred, closed_before=toxic)


def _check(n: IntArray, responses: IntArray | None) -> None:
    if responses is None:
        return
    if responses.shape != n.shape:
        raise DataError(f"there are {responses.size} counts of responders for {len(n)} levels; give one a level")
    wrong = np.flatnonzero((responses < 0) | (responses > n))
    if len(wrong):
        j = int(wrong[0])
        raise DataError(f"level {j + 1} has {int(responses[j])} responders among {int(n[j])} patients, which cannot be")


def _open(design: Design, tally: Tally, responses: IntArray | None, j: int) -> str:
    backfill, known = settings_of(design), tally.known()
    n, dlt = int(known.n[0, j]), int(known.dlt[0, j])
    said = f"{int(tally.n[0, j])} of at most {backfill.cap} patients assigned, {dlt}/{n} DLTs"
    if backfill.activity == "response" and responses is not None:
        said = f"{_responses(int(responses[: j + 1].sum()), j)}; {said}"
    return said


def _closed(design: Design, state: States, responses: IntArray | None, j: int, reasons: list[str]) -> str:
    """Return why a level is closed; where it is not below the dose under escalation nothing else matters."""
    if "ended" in reasons:
        return "the escalation has ended"
    if "not_below" in reasons:
        return f"not below the level under escalation, level {int(state.dose[0]) + 1}"
    backfill, tally = settings_of(design), state.tally
    texts = {
        "min_level": f"backfill starts at level {backfill.min_level}",
        "few_cohorts": f"fewer cohorts of the escalation at it than the {backfill.after_cohorts} needed",
        "inactive": _inactive(backfill, responses, j),
        "full": f"{int(tally.n[0, j])} patients assigned, at most {backfill.cap} may be",
        "barred": "barred by a safety rule",
    }
    said = (texts[reason] if reason != "toxic" else "; ".join(_toxic(design, tally, j)) for reason in reasons)
    return "; ".join(said)


def _responses(n: int, j: int) -> str:
    return f"{n} response{'s' * (n != 1)} at level {j + 1}{' or below' if j else ''}"


def _inactive(backfill: Backfill, responses: IntArray | None, j: int) -> str:
    if responses is None:
        return "responses are missing from the data, and without them no level can be opened while activity is response"
    return f"{_responses(int(responses[: j + 1].sum()), j)}, {backfill.responses} needed"


def _toxic(design: Design, tally: Tally, j: int) -> Iterator[str]:
    """Yield why a level is closed for toxicity: itself, or the lowest one below that closes it."""
    limit, known = close_above(design), tally.known()
    now = too_toxic(limit, known)[0]
    if not now[j]:
        yield f"closed for toxicity earlier, at it or at a level below, and not to open again (limit {limit:.4f})"
        return
    b = int(np.argmax(now))
    n, dlt = known.n[0], known.dlt[0]
    if b < j:
        yield f"level {b + 1} below it is closed for toxicity"
    text = f"{int(dlt[b])}/{int(n[b])} DLTs at level {b + 1}, a rate of {dlt[b] / n[b]:.4f}"
    if b + 1 < len(n) and n[b + 1]:
        both_n, both = int(n[b] + n[b + 1]), int(dlt[b] + dlt[b + 1])
        yield f"{text}, and {both}/{both_n} at levels {b + 1} and {b + 2} together, {both / both_n:.4f}, are above {limit:.4f}"
    else:
        yield f"{text}, is above {limit:.4f}"
