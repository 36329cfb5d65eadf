"""What every maker of vectors shares: the reference values, where they come from, and the form of a vector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Vector = dict[str, Any]

AUTHORS = {
    "BOIN": ("Yuan Y, Liu S", 2020, "R package, CRAN"),
    "dfcrm": ("Cheung YK", 2019, "R package, CRAN"),
    "bcrm": ("Sweeting M, Mander A, Sabin T", 2013, "R package; J Stat Softw 54(13)"),
    "escalation": ("Brock K, Slade D, Sweeting M", 2024, "R package, CRAN"),
    "crmPack": ("Sabanes Bove D, Yeung WY, Palermo G, Jaki T", 2019, "R package; J Stat Softw 89(10)"),
}
RATIONAL = {"kind": "exact", "method": "rational arithmetic, written for this suite (conformance/making)"}


@cache
def reference(name: str) -> dict[str, Any]:
    """Return a file of reference values."""
    found: dict[str, Any] = json.loads((ROOT / "tests" / "reference" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of a file of reference values."""
    found: list[dict[str, Any]] = reference(name)["cases"]
    return found


def peer(package: str, version: str, function: str, case: str, file: str) -> dict[str, Any]:
    """Return the source of values that another package gave."""
    authors, year, where = AUTHORS[package]
    return {
        "kind": "software",
        "authors": authors,
        "year": year,
        "where": where,
        "software": package,
        "version": version,
        "function": function,
        "reference": f"{file}.json#{case}",
    }


def by_quadrature(file: str, case: str, *, checked: str | None = None) -> dict[str, Any]:
    """Return the source of values from independent quadrature."""
    found = {
        "kind": "quadrature",
        "method": "independent high-precision quadrature",
        "reference": f"{file}.json#{case}",
    }
    return {**found, "checked_with": checked} if checked else found


def paper(citation: str, file: str, case: str) -> dict[str, Any]:
    """Return the source of values printed in a publication."""
    return {"kind": "paper", "citation": citation, "reference": f"{file}.json#{case}"}


def design(
    method: Mapping[str, Any],
    amounts: int | Sequence[float],
    *,
    target: float | None = 0.3,
    max_patients: int = 60,
    rules: Sequence[Mapping[str, Any]] | None = (),
    **more: Any,
) -> dict[str, Any]:
    """Return a design as a design file says it; a number of levels has amounts 1, 2, ..."""
    levels = list(range(1, amounts + 1)) if isinstance(amounts, int) else list(amounts)
    found: dict[str, Any] = {
        "schema": "escalate/design/1",
        "title": "conformance",
        "doses": {"unit": "mg", "levels": levels},
        "max_patients": max_patients,
        **more,
        "method": dict(method),
    }
    if target is not None:
        found["target"] = target
    if rules is not None:
        found["rules"] = [dict(rule) for rule in rules]
    return found


def vector(
    identifier: str,
    requirement: str,
    question: Mapping[str, Any],
    expect: Mapping[str, Any],
    source: Mapping[str, Any],
    tolerance: Mapping[str, Any] | None = None,
    **more: Any,
) -> Vector:
    """Return one vector."""
    return {
        "id": identifier,
        "requirement": requirement,
        "question": dict(question),
        "expect": dict(expect),
        "tolerance": dict(tolerance or {}),
        "source": dict(source),
        **more,
    }


def outcomes(levels: Sequence[int], dlts: Sequence[int]) -> str:
    """Return patients one by one as an outcome string."""
    return " ".join(f"{level}{'T' if dlt else 'N'}" for level, dlt in zip(levels, dlts, strict=True))


def tallied(n: Sequence[int], dlts: Sequence[int]) -> str:
    """Return a tally as an outcome string, level by level."""
    rows = enumerate(zip(n, dlts, strict=True), start=1)
    return " ".join(f"{level}{'T' * y}{'N' * (k - y)}" for level, (k, y) in rows if k)


def scenario(rates: Sequence[float]) -> list[float]:
    """Return true DLT rates as a vector holds them."""
    return [float(rate) for rate in rates]
