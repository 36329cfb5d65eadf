"""What the design says of the data on record, and how two answers differ."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from escalate.conduct.bodies import Analysed, LockedDesign
from escalate.conduct.chain import canonical, sha256
from escalate.conduct.design_lock import design_of
from escalate.conduct.errors import RecordError
from escalate.conduct.snapshot import csv_of, outcome_known, read, snapshot, waiting_for
from escalate.conduct.state import Analysis, TrialState
from escalate.core.moves import Action
from escalate.study.forms import provenance, rules
from escalate.study.forms import recommendation as recommendation_form
from escalate.study.provenance import Provenance
from escalate.study.recommend import Recommendation, recommend
from escalate.study.select import Selection, select


def day_for(state: TrialState, as_of: date | None) -> date | None:
    """Return the day that an analysis looks at: none without dates, today where none is given.

    Raises
    ------
    RecordError
        Where a day is given and the design has no DLT window.
    """
    if not state.dated:
        if as_of is not None:
            raise RecordError("as_of: this design has no DLT window, so that no day is looked at; leave it out")
        return None
    return as_of or date.today()


def has_come(day: date | None) -> date | None:
    """Return a day on which something is recorded.

    Raises
    ------
    RecordError
        Where it has not come: patients followed so far would be taken as followed until then.
    """
    last = date.today() + timedelta(days=1)
    if day is not None and day > last:
        raise RecordError(f"as_of: {day} has not come; what is recorded is of today or of a day before")
    return day


def current(state: TrialState, as_of: date | None = None) -> Recommendation:
    """Return the recommendation from the data as known now.

    Raises
    ------
    DataError
        Where outcomes that the design waits for are not known, or the data cannot be used on that day.
    """
    missing = waiting_for(state)
    if missing:
        raise RecordError(
            f"the outcome of {_listed(missing)} is not known yet; this design decides on complete cohorts: enter it first"
        )
    return _recommended(state.version.kept, snapshot(state), day_for(state, as_of))


def so_far(state: TrialState) -> Recommendation:
    """Return what the design says of the outcomes known so far, whoever else was treated.

    Raises
    ------
    DataError
        Where the data cannot be used.
    """
    if state.dated:
        return current(state)
    known = [p.row for p in state.patients.values() if outcome_known(state.design, p.row)]
    return _recommended(state.version.kept, csv_of(state.design, known), None)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"patient {shown}" if len(names) == 1 else f"patients {shown}"


@lru_cache(maxsize=1024)
def _recommended(kept: LockedDesign, data: str, as_of: date | None) -> Recommendation:
    design = design_of(kept)
    trial = read(design, data, as_of) if data.count("\n") > 1 else None
    return recommend(design, trial, design_sha256=kept.sha256)


def first_cohort(state: TrialState) -> int:
    """Return how many patients the first cohort has, for which nothing need be decided."""
    return recommend(state.design).next_cohort_size or 0


def selected(state: TrialState, as_of: date | None = None) -> Selection:
    """Return the MTD that the design selects from the data as known now.

    Raises
    ------
    DataError
        Where there are none, or outcomes are missing.
    """
    if not state.patients:
        raise RecordError(f"{state.trial}: has no patients; there is nothing to select an MTD from")
    missing = waiting_for(state)
    if missing:
        raise RecordError(f"the outcome of {_listed(missing)} is not known yet; the MTD is selected when all are")
    design = state.design
    return select(
        design,
        read(design, snapshot(state), has_come(day_for(state, as_of))),
        design_sha256=state.version.kept.sha256,
    )


def analysed(state: TrialState, as_of: date | None = None) -> Analysed:
    """Return the analysis of the data as known now, as the record keeps it."""
    from escalate import __version__

    day = has_come(day_for(state, as_of))
    found = recommendation_form(current(state, day))
    data = snapshot(state)
    return Analysed(
        as_of=day.isoformat() if day else None,
        data=data,
        data_sha256=sha256(data),
        design_sha256=state.version.kept.sha256,
        version=__version__,
        recommendation=found,
        recommendation_sha256=sha256(canonical(found)),
    )


OUTCOMES_MISSING = "outcomes_missing"
"""The reason of an analysis that waits for outcomes, on which a trial can be held or stopped and nobody be treated."""


def waits_for_outcomes(analysis: Analysed) -> bool:
    """Return whether an analysis says that outcomes are missing, and recommends nothing."""
    return any(reason["code"] == OUTCOMES_MISSING for reason in analysis.recommendation["reasons"])


def analysed_without_outcomes(state: TrialState) -> Analysed:
    """Return, as the record keeps it, that a design that decides on complete cohorts waits for outcomes."""
    from escalate import __version__

    data, design = snapshot(state), state.design
    text = f"The outcome of {_listed(waiting_for(state))} is not known yet, and the design decides on complete cohorts."
    found = {
        **dict.fromkeys(("next_level", "next_amount", "next_cohort_size", "mtd_level", "margin", "margin_text")),
        "schema": "escalate/recommendation/1",
        "design": design.title,
        "action": str(Action.SUSPEND),
        "unit": design.doses.unit,
        "reasons": [{"code": OUTCOMES_MISSING, "text": text}],
        "notes": [],
        "doses": [],
        "trace": [],
        "rules": rules(design),
        "provenance": provenance(Provenance.now(state.version.kept.sha256, sha256(data))),
    }
    return Analysed(
        as_of=None,
        data=data,
        data_sha256=sha256(data),
        design_sha256=state.version.kept.sha256,
        version=__version__,
        recommendation=found,
        recommendation_sha256=sha256(canonical(found)),
    )


def is_current(state: TrialState, analysis: Analysis) -> bool:
    """Return whether an analysis looked at the data and the design as they are now."""
    return analysis.body.data_sha256 == sha256(snapshot(state)) and (
        analysis.body.design_sha256 == state.version.kept.sha256
    )


_OF_ANSWER = (
    ("action", "action"),
    ("next_level", "next level"),
    ("next_cohort_size", "next cohort size"),
    ("mtd_level", "MTD level"),
)
_OF_DOSE = (
    ("patients", "patients"),
    ("dlts", "DLTs"),
    ("estimate", "estimate"),
    ("prob_overdose", "Pr(overdose)"),
    ("why_not", "barred by"),
)


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """Return, in words, how two recommendations differ."""
    found = []
    for key, name in _OF_ANSWER:
        old, new = before.get(key), after.get(key)
        if old != new:
            found.append(f"{name}: {_shown(old)}, now {_shown(new)}")
    old_doses = {dose["level"]: dose for dose in before.get("doses", ())}
    for dose in after.get("doses", ()):
        old = old_doses.get(dose["level"])
        if old is None:
            found.append(f"level {dose['level']}: is new")
            continue
        for key, name in _OF_DOSE:
            if old.get(key) != dose.get(key):
                found.append(f"level {dose['level']} {name}: {_shown(old.get(key))}, now {_shown(dose.get(key))}")
    found += [
        f"level {level}: is gone" for level in old_doses.keys() - {dose["level"] for dose in after.get("doses", ())}
    ]
    codes = [[reason["code"] for reason in each.get("reasons", ())] for each in (before, after)]
    if codes[0] != codes[1]:
        found.append(f"reasons: {', '.join(codes[0]) or 'none'}, now {', '.join(codes[1]) or 'none'}")
    return tuple(found)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
