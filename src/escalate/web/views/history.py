"""The record itself: every entry, newest first, and each with its hashes."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from escalate.conduct.actor import Actor
from escalate.conduct.errors import NotFoundError
from escalate.conduct.history import NAMES
from escalate.conduct.state import TrialState
from escalate.conduct.store import whole_entries_of
from escalate.web.views.frame import drawn, kept, page
from escalate.web.views.words import Line, entry_of, line_of, signable, voids

A_PAGE = 100


def lines(state: TrialState) -> tuple[Line, ...]:
    """Return every entry in words, newest first."""

    def made() -> tuple[Line, ...]:
        void = voids(state)
        return tuple(line_of(state, entry, void) for entry in reversed(list(whole_entries_of(state.trial))))

    return kept(("history", state.trial, state.head), made)


def history(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show every entry, or those of one kind."""
    every = lines(state)
    kind = request.GET.get("kind", "")
    shown = tuple(line for line in every if line.entry.kind == kind) if kind in NAMES else every
    number = request.GET.get("page", "1")
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    last = max((len(shown) - 1) // A_PAGE + 1, 1)
    at = min(max(at, 1), last)

    def entries() -> dict[str, Any]:
        part = shown[(at - 1) * A_PAGE : at * A_PAGE]
        named = kind if kind in NAMES else ""
        return {"state": state, "lines": part, "total": len(shown), "kind": named, "at": at, "last": last}

    return page(
        request,
        "history.html",
        state,
        actor,
        tab="history",
        entries=drawn((state.trial, state.head, kind if kind in NAMES else "", at), "part_history.html", entries),
        kinds=[(name, words) for name, words in NAMES.items() if any(line.entry.kind == name for line in every)],
        kind=kind if kind in NAMES else "",
    )


def entry(request: HttpRequest, state: TrialState, actor: Actor, number: int) -> HttpResponse:
    """Show one entry as it is kept, and what is signed of it."""
    found = (
        next((e for e in whole_entries_of(state.trial, number - 1) if e.number == number), None)
        if 0 < number <= state.last.number
        else None
    )
    if found is None:
        raise NotFoundError(f"there is no entry {number} in {state.trial}")
    line = line_of(state, found)
    return page(
        request,
        "entry.html",
        state,
        actor,
        tab="history",
        line=line,
        body=json.dumps(json.loads(found.body), indent=2, ensure_ascii=False, sort_keys=True),
        before=number - 1 if number > 1 else None,
        after=number + 1 if number < state.last.number else None,
        signatures=[(line_of(state, s.entry), s.void_by) for s in state.signatures_on(found.hash)],
        signable=found.hash in signable(state) and line.void_by is None,
        subject=entry_of(state, found.content.get("subject", "")) if "subject" in found.content else None,
    )
