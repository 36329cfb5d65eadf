"""A trial as it stands now: what the design says, in a sentence, in drawings and in tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from escalate.conduct.analysis import current
from escalate.conduct.bodies import PatientRow
from escalate.conduct.snapshot import data_of, outcome_known, waiting_for
from escalate.conduct.state import Standing, TrialState
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.core.patients import TrialData
from escalate.report.decision_grid import DecisionGrid, decision_grid
from escalate.report.ladder import LadderPatient, Status, ladder, ladder_patients
from escalate.report.next_cohort import NextCohort, next_cohort
from escalate.report.posterior_svg import posterior_plot
from escalate.report.sentences import OneMoreDlt, dose_words, level_words, one_more_dlt, sentences
from escalate.report.svg import Drawn, raised
from escalate.study.recommend import Recommendation
from escalate.web.views.frame import kept
from escalate.web.views.words import listed, mtd_words

MOST_BESIDE = 8


@dataclass(frozen=True)
class Present:
    """What a page shows of a trial.

    Parameters
    ----------
    found
        What the design recommends; None where it says nothing, and `because` says why.
    main, because
        The answer as one large sentence, and the reason.
    tone
        `go`, `wait`, `stop` or `done`.
    marked, marked_words
        The level that drawings and tables mark, and as what.
    limit
        DLT probability above which a dose is an overdose; None where the method has no such.
    """

    day: date | None
    found: Recommendation | None
    main: str
    because: str
    tone: str
    ladder: Drawn
    posterior: Drawn | None
    grid: DecisionGrid | None
    following: NextCohort | None
    limit: float | None
    marked: int | None
    marked_words: str

    @property
    def many(self) -> bool:
        """Whether the next cohort has more outcomes than stand beside the decision table."""
        return self.following is not None and len(self.following.rows) > MOST_BESIDE


def present(state: TrialState, day: date | None) -> Present:
    """Return the trial on a day, as its record stands."""
    return kept(("present", state.trial, state.head, day), lambda: looked_at(state, day))


def if_one_more(state: TrialState, day: date | None) -> tuple[OneMoreDlt, ...]:
    """Return what one more DLT would have the design say; nothing where it says nothing now."""
    return kept(("one more", state.trial, state.head, day), lambda: _if_one_more(state, day))


def _if_one_more(state: TrialState, day: date | None) -> tuple[OneMoreDlt, ...]:
    found, data = present(state, day).found, _data(state, day)
    return one_more_dlt(state.design, data, found) if found is not None and data is not None else ()


def looked_at(state: TrialState, day: date | None) -> Present:
    """Return the trial on a day, whether it is on record or made up."""
    design, found, fault = state.design, None, ""
    try:
        found = current(state, day)
    except EscalateError as error:
        fault = str(error)
    main, because, tone = _sentence(state, found, fault)
    data = _data(state, day) if found is not None else None
    marked = _as_closed(state, found)
    return Present(
        day=day,
        found=found,
        main=main,
        because=because,
        tone=tone,
        ladder=ladder(design, dots(state, day), marked),
        posterior=posterior_plot(marked) if marked is not None else None,
        grid=_grid(state, found),
        following=next_cohort(design, data, found) if found is not None and state.is_open else None,
        limit=design.method.overdose_limit(design),
        marked=None if marked is None else marked.next_level or marked.mtd_level,
        marked_words="next" if marked is not None and marked.next_level else "MTD",
    )


def _as_closed(state: TrialState, found: Recommendation | None) -> Recommendation | None:
    """Return what drawings mark: of a closed trial the MTD that was declared, for what came next is of no use any more."""
    closing = state.closing
    if found is None or closing is None:
        return found
    return replace(found, action=Action.STOP, next_level=None, next_cohort_size=None, mtd_level=closing.body.mtd_level)


def _data(state: TrialState, day: date | None) -> TrialData | None:
    return data_of(state, day) if state.patients else None


def _sentence(state: TrialState, found: Recommendation | None, fault: str) -> tuple[str, str, str]:
    closing = state.closing
    if closing is not None and closing.standing is Standing.IN_FORCE:
        declared = mtd_words(state.design, closing.body.mtd_level)
        return raised(f"Closed with {declared}."), closing.body.reason or "The design selects the same.", "done"
    if found is None:
        missing = waiting_for(state)
        if missing:
            several = len(missing) > 1
            who = f"patients {listed(list(missing))}" if several else f"patient {missing[0]}"
            main = f"Waiting for the outcome{'s' * several} of {who}."
            return main, "This design decides on complete cohorts.", "wait"
        return "There is no recommendation.", fault[:1].upper() + fault[1:], "stop"
    said = sentences(found)
    tone = {Action.STOP: "stop", Action.SUSPEND: "wait"}.get(found.action, "go")
    return raised(said.main), said.because, tone


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
        return "dlt" if row.dlt_date else "pending"
    if not outcome_known(design, row):
        return "pending"
    worst = design.outcomes[-1].letter
    return "dlt" if row.dlt or row.outcome == worst else "none"


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
