"""The study of T-VEC in `simulations/tvec-calibration`: its page, its figures and the design it chose agree."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.study.grid.study_file import load_study
from tests.helpers import ROOT

STUDY = ROOT / "simulations" / "tvec-calibration"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d\.\d{4,}")
FINALISTS = (105, 133, 170, 192, 87, 45, 238, 245, None)
"""Numbers in the study of the designs of the check, in its order; the last is the CRM as it stands."""
COLUMNS = ("pcs", "overdose_allocated", "overdose_selected", "selected_none")


def _means(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((STUDY / f"{name}.json").read_text(encoding="utf-8"))["designs"]
    return found


def _table(name: str) -> list[list[str]]:
    """Return the cells of the table that the page says to be of a file."""
    lines = PAGE.partition(f"<!-- {name} -->")[2].strip().splitlines()
    rows = [
        line.strip("| ").split(" | ")
        for line in lines[: next(k for k, line in enumerate(lines) if not line.startswith("|"))]
    ]
    return [[cell.strip("* ") for cell in row] for row in rows[2:]]


def test_designs_within_the_limits() -> None:
    """The first table holds the best five designs and the best of each method, with the means of the file, in its order."""
    kept = _means("kept")
    assert [one["means"]["pcs"] for one in kept] == sorted((one["means"]["pcs"] for one in kept), reverse=True)
    assert f"{len(kept)} of the 259 designs keep the limits" in PAGE
    by_number = {str(one["number"]): one for one in kept}
    rows = _table("kept.json")
    assert [row[0] for row in rows[:5]] == [str(one["number"]) for one in kept[:5]]
    for method in ("boin", "blrm", "ewoc"):
        best = next(one for one in kept if one["method"] == method)
        shown = next(row for row in rows if row[1] == f"`{method}`")
        assert by_number[shown[0]]["means"]["pcs"] == best["means"]["pcs"]
    for number, method, _, *figures in rows:
        one = by_number[number]
        assert (f"`{one['method']}`", [f"{one['means'][name]:.4f}" for name in COLUMNS]) == (method, figures), number


def test_finalists_on_fresh_truths() -> None:
    """The second table holds the means of the files of the check; in bold is what breaks the limit, and nothing else."""
    check, toxic, safe = (_means(name) for name in ("check", "check-toxic", "check-safe"))
    for row, of_random, of_toxic, of_safe in zip(_table("check.json"), check, toxic, safe, strict=True):
        figures = [of_random["means"]["pcs"], of_random["means"]["overdose_allocated"]]
        figures += [of_toxic["means"]["selected_none"], of_safe["means"]["selected_3"]]
        assert row[1:] == [f"{x:.4f}" for x in figures]
        over = of_random["means"]["overdose_allocated"]
        assert (f"**{over:.4f}**" in PAGE) == (over > 0.40)
    names = [row[0].partition(",")[0] for row in _table("check.json")]
    assert names == [*(str(number) for number in FINALISTS[:-1]), "CRM"]


def test_finalists_are_the_designs_of_the_study() -> None:
    """The designs of the check are those of the study with the numbers that the page gives them."""
    study, check = load_study(STUDY / "study.yaml"), load_study(STUDY / "check.yaml")
    for member, number in zip(check.designs, FINALISTS, strict=True):
        if number is not None:
            assert member.design.method == study.designs[number - 1].design.method
            assert member.design.rules == study.designs[number - 1].design.rules


def test_the_choice() -> None:
    """The design chosen is the best finalist within the limits on fresh truths, and has the figures that the page says."""
    check, toxic, safe = (_means(name) for name in ("check", "check-toxic", "check-safe"))
    within = [
        one
        for one, a, b in zip(check, toxic, safe, strict=True)
        if one["means"]["overdose_allocated"] <= 0.40
        and a["means"]["selected_none"] >= 0.70
        and b["means"]["selected_3"] >= 0.80
    ]
    best = max(within, key=lambda one: one["means"]["pcs"])
    assert FINALISTS[best["number"] - 1] == 87
    chosen, member = (
        esc.load_design(STUDY / "chosen.yaml"),
        load_study(STUDY / "check.yaml").designs[best["number"] - 1],
    )
    assert chosen.method == member.design.method
    assert chosen.rules == member.design.rules
    scalars = esc.simulate([chosen], esc.load_scenarios(STUDY / "fresh.yaml", [chosen])).designs[0].scalars
    for name in ("pcs", "overdose_allocated"):
        assert np.nanmean(scalars[name][0]) == pytest.approx(best["means"][name], abs=1e-12)


def test_other_numbers_of_the_page() -> None:
    """Every number with four decimals or more is in the files, a difference that is named here, or of the evidence beside it."""
    files = [one for name in ("kept", "check", "check-toxic", "check-safe") for one in _means(name)]
    known = {f"{x:.4f}" for one in files for x in one["means"].values()}
    check = {number: one["means"] for number, one in zip(FINALISTS, _means("check"), strict=True)}
    known |= {
        f"{check[105]['pcs'] - check[87]['pcs']:.4f}",
        f"{check[105]['overdose_allocated'] - check[87]['overdose_allocated']:.4f}",
        f"{check[87]['pcs'] - check[None]['pcs']:.4f}",
        f"{check[None]['overdose_allocated'] - check[87]['overdose_allocated']:.4f}",
    }
    best = load_study(STUDY / "study.yaml").designs[110].design
    scalars = esc.simulate([best], esc.load_scenarios(STUDY / "family.yaml", [best])).designs[0].scalars
    known |= {f"{np.nanmean(scalars[name][0]):.4f}" for name in ("pcs", "overdose_allocated")}
    evidence = (STUDY / "evidence" / "README.md").read_text() + (STUDY / "evidence" / "chosen.yaml").read_text()
    known |= set(NUMBER.findall(evidence))
    for candidate in json.loads((STUDY / "evidence" / "calibration.json").read_text())["candidates"]:
        known |= {f"{x:.4f}" for x in candidate["metrics"].values() if x is not None}
    fresh = json.loads((STUDY / "evidence" / "calibration.json").read_text())["fresh"]["chosen"]
    known |= {f"{x:.4f}" for x in fresh["metrics"].values() if x is not None}
    assert [number for number in NUMBER.findall(PAGE) if number not in known] == []
