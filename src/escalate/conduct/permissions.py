"""Which role may do what in a trial."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from escalate.conduct.errors import NotAllowedError, NotFoundError

if TYPE_CHECKING:
    from escalate.conduct.actor import Actor
    from escalate.conduct.state import TrialState


class Act(StrEnum):
    """What can be done."""

    VIEW = "see the trial"
    ENTER = "enter patients and outcomes"
    AMEND = "amend patients and outcomes"
    ANALYSE = "record an analysis"
    DECIDE = "decide"
    APPROVE = "give a second opinion"
    SIGN = "sign"
    AMEND_DESIGN = "amend the design"
    CLOSE = "close the trial"
    GIVE_ROLES = "give roles"
    EXPORT = "export the record"


MAY: dict[Act, frozenset[str]] = {
    Act.VIEW: frozenset({"viewer", "site", "statistician", "chair", "admin"}),
    Act.ENTER: frozenset({"site"}),
    Act.AMEND: frozenset({"site", "statistician"}),
    Act.ANALYSE: frozenset({"statistician", "chair"}),
    Act.DECIDE: frozenset({"statistician", "chair"}),
    Act.APPROVE: frozenset({"statistician", "chair"}),
    Act.SIGN: frozenset({"statistician", "chair"}),
    Act.AMEND_DESIGN: frozenset({"statistician"}),
    Act.CLOSE: frozenset({"chair"}),
    Act.GIVE_ROLES: frozenset({"admin"}),
    Act.EXPORT: frozenset({"viewer", "site", "statistician", "chair", "admin"}),
}


def may(state: TrialState, actor: Actor, act: Act) -> bool:
    """Return whether a person may do something in a trial.

    Notes
    -----
    The administrator of the server gives roles, to others and to the administrator's own account, which the record shows, and
    has no other right by that.
    """
    if actor.everywhere or (actor.admin and act is Act.GIVE_ROLES):
        return True
    return bool(state.roles_of(actor.name) & MAY[act])


def check_known(state: TrialState, actor: Actor) -> None:
    """Refuse whoever may not know that the trial is there, before anything is said of it.

    Raises
    ------
    NotFoundError
        As for a trial that is not there.
    """
    if not may(state, actor, Act.VIEW) and not may(state, actor, Act.GIVE_ROLES):
        raise NotFoundError(f"there is no trial '{state.trial}' here")


def require(state: TrialState, actor: Actor, act: Act) -> None:
    """Refuse what a person may not do.

    Raises
    ------
    NotFoundError
        Where the person may not even know that the trial is there.
    NotAllowedError
        Otherwise, naming the roles that may.
    """
    if may(state, actor, act):
        return
    check_known(state, actor)
    roles = " or ".join(role for role in ("viewer", "site", "statistician", "chair", "admin") if role in MAY[act])
    raise NotAllowedError(f"{state.trial}: {actor.name} may not {act}; that takes the role of {roles}")
