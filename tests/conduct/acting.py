"""What the tests of the record share: people, designs, and a trial taken to a point in few words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from escalate.conduct import deciding, entering, opening, store
from escalate.conduct.actor import Actor
from escalate.conduct.bodies import Amended, LockedDesign, PatientRow
from escalate.conduct.chain import Entry, faults_of
from escalate.conduct.design_lock import lock
from escalate.conduct.models import RecordEntry
from escalate.conduct.state import TrialState
from tests.helpers import ROOT

BOIN = ROOT / "designs" / "tvec-liver-boin.yaml"
CRM = ROOT / "designs" / "tvec-liver-crm.yaml"
GRADED = ROOT / "designs" / "tvec-liver-gboin.yaml"
TITE = ROOT / "designs" / "late-onset" / "tite_boin.yaml"
BACKFILL = ROOT / "designs" / "late-onset" / "bf_boin.yaml"

ana = Actor("ana", "command line", everywhere=True)
bob = Actor("bob", "command line", everywhere=True)


def person(name: str, **more: Any) -> Actor:
    """Return somebody who acts through a page, with the roles that the record gives."""
    return Actor(name, "page", **more)


def begin(trial: str = "tvec", design: Any = BOIN, **more: Any) -> TrialState:
    """Open a trial."""
    kept = design if isinstance(design, LockedDesign) else lock(str(design))
    return opening.open_trial(trial, kept, ana, synthetic=True, **more)


def rows(
    names: str | Iterable[str], cohort: int | None, level: int, dlts: Iterable[str] = (), **more: Any
) -> list[PatientRow]:
    """Return patients of one cohort, with a DLT where named, and none otherwise; `dlt=None` leaves them open."""
    known = {} if "dlt" in more or "treated" in more or "outcome" in more else {"dlt": False}
    return [
        PatientRow(
            patient=name, cohort=cohort, level=level, **{**known, **more, **({"dlt": True} if name in dlts else {})}
        )
        for name in (names.split() if isinstance(names, str) else names)
    ]


def first(trial: str = "tvec", dlts: Iterable[str] = (), **more: Any) -> Entry:
    """Enter the first cohort, at level 1."""
    return entering.enter(trial, rows("01 02 03", 1, 1, dlts, **more), ana)


def higher(trial: str = "tvec", level: int = 3, by: Actor = ana, **more: Any) -> Entry:
    """Decide on a higher level than recommended."""
    return deciding.decide(trial, "higher", by, level=level, reason="As agreed with the sponsor", **more)


def is_clean(trial: str) -> bool:
    """Return whether the chain of a trial has no fault, and reading it anew gives what is known of it."""
    known = store.load(trial)
    store.forget()
    return not list(faults_of(trial, store.entries_of(trial), known.head)) and store.load(trial) == known


def people(trial: str, **roles: str) -> None:
    """Give people roles: `people("tvec", sam="site")`."""
    for name, given in roles.items():
        opening.give_roles(trial, name, given.split(), ana)


def put(entry: Entry) -> None:
    """Put an entry into the database, going round everything that guards it."""
    RecordEntry.objects.create(**asdict(entry))


def correction(patient: str = "01", dlt: bool = True) -> Amended:
    """Return what says that a patient without a DLT had one, or the other way round."""
    return Amended(patient=patient, changes={"dlt": (not dlt, dlt)}, first_report=False, reason="x")


def is_told(error: BaseException, *parts: str) -> None:
    """Check that a fault is one sentence that says one of some parts."""
    said = str(error)
    assert said.strip()
    assert "\n" not in said, said
    assert not parts or any(part in said for part in parts), said
