"""Who has which role in a trial."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from escalate.conduct import accounts, opening, store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import ROLES
from escalate.conduct.chain import Entry
from escalate.conduct.errors import NotFoundError, RecordError
from escalate.conduct.permissions import MAY, Act, may
from escalate.conduct.state import TrialState
from escalate.web.forms import RolesForm
from escalate.web.views.acting import Refusal, SeeOther, Sending, carried_out, number_said, problems
from escalate.web.views.frame import page


@dataclass(frozen=True)
class Member:
    """A person in the trial."""

    name: str
    full_name: str
    roles: tuple[str, ...]


def people(request: HttpRequest, state: TrialState, actor: Actor) -> HttpResponse:
    """Show who has which role, or give roles."""
    if request.method != "POST":
        person = request.GET.get("person", "")
        initial = {"person": person, "roles": sorted(state.roles_of(person))}
        return _shown(request, state, actor, RolesForm(initial=initial))
    form = RolesForm(request.POST)
    if not form.is_valid():
        return _shown(request, state, actor, form, status=422)

    def do(who: Actor, seen: str) -> Entry:
        person, roles = form.cleaned_data["person"], form.cleaned_data["roles"]
        if not person:
            raise RecordError("person: is missing; give the name of an account")
        if roles:
            _check(person)
        elif not state.roles_of(person):
            raise RecordError(f"roles: {person} has none that could be taken away; tick those to give")
        return opening.give_roles(state.trial, person, roles, who, seen=seen)

    done = carried_out(request, state, actor, do, [form], {"role": "roles"}, to="people")
    if isinstance(done, Refusal):
        return _shown(request, state, actor, form, done)
    # Whoever gave the role away can no longer see this page.
    return done if may(store.load(state.trial), actor, Act.GIVE_ROLES) else SeeOther(reverse("trials"))


def _check(person: str) -> None:
    try:
        accounts.account(person)
    except NotFoundError as error:
        raise RecordError(f"person: {error}; the administrator of the server makes it") from None


def _shown(
    request: HttpRequest,
    state: TrialState,
    actor: Actor,
    form: RolesForm,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    names = {each.name: each.full_name for each in accounts.accounts()}
    members = [
        Member(person, names.get(person, "no account here"), tuple(role for role in ROLES if role in roles))
        for person, roles in sorted(state.members.items())
    ]
    rights = [(role, tuple(act.value for act, allowed in MAY.items() if role in allowed)) for role in ROLES]
    return page(
        request,
        "people.html",
        state,
        actor,
        tab="people",
        status=refusal.status if refusal else status,
        form=form,
        saved=number_said(request, state, "saved"),
        already=number_said(request, state, "already"),
        members=members,
        roles=rights,
        refusal=refusal,
        sending=refusal.sending if refusal else Sending.of(request, state),
        problems=problems([form]) if form.is_bound else (),
    )
