"""Ask a design once, for a trial's real data, and explain the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from escalate.core.arrays import NONE, Mask
from escalate.core.decision import (
    MAX_PATIENTS,
    METHOD_DONE,
    Decisions,
    allowed_as_mtd,
    cohort_size,
    combine,
    decide,
    stop_codes,
)
from escalate.core.design import Design
from escalate.core.moves import Action, Margin, Moves, Reason
from escalate.core.patients import TrialData, from_outcomes
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.study.provenance import Provenance
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
    design: Design, data: TrialData | str | None = None, *, design_sha256: str | None = None
) -> Recommendation:
    """Return the dose of the next cohort, or the end of the trial, with the reasons.

    Parameters
    ----------
    data
        Trial data, or an outcome string such as `1NNN 2NNT`; None before the first patient.
    design_sha256
        Hash to record; of the settings unless given.

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
    decisions = _with_permanent_bans(design, history, decide(design, history))
    last = history.take(np.array([-1]))
    following, stops = int(decisions.next[-1]), int(decisions.stops[-1])
    safety = np.array([rule.about_safety for rule in design.rules], dtype=bool)
    allowed = allowed_as_mtd(design, last.tally) & ~decisions.forbidden[safety, -1:].any(axis=0)
    mtd = int(design.method.select(design, last.tally, allowed)[0]) if following == NONE else NONE
    action = _action(following, int(last.dose[0]))
    trace = _trace(design, last, decisions)
    return Recommendation(
        action=action,
        next_level=None if following == NONE else following + 1,
        next_cohort_size=None if following == NONE else int(cohort_size(design, last.tally, np.array([following]))[0]),
        mtd_level=None if mtd == NONE else mtd + 1,
        reasons=_reasons(design, last, decisions, action, stops),
        notes=_notes(design, trial, history, decisions),
        doses=dose_rows(design, last.tally, decisions.forbidden[:, -1]),
        # The method's cut-offs are those of the decision only where its wish was granted.
        margin=design.method.margin(design, last) if following == int(decisions.moves.next[-1]) != NONE else None,
        trace=trace,
        design=design,
        provenance=provenance,
    )


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


def _with_permanent_bans(design: Design, history: States, decisions: Decisions) -> Decisions:
    """Carry what a permanent rule once forbade to the end of the history.

    A trial that follows its design never gives such a dose again, so nothing changes there; where a barred dose was given
    all the same, later good luck does not lift the bar.
    """
    forbidden = decisions.forbidden.copy()
    for r, rule in enumerate(design.rules):
        if rule.permanent:
            forbidden[r] = np.logical_or.accumulate(forbidden[r], axis=0)
    return combine(design, history, decisions.moves, forbidden)


def _action(following: int, dose: int) -> Action:
    if following == NONE:
        return Action.STOP
    return Action.ESCALATE if following > dose else Action.DE_ESCALATE if following < dose else Action.STAY


def _reasons(design: Design, last: States, decisions: Decisions, action: Action, stops: int) -> tuple[Reason, ...]:
    method, moves = design.method, _one(decisions)
    wish = Reason(method.reasons[int(moves.moves.reason[0])], method.explain(design, last, moves.moves))
    if action is Action.STOP:
        codes = stop_codes(design)
        return tuple(_stop_reason(design, last, code, wish, moves) for k, code in enumerate(codes) if stops >> k & 1)
    wanted, got = int(moves.moves.next[0]), int(moves.next[0])
    if wanted == got:
        return (wish,)
    vetoes = tuple(
        Reason(rule.kind, _explained(design, rule, last, moves.forbidden[r]))
        for r, rule in enumerate(design.rules)
        if moves.forbidden[r, 0, wanted]
    )
    return (*vetoes, wish)


def _explained(design: Design, rule: Rule, last: States, forbidden: Mask) -> str:
    """Return what a rule looked at, and what it forbids because of an earlier cohort, shape (1, J)."""
    earlier = np.flatnonzero(forbidden[0] & ~rule.forbids(design, last)[0]) + 1
    text = rule.explain(design, last)
    return (
        text
        if not len(earlier)
        else f"{text} Level {_listed(tuple(earlier.tolist()))}: forbidden since an earlier cohort."
    )


def _stop_reason(design: Design, last: States, code: str, wish: Reason, moves: Decisions) -> Reason:
    if code == MAX_PATIENTS:
        n = int(last.tally.n_total[0])
        return Reason(code, f"{n} evaluable patients: the maximum of {design.max_patients} is reached.")
    if code == METHOD_DONE:
        return wish
    texts = [
        _explained(design, rule, last, moves.forbidden[r])
        for r, rule in enumerate(design.rules)
        if rule.kind == code and moves.ended_by[r, 0]
    ]
    return Reason(code, " ".join(texts))


def _one(decisions: Decisions) -> Decisions:
    """Return the last state's decision alone."""
    moves = Moves(decisions.moves.next[-1:], decisions.moves.reason[-1:])
    return Decisions(
        decisions.next[-1:],
        moves,
        decisions.forbidden[:, -1:],
        decisions.stops[-1:],
        decisions.ended_by[:, -1:],
        decisions.held[:, -1:],
    )


def _trace(design: Design, last: States, decisions: Decisions) -> tuple[TraceLine, ...]:
    one = _one(decisions)
    wanted = int(one.moves.next[0])
    verdict = "stop" if wanted == NONE else f"wants level {wanted + 1}"
    lines = [TraceLine(f"method: {design.method.kind}", verdict, design.method.explain(design, last, one.moves))]
    n = int(last.tally.n_total[0])
    ends = "stop" if int(one.stops[0]) & 1 else "allows"
    lines.append(TraceLine(MAX_PATIENTS, ends, f"{n} of at most {design.max_patients} evaluable patients."))
    for r, rule in enumerate(design.rules):
        levels = tuple((np.flatnonzero(one.forbidden[r, 0]) + 1).tolist())
        stopped = bool(one.ended_by[r, 0])
        verdict = (
            "stop"
            if stopped
            else "holds"
            if one.held[r, 0]
            else f"forbids level{'s' if len(levels) > 1 else ''} {_listed(levels)}"
            if levels
            else "allows"
        )
        text = _explained(design, rule, last, one.forbidden[r])
        lines.append(TraceLine(f"rule: {rule.kind}", verdict, text, levels))
    return tuple(lines)


def _listed(levels: tuple[int, ...]) -> str:
    return f"{levels[0]} to {levels[-1]}" if len(levels) > 2 else " and ".join(map(str, levels))


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
