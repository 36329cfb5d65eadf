"""Amend the design of a running trial, and close it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from escalate.conduct import store
from escalate.conduct.actor import Actor
from escalate.conduct.analysis import current, day_for, differences, selected
from escalate.conduct.bodies import Closed, DesignAmended, LockedDesign
from escalate.conduct.chain import Entry, sha256
from escalate.conduct.design_lock import design_of
from escalate.conduct.errors import RecordError
from escalate.conduct.history import advice
from escalate.conduct.making import made, reason_given
from escalate.conduct.permissions import Act, require
from escalate.conduct.signatures import Signing, sign_with
from escalate.conduct.snapshot import check_rows, columns, snapshot
from escalate.conduct.state import DesignVersion, Standing, TrialState
from escalate.core.design import Design
from escalate.core.errors import EscalateError
from escalate.study.forms import recommendation as recommendation_form
from escalate.study.forms import selection as selection_form


def amend_design(
    trial: str,
    design: LockedDesign,
    reason: str,
    actor: Actor,
    *,
    as_of: date | None = None,
    signing: Signing | None = None,
    seen: str | None = None,
) -> Entry:
    """Record a new version of the design, and how its answer to the data differs from that of the old one.

    Raises
    ------
    RecordError
        Where it is the present one, or the patients on record cannot be those of the new one.
    """
    from escalate import __version__

    if reason_given(reason) is None:
        raise RecordError("reason: is missing; say why the design is amended")
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.AMEND_DESIGN)
        if not state.is_open:
            raise RecordError(f"{trial}: is closed; its design is not amended any more")
        if design.sha256 == state.version.kept.sha256:
            raise RecordError(f"{design.name}: is the present design, byte for byte; nothing is amended")
        new = design_of(design)
        _check_patients(state, new, design.name, as_of)
        amended = _under(state, design)
        before, after = _answer(state, as_of), _answer(amended, as_of)
        entry = pen.write(
            made(
                DesignAmended,
                design=design,
                reason=reason_given(reason),
                version=__version__,
                as_of=as_of.isoformat() if as_of else None,
                data_sha256=sha256(snapshot(amended)),
                before=before,
                after=after,
                differences=(*_settings(state.design, new), *_answers_differ(before, after)),
            )
        )
        sign_with(pen, entry.hash, signing)
        return entry


def _under(state: TrialState, design: LockedDesign) -> TrialState:
    last = state.version
    return replace(state, designs=(*state.designs, DesignVersion(last.number + 1, design, 0, "", "")))


def _check_patients(state: TrialState, new: Design, name: str, as_of: date | None) -> None:
    if columns(new) != columns(state.design) and state.patients:
        raise RecordError(
            f"{name}: its patients have other columns ({', '.join(columns(new))}) than those on record; "
            "a design is amended within one kind of data"
        )
    if state.patients and new.doses.unit != state.design.doses.unit:
        raise RecordError(
            f"{name}: its doses are in {new.doses.unit}, those of the patients on record in {state.design.doses.unit}; "
            "a unit is not amended"
        )
    old_levels, levels = state.design.doses.levels, new.doses.levels
    for name_, patient in state.patients.items():
        level = patient.row.level
        if level > len(levels) or levels[level - 1] != old_levels[level - 1]:
            raise RecordError(
                f"{name}: level {level}, at which patient {name_} was treated, is another amount there; "
                "levels that were used keep number and amount"
            )
    try:
        day = as_of or (date.today() if columns(new)[3] == "treated" else None)
        check_rows(new, {key: p.row for key, p in state.patients.items()}, day)
    except EscalateError as error:
        raise RecordError(f"{name}: does not fit the patients on record: {error}") from None


def _answer(state: TrialState, as_of: date | None) -> dict[str, Any]:
    try:
        return recommendation_form(current(state, day_for(state, as_of)))
    except EscalateError as error:
        # An amendment need not wait for an outcome; what cannot be answered says why.
        return {"refused": str(error)}


def _answers_differ(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    refused = [(when, each["refused"]) for when, each in (("before", before), ("now", after)) if "refused" in each]
    if refused:
        return tuple(f"no recommendation {when}: {why}" for when, why in refused)
    return differences(before, after) or ("the recommendation is the same",)


def _settings(old: Design, new: Design) -> tuple[str, ...]:
    found: list[str] = []
    _walk(old.to_dict(), new.to_dict(), "", found)
    return tuple(found)


def _walk(old: Any, new: Any, field: str, found: list[str]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            _walk(old.get(key), new.get(key), f"{field}.{key}" if field else str(key), found)
    elif old != new:
        found.append(f"{field}: {_shown(old)}, now {_shown(new)}")


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)[:300]


def close(
    trial: str,
    mtd_level: int | None,
    actor: Actor,
    *,
    reason: str | None = None,
    as_of: date | None = None,
    signing: Signing | None = None,
    seen: str | None = None,
) -> Entry:
    """Declare the MTD, or that there is none, and end the trial.

    Notes
    -----
    The level that the design selects from the final data is recorded beside it. Another level needs a reason; a higher one, or
    one where none is selected, also a second person.

    Raises
    ------
    RecordError
        Where it is closed, outcomes are missing, or a reason is.
    """
    with store.appending(trial, actor, seen=seen) as pen:
        state = pen.trial
        require(state, actor, Act.CLOSE)
        if not state.is_open and state.closing is not None and state.closing.void_by is None:
            raise RecordError(f"{trial}: is closed already, by entry {state.closing.entry.number}")
        n_doses = state.design.n_doses
        if mtd_level is not None and not 1 <= mtd_level <= n_doses:
            raise RecordError(f"mtd_level: {mtd_level} does not exist; the design has levels 1 to {n_doses}")
        chosen = selected(state, as_of)
        if mtd_level is not None and chosen.doses[mtd_level - 1].patients == 0:
            raise RecordError(f"mtd_level: nobody was treated at level {mtd_level}; the MTD is a level that was tried")
        said = reason_given(reason)
        departs = mtd_level != chosen.mtd_level
        if departs and said is None:
            names = [f"level {level}" if level else "none" for level in (chosen.mtd_level, mtd_level)]
            raise RecordError(
                f"reason: is missing; the design selects {names[0]} as the MTD, not {names[1]}, so say why"
            )
        if said is None and (advice := _not_stopped(state, as_of)):
            raise RecordError(
                f"reason: is missing; the design has not stopped (it recommends to {advice}), so say why the trial closes now"
            )
        data = snapshot(state)
        entry = pen.write(
            made(
                Closed,
                mtd_level=mtd_level,
                selected_level=chosen.mtd_level,
                selection=selection_form(chosen),
                data=data,
                data_sha256=sha256(data),
                departs=departs,
                upward=(mtd_level or 0) > (chosen.mtd_level or 0),
                reason=said,
            )
        )
        sign_with(pen, entry.hash, signing)
        return entry


def _not_stopped(state: TrialState, as_of: date | None) -> str | None:
    """Return what the design recommends, where neither it nor a decision ended the treatment of patients."""
    last = state.decision
    if last is not None and last.body.choice == "stop" and last.standing is Standing.IN_FORCE:
        return None
    found = recommendation_form(current(state, day_for(state, as_of)))
    return None if found["action"] == "stop" else advice(found)
