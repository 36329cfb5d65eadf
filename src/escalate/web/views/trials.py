"""The trials of a person, and what each waits for."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.errors import NotFoundError, RecordError, UnavailableError
from escalate.conduct.permissions import Act, may
from escalate.conduct.state import Standing, TrialState
from escalate.report.svg import raised
from escalate.web.views.frame import kept
from escalate.web.views.guide import Next, next_step
from escalate.web.views.present import where
from escalate.web.views.words import decided_words, mtd_words


@dataclass(frozen=True)
class Row:
    """A trial in the list; `fault` says why nothing is shown of it."""

    trial: str
    title: str
    synthetic: bool = False
    status: str = ""
    patients: int = 0
    level: str = ""
    decision: str = ""
    declared: str | None = None
    following: Next | None = None
    readable: bool = True
    fault: str | None = None


def trials(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the trials in which the person has a role."""
    found = (
        kept(("row", name, head, actor.name, actor.admin), lambda name=name: _row(name, actor))  # type: ignore[misc]
        for name, head in store.heads().items()
    )
    rows = [row for row in found if row is not None]
    mine = [row for row in rows if row.following is not None and row.following.main is not None]
    others = [row for row in rows if row not in mine]
    return render(request, "trials.html", {"rows": [*mine, *others], "mine": len(mine), "actor": actor})


def _row(name: str, actor: Actor) -> Row | None:
    """Return a trial in the list; None where the person has no role in it."""
    try:
        state = store.load(name)
    except (UnavailableError, NotFoundError):
        raise
    except RecordError as error:
        return Row(name, name, status="changed", readable=False, fault=str(error)) if actor.admin else None
    if may(state, actor, Act.VIEW):
        return _readable(state, actor)
    return Row(name, state.title, state.synthetic, readable=False) if may(state, actor, Act.GIVE_ROLES) else None


def _readable(state: TrialState, actor: Actor) -> Row:
    cohorts = [(p.row.cohort, p.row.level) for p in state.patients.values() if p.row.cohort is not None]
    closing = state.closing
    status = "open"
    if closing is not None:
        status = "closed" if closing.standing is Standing.IN_FORCE else f"closing {closing.standing.in_words}"
    return Row(
        trial=state.trial,
        title=state.title,
        synthetic=state.synthetic,
        status=status,
        patients=len(state.patients),
        level=where(state.design, max(cohorts)[1]) if cohorts else "none yet",
        decision=_decided(state),
        declared=raised(mtd_words(state.design, closing.body.mtd_level)) if status == "closed" and closing else None,
        following=next_step(state, actor),
    )


def _decided(state: TrialState) -> str:
    decision = state.decision
    if decision is None:
        return "none yet"
    return raised(f"{decided_words(state.design, decision.body)} ({decision.standing.value})")
