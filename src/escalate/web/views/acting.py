"""Carry out what a form asks, once and on the record that the person saw; or say why not, with the form as it was filled in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.errors import (
    AlreadyRecordedError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    TamperedError,
    UnavailableError,
)
from escalate.conduct.state import TrialState
from escalate.core.errors import EscalateError
from escalate.web.views.words import Line, line_of

# A page looks at today; the option is of a command.
_TOO_LATE = re.compile(r" is after the day looked at, [0-9-]+; give a later --as-of, or the data of that day")
_TOKEN = re.compile(r"[A-Za-z0-9-]{8,80}")
MOST_SINCE = 20


class SeeOther(HttpResponseRedirect):
    """Look there next: what was sent is done."""

    status_code = 303


@dataclass(frozen=True)
class Sending:
    """What every form carries.

    Parameters
    ----------
    token
        Names the form, so that sending it twice makes one entry.
    seen
        Hash of the last entry that the person saw.
    """

    token: str
    seen: str

    @classmethod
    def of(cls, request: HttpRequest, state: TrialState) -> Sending:
        """Return what a sent form carries, or what a new one is given."""
        if request.method != "POST":
            return cls(str(uuid.uuid4()), state.head)
        token = request.POST.get("request", "")
        return cls(token if _TOKEN.fullmatch(token) else str(uuid.uuid4()), request.POST.get("seen", ""))


@dataclass(frozen=True)
class Problem:
    """What is wrong, and the id of the field where."""

    text: str
    anchor: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why nothing was written.

    Parameters
    ----------
    since
        What went on the record since the person looked.
    sending
        What the form carries when it is shown again.
    """

    status: int
    text: str
    sending: Sending
    since: tuple[Line, ...] = ()


def carried_out(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    do: Callable[[Actor, str], Entry],
    forms: Sequence[Form],
    names: Mapping[str, str] | None = None,
    *,
    to: str = "trial",
) -> HttpResponse | Refusal:
    """Carry out a form, and go on; or return why not, with the faults at their fields.

    Parameters
    ----------
    do
        Writes, given who acts and which head of the record was seen.
    forms
        The form, and those of its rows.
    names
        Fields of the form by the names that faults call them, where they differ.
    to
        The page that is seen next.
    """
    sent = Sending.of(request, state)
    try:
        entry = do(replace(actor, request=sent.token), sent.seen)
    except AlreadyRecordedError as error:
        return see(state, to, already=error.number)
    except ConflictError as error:
        now = store.load(state.trial)
        return Refusal(409, str(error), Sending(sent.token, now.head), since(now, sent.seen))
    except (NotFoundError, NotAllowedError, UnavailableError, TamperedError):
        raise
    except EscalateError as error:
        tie(str(error), state, forms, names or {})
        return Refusal(422, str(error), sent)
    return see(state, to, saved=entry.number)


def see(state: TrialState, name: str, **said: int) -> HttpResponse:
    """Return the way to a page of the trial, which then says what was done."""
    return SeeOther(f"{reverse(name, args=[state.trial])}?{urlencode(said)}")


def number_said(request: HttpRequest, state: TrialState, name: str) -> int | None:
    """Return the number of an entry in the address, where there is such an entry."""
    given = request.GET.get(name, "")
    if given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= state.last.number:
        return int(given)
    return None


def since(state: TrialState, seen: str) -> tuple[Line, ...]:
    """Return what went on the record after an entry, in words; the last few where that entry is not found."""
    entries = list(store.whole_entries_of(state.trial, max(state.last.number - 200, 0)))
    at = next((k for k, entry in enumerate(entries) if entry.hash == seen), None)
    later = entries[at + 1 :] if at is not None else entries[-1:]
    return tuple(line_of(state, entry) for entry in later[-MOST_SINCE:])


def tie(text: str, state: TrialState, forms: Sequence[Form], names: Mapping[str, str]) -> None:
    """Put each fault at the field that it begins with, or at the top of the form."""
    for line in text.splitlines():
        _tie(_TOO_LATE.sub(" has not come yet", line.strip()).removeprefix(f"{state.trial}: "), forms, names)


def _tie(line: str, forms: Sequence[Form], names: Mapping[str, str]) -> None:
    of_patient = re.match(r"patient (\S+?)(?: (\w+))?: (.+)", line)
    if of_patient:
        field = of_patient[2] or "patient"
        for form in forms:
            if field in form.fields and form.cleaned_data.get("patient", of_patient[1]) == of_patient[1]:
                form.add_error(field, of_patient[3])
                return
    of_field = re.match(r"(\w+): (.+)", line)
    if of_field:
        field = names.get(of_field[1], of_field[1])
        for form in forms:
            if field in form.fields:
                form.add_error(field, of_field[2])
                return
    forms[0].add_error(None, line)


def problems(forms: Sequence[Form]) -> tuple[Problem, ...]:
    """Return all faults of forms, each with the field to go to."""
    found = []
    for form in forms:
        found += [Problem(str(text)) for text in form.non_field_errors()]
        for name in form.fields:
            field = form[name]
            found += [
                Problem(f"{field.label}: {text}", field.id_for_label or f"id_{field.html_name}")
                for text in field.errors
            ]
    return tuple(found)
