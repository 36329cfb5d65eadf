"""The JSON of an answer about a trial, as commands print it and the record keeps it; docs/reference/json.md says what is in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.moves import Reason
    from escalate.study.as_of import AsOf
    from escalate.study.backfill import BackfillDose
    from escalate.study.provenance import Provenance
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow, Selection


def reasons(found: tuple[Reason, ...]) -> list[dict[str, str]]:
    """Return reasons as JSON."""
    return [{"code": reason.code, "text": reason.text} for reason in found]


def provenance(found: Provenance) -> dict[str, str | None]:
    """Return provenance as JSON."""
    return asdict(found)


def doses(found: tuple[DoseRow, ...]) -> list[dict[str, Any]]:
    """Return the doses as JSON."""
    # Patients by outcome are there only where outcomes are graded, intervals only where the method has such.
    optional = {"outcomes", "intervals", "follow_up"}
    dated = any(dose.pending for dose in found)
    return [
        {
            key: value
            for key, value in asdict(dose).items()
            if (value is not None or key not in optional) and (dated or key != "pending")
        }
        for dose in found
    ]


def rules(design: Design) -> list[dict[str, Any]]:
    """Return the rules of a design, with their sentences, as JSON."""
    return [
        {**rule.model_dump(mode="json", by_alias=True, exclude_none=True), "text": rule.describe(design)}
        for rule in design.rules
    ]


def as_of(found: AsOf | None) -> dict[str, Any]:
    """Return the day, who is pending, how long a wait lasts, and what changed, as JSON; nothing where no day is looked at."""
    if found is None:
        return {}
    return {
        "as_of": found.day.isoformat(),
        "dlt_window": found.window,
        "pending": [
            {
                "patient": p.patient,
                "level": p.level,
                "treated": p.treated.isoformat(),
                "days": p.days,
                "window_ends": p.window_ends.isoformat(),
            }
            for p in found.pending
        ],
        "earliest_change": None if found.earliest is None else found.earliest.isoformat(),
        "changes": None if found.changes is None else [{"patient": c.patient, "text": c.text} for c in found.changes],
        "answer_before_changes": found.before,
    }


def backfill_form(found: tuple[BackfillDose, ...] | None) -> dict[str, Any]:
    """Return which levels are open to backfill as JSON; nothing where there is no backfill."""
    return {} if found is None else {"backfill": [asdict(dose) for dose in found]}


def recommendation(found: Recommendation) -> dict[str, Any]:
    """Return a recommendation as JSON."""
    return {
        "schema": "escalate/recommendation/1",
        "design": found.design.title,
        "action": str(found.action),
        "next_level": found.next_level,
        "next_amount": found.next_amount,
        "unit": found.design.doses.unit,
        "next_cohort_size": found.next_cohort_size,
        "mtd_level": found.mtd_level,
        "reasons": reasons(found.reasons),
        "notes": list(found.notes),
        "doses": doses(found.doses),
        "margin": None if found.margin is None else found.margin.value,
        "margin_text": None if found.margin is None else found.margin.text,
        "trace": [
            {
                "source": line.source,
                "verdict": line.verdict,
                "forbidden_levels": list(line.forbidden_levels),
                "text": line.text,
            }
            for line in found.trace
        ],
        "rules": rules(found.design),
        **as_of(found.as_of),
        **backfill_form(found.backfill),
        "provenance": provenance(found.provenance),
    }


def selection(found: Selection) -> dict[str, Any]:
    """Return a selected MTD as JSON."""
    return {
        "schema": "escalate/selection/1",
        "design": found.design.title,
        "mtd_level": found.mtd_level,
        "mtd_amount": found.mtd_amount,
        "unit": found.design.doses.unit,
        "reasons": reasons(found.reasons),
        "notes": list(found.notes),
        "doses": doses(found.doses),
        "provenance": provenance(found.provenance),
    }
