"""What the pages of a trial share: the frame around them, the days they look at, and what is kept between two looks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from escalate import __version__
from escalate.conduct.actor import Actor
from escalate.conduct.permissions import Act, may
from escalate.conduct.state import TrialState

T = TypeVar("T")
_KEPT = 8192
_kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()
_lock = Lock()


def kept(key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what was made before for the same key, or make it; a key names all that the answer depends on."""
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            found: T = _kept[key]
            return found
    made = make()
    with _lock:
        _kept[key] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def drawn(key: tuple[object, ...], template: str, content: Callable[[], dict[str, Any]]) -> SafeString:
    """Return a part of a page, kept between two looks: it may hold nothing of the reader but what the key names."""
    return kept((template, *key), lambda: mark_safe(render_to_string(template, {**content(), "version": __version__})))


@dataclass(frozen=True)
class Rights:
    """What a person may do in a trial, by names that templates can read."""

    enter: bool
    amend: bool
    decide: bool
    approve: bool
    sign: bool
    close: bool
    give_roles: bool
    view: bool

    @classmethod
    def of(cls, state: TrialState, actor: Actor) -> Rights:
        """Return the rights of a person."""
        return cls(
            enter=may(state, actor, Act.ENTER),
            amend=may(state, actor, Act.AMEND),
            decide=may(state, actor, Act.DECIDE),
            approve=may(state, actor, Act.APPROVE),
            sign=may(state, actor, Act.SIGN),
            close=may(state, actor, Act.CLOSE),
            give_roles=may(state, actor, Act.GIVE_ROLES),
            view=may(state, actor, Act.VIEW),
        )


def page(
    request: HttpRequest,
    template: str,
    state: TrialState,
    actor: Actor,
    *,
    tab: str,
    status: int = 200,
    **content: Any,
) -> HttpResponse:
    """Return a page of a trial, with its head, its tabs and what the person may do there."""
    shown = {"state": state, "actor": actor, "rights": Rights.of(state, actor), "tab": tab, **content}
    return render(request, template, shown, status=status)


@dataclass(frozen=True)
class Day:
    """The day that a page looks at; `fault` says why it is another than the one asked for."""

    day: date | None
    fault: str | None = None
    is_today: bool = True

    @property
    def query(self) -> str:
        """What an address ends with to look at the same day; empty for today, and where no day is looked at."""
        return "" if self.day is None or self.is_today else f"?as_of={self.day}"


def latest_day(state: TrialState) -> date | None:
    """Return the last day of which the record says something of a patient."""
    rows = [patient.row for patient in state.patients.values()]
    days = [day for row in rows for day in (row.treated, row.dlt_date, row.last_follow_up) if day]
    return date.fromisoformat(max(days)) if days else None


def day_asked(request: HttpRequest, state: TrialState, name: str = "as_of") -> Day:
    """Return the day that an address or a form asks for: today where none is, and none where the design has no dates."""
    if not state.dated:
        return Day(None)
    today = date.today()
    asked = (request.POST.get(name) or request.GET.get(name) or "").strip()
    if not asked:
        return Day(today)
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return Day(today, f"'{asked[:20]}' is not a day such as 2026-03-31; today is looked at")
    if day > today:
        return Day(today, f"{day} is not here yet; today is looked at")
    latest = latest_day(state)
    if latest is not None and day < latest <= today:
        what = f"The record holds what happened up to {latest}, so that {latest} is the first day that can be looked at"
        return Day(today, f"{what}; today is")
    return Day(day, is_today=day == today)
