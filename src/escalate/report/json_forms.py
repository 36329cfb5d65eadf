"""The JSON of every command: versioned, documented in docs/reference/json.md, the whole answer."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

from escalate.report import as_of_forms, comparison_forms
from escalate.study import clock_metrics

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.moves import Reason
    from escalate.study.check import Check
    from escalate.study.provenance import Provenance
    from escalate.study.recommend import Recommendation
    from escalate.study.select import DoseRow, Selection
    from escalate.study.simulate import DesignResult, OperatingCharacteristics
    from escalate.study.table import DecisionTable, TableRow


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    return [{"code": reason.code, "text": reason.text} for reason in reasons]


def _provenance(provenance: Provenance) -> dict[str, str | None]:
    return asdict(provenance)


def _doses(doses: tuple[DoseRow, ...]) -> list[dict[str, Any]]:
    # Patients by outcome are there only where outcomes are graded, intervals only where the method has such.
    optional = {"outcomes", "intervals", "follow_up"}
    dated = any(dose.pending for dose in doses)
    return [
        {
            key: value
            for key, value in asdict(dose).items()
            if (value is not None or key not in optional) and (dated or key != "pending")
        }
        for dose in doses
    ]


def _rules(design: Design) -> list[dict[str, Any]]:
    return [
        {**rule.model_dump(mode="json", by_alias=True, exclude_none=True), "text": rule.describe(design)}
        for rule in design.rules
    ]


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
        "reasons": _reasons(found.reasons),
        "notes": list(found.notes),
        "doses": _doses(found.doses),
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
        "rules": _rules(found.design),
        **as_of_forms.form(found.as_of),
        **as_of_forms.backfill_form(found.backfill),
        "provenance": _provenance(found.provenance),
    }


def selection(found: Selection) -> dict[str, Any]:
    """Return a selected MTD as JSON."""
    return {
        "schema": "escalate/selection/1",
        "design": found.design.title,
        "mtd_level": found.mtd_level,
        "mtd_amount": found.mtd_amount,
        "unit": found.design.doses.unit,
        "reasons": _reasons(found.reasons),
        "notes": list(found.notes),
        "doses": _doses(found.doses),
        "provenance": _provenance(found.provenance),
    }


def table(found: DecisionTable) -> dict[str, Any]:
    """Return a decision table as JSON."""
    return {
        "schema": "escalate/table/1",
        "design": found.design.title,
        "by_level": found.by_level,
        "graded": found.graded,
        "rows": [_table_row(row, graded=found.graded) for row in found.rows],
        "boundaries": found.boundaries,
        **({"pending_rows": [asdict(row) for row in found.pending]} if found.pending else {}),
        "notes": list(found.notes),
        "rules": _rules(found.design),
    }


def _table_row(row: TableRow, *, graded: bool) -> dict[str, Any]:
    named = asdict(row)
    return {key.replace("dlts", "score"): value for key, value in named.items()} if graded else named


def check(found: Check) -> dict[str, Any]:
    """Return the findings of a check as JSON."""
    return {
        "schema": "escalate/check/1",
        "design": found.design.title,
        "passed": found.passed,
        "reachable_states": found.n_states,
        "findings": [
            {
                "code": finding.code,
                "severity": "warning" if finding.warning else "note",
                "text": finding.text,
                "examples": list(finding.examples),
            }
            for finding in found.findings
        ],
        "rules": _rules(found.design),
        "settings": found.design.to_dict(),
    }


def simulation(found: OperatingCharacteristics, sha256: list[str], *, summary: bool = False) -> dict[str, Any]:
    """Return operating characteristics as JSON, given the hash of each design; with `summary` no single scenario."""
    head: dict[str, Any] = {"exact": True} if found.exact else {"trials": found.trials}
    each = zip(found.designs, sha256, strict=True)
    return {
        "schema": "escalate/simulation/1",
        **head,
        "seed": found.seed,
        **({} if found.clock is None else {"clock": found.clock.to_dict()}),
        "designs": [_design(result, sha, summary=summary) for result, sha in each],
        "comparison": comparison_forms.comparison(found.comparison, summary=summary),
    }


def _design(result: DesignResult, sha256: str, *, summary: bool) -> dict[str, Any]:
    scenarios = {} if summary else {"scenarios": [_scenario(result, v) for v in range(len(result.scenarios))]}
    return {
        "title": result.design.title,
        "sha256": sha256,
        "target": result.design.target,
        "reachable_states": result.n_states,
        **scenarios,
        "summary": comparison_forms.summaries(result),
    }


_TOP = ("selected", "selected_none", "patients", "dlts", "mean_patients")


def _scenario(result: DesignResult, v: int) -> dict[str, Any]:
    found, scenario = result.characteristics, result.scenarios[v]
    values, errors = (_nested(result, [_number(x) for x in table[v]]) for table in (found.values, found.errors))
    # A rule that never fires is left out, a count that is zero by chance included.
    fired = [code for code, share in values["stopped"].items() if share]
    for part in (values, errors):
        part["stopped"] = {code: part["stopped"][code] for code in fired}
    values["metrics"]["efficiency"], errors["metrics"]["efficiency"] = comparison_forms.efficiency(result, v)
    return {
        "name": scenario.name,
        "family": scenario.family,
        "dlt": list(scenario.dlt),
        **values,
        "benchmark": comparison_forms.benchmark(result, v),
        "sample_size": [
            {"patients": n, "share": float(p)} for n, p in zip(found.sizes, found.size_mass[v], strict=True) if p > 0
        ],
        "se": errors,
    }


def _nested(result: DesignResult, row: list[float | None]) -> dict[str, Any]:
    out: dict[str, Any] = {"selected": [], "patients": [], "dlts": [], "stopped": {}, "metrics": {}}
    for column, value in zip(result.characteristics.columns, row, strict=True):
        if column.metric in clock_metrics.BY_LEVEL:
            out.setdefault("clock", {}).setdefault(column.metric, []).append(value)
        elif column.metric in clock_metrics.METRICS:
            out.setdefault("clock", {})[column.metric] = value
        elif column.level is not None:
            out[column.metric].append(value)
        elif column.metric.startswith("stopped:"):
            out["stopped"][column.metric.removeprefix("stopped:")] = value
        elif column.metric in _TOP:
            out[column.metric] = value
        else:
            out["metrics"][column.metric] = value
    return out


def _number(x: float) -> float | None:
    return None if isnan(x) else float(x)
