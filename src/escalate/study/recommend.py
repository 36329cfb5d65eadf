"""Ask a design once, for a trial's real data, and explain the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from escalate.core.arrays import NONE, Mask
from escalate.core.belief import Belief
from escalate.core.decision import (
    MAX_PATIENTS,
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
from escalate.core.tally import States, Tally
from escalate.study.provenance import Provenance
from escalate.study.reasons import action_of, explained, reasons_of, verdict_on
from escalate.study.select import DoseRow, dose_rows, left_out


@dataclass(frozen=True)
class TraceLine:
    """What the method wanted, or what one rule said, with the numbers."""

    source: str
    verdict: str
    text: str
    forbidden_levels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """What happens next in a trial. `next_level` is None exactly when the action is STOP.

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

    def __post_init__(self) -> None:
        if (self.next_level is None) != (self.action is Action.STOP):
            raise ValueError(f"a recommendation to {self.action} cannot have next level {self.next_level}")

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
        return _start(design, trial, provenance)
    history = trial.prefixes(design.n_doses)
    decisions = decide_along(design, history)
    last, now, asked = history.take(np.array([-1])), decisions.take(np.array([-1])), design
    if drawn is not None:
        asked = with_belief(design, drawn)
        now = decide(asked, last, barred_before(design, decisions))
    following = int(now.next[0])
    mtd = int(select_at_stop(asked, last.tally, now)[0])
    return Recommendation(
        action=action_of(following, int(last.dose[0])),
        next_level=None if following == NONE else following + 1,
        next_cohort_size=None if following == NONE else int(cohort_size(asked, last.tally, np.array([following]))[0]),
        mtd_level=None if mtd == NONE else mtd + 1,
        reasons=reasons_of(asked, last, now),
        notes=_notes(design, trial, history, decisions),
        doses=dose_rows(asked, last.tally, now.forbidden[:, 0]),
        # The method's cut-offs are those of the decision only where its wish was granted.
        margin=asked.method.margin(asked, last) if following == int(now.moves.next[0]) != NONE else None,
        trace=_trace(asked, last, now),
        design=design,
        provenance=provenance,
    )


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
        notes=left_out(trial),
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
    lines = [TraceLine(f"method: {design.method.kind}", verdict, design.method.explain(design, last, one.moves))]
    n = int(last.tally.n_total[0])
    ends = "stop" if int(one.stops[0]) & 1 else "allows"
    lines.append(TraceLine(MAX_PATIENTS, ends, f"{n} of at most {design.max_patients} evaluable patients."))
    for r, rule in enumerate(design.rules):
        levels = tuple((np.flatnonzero(one.forbidden[r, 0]) + 1).tolist())
        verdict, why = verdict_on(design, r, one)
        text = explained(design, rule, last, one.forbidden[r], int(one.following[0])) + why
        lines.append(TraceLine(f"rule: {rule.kind}", verdict, text, levels))
    return tuple(lines)


def _notes(design: Design, trial: TrialData, history: States, decisions: Decisions) -> tuple[str, ...]:
    """Name cohorts whose level or size was not what the design said at the time."""
    notes = list(left_out(trial))
    nothing = Tally(np.zeros((1, design.n_doses, len(design.outcomes)), dtype=np.int64))
    asked = [design.start_dose, *decisions.next[:-1].tolist()]
    for k, (cohort, wanted) in enumerate(zip(trial.cohorts, asked, strict=True), start=1):
        if wanted == NONE:
            notes.append(f"Cohort {k} was given at level {cohort.dose + 1} although the design had stopped the trial.")
        elif wanted != cohort.dose:
            notes.append(f"Cohort {k} was given at level {cohort.dose + 1}; the design had said level {wanted + 1}.")
        else:
            before = Tally(history.tally.counts[k - 2 : k - 1]) if k > 1 else nothing
            size = int(cohort_size(design, before, np.array([wanted]))[0])
            if cohort.n != size:
                notes.append(
                    f"Cohort {k} has {cohort.n} evaluable patient{'s' * (cohort.n > 1)}; the design had said {size}."
                )
    if history.tally.n_total[-1] > design.max_patients:
        notes.append(
            f"There are more patients ({int(history.tally.n_total[-1])}) than the design allows ({design.max_patients})."
        )
    return tuple(notes)
