"""The simulation report says what the results say: every number of its tables is one of the study."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from escalate.core.clock import Clock
from escalate.core.errors import EscalateError
from escalate.core.files import DesignFile, load_scenarios, read_design
from escalate.core.scenario import Scenario
from escalate.core.scenario_files import generate
from escalate.report import json_forms
from escalate.report.documents.blocks import Document, Figure, Heading, Table, plain
from escalate.report.documents.json import form
from escalate.report.simulation_report import Subject, build
from escalate.report.simulation_report.methods import command
from escalate.report.simulation_report.subject import short_names
from escalate.study.saved import read_simulation
from escalate.study.sensitivity import sensitivity
from escalate.study.simulate import simulate
from tests.helpers import ROOT

LIVER = tuple(f"designs/tvec-liver-{name}.yaml" for name in ("3plus3", "boin", "crm"))
FOLDER = ROOT / "simulations" / "tvec-liver"
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


@cache
def files(*paths: str) -> tuple[DesignFile, ...]:
    """Read design files of the repository."""
    return tuple(read_design(ROOT / path) for path in paths)


@cache
def liver() -> Subject:
    """Return the T-VEC study in the repository."""
    path = FOLDER / "characteristics.json"
    return Subject(
        read_simulation(path, files(*LIVER)),
        files(*LIVER),
        results_file="characteristics.json",
        results_sha256="0" * 64,
    )


@cache
def saved() -> dict[str, Any]:
    """Return its results as they stand in the file."""
    found: dict[str, Any] = json.loads((FOLDER / "characteristics.json").read_text())
    return found


@cache
def report() -> Document:
    """Return its report, without sensitivity."""
    return build(liver(), examples=2)


def tables(document: Document) -> dict[str, Table]:
    """Return the tables by key."""
    return {block.key: block for block in document.blocks if isinstance(block, Table)}


def rows(table: Table) -> list[list[str]]:
    """Return the rows as plain text."""
    return [[plain(cell, {"scenarios": "Table 3"}) for cell in row] for row in table.rows]


def percent(x: float | None) -> str:
    """Write a share as a table has it."""
    return "-" if x is None else f"{round(100 * x, 1) + 0.0:.1f}"


def test_selection_table() -> None:
    """The selection table has, by scenario and design, the numbers of the JSON."""
    found = rows(tables(report())["selection"])
    wanted = []
    for v in range(5):
        for d, name in enumerate(("3+3", "BOIN", "CRM")):
            of = saved()["designs"][d]["scenarios"][v]
            m = of["metrics"]
            acceptable = any(0.18 <= p <= 0.42 for p in of["dlt"])
            shares = (m["pcs"], m["pas"] if acceptable else None, m["overdose_selected"], of["selected_none"])
            bound = of["benchmark"]["pcs"] or None
            last = (percent(bound), percent(m["efficiency"] if bound else None))
            wanted.append(
                [of["name"] if d == 0 else "", name, *map(percent, shares), f"{m['accuracy_index']:.2f}", *last]
            )
    assert found == wanted


def test_allocation_table() -> None:
    """The table of patients and DLTs has the numbers of the JSON."""
    found = rows(tables(report())["allocation"])
    for v in range(5):
        for d in range(3):
            of = saved()["designs"][d]["scenarios"][v]
            m = of["metrics"]
            means = (of["mean_patients"], m["sd_patients"], m["mean_dlts"])
            at_mtd = m["pca"] if of["dlt"][0] <= 0.42 else None
            shares = (m["dlt_rate"], at_mtd, m["overdose_allocated"], m["risk_overdose_60"])
            assert found[3 * v + d][2:] == [*(f"{x:.1f}" for x in means), *map(percent, shares)]


@pytest.mark.parametrize("v", range(5))
def test_levels(v: int) -> None:
    """The table by level has selection, patients and DLTs of each level, and their totals."""
    found = rows(tables(report())[f"levels-{v + 1}"])
    assert found[0][2:] == [*map(percent, saved()["designs"][0]["scenarios"][v]["dlt"]), ""]
    for d in range(3):
        of = saved()["designs"][d]["scenarios"][v]
        assert found[1 + 3 * d][2:] == [*map(percent, of["selected"]), percent(of["selected_none"])]
        assert found[2 + 3 * d][2:] == [f"{x:.1f}" for x in (*of["patients"], of["mean_patients"])]
        assert found[3 + 3 * d][2:] == [f"{x:.1f}" for x in (*of["dlts"], of["metrics"]["mean_dlts"])]


def numbers(value: object) -> Iterator[float]:
    """Yield every number in JSON."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float):
        yield value


def test_every_number_of_the_result_tables_is_in_the_json() -> None:
    """Nothing in a table of results comes from elsewhere: each number is one of the JSON, rounded or in percent."""
    known = set()
    for x in numbers(saved()):
        for scaled, digits in ((x, 1), (100 * x, 1), (x, 2)):
            known.add(f"{abs(round(scaled, digits)):.{digits}f}")
    found = tables(report())
    keys = ["selection", "allocation", "stopped", "differences", *(f"levels-{k}" for k in range(1, 6))]
    for key in keys:
        for row in rows(found[key]):
            for cell in row[2:]:
                assert all(text.lstrip("+-") in known for text in NUMBER.findall(cell)), (key, cell)


def test_summary_has_no_other_numbers() -> None:
    """The sentences of the summary have numbers of the tables, and the first section stands first."""
    known = {
        text
        for table in tables(report()).values()
        for row in rows(table)
        for cell in row
        for text in NUMBER.findall(cell)
    }
    blocks = report().blocks
    end = next(k for k, block in enumerate(blocks) if isinstance(block, Heading) and block.text == "Designs compared")
    names = {scenario.name for scenario in liver().scenarios}
    said = list(Document("simulation", "", "", blocks[:end]).texts())
    text = " ".join(said).replace("3+3", "")
    for name in names:
        text = text.replace(name, "")
    assert set(re.findall(r"\d+\.\d+", text)) <= known


def test_sections_in_order() -> None:
    """The report has its sections, numbered tables and figures with captions, and no section twice."""
    heads = [block.text for block in report().blocks if isinstance(block, Heading) and block.level == 1]
    assert heads == [
        "Purpose and summary", "Designs compared", "Scenarios", "Methods of simulation", "Results",
        "Comparison by paired difference", "Example trials, step by step", "Limitations", "References",
    ]  # fmt: skip
    figures = [block.key for block in report().blocks if isinstance(block, Figure)]
    assert figures == ["characteristics", "difference-figure"]


def test_what_is_needed_to_do_it_again() -> None:
    """Versions, full hashes of design files, scenarios and results, and the command are in the report."""
    text = "\n".join(report().texts())
    made = saved()["provenance"]
    for each in (*(design["sha256"] for design in saved()["designs"]), made["scenarios_sha256"], "0" * 64):
        assert each in text
    for each in (f"escalate {made['version']}", f"Python {made['python']}", f"NumPy {made['numpy']}"):
        assert each in text
    assert f"escalate simulate {' '.join(str(ROOT / path) for path in LIVER)}" in text
    assert "synthetic illustration" in report().subtitle


def test_what_a_scenario_cannot_count_is_no_number() -> None:
    """Where every level is toxic nobody is at an MTD, no level is acceptable, and only a design that bars level 1 has a bound."""
    found, given = (rows(tables(report())[key])[-3:] for key in ("selection", "allocation"))
    assert [row[3] for row in found] == ["-"] * 3
    assert [row[-2] == "-" for row in found] == [True, False, True]
    assert [row[-1] == "-" for row in found] == [True, False, True]
    assert [row[6] for row in given] == ["-"] * 3


def test_means_are_over_scenarios_that_can_count() -> None:
    """In the section on sensitivity the mean of acceptable selections leaves out scenarios without an acceptable level."""
    document = build(liver(), examples=0, sensitivity=sensitivity(liver().found))
    row = rows(tables(document)["sensitivity"])[0]
    of = saved()["designs"][0]["scenarios"]
    shares = [each["metrics"]["pas"] for each in of if any(0.18 <= p <= 0.42 for p in each["dlt"])]
    assert 0 < len(shares) < len(of)
    assert row[3] == percent(sum(shares) / len(shares))


def test_one_design_is_not_named_in_every_row() -> None:
    """Tables of one design have no column for its name, and its trials are told under captions of their own."""
    document = build(subject(("designs/tvec-liver-boin.yaml",), "simulations/scenarios/tvec-liver.yaml"), examples=2)
    found = tables(document)
    for key in ("selection", "allocation", "stopped", "designs", "levels-1"):
        assert "Design" not in found[key].header
        assert len(found[key].align or "") == len(found[key].header) == len(found[key].rows[0])
    assert "the design" not in [cell for table in found.values() for row in rows(table) for cell in row]
    assert [row[0] for row in rows(found["files"])] == ["Design", "Scenarios"]
    assert all(table.caption.startswith("Trial ") for key, table in found.items() if key.startswith("trial-"))


def test_every_scenario_has_its_reason() -> None:
    """The table of scenarios gives the MTD and the reason of each."""
    found = rows(tables(report())["scenarios"])
    assert [row[-1] for row in found] == [scenario.reason for scenario in liver().scenarios]
    assert [row[-2] for row in found] == ["3", "3", "2", "1", "none"]


def test_the_same_bytes() -> None:
    """The same study gives the same document."""
    assert form(build(liver(), examples=2)) == form(report())


def test_sensitivity_table() -> None:
    """The section on sensitivity starts from the study as it is, and says what was left out."""
    document = build(liver(), examples=0, sensitivity=sensitivity(liver().found))
    found = rows(tables(document)["sensitivity"])
    for d, row in enumerate(row for row in found if row[1] == "as it is"):
        summary = saved()["designs"][d]["summary"][0]["metrics"]
        assert row[2] == percent(summary["pcs"]["mean"])
        assert row[6] == f"{summary['mean_patients']['mean']:.1f}"
        assert row[-1] == percent(summary["pcs"]["min"])
    text = "\n".join(document.texts())
    assert "cohorts of 2 is no valid design (method.kind: three_plus_three has cohorts of 3; cohort_size is 2)." in text
    assert "Example trials" not in text


def subject(paths: tuple[str, ...], scenarios: str | tuple[Scenario, ...], **how: Any) -> Subject:
    """Return a study computed now."""
    read = files(*paths)
    designs = [file.design for file in read]
    truths = load_scenarios(ROOT / scenarios, designs) if isinstance(scenarios, str) else scenarios
    return Subject(simulate(designs, truths, **how), read, scenario_file="truths.yaml", clock_file="clock.yaml")


def test_random_trials() -> None:
    """A study over random trials shows its errors, its seed and how its random numbers are made."""
    study = subject(
        ("designs/boin.yaml", "designs/crm.yaml"), "simulations/scenarios/five-doses.yaml", trials=300, seed=4
    )
    document = build(study, examples=1)
    text = "\n".join(document.texts())
    for each in (
        "300 random trials",
        "seed 4",
        "Philox4x32-10",
        "--trials 300 --seed 4",
        "Monte-Carlo standard errors",
    ):
        assert each in text
    form_of = json_forms.simulation(study.found, ["", ""])
    m = form_of["designs"][1]["scenarios"][2]
    cell = rows(tables(document)["selection"])[5][2]
    assert cell == f"{percent(m['metrics']['pcs'])} ({100 * m['se']['metrics']['pcs']:.1f})"
    gap = form_of["comparison"]["scenarios"][2]["differences"][0]["pcs"]
    assert rows(tables(document)["differences"])[2][2] == f"{100 * gap['difference']:+.1f} ({100 * gap['se']:.1f})"


def test_on_a_clock() -> None:
    """A study on a clock shows durations, the clock's settings, and trials told by days."""
    clock = Clock.from_dict({"accrual": {"kind": "fixed", "days": 10.0}})
    paths = ("simulations/durations/designs/boin.yaml", "simulations/durations/designs/tite_boin.yaml")
    study = subject(paths, "simulations/scenarios/tvec-liver.yaml", trials=50, clock=clock)
    document = build(study, examples=1)
    days = json_forms.simulation(study.found, ["", ""])["designs"][0]["scenarios"][0]["clock"]["duration_days"]
    assert rows(tables(document)["time"])[0][2].startswith(f"{days:.1f} (")
    text = "\n".join(document.texts())
    assert "accrual fixed (every 10 days)" in text
    assert "Trial 1 of seed 1" in text
    assert command(study).endswith("--trials 50 --seed 1 \\\n  --clock clock.yaml \\\n  --json")


def test_graded_outcomes() -> None:
    """Where outcomes are graded their probabilities and the mean scores are in the report, and trials are told by letter."""
    document = build(subject(("designs/gboin.yaml",), "simulations/scenarios/five-doses-graded.yaml"), examples=1)
    found = tables(document)
    moderate = rows(found["outcomes"])[0]
    assert moderate[0] == "target score at level 1"
    assert moderate[2:] == ["20.0", "26.0", "30.0", "30.0", "28.0"]
    score = saved_score(document)
    assert score == "0.300"
    assert "Comparison" not in "\n".join(document.texts())


def saved_score(document: Document) -> str:
    """Return the true mean score at level 1 of the first scenario."""
    return rows(tables(document)["scores-1"])[0][1]


def test_many_scenarios_by_family() -> None:
    """Many scenarios are reported by family: counts, reasons, means and spread, as the summaries of the JSON have them."""
    drawn = generate("paoletti", target=0.3, doses=5, gap=0.1, count=20)
    study = subject(("designs/boin.yaml", "designs/ccd.yaml"), drawn)
    document = build(study, examples=1)
    found = rows(tables(document)["scenarios"])
    assert [row[:3] for row in found] == [["paoletti", "20", "drawn at random"]]
    assert found[0][-1] == "Drawn at random by the generator paoletti, seed 1."
    stats = json_forms.simulation(study.found, ["", ""])["designs"][0]["summary"][1]["metrics"]["pcs"]
    first = rows(tables(document)["family-2"])[0]
    assert first[2] == f"{percent(stats['mean'])} ({100 * stats['se']:.1f})"
    assert first[3:] == [percent(stats[q]) for q in ("min", "q05", "median", "q95", "max")]


def test_other_names_are_explained() -> None:
    """Designs that are called by something that their titles do not say are listed with their titles first."""
    study = subject(
        ("designs/boin.yaml", "designs/three_plus_three.yaml", "designs/crm.yaml"),
        "simulations/scenarios/five-doses.yaml",
    )
    assert study.names == ("boin", "three_plus_three", "crm")
    lines = list(build(study, examples=0).texts())
    for name, design in zip(study.names, study.designs, strict=True):
        assert f"{name}: {design.title}" in lines
    assert study.heading == "3 designs compared"
    assert not liver().named_otherwise


def test_designs_over_other_levels_are_refused() -> None:
    """Designs over different dose levels have no common report."""
    three, five = files("designs/tvec-liver-boin.yaml", "designs/boin.yaml")
    truths = load_scenarios(ROOT / "simulations/scenarios/tvec-liver.yaml")
    found = simulate([three.design], truths)
    other = simulate([five.design], load_scenarios(ROOT / "simulations/scenarios/five-doses.yaml"))
    both = Subject(type(found)((found.designs[0], other.designs[0]), None, None), (three, five))
    with pytest.raises(EscalateError, match="different numbers of dose levels"):
        build(both)


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["T-VEC, 3+3 (synthetic)", "T-VEC, BOIN (synthetic)"], ("3+3", "BOIN")),
        (["BOIN", "CRM"], ("BOIN", "CRM")),
        (["BOIN", "BOIN"], ("A", "B")),
        (["BOIN", "BOIN with titration"], ("BOIN", "BOIN with titration")),
        (["a" * 40, "b" * 40], ("A", "B")),
        (["one"], ("one",)),
        (["x" * 60], ("the design",)),
    ],
)
def test_short_names(titles: list[str], names: tuple[str, ...]) -> None:
    """Designs are called by what tells their titles apart, or by letters where that is long or nothing."""
    assert short_names(titles) == names
