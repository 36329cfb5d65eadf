"""What `escalate verify` prints: requirements with their counts, and the whole answer as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.qualification.cases import Case, Outcome, Qualification
from escalate.qualification.requirements import RISKS, Requirement
from escalate.report.qualification import summary_sentence
from escalate.report.whole_numbers import table as _table

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA: Final = "escalate/qualification/1"
LIST_SCHEMA: Final = "escalate/requirements/1"


def _counted(n: int) -> str:
    return f"{n} value{'s' * (n != 1)}"


def _left(table: Table, *columns: int) -> Table:
    for k in columns:
        table.columns[k].justify = "left"
    return table


def summary(found: Qualification) -> RenderableType:
    """Return a table of requirements with passed and failed cases and time, and the result in a sentence."""
    table = _left(_table("requirement", "name", "passed", "failed", "seconds", "result"), 0, 1, 5)
    installed = found.installation
    n_failed = len(installed.failed)
    table.add_row(
        "IQ",
        "Installation",
        str(len(installed.cases) - n_failed - len(installed.not_done)),
        str(n_failed),
        "",
        "failed" if n_failed else "passed",
    )
    for outcome in found.outcomes:
        failed = len(outcome.failed)
        counts = (
            (str(len(outcome.cases) - failed), str(failed), f"{outcome.seconds:.1f}") if outcome.cases else ("", "", "")
        )
        table.add_row(outcome.requirement.id, outcome.requirement.name, *counts, outcome.status)
    more = []
    if found.disputed:
        more.append(
            Text(
                f"Not run: {_counted(len(found.disputed))} of other software, from which this software departs by intention."
            )
        )
    return Group(table, Text(), Text(summary_sentence(found)), *more)


def listing(wanted: Sequence[Requirement]) -> RenderableType:
    """Return a table of requirements: what each says, and what could be wrong if it failed."""
    table = _left(_table("requirement", "name", "says", "if it failed"), 0, 1, 2, 3)
    for said in wanted:
        table.add_row(said.id, said.name, said.says, RISKS[said.risk])
    return table


def listing_form(wanted: Sequence[Requirement]) -> dict[str, Any]:
    """Return requirements as JSON."""
    return {"schema": LIST_SCHEMA, "requirements": [_requirement(said) for said in wanted]}


def _requirement(said: Requirement) -> dict[str, Any]:
    return {
        "id": said.id,
        "name": said.name,
        "says": said.says,
        "risk": said.risk,
        "methods": list(said.methods),
        "rules": list(said.rules),
        "commands": list(said.commands),
        "checks": list(said.checks),
        "tests": list(said.tests),
    }


def form(found: Qualification) -> dict[str, Any]:
    """Return all that was found as JSON."""
    installed = found.installation
    return {
        "schema": SCHEMA,
        "version": found.version,
        "started": found.started.isoformat(timespec="seconds"),
        "seconds": round(found.seconds, 3),
        "passed": found.passed,
        "only": list(found.only),
        "summary": summary_sentence(found),
        "faults": list(found.faults()),
        "installation": {
            "facts": [{"group": group, "name": name, "value": value} for group, name, value in installed.facts],
            "cases": [_case(case) for case in installed.cases],
            "files": [{"path": path, "sha256": digest} for path, digest in installed.files],
        },
        "requirements": [_outcome(outcome) for outcome in found.outcomes],
        "disputed": [{"id": name, "why": why} for name, why in found.disputed],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        **_requirement(outcome.requirement),
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
        "cases": [_case(case) for case in outcome.cases],
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "asked": case.asked,
        "expected": case.expected,
        "obtained": case.obtained,
        "tolerance": case.tolerance,
        "source": case.source,
        "passed": case.passed if case.done else None,
        "result": case.result,
        "seconds": round(case.seconds, 4),
        **({"values": _finite(case.values)} if case.values else {}),
    }


def _finite(value: Any) -> Any:
    """Return values with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
