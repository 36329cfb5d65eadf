"""What the design would say if: outcomes made up by the reader, nothing of them recorded, and never to be taken for the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.bodies import PatientRow
from escalate.conduct.errors import RecordError
from escalate.conduct.snapshot import outcome_known
from escalate.conduct.state import Patient, TrialState
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.core.patients import from_outcomes
from escalate.report.svg import raised
from escalate.web.views.frame import day_asked, page
from escalate.web.views.present import Present, looked_at, present

MOST = 120
MOST_COHORTS = 8


@dataclass(frozen=True)
class Open:
    """A patient whose outcome is not known, and what is made up of it."""

    field: str
    patient: str
    given: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Onward:
    """A next outcome to look at."""

    text: str
    address: str
    sentence: str


def what_if(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show what the design would say of outcomes made up; reads alone, and writes nothing."""
    day = day_asked(request, state).day
    asked = " ".join(request.GET.get("next", "")[: MOST + 1].split())
    unknown = tuple(_unknown(request, state))
    made_up, fault, shown = bool(asked or any(each.given for each in unknown)), None, None
    try:
        imagined, then = _imagined(state, unknown, asked, day)
        shown = looked_at(imagined, then)
    except EscalateError as error:
        fault = _as_numbered(str(error), max(state.cohort_numbers(), default=0))
    return page(
        request,
        "what_if.html",
        state,
        actor,
        tab="what-if",
        now=present(state, day),
        shown=shown,
        fault=fault,
        asked=asked,
        unknown=unknown,
        made_up=made_up,
        letters=[(each.letter, each.name) for each in state.design.outcomes],
        onward=_onward(state.design, shown, asked, unknown) if shown is not None else (),
    )


def _as_numbered(fault: str, there: int) -> str:
    """Return a fault with cohorts made up counted on from those on record."""
    text = re.sub(r"^outcomes, cohort (\d+)", lambda found: f"cohort {there + int(found[1])}", fault)
    return text[:1].upper() + text[1:]


def _unknown(request: HttpRequest, state: TrialState) -> Iterator[Open]:
    design = state.design
    choices = tuple((each.letter, each.name) for each in design.outcomes)
    for k, (name, known) in enumerate(state.patients.items()):
        row = known.row
        done = row.dlt_date is not None or _followed(design, row) if state.dated else outcome_known(design, row)
        if row.evaluable and not done:
            given = request.GET.get(f"o{k}", "")
            yield Open(f"o{k}", name, given if given in dict(choices) else "", choices)


def _followed(design: Design, row: PatientRow) -> bool:
    if row.treated is None or row.last_follow_up is None:
        return False
    return date.fromisoformat(row.last_follow_up) >= date.fromisoformat(row.treated) + timedelta(design.dlt_window or 0)


def _imagined(
    state: TrialState, unknown: tuple[Open, ...], asked: str, day: date | None
) -> tuple[TrialState, date | None]:
    """Return the trial with what is made up, and the day on which all of it is known."""
    if len(asked) > MOST:
        raise RecordError(f"next: is longer than {MOST} letters")
    patients = dict(state.patients)
    for each in unknown:
        if each.given:
            row, day = _known(state, patients[each.patient].row, each.given, day)
            patients[each.patient] = replace(patients[each.patient], row=row)
    cohorts = from_outcomes(asked, state.design, state.design.outcomes).cohorts if asked else ()
    if len(cohorts) > MOST_COHORTS:
        raise RecordError(f"next: holds {len(cohorts)} cohorts; at most {MOST_COHORTS} are looked at")
    number, n = max(state.cohort_numbers(), default=0), 0
    for cohort in cohorts:
        number += 1
        treated = day
        for outcome, count in zip(state.design.outcomes, cohort.counts, strict=True):
            for _ in range(count):
                n += 1
                blank = PatientRow(
                    patient=f"what-if-{n}",
                    cohort=number,
                    level=cohort.dose + 1,
                    treated=treated.isoformat() if treated else None,
                )
                row, then = _known(state, blank, outcome.letter, treated)
                patients[row.patient] = Patient(row, 0)
                day = max(day, then) if day and then else day
    # A trial that is closed is thought on as if it were open.
    return replace(state, patients=patients, closings=()), day


def _known(state: TrialState, row: PatientRow, letter: str, day: date | None) -> tuple[PatientRow, date | None]:
    """Return a patient with an outcome, and the day on which it is known."""
    design = state.design
    worst = letter == design.outcomes[-1].letter
    if len(design.outcomes) > 2:
        return row.model_copy(update={"outcome": letter}), day
    if not state.dated or row.treated is None or day is None:
        return row.model_copy(update={"dlt": worst}), day
    ends = date.fromisoformat(row.treated) + timedelta(design.dlt_window or 0)
    if worst:
        return row.model_copy(update={"dlt_date": min(day, ends).isoformat(), "last_follow_up": None}), day
    return row.model_copy(update={"last_follow_up": ends.isoformat()}), max(day, ends)


def _onward(design: Design, shown: Present, asked: str, unknown: tuple[Open, ...]) -> tuple[Onward, ...]:
    """Return the outcomes of the next cohort to look at, each after what is made up already."""
    if shown.following is None or shown.following.level is None:
        return ()
    given = [(each.field, each.given) for each in unknown if each.given]
    found = []
    for row in shown.following.rows:
        seen = "".join(each.letter * n for each, n in zip(design.outcomes, row.outcomes, strict=True))
        more = f"{asked} {shown.following.level}{seen}".strip()
        if len(more) <= MOST and len(more.split()) <= MOST_COHORTS:
            found.append(Onward(row.text, f"?{urlencode([*given, ('next', more)])}", raised(row.sentence)))
    return tuple(found)
