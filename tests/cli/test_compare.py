"""`escalate simulate` with several designs or many scenarios: comparison, benchmark, summaries, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import DESIGN, escalate, snapshot, write
from tests.cli.test_commands import answer

TITLES = (
    "small",
    "other",
    "a design with a title so long that it does not fit into one line of a table or a picture, as happens",
)
FEW = """schema: escalate/scenarios/1
scenarios:
  - {name: a, dlt: [0.1, 0.3, 0.5]}
  - {name: b, dlt: [0.05, 0.1, 0.3], family: x}
  - {name: toxic, dlt: [0.5, 0.6, 0.7], family: x}
"""
MANY = "schema: escalate/scenarios/1\nscenarios:\n" + "".join(
    f"  - {{name: s{k}, dlt: [{0.05 + k / 200:.3f}, {0.2 + k / 100:.2f}, 0.6], family: law, drawn: true}}\n"
    for k in range(14)
)
STATS = {"scenarios", "mean", "sd", "se", "min", "q05", "q25", "median", "q75", "q95", "max"}
ALL = ("one.yaml", "two.yaml", "three.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with three designs and two scenario files."""
    one, two, three = (DESIGN.replace("title: small", f"title: {title}") for title in TITLES)
    write(
        tmp_path,
        one_yaml=one,
        two_yaml=two.replace("max_patients: 12", "max_patients: 15"),
        three_yaml=three.replace("kind: boin", "kind: three_plus_three") + "rules: []\n",
        few_yaml=FEW,
        many_yaml=MANY,
    )
    return tmp_path


def _close(found: Any, expected: Any) -> None:
    assert (found is None) == (expected is None)
    if found is not None:
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("how", [[], ["--trials", "3000", "--seed", "2"]], ids=["exact", "trials"])
def test_comparison(how: list[str], folder: Path) -> None:
    """Every key is there; differences are those of the designs' own metrics; errors are zero exactly where exact."""
    found = answer("simulate", *ALL, "--scenarios", "few.yaml", *how, cwd=folder)
    comparison, designs = found["comparison"], found["designs"]
    assert set(comparison) == {"reference", "designs", "metrics", "notes", "scenarios", "families"}
    assert comparison["reference"] == TITLES[0]
    assert comparison["designs"] == list(TITLES)
    assert {"pcs", "efficiency", "mean_patients", "overdose_selected"} <= set(comparison["metrics"])
    assert not {"dlt_rate", "sd_patients"} & set(comparison["metrics"])
    for v, scenario in enumerate(comparison["scenarios"]):
        assert scenario["name"] == designs[0]["scenarios"][v]["name"]
        assert [each["design"] for each in scenario["differences"]] == list(TITLES[1:])
        for each, design in zip(scenario["differences"], designs[1:], strict=True):
            for metric in comparison["metrics"]:
                own, first = (
                    {**d["scenarios"][v]["metrics"], **d["scenarios"][v]}[metric] for d in (design, designs[0])
                )
                _close(each[metric]["difference"], None if own is None or first is None else own - first)
                assert (each[metric]["se"] is None) == (each[metric]["difference"] is None)
                if not how:
                    assert each[metric]["se"] in {0.0, None}
            assert not how or each["pcs"]["se"] > 0
    assert [(each["family"], each["scenarios"]) for each in comparison["families"]] == [
        (None, 3),
        ("fixed", 1),
        ("x", 2),
    ]
    for family in comparison["families"]:
        assert set(family) == {"family", "scenarios", "drawn", "differences", "ranking"}
        assert "selected_none" not in family["ranking"]
        for ranking in family["ranking"].values():
            assert {each["design"] for each in ranking} == set(TITLES)
            assert min(each["rank"] for each in ranking) == 1
        means = [each["mean"] for each in family["ranking"]["pcs"]]
        assert means == sorted(means, reverse=True)
        means = [each["mean"] for each in family["ranking"]["overdose_selected"]]
        assert means == sorted(means)


def test_one_design_has_no_comparison(folder: Path) -> None:
    """The key is there, null, and the table says nothing of a comparison."""
    assert answer("simulate", "one.yaml", "--scenarios", "few.yaml", cwd=folder)["comparison"] is None
    assert "Comparison" not in escalate("simulate", "one.yaml", "--scenarios", "few.yaml", cwd=folder).stdout


def test_benchmark(folder: Path) -> None:
    """Selection, PCS, accuracy; efficiency is PCS over that of the benchmark, null where the benchmark is never right."""
    found = answer("simulate", "one.yaml", "three.yaml", "--scenarios", "few.yaml", cwd=folder)
    for design in found["designs"]:
        for scenario in design["scenarios"]:
            benchmark, metrics = scenario["benchmark"], scenario["metrics"]
            assert set(benchmark) == {"selected", "selected_none", "pcs", "accuracy_index"}
            assert sum(benchmark["selected"]) + benchmark["selected_none"] == pytest.approx(1)
            ratio = metrics["pcs"] / benchmark["pcs"] if benchmark["pcs"] else None
            _close(metrics["efficiency"], ratio)
            assert set(scenario["se"]["metrics"]) == set(metrics)
    toxic = [design["scenarios"][2] for design in found["designs"]]
    # Only the rule `eliminate` of the first design can find that no dose is acceptable.
    assert toxic[0]["benchmark"]["pcs"] == toxic[0]["benchmark"]["selected_none"] > 0
    assert toxic[1]["benchmark"]["pcs"] == 0
    assert [scenario["family"] for scenario in found["designs"][0]["scenarios"]] == [None, "x", "x"]


def test_no_benchmark_without_target(folder: Path) -> None:
    """Null, and the table shows a dash."""
    text = (folder / "three.yaml").read_text().replace("target: 0.30\n", "")
    write(folder, three_yaml=text)
    found = answer("simulate", "three.yaml", "--scenarios", "few.yaml", cwd=folder)
    scenario = found["designs"][0]["scenarios"][0]
    assert scenario["benchmark"] is None
    assert scenario["metrics"]["efficiency"] is None
    assert (
        "benchmark -; efficiency -" in escalate("simulate", "three.yaml", "--scenarios", "few.yaml", cwd=folder).stdout
    )


def test_summary(folder: Path) -> None:
    """All scenarios and each family, every statistic of every metric; one scenario without family has none."""
    design = answer("simulate", "one.yaml", "--scenarios", "many.yaml", "--trials", "2000", cwd=folder)["designs"][0]
    assert [(each["family"], each["scenarios"], each["drawn"]) for each in design["summary"]] == [
        (None, 14, True),
        ("law", 14, True),
    ]
    for each in design["summary"]:
        assert {"pcs", "efficiency", "benchmark_pcs", "dlt_rate"} <= set(each["metrics"])
        for stats in each["metrics"].values():
            assert set(stats) == STATS
        stats, values = each["metrics"]["pcs"], [scenario["metrics"]["pcs"] for scenario in design["scenarios"]]
        assert (stats["mean"], stats["min"], stats["max"]) == pytest.approx(
            (sum(values) / 14, min(values), max(values))
        )
        assert stats["se"] == pytest.approx(stats["sd"] / 14**0.5)
    single = FEW.split("  - {name: b", maxsplit=1)[0]
    write(folder, single_yaml=single)
    assert answer("simulate", "one.yaml", "--scenarios", "single.yaml", cwd=folder)["designs"][0]["summary"] == []


def test_printed_comparison(folder: Path) -> None:
    """Few scenarios: every one, then the designs beside each other, all titles whole."""
    done = escalate("simulate", *ALL, "--scenarios", "few.yaml", "--trials", "2000", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    for word in ("toxic", "efficiency", "stopped by", "Comparison, on the same patients", "minus A", "error", "rank"):
        assert word in done.stdout
    for letter, title in zip("AB", TITLES, strict=False):
        assert f"  {letter}  {title}" in done.stdout
    assert " ".join(done.stdout.split()).count(TITLES[2]) == 2
    exact = escalate("simulate", *ALL, "--scenarios", "few.yaml", cwd=folder).stdout
    assert "averages of exact differences" in exact
    assert "  error " not in exact


def test_printed_summaries(folder: Path) -> None:
    """More than 12 scenarios: how many there are, a table a family, no scenario by name."""
    done = escalate("simulate", "one.yaml", "two.yaml", "--scenarios", "many.yaml", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert "14 scenarios, too many to print one by one; --json has them all." in done.stdout
    assert done.stdout.count("law: 14 scenarios, drawn at random") == 3
    assert "s13" not in done.stdout
    for word in ("benchmark", "efficiency", "median", "95%", "minus A"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_alike_titles_and_unlike_targets(folder: Path) -> None:
    """Titles that are the same are numbered; designs of different targets are compared with a note."""
    write(folder, two_yaml=(folder / "one.yaml").read_text().replace("target: 0.30", "target: 0.25"))
    found = answer("simulate", "one.yaml", "two.yaml", "--scenarios", "few.yaml", cwd=folder)["comparison"]
    assert found["designs"] == ["small", "small (2)"]
    assert "different targets (0.25, 0.3)" in found["notes"][0]
    done = escalate("simulate", "one.yaml", "two.yaml", "--scenarios", "few.yaml", cwd=folder)
    assert "Note: The designs have different targets" in done.stdout


def test_result_does_not_depend_on_workers(folder: Path) -> None:
    """The same bytes with 1, 2 and 5 threads, over several chunks of trials."""
    arguments = ("simulate", *ALL, "--scenarios", "few.yaml", "--trials", "90000", "--json")
    first = escalate(*arguments, "--workers", "1", cwd=folder)
    assert (first.code, first.stderr) == (0, "")
    for workers in ("2", "5"):
        assert escalate(*arguments, "--workers", workers, cwd=folder) == first
    alone = json.loads(escalate("simulate", "two.yaml", *arguments[4:], cwd=folder).stdout)
    assert alone["designs"][0] == json.loads(first.stdout)["designs"][1]


@pytest.mark.parametrize("scenarios", ["few.yaml", "many.yaml"])
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_pictures(scenarios: str, kind: str, folder: Path) -> None:
    """Both pictures, the same bytes on repetition, for few scenarios and for many."""
    arguments = ("simulate", *ALL, "--scenarios", scenarios, "--trials", "500")
    for name in ("one", "two"):
        pictures = ("--plot", f"{name}.{kind}", "--plot-comparison", f"{name}-comparison.{kind}")
        done = escalate(*arguments, *pictures, cwd=folder)
        assert (done.code, done.stderr) == (0, "")
    for name in ("", "-comparison"):
        assert (folder / f"one{name}.{kind}").read_bytes() == (folder / f"two{name}.{kind}").read_bytes()


def test_picture_of_many_scenarios_and_one_design(folder: Path) -> None:
    """The spread over scenarios is drawn for one design too, and for one without target."""
    text = (folder / "three.yaml").read_text().replace("target: 0.30\n", "")
    write(folder, three_yaml=text)
    for design in ("one.yaml", "three.yaml"):
        arguments = ("simulate", design, "--scenarios", "many.yaml", "--plot", f"{design}.svg")
        done = escalate(*arguments, cwd=folder)
        assert (done.code, done.stderr) == (0, "")
    done = escalate(
        "simulate", "one.yaml", "three.yaml", "--scenarios", "many.yaml", "--plot-comparison", "x.svg", cwd=folder
    )
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("one.yaml", "--plot-comparison", "x.png"), "--plot-comparison needs two designs or more"),
        (("one.yaml", "two.yaml", "--plot-comparison", "x.txt"), "x.txt: a picture's name ends in .png, .svg, .pdf"),
        (
            ("one.yaml", "two.yaml", "--plot", "x.png", "--plot-comparison", "./x.png"),
            "x.png: --plot and --plot-comparison name the same file",
        ),
        (
            ("one.yaml", "two.yaml", "--plot-comparison", "few.yaml.png"),
            "few.yaml.png: exists already; use --force to replace it",
        ),
    ],
    ids=["one-design", "ending", "same-file", "exists"],
)
def test_refused_pictures(arguments: tuple[str, ...], why: str, folder: Path) -> None:
    """Refused in one sentence before any work is done, nothing written."""
    write(folder, **{"few_yaml_png": "mine"})
    before = snapshot(folder)
    done = escalate("simulate", *arguments, "--scenarios", "few.yaml", cwd=folder)
    assert (done.stdout, done.code, done.stderr) == ("", 2, f"error: {why}\n")
    assert snapshot(folder) == before
