"""Select the MTD from final data, and the table of doses that every answer about a trial shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from escalate.core.arrays import NONE, FloatArray, Mask
from escalate.core.dated_patients import DatedTrial
from escalate.core.decision import allowed_as_mtd
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.moves import DoseSummary, Reason
from escalate.core.outcome import BINARY
from escalate.core.patients import TrialData, from_outcomes
from escalate.core.shown import Shown
from escalate.core.tally import Tally
from escalate.study.notes import data_notes
from escalate.study.provenance import Provenance


@dataclass(frozen=True)
class DoseRow:
    """One dose, as a person reads it; None where nothing can be said.

    `outcomes` are patients by letter where outcomes are graded, None where there are DLTs alone. `intervals` are the
    probabilities of the intervals by name, where the method has intervals.
    """

    level: int
    amount: float
    patients: int
    dlts: int
    estimate: float | None
    lower: float | None
    upper: float | None
    prob_overdose: float | None
    allowed: bool
    why_not: str | None
    outcomes: dict[str, int] | None = None
    intervals: dict[str, float] | None = None
    pending: int = 0
    follow_up: float | None = None


def dose_rows(design: Design, tally: Tally, forbidden: Mask, *, as_mtd: bool = False) -> tuple[DoseRow, ...]:
    """Return what a person reads of each dose of a single state, with what each rule forbids, shape (R, J).

    `as_mtd` asks which doses can be the MTD, not which can be given.
    """
    # A method that does not weigh follow-up estimates from what is known.
    summary = design.method.summarise(design, tally if design.method.weighs_follow_up else tally.known())
    followed = None if tally.pending is None else tally.pending.total(design.n_doses)
    closed = list(design.method.closed(design, tally.as_complete()))
    if as_mtd and not design.method.refuses_as_mtd:
        summary, closed = replace(summary, refused=None), []

    def number(values: FloatArray, j: int) -> float | None:
        return None if isnan(values[0, j]) else float(values[0, j])

    rows = []
    for j, amount in enumerate(design.doses.levels):
        against = [rule.kind for r, rule in enumerate(design.rules) if forbidden[r, j]]
        if summary.refused is not None and summary.refused[1][0, j]:
            against.insert(0, summary.refused[0])
        against = [code for code, doses in closed if doses[0, j]] + against
        rows.append(
            DoseRow(
                level=j + 1,
                amount=amount,
                patients=int(tally.n[0, j]),
                dlts=int(tally.dlt[0, j]),
                estimate=number(summary.estimate, j),
                lower=number(summary.lower, j),
                upper=number(summary.upper, j),
                prob_overdose=number(summary.prob_overdose, j),
                allowed=not against,
                why_not=", ".join(against) or None,
                outcomes=_by_letter(design, tally, j),
                intervals=_by_interval(summary, j),
                pending=int(tally.n_pending[0, j]),
                follow_up=None if followed is None or not tally.n_pending[0, j] else float(followed[0, j]),
            )
        )
    return tuple(rows)


def _by_letter(design: Design, tally: Tally, dose: int) -> dict[str, int] | None:
    if design.outcomes == BINARY:
        return None
    return {outcome.letter: int(n) for outcome, n in zip(design.outcomes, tally.counts[0, dose], strict=True)}


def _by_interval(summary: DoseSummary, dose: int) -> dict[str, float] | None:
    if summary.intervals is None:
        return None
    names, cells = summary.intervals
    return dict(zip(names, cells[0, dose].tolist(), strict=True))


@dataclass(frozen=True)
class Selection(Shown):
    """The MTD from a trial's final data."""

    mtd_level: int | None
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    doses: tuple[DoseRow, ...]
    design: Design
    provenance: Provenance

    def __repr__(self) -> str:
        return f"Selection({'no MTD' if self.mtd_level is None else f'MTD level {self.mtd_level}'})"

    @property
    def mtd_amount(self) -> float | None:
        """The amount of the MTD."""
        return None if self.mtd_level is None else self.design.doses.levels[self.mtd_level - 1]


def select(design: Design, data: TrialData | str, *, design_sha256: str | None = None) -> Selection:
    """Return the MTD from final data, or None where no dose can be declared.

    Raises
    ------
    EscalateError
        Where there are no patients.
    """
    trial = from_outcomes(data, design, design.outcomes) if isinstance(data, str) else data
    if not trial.cohorts:
        raise EscalateError("there are no patients to select an MTD from")
    if isinstance(trial, DatedTrial) and trial.pending:
        names = ", ".join(p.name for p in trial.pending[:5])
        raise EscalateError(
            f"the MTD is selected when all outcomes are known; {len(trial.pending)} are pending on {trial.as_of} ({names}): "
            "wait for them, or ask escalate recommend"
        )
    said = data_notes(design, trial)
    trial = decided_on(design, trial)
    last = trial.last(design.n_doses)
    allowed = allowed_as_mtd(design, last.tally)
    mtd = int(design.method.select(design, last.tally, allowed)[0])
    safety = [rule.about_safety for rule in design.rules]
    forbidden = np.array([rule.forbids(design, last)[0] & rule.about_safety for rule in design.rules], dtype=bool)
    forbidden = forbidden.reshape(len(safety), design.n_doses)
    reasons = [
        Reason(rule.kind, rule.explain(design, last, NONE))
        for r, rule in enumerate(design.rules)
        if rule.about_safety and forbidden[r].any()
    ]
    found = "no dose can be declared the MTD" if mtd == NONE else f"level {mtd + 1} ({design.amount(mtd)}) is selected"
    reasons.append(
        Reason("selected" if mtd != NONE else "none", f"{int(last.tally.n_total[0])} evaluable patients: {found}.")
    )
    return Selection(
        None if mtd == NONE else mtd + 1,
        tuple(reasons),
        (*_once_barred(design, trial, forbidden, mtd), *said),
        dose_rows(design, last.tally, forbidden, as_mtd=True),
        design,
        Provenance.now(design_sha256 or design.sha256, trial.sha256),
    )


def decided_on(design: Design, trial: TrialData) -> TrialData:
    """Return the data that decisions look at: without the backfilled patients where the design does not count them."""
    if not isinstance(trial, DatedTrial):
        return trial
    return trial.without_backfill() if design.backfill and not design.backfill.counts_in_tally else trial


def _once_barred(design: Design, trial: TrialData, forbidden: Mask, mtd: int) -> tuple[str, ...]:
    """Note levels that a permanent rule barred during the trial although the final data do not, (R, J); the MTD first."""
    history = trial.prefixes(design.n_doses)
    notes: list[str] = []
    for r, rule in enumerate(design.rules):
        lifted = (
            rule.forbids(design, history).any(axis=0) & ~forbidden[r] if rule.permanent else np.zeros(0, dtype=bool)
        )
        if lifted.any():
            levels = ", ".join(str(level) for level in (np.flatnonzero(lifted) + 1).tolist())
            several = "s" * (int(lifted.sum()) > 1)
            plain = f"recommend would not name level {mtd + 1} the MTD: " if mtd != NONE and lifted[mtd] else ""
            barred = f"{rule.kind} barred level{several} {levels} during the trial, for the rest of it"
            text = f"{plain}{barred}. select judges the final data alone, and they do not."
            notes.insert(0, text) if plain else notes.append(text)
    return tuple(notes)
