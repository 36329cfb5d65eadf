"""A trial on record whose every entry was verified: the only one that a document is written from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.conduct import store
from escalate.conduct.errors import TamperedError
from escalate.conduct.verify import verify_trial

if TYPE_CHECKING:
    from escalate.conduct.chain import Entry
    from escalate.conduct.state import TrialState


def verified(trial: str) -> TrialState:
    """Return a trial once all its entries are verified.

    Raises
    ------
    TamperedError
        With the first fault, where there is any.
    NotFoundError
        Where there is no such trial.
    """
    state = store.load(trial)
    found = verify_trial(trial, state.head)
    if not found.clean:
        raise TamperedError(
            f"{trial}: {found.faults[0].text}; no document is written from a record that was changed: verify it"
        )
    return state


def deviations(trial: str) -> tuple[Entry, ...]:
    """Return the entries of patients who were treated without a decision that allowed it."""
    return tuple(entry for entry in store.whole_entries_of(trial, kind="entered") if entry.content.get("deviation"))
