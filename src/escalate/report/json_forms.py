"""The JSON of every command: versioned, documented in docs/reference/json.md, the whole answer."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

from escalate.report import comparison_forms
from escalate.study import clock_metrics
from escalate.study.forms import provenance, reasons, recommendation, rules, selection

__all__ = ["check", "provenance", "reasons", "recommendation", "selection", "simulation", "table"]

if TYPE_CHECKING:
    from escalate.core.scenario import Scenario
    from escalate.study.check import Check
    from escalate.study.simulate import DesignResult, OperatingCharacteristics
    from escalate.study.table import DecisionTable, TableRow


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
        "rules": rules(found.design),
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
        "rules": rules(found.design),
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
        "provenance": asdict(found.provenance),
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
        **_of_truth(scenario),
        **values,
        "benchmark": comparison_forms.benchmark(result, v),
        "sample_size": [
            {"patients": n, "share": float(p)} for n, p in zip(found.sizes, found.size_mass[v], strict=True) if p > 0
        ],
        "se": errors,
    }


def _of_truth(scenario: Scenario) -> dict[str, Any]:
    """Return what else a scenario says, where it says it."""
    said = scenario.model_dump(mode="json", include={"outcomes", "response", "drawn", "reason"}, exclude_none=True)
    return {key: said[key] for key in ("outcomes", "response", "drawn", "reason") if key in said}


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
