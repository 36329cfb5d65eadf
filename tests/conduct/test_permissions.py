"""Who may do what: each role, each act, on the record itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from escalate.conduct import changing, deciding, entering, opening, signatures, store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import ROLES
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import NotAllowedError, NotFoundError, RecordError
from escalate.conduct.permissions import MAY, Act, may
from escalate.conduct.signatures import Signing
from tests.conduct.acting import BOIN, CRM, ana, begin, first, higher, people, person, rows

# The table of docs and issue, written down a second time.
ALLOWED = {
    Act.VIEW: set(ROLES),
    Act.ENTER: {"site"},
    Act.AMEND: {"site", "statistician"},
    Act.ANALYSE: {"statistician", "chair"},
    Act.DECIDE: {"statistician", "chair"},
    Act.APPROVE: {"statistician", "chair"},
    Act.SIGN: {"statistician", "chair"},
    Act.AMEND_DESIGN: {"statistician"},
    Act.CLOSE: {"chair"},
    Act.GIVE_ROLES: {"admin"},
    Act.EXPORT: set(ROLES),
}


def test_the_table() -> None:
    """Every act has its roles, and they are those written down here."""
    assert {act: set(roles) for act, roles in MAY.items()} | {a: ALLOWED[a] for a in Act if a not in MAY} == ALLOWED
    assert set(MAY) == set(Act)


def acts(subject: str) -> dict[Act, Callable[[Actor], Any]]:
    return {
        Act.ENTER: lambda who: entering.enter("tvec", rows("09", 2, 1), who, deviation="x"),
        Act.AMEND: lambda who: entering.amend("tvec", "01", {"dlt": True}, who, reason="x"),
        Act.ANALYSE: lambda who: deciding.analyse("tvec", who),
        Act.DECIDE: lambda who: deciding.decide("tvec", "stop", who, reason="x"),
        Act.APPROVE: lambda who: deciding.approve("tvec", who, agrees=True),
        Act.SIGN: lambda who: signatures.sign("tvec", subject, Signing("N", "review"), who),
        Act.AMEND_DESIGN: lambda who: changing.amend_design("tvec", lock(str(CRM)), "x", who),
        Act.CLOSE: lambda who: changing.close("tvec", 1, who, reason="x"),
        Act.GIVE_ROLES: lambda who: opening.give_roles("tvec", "zoe", ["viewer"], who),
    }


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("role", [*ROLES, "", "other trial", "taken away", "another case"])
def test_each_role_and_each_act(role: str) -> None:
    """Each act is done by its roles alone; others are told which, and strangers that there is no such trial."""
    begin()
    first()
    subject = higher().hash
    begin("other")
    if role == "other trial":
        opening.give_roles("other", "pat", ROLES, ana)
    elif role == "taken away":
        opening.give_roles("tvec", "pat", ROLES, ana)
        opening.give_roles("tvec", "pat", [], ana)
    elif role == "another case":
        opening.give_roles("tvec", "Pat", ROLES, ana)
    elif role:
        opening.give_roles("tvec", "pat", [role], ana)
    for act, do in acts(subject).items():
        state = store.load("tvec")
        if role in ALLOWED[act]:
            continue
        assert not may(state, person("pat"), act)
        with pytest.raises(NotAllowedError if role in ROLES else NotFoundError) as error:
            do(person("pat"))
        assert store.load("tvec") is state
        if role in ROLES:
            assert all(name in str(error.value) for name in ALLOWED[act])
        else:
            assert str(error.value) == "there is no trial 'tvec' here"
    for act, do in acts(subject).items():
        if role in ALLOWED[act]:
            _once(act, do, role)


def _once(act: Act, do: Callable[[Actor], Any], role: str) -> None:
    """Do what is allowed, in a record where it can be done; what cannot be done any more is refused for another reason."""
    before = store.load("tvec").last.number
    try:
        do(person("pat"))
    except (NotAllowedError, NotFoundError):
        raise
    except RecordError:
        assert act is not Act.ANALYSE, role
        return
    assert store.load("tvec").last.number > before
    assert store.load("tvec").last.by == "pat"


@pytest.mark.usefixtures("record")
def test_strangers_learn_nothing() -> None:
    """Whatever a stranger sends, for a trial that is there the answer is that of one that is not."""
    begin()
    first()
    Actor("ana", "page", request="r-1")
    entering.amend("tvec", "01", {"dlt": True}, Actor("ana", "page", request="r-1", everywhere=True), reason="x")
    for eve in (person("eve"), person("eve", request="r-1")):
        for seen in (None, "0" * 64, store.load("tvec").head):
            said = []
            for trial in ("tvec", "nope"):
                with pytest.raises(NotFoundError) as error:
                    entering.amend(trial, "01", {"dlt": True}, eve, seen=seen)
                said.append(str(error.value).replace(trial, "…"))
            assert said[0] == said[1]


@pytest.mark.usefixtures("record")
def test_the_administrator_of_the_server() -> None:
    """The administrator begins trials and gives roles, and has no other right in them without a role."""
    root = person("root", admin=True)
    opening.open_trial("tvec", lock(str(BOIN)), root)
    with pytest.raises(NotAllowedError):
        opening.open_trial("other", lock(str(BOIN)), person("pat"))
    with pytest.raises(NotAllowedError):
        entering.enter("tvec", rows("01", 1, 1), root)
    opening.give_roles("tvec", "root", ["site"], root)
    entering.enter("tvec", rows("01", 1, 1), root)
    assert [entry.kind for entry in store.entries_of("tvec")] == ["opened", "roles", "entered"]


@pytest.mark.usefixtures("record")
def test_roles_are_roles() -> None:
    """What is no role is refused with what is meant; the same role twice is one."""
    begin()
    for wrong in ("Site", "owner", "", "sit"):
        with pytest.raises(RecordError, match=r"^role: "):
            opening.give_roles("tvec", "pat", [wrong], ana)
    opening.give_roles("tvec", "pat", ["site", "viewer", "site"], ana)
    assert store.load("tvec").roles_of("pat") == {"site", "viewer"}
    people("tvec", pat="chair")
    assert store.load("tvec").roles_of("pat") == {"chair"}
