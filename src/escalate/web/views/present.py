"""A trial as it stands now: what the design says, in a sentence, in drawings and in tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from escalate.conduct.analysis import current
from escalate.conduct.bodies import PatientRow
from escalate.conduct.snapshot import data_of, outcome_known, waiting_for
from escalate.conduct.state import TrialState
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.patients import TrialData
from escalate.report.decision_grid import DecisionGrid, decision_grid
from escalate.report.ladder import LadderPatient, Status, ladder, ladder_patients
from escalate.report.next_cohort import NextCohort, next_cohort
from escalate.report.plan import Plan, lit_level, state_words
from escalate.report.posterior_svg import posterior_plot
from escalate.report.sentences import OneMoreDlt, dose_words, level_words, one_more_dlt, sentences
from escalate.report.svg import Drawn, raised
from escalate.study.recommend import Recommendation
from escalate.study.select import DoseRow
from escalate.web.views.frame import kept
from escalate.web.views.holding import Holding, holding
from escalate.web.views.words import listed

MOST_BESIDE = 8


@dataclass(frozen=True)
class DoseState:
    """What a dose is now, in words, and how its row looks: `next`, `barred` or plain."""

    words: str
    look: str = ""


@dataclass(frozen=True)
class Present:
    """What a page shows of a trial.

    Parameters
    ----------
    found
        What the design recommends; None where it says nothing.
    held
        What holds by what was decided or declared; None where nothing does, so that the recommendation speaks alone.
    main, because, tone
        What holds, as one large sentence, with more about it; `go`, `wait`, `stop` or `done`.
    design_main, design_because
        What the design recommends, or why it says nothing.
    states
        By level, what tables say of a dose.
    following
        What each outcome of the next cohort leads to; `following_if` says whose cohort that is.
    """

    day: date | None
    found: Recommendation | None
    held: Holding | None
    main: str
    because: str
    tone: str
    design_main: str
    design_because: str
    ladder: Drawn
    posterior: Drawn | None
    grid: DecisionGrid | None
    states: Mapping[int, DoseState]
    following: NextCohort | None
    following_if: str

    @property
    def many(self) -> bool:
        """Whether the next cohort has more outcomes than stand beside the decision table."""
        return self.following is not None and len(self.following.rows) > MOST_BESIDE

    @property
    def head(self) -> str:
        """What the large sentence is."""
        if self.held is not None:
            return "What holds now"
        return "The design recommends" if self.found is not None else "Where the trial stands"

    @property
    def says_both(self) -> bool:
        """Whether what the design recommends stands below what holds: after the end it recommends nothing any more."""
        return self.held is not None and not self.held.closed

    @property
    def design_head(self) -> str:
        """What the sentence of the design is, below what holds."""
        if self.found is None:
            return "The design recommends nothing yet"
        return "The design recommends less" if _less(self.found, self.held) else "The design recommends"


def present(state: TrialState, day: date | None) -> Present:
    """Return the trial on a day, as its record stands, with what was decided."""
    today = date.today() if state.dated else None
    return kept(("present", state.trial, state.head, day, today), lambda: looked_at(state, day, decided=True))


def if_one_more(state: TrialState, day: date | None) -> tuple[OneMoreDlt, ...]:
    """Return what one more DLT would have the design say; nothing where it says nothing now."""
    return kept(("one more", state.trial, state.head, day), lambda: _if_one_more(state, day))


def _if_one_more(state: TrialState, day: date | None) -> tuple[OneMoreDlt, ...]:
    found, data = present(state, day).found, _data(state, day)
    return one_more_dlt(state.design, data, found) if found is not None and data is not None else ()


def if_followed(state: TrialState, day: date | None) -> NextCohort | None:
    """Return what each outcome of the next cohort leads to where the recommendation is followed."""
    found = present(state, day).found
    return (
        kept(("if followed", state.trial, state.head, day), lambda: next_cohort(state.design, _data(state, day), found))
        if found is not None
        else None
    )


def looked_at(state: TrialState, day: date | None, *, decided: bool = False) -> Present:
    """Return the trial on a day, whether it is on record or made up.

    Parameters
    ----------
    decided
        Whether what was decided counts: not so where outcomes are made up.
    """
    design, found, fault = state.design, None, ""
    try:
        found = current(state, day)
    except EscalateError as error:
        fault = str(error)
    main, because, tone = _sentence(state, found, fault)
    held = holding(state, day) if decided else None
    data = _data(state, day) if found is not None else None
    # After the end nothing is recommended; what bars a dose stays.
    marked = found if found is None or state.is_open else _ended(found)
    plan = None if held is None else held.plan
    following, following_if = _following(state, data, found, held)
    return Present(
        day=day,
        found=found,
        held=held,
        main=main if held is None else raised(held.main),
        because=because if held is None else raised(held.because),
        tone=tone if held is None else "wait" if _less(found, held) and held.tone == "go" else held.tone,
        design_main=main,
        design_because=because,
        ladder=ladder(design, dots(state, day), marked, plan=plan),
        posterior=posterior_plot(marked, plan=plan) if marked is not None else None,
        grid=_grid(state, found),
        states={row.level: _dose_state(marked, row, plan) for row in marked.doses} if marked is not None else {},
        following=following,
        following_if=following_if,
    )


def _less(found: Recommendation | None, held: Holding | None) -> bool:
    """Return whether a lower level than decided is recommended now, or none."""
    cohort = held.cohort if held is not None else None
    return found is not None and cohort is not None and (found.next_level or 0) < cohort.level


def _ended(found: Recommendation) -> Recommendation:
    return replace(found, action=Action.STOP, next_level=None, next_cohort_size=None, mtd_level=None)


def _dose_state(found: Recommendation, row: DoseRow, plan: Plan | None) -> DoseState:
    lit = row.level == lit_level(found, plan)
    return DoseState(state_words(found, row, plan), "next" if lit else "barred" if row.why_not else "")


def _following(
    state: TrialState, data: TrialData | None, found: Recommendation | None, held: Holding | None
) -> tuple[NextCohort | None, str]:
    """Return what each outcome of the next cohort leads to, and on which condition that cohort comes."""
    if found is None or not state.is_open or (held is not None and held.over):
        return None, ""
    if held is None:
        return next_cohort(state.design, data, found), ""
    cohort = held.cohort
    if cohort is None:
        return next_cohort(state.design, data, found), "if the recommendation is followed"
    decided = (cohort.level, cohort.patients)
    return next_cohort(state.design, data, found, decided=decided, completes=cohort.completes), cohort.condition


def _data(state: TrialState, day: date | None) -> TrialData | None:
    return data_of(state, day) if state.patients else None


def _sentence(state: TrialState, found: Recommendation | None, fault: str) -> tuple[str, str, str]:
    """Return what the design says, why, and its tone."""
    if found is not None:
        said = sentences(found)
        tone = {Action.STOP: "stop", Action.SUSPEND: "wait"}.get(found.action, "go")
        return raised(said.main), said.because, tone
    missing = waiting_for(state)
    if missing:
        several = len(missing) > 1
        who = f"patients {listed(list(missing))}" if several else f"patient {missing[0]}"
        main = f"Waiting for the outcome{'s' * several} of {who}."
        return main, "This design decides on complete cohorts.", "wait"
    return "There is no recommendation.", fault[:1].upper() + fault[1:], "stop"


def dots(state: TrialState, day: date | None) -> tuple[LadderPatient, ...]:
    """Return the patients of the dose ladder by study number."""
    design = state.design
    if state.dated:
        try:
            data = _data(state, day)
        except EscalateError:
            data = None
        if data is not None:
            return ladder_patients(design, data)
    return tuple(
        LadderPatient(name, p.row.level, _status(state, p.row), p.row.cohort, p.row.outcome or "")
        for name, p in state.patients.items()
    )


def _status(state: TrialState, row: PatientRow) -> Status:
    design = state.design
    if not row.evaluable:
        return "not_evaluable"
    if state.dated:
        return _dated_status(state, row)
    if not outcome_known(design, row):
        return "pending"
    worst = design.outcomes[-1].letter
    return "dlt" if row.dlt or row.outcome == worst else "none"


def _dated_status(state: TrialState, row: PatientRow) -> Status:
    """Return what is known of a patient by the day of a toxicity: after the window it is no DLT."""
    if row.dlt_date is None or row.treated is None:
        return "pending"
    after = (date.fromisoformat(row.dlt_date) - date.fromisoformat(row.treated)).days
    return "dlt" if after <= (state.design.dlt_window or 0) else "none"


def _grid(state: TrialState, found: Recommendation | None) -> DecisionGrid | None:
    cohorts = [(p.row.cohort, p.row.level) for p in state.patients.values() if p.row.cohort is not None]
    if found is None:
        return None
    level = max(cohorts)[1] if cohorts else state.design.start_level
    dose = found.doses[level - 1]
    return decision_grid(
        state.design,
        dose.patients,
        dose.dlts,
        level,
        outcomes=dose.outcomes,
        pending=dose.pending,
        found=found if cohorts and state.is_open else None,
    )


@dataclass(frozen=True)
class LevelChoice:
    """A level as a form offers it."""

    level: int
    words: str


def levels(design: Design) -> tuple[LevelChoice, ...]:
    """Return the levels of a design, in words."""
    return tuple(
        LevelChoice(level, f"Level {level}: {raised(dose_words(design, level))}")
        for level in range(1, design.n_doses + 1)
    )


def where(design: Design, level: int | None) -> str:
    """Return a level and its dose, powers raised."""
    return "none" if level is None else raised(level_words(design, level))
