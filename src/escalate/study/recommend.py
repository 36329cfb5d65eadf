"""Ask a design once, for a trial's real data, and explain the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from escalate.core.arrays import NONE, Mask
from escalate.core.belief import Belief
from escalate.core.dated_patients import DatedTrial
from escalate.core.decision import (
    MAX_PATIENTS,
    METHOD_WAITS,
    PENDING,
    Decisions,
    cohort_size,
    decide,
    decide_along,
    lasting,
    select_at_stop,
)
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.method import ModelMethod
from escalate.core.moves import Action, Margin, Reason
from escalate.core.patients import TrialData, from_outcomes
from escalate.core.shown import Shown
from escalate.core.tally import States, Tally
from escalate.study.as_of import AsOf, as_of, changes_between, earliest_change
from escalate.study.backfill import BackfillDose, backfill_of
from escalate.study.notes import data_notes, notes_on
from escalate.study.provenance import Provenance
from escalate.study.reasons import action_of, explained, reasons_of, verdict_on, waits_of, wish_explained
from escalate.study.select import DoseRow, decided_on, dose_rows


@dataclass(frozen=True)
class TraceLine:
    """What the method wanted, or what one rule said, with the numbers."""

    source: str
    verdict: str
    text: str
    forbidden_levels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recommendation(Shown):
    """What happens next in a trial. `next_level` is None exactly when the action is STOP or SUSPEND.

    Parameters
    ----------
    as_of
        Who is pending, and how long a wait can last; None where no day is looked at.
    backfill
        Which levels are open to backfill; None where the design has no backfill, and no day is looked at.

    Raises
    ------
    ValueError
        Where action and level contradict each other.
    """

    action: Action
    next_level: int | None
    next_cohort_size: int | None
    mtd_level: int | None
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    doses: tuple[DoseRow, ...]
    margin: Margin | None
    trace: tuple[TraceLine, ...]
    design: Design
    provenance: Provenance
    as_of: AsOf | None = None
    backfill: tuple[BackfillDose, ...] | None = None

    def __post_init__(self) -> None:
        if (self.next_level is None) != (self.action in (Action.STOP, Action.SUSPEND)):
            raise ValueError(f"a recommendation to {self.action} cannot have next level {self.next_level}")

    def __repr__(self) -> str:
        mtd = "no MTD" if self.mtd_level is None else f"MTD level {self.mtd_level}"
        return f"Recommendation({self.action}, {mtd if self.next_level is None else f'level {self.next_level}'})"

    @property
    def next_amount(self) -> float | None:
        """The amount of the next dose."""
        return None if self.next_level is None else self.design.doses.levels[self.next_level - 1]


def recommend(
    design: Design,
    data: TrialData | str | None = None,
    *,
    design_sha256: str | None = None,
    drawn: Belief | None = None,
    previous: DatedTrial | None = None,
) -> Recommendation:
    """Return the dose of the next cohort, or the end of the trial, with the reasons.

    Parameters
    ----------
    data
        Trial data, or an outcome string such as `1NNN 2NNT`; None before the first patient.
    design_sha256
        Hash to record; of the settings unless given.
    drawn
        What a sampler says after all the data: the decision rests on it, where given, and not on the method's own posterior.
        The cohorts before are judged by the latter.
    previous
        The data looked at before, on the same day: the answer then says what changed.

    Raises
    ------
    DataError
        Where the outcome string is not one.

    Examples
    --------
    >>> import escalate as esc
    >>> design = esc.Design.from_dict({
    ...     "title": "example", "doses": {"unit": "mg", "levels": (10.0, 20.0, 40.0)}, "target": 0.3,
    ...     "max_patients": 30, "method": {"kind": "boin"}})
    >>> esc.recommend(design, "1NNN 2NNT").next_level
    2
    """
    if isinstance(data, str):
        data = from_outcomes(data, design, design.outcomes)
    trial = data if data is not None else TrialData((), "")
    provenance = Provenance.now(design_sha256 or design.sha256, trial.sha256 or None)
    if not trial.cohorts:
        return replace(_start(design, trial, provenance), as_of=_on_the_day(design, trial, None, previous))
    if drawn is not None and isinstance(trial, DatedTrial) and trial.pending:
        raise EscalateError(
            "--sampler: outcomes are pending, and draws do not weigh follow-up; leave out --sampler nuts"
        )
    history = decided_on(design, trial).prefixes(design.n_doses)
    decisions = decide_along(design, history)
    last, now, asked = history.take(np.array([-1])), decisions.take(np.array([-1])), design
    if drawn is not None:
        asked = with_belief(design, drawn)
        now = decide(asked, last, barred_before(design, decisions))
    missing = _missing_in_cohort(design, history, now) if isinstance(trial, DatedTrial) else 0
    if missing:
        found = _complete_cohort(design, trial, history, decisions, missing, provenance)
        return replace(found, as_of=_on_the_day(design, trial, None, previous))
    waits, pending = bool(now.waits[0]), last.tally.pending is not None and bool(last.tally.pending.n[0])
    following = NONE if waits else int(now.next[0])
    mtd = NONE if pending else int(select_at_stop(asked, last.tally, now)[0])
    return Recommendation(
        action=Action.SUSPEND if waits else action_of(following, int(last.dose[0])),
        next_level=None if following == NONE else following + 1,
        next_cohort_size=None if following == NONE else int(cohort_size(asked, last.tally, np.array([following]))[0]),
        mtd_level=None if mtd == NONE else mtd + 1,
        reasons=reasons_of(asked, last, now),
        notes=(*notes_on(design, trial, history, decisions), *_mtd_later(now, pending)),
        doses=dose_rows(asked, last.tally, now.forbidden[:, 0]),
        # The method's cut-offs are those of the decision only where its wish was granted.
        margin=_margin(asked, last) if following == int(now.moves.next[0]) != NONE else None,
        trace=_trace(asked, last, now),
        design=design,
        provenance=provenance,
        as_of=_on_the_day(design, trial, decisions, previous),
        backfill=_backfill(design, trial, decisions),
    )


def _missing_in_cohort(design: Design, history: States, now: Decisions) -> int:
    """Return how many patients the last cohort still lacks, where nothing ends the trial or asks for a lower dose."""
    full, stops = bool(now.waits[0] & 1), int(now.next[0]) == NONE
    if full or stops or int(now.following[0]) < int(history.dose[-1]):
        return 0
    nothing = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    before = history.tally.take(np.array([-2])) if len(history) > 1 else nothing
    size = int(cohort_size(design, before, history.dose[-1:])[0])
    return max(size - int(history.cohort[-1].sum()), 0)


def _complete_cohort(
    design: Design,
    trial: TrialData,
    history: States,
    decisions: Decisions,
    missing: int,
    provenance: Provenance,
) -> Recommendation:
    """Return that the cohort goes on: the next decision is due when it is complete."""
    last, now = history.take(np.array([-1])), decisions.take(np.array([-1]))
    level, there = int(last.dose[0]) + 1, int(last.cohort[0].sum())
    text = f"The cohort at level {level} has {there} of {there + missing} patients: it is completed before the next decision."
    return Recommendation(
        action=Action.STAY,
        next_level=level,
        next_cohort_size=missing,
        mtd_level=None,
        reasons=(Reason("complete_cohort", text),),
        notes=data_notes(design, trial),
        doses=dose_rows(design, last.tally, now.forbidden[:, 0]),
        margin=None,
        trace=(TraceLine("design", "completes the cohort", text), *_trace(design, last, now)),
        design=design,
        provenance=provenance,
        backfill=_backfill(design, trial, decisions),
    )


def _backfill(design: Design, trial: TrialData, decisions: Decisions) -> tuple[BackfillDose, ...] | None:
    if design.backfill is None or not isinstance(trial, DatedTrial):
        return None
    n_doses = design.n_doses
    return backfill_of(design, trial.prefixes(n_doses), trial.responders(n_doses), decisions)


def _margin(design: Design, last: States) -> Margin | None:
    pending = last.tally.pending is not None and not design.method.weighs_follow_up
    return None if pending else design.method.margin(design, last)


def _mtd_later(now: Decisions, pending: bool) -> tuple[str, ...]:
    stopped = pending and int(now.next[0]) == NONE
    return ("Outcomes are pending: the MTD is selected when all are known.",) if stopped else ()


def _on_the_day(
    design: Design, trial: TrialData, decisions: Decisions | None, previous: DatedTrial | None
) -> AsOf | None:
    """Return what the day adds; `decisions` where a wait can end."""
    if not isinstance(trial, DatedTrial):
        return None
    found = as_of(trial)
    if decisions is not None and decisions.waits[-1]:
        counted = decided_on(design, trial)
        assert isinstance(counted, DatedTrial)
        found = replace(found, earliest=earliest_change(design, counted, barred_before(design, decisions)))
    if previous is not None:
        before = recommend(design, previous)
        level = "" if before.next_level is None else f", level {before.next_level}"
        found = replace(found, changes=changes_between(previous, trial), before=f"{before.action}{level}")
    return found


def with_belief(design: Design, drawn: Belief) -> Design:
    """Return a design whose method answers with a belief drawn elsewhere, for the one state that it was drawn for.

    Raises
    ------
    EscalateError
        Where the method has no posterior.
    """
    method = design.method
    if not (isinstance(method, ModelMethod) and method.has_posterior):
        raise EscalateError(f"{method.kind} has no posterior; leave out --sampler nuts")
    return design.model_copy(update={"method": method.believing(drawn)})


def barred_before(design: Design, decisions: Decisions) -> Mask:
    """Return what permanent rules had forbidden before the last of the decisions along one trial; shape (R, 1, J)."""
    barred: Mask = np.logical_or.reduce(lasting(design, decisions.forbidden[:, :-1]), axis=1, keepdims=True)
    return barred


def _start(design: Design, trial: TrialData, provenance: Provenance) -> Recommendation:
    tally = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    text = f"No patient yet: the first cohort gets the start level, {design.start_level}."
    return Recommendation(
        action=Action.START,
        next_level=design.start_level,
        next_cohort_size=int(cohort_size(design, tally, np.array([design.start_dose]))[0]),
        mtd_level=None,
        reasons=(Reason("start", text),),
        notes=data_notes(design, trial),
        doses=tuple(
            replace(
                row,
                allowed=row.level == design.start_level,
                why_not=None if row.level == design.start_level else "start_level",
            )
            for row in dose_rows(design, tally, np.zeros((len(design.rules), design.n_doses), dtype=bool))
        ),
        margin=None,
        trace=(TraceLine("design", "start", text),),
        design=design,
        provenance=provenance,
    )


def _trace(design: Design, last: States, one: Decisions) -> tuple[TraceLine, ...]:
    wanted = int(one.moves.next[0])
    verdict = "stop" if wanted == NONE else f"wants level {wanted + 1}"
    if METHOD_WAITS in waits_of(design, one):
        verdict = "waits"
    lines = [TraceLine(f"method: {design.method.kind}", verdict, wish_explained(design, last, one))]
    n = int(last.tally.n_escalated[0])
    ends = "stop" if int(one.stops[0]) & 1 else "waits" if int(one.waits[0]) & 1 else "allows"
    if PENDING in waits_of(design, one):
        lines.append(TraceLine(PENDING, "waits", f"{design.method.kind} decides when all outcomes are known."))
    lines.append(TraceLine(MAX_PATIENTS, ends, f"{n} of at most {design.max_patients} evaluable patients."))
    for r, rule in enumerate(design.rules):
        levels = tuple((np.flatnonzero(one.forbidden[r, 0]) + 1).tolist())
        verdict, why = verdict_on(design, r, one)
        text = explained(design, rule, last, one.forbidden[r], int(one.following[0])) + why
        lines.append(TraceLine(f"rule: {rule.kind}", verdict, text, levels))
    return tuple(lines)
