"""Begin a trial, and say who has which role in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import ROLES, LockedDesign, Opened, RolesGiven
from escalate.conduct.chain import Entry
from escalate.conduct.errors import NotAllowedError, RecordError
from escalate.conduct.making import made
from escalate.conduct.permissions import Act, require
from escalate.conduct.state import TrialState
from escalate.conduct.store import SYSTEM
from escalate.core.errors import did_you_mean


def check_name(trial: str) -> str:
    """Return the name of a trial.

    Raises
    ------
    RecordError
        Where it is none: it stands in addresses and file names.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", trial) or trial == SYSTEM:
        raise RecordError(
            f"trial: '{trial[:60]}' cannot be the name of a trial; small letters, digits and - do, at most 40: tvec-liver"
        )
    return trial


def open_trial(
    trial: str, design: LockedDesign, actor: Actor, *, title: str | None = None, synthetic: bool = False
) -> TrialState:
    """Begin a trial under a locked design.

    Parameters
    ----------
    title
        That of the design where none is given.
    synthetic
        Whether its outcomes are made up, which every page then says.

    Raises
    ------
    NotAllowedError
        For whoever is not the administrator of the server.
    RecordError
        Where the name is taken or none.
    """
    from escalate import __version__
    from escalate.conduct.design_lock import design_of

    if not (actor.everywhere or actor.admin):
        raise NotAllowedError(f"{actor.name} may not begin a trial; that takes the administrator of the server")
    body = made(
        Opened,
        title=title or design_of(design).title,
        synthetic=synthetic,
        design=design,
        version=__version__,
    )
    with store.appending(check_name(trial), actor) as pen:
        if pen.state is not None:
            raise RecordError(f"trial: there is a trial '{trial}' here already; choose another name")
        entry = pen.write(body)
        state = pen.trial
        with store.appending(SYSTEM, Actor(actor.name, actor.via)) as log:
            log.note("trial_opened", {"trial": trial, "first": entry.hash})
    return state


def give_roles(trial: str, person: str, roles: Iterable[str], actor: Actor, *, seen: str | None = None) -> Entry:
    """Say which roles a person has in a trial from now on; none takes them away.

    Raises
    ------
    NotAllowedError
        Where the actor may not.
    RecordError
        Where there is no such role.
    """
    wanted = tuple(dict.fromkeys(roles))
    for role in wanted:
        if role not in ROLES:
            raise RecordError(f"role: '{role[:40]}' is not a role; {did_you_mean(role, ROLES)}")
    body = made(RolesGiven, person=person, roles=tuple(role for role in ROLES if role in wanted))
    with store.appending(trial, actor, seen=seen) as pen:
        require(pen.trial, actor, Act.GIVE_ROLES)
        return pen.write(body)
