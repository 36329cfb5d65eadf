"""Pictures of a trial that take a moment to draw: its patients day by day, and the paths of the next cohorts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString, mark_safe

from escalate.conduct.actor import Actor
from escalate.conduct.snapshot import data_of
from escalate.conduct.state import TrialState
from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import EscalateError
from escalate.core.patients import TrialData
from escalate.web.views.frame import day_asked, kept, page

COHORTS = (2, 1)
"""How far ahead the tree looks: as far as can be read."""


@dataclass(frozen=True)
class Shown:
    """A picture with its heading and what it shows in words; or, without a picture, why there is none."""

    key: str
    heading: str
    words: str
    svg: SafeString | None = None


def pictures(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show the pictures of a trial, as far as it is open and has data for them."""
    day = day_asked(request, state)
    today = date.today() if state.dated else None
    shown = kept(("pictures", state.trial, state.head, day.day, today), lambda: tuple(_pictures(state, day.day)))
    return page(request, "pictures.html", state, actor, tab="pictures", day=day, pictures=shown)


def _pictures(state: TrialState, day: date | None) -> Iterator[Shown]:
    try:
        data = data_of(state, day) if state.patients else None
    except EscalateError as error:
        yield Shown("data", "No pictures", f"{error}.")
        return
    if isinstance(data, DatedTrial) and data.patients:
        yield _patients(state, data)
    if state.is_open:
        yield _tree(state, data)


def _patients(state: TrialState, data: DatedTrial) -> Shown:
    from escalate.report import pictures as drawn

    picture = drawn.patients(state.design, data)
    # Every text of a picture is escaped.
    return Shown("patients", f"Patients up to {data.as_of}", picture.description, mark_safe(picture.svg))


def _tree(state: TrialState, data: TrialData | None) -> Shown:
    from escalate.report import pictures as drawn
    from escalate.study.pathways import paths

    if isinstance(data, DatedTrial):
        why = "Paths are drawn where every outcome is known when the next cohort begins; in this trial outcomes come with time."
        return Shown("tree", "Paths ahead", why)
    why = ""
    for cohorts in COHORTS:
        try:
            found = paths(state.design, data, cohorts=cohorts)
            if not found.next_cohort:
                return Shown("tree", "Paths ahead", "There is no next cohort, so there are no paths.")
            picture = drawn.pathway_tree(found)
        except EscalateError as error:
            why = f"There is no picture of the paths: {error}."
        else:
            return Shown("tree", "Paths ahead, where the recommendations are followed", picture.description,
                         mark_safe(picture.svg))  # fmt: skip
    return Shown("tree", "Paths ahead", why)
