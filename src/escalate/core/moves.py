"""What happens next, for many states at once and, with its reasons, for one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from escalate.core.arrays import NONE, FloatArray, IntArray, Mask


class Action(StrEnum):
    """What the trial does with its next cohort."""

    START = "start"
    ESCALATE = "escalate"
    STAY = "stay"
    DE_ESCALATE = "de-escalate"
    SUSPEND = "suspend"
    STOP = "stop"


@dataclass(frozen=True, eq=False)
class Moves:
    """What a method asks for in each of S states.

    Parameters
    ----------
    next
        The dose wanted, 0-based, or `NONE` where the method itself ends the trial; shape (S,).
    reason
        Index into the method's `reasons`; shape (S,).
    preference
        How much the method likes each dose, -inf where it refuses it; shape (S, J). Where a rule forbids the dose wanted, the
        trial takes the permitted dose at or below it that the method likes best, the lower one on ties; without preferences
        it takes the highest.
    suspend
        Where the method itself waits for pending outcomes, shape (S,); None where it never does.
    """

    next: IntArray
    reason: IntArray
    preference: FloatArray | None = None
    suspend: Mask | None = None

    def take(self, rows: IntArray) -> Moves:
        """Return the moves of some of the states, in the order asked for."""
        preference = None if self.preference is None else self.preference[rows]
        return Moves(
            self.next[rows], self.reason[rows], preference, None if self.suspend is None else self.suspend[rows]
        )


@dataclass(frozen=True, eq=False)
class DoseSummary:
    """What a person reads of each dose; NaN where the method says nothing. Each of shape (S, J).

    Parameters
    ----------
    estimate
        Estimated DLT probability.
    lower, upper
        Limits of the 95% interval.
    prob_overdose
        Pr(p > limit | data), the limit being the method's `overdose_limit`: the target unless it has intervals.
    intervals
        Probabilities of the intervals of a method that has such, and their names, from low to high; shape (S, J, I).
    refused
        Doses that the method itself would not give, and its reason; shape (S, J).
    """

    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    prob_overdose: FloatArray
    intervals: tuple[tuple[str, ...], FloatArray] | None = None
    refused: tuple[str, Mask] | None = None


@dataclass(frozen=True)
class PendingRow:
    """What a decision table says while outcomes are pending, for patients and DLTs at the dose.

    Parameters
    ----------
    pending_from, pending_to
        How many outcomes are pending.
    escalate_from
        Escalate where the summed follow-up of the pending patients (STFT, in windows) is at least this; 0 always, None never.
    deescalate_to
        De-escalate where it is at most this; the number of pending patients or more always, None never.
    """

    patients: int
    dlts: int
    pending_from: int
    pending_to: int
    escalate_from: float | None
    deescalate_to: float | None


@dataclass(frozen=True)
class Reason:
    """A code for programs and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True)
class Margin:
    """How far a decision stands from the nearest cut-off, on the scale of that cut-off."""

    value: float
    text: str


__all__ = ["NONE", "Action", "DoseSummary", "Margin", "Moves", "PendingRow", "Reason"]
