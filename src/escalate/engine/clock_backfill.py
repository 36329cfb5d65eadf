"""Where an arrival whom the escalation cannot take is backfilled, in many trials at once."""

from __future__ import annotations

from escalate.core.arrays import IntArray, Mask
from escalate.core.backfill import allocate, close_above, closures, open_to_backfill, settings_of, too_toxic
from escalate.core.design import Design
from escalate.core.tally import States, Tally


def place_for(
    design: Design, states: States, responses: IntArray | None, barred: Mask | None, closed_before: Mask | None
) -> IntArray:
    """Return the dose of one more backfilled patient, 0-based, or NONE where no dose is open; shape (S,).

    Parameters
    ----------
    states
        Everybody treated; `dose` is the dose under escalation.
    responses
        Responders seen, shape (S, J).
    barred, closed_before
        Doses that safety rules barred for good, and that were ever closed for toxicity; shape (S, J).
    """
    closed = closures(design, states, responses, barred=barred, closed_before=closed_before)
    return allocate(settings_of(design), open_to_backfill(closed))


def toxic_now(design: Design, tally: Tally) -> Mask:
    """Return which doses are closed to backfill for toxicity, shape (S, J)."""
    return too_toxic(close_above(design), tally)
