"""The study file: what is accepted, and for every fault a sentence with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from escalate.core.errors import DesignError, EscalateError
from escalate.study.grid.study_file import load_study
from tests.cli.run import DESIGN, SCENARIO
from tests.study.grid.studies import STUDY, lay_out

CLOCK = "schema: escalate/clock/1\naccrual: {kind: poisson, mean_days: 10}\n"


def changed(old: str, new: str) -> str:
    assert old in STUDY
    return STUDY.replace(old, new)


NO_SCENARIOS = STUDY[: STUDY.index("scenarios:")]
GRID = "{method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}"
BAD = {
    "empty": ("", "s.yaml: is empty"),
    "no YAML": (STUDY + "trials: [\n", "s.yaml:", "is not valid YAML"),
    "a list": ("- a\n", "s.yaml:1: is not a study file"),
    "no schema": (changed("schema: escalate/study/1\n", ""), "s.yaml:1 schema: is missing; a study file starts with"),
    "a design": (DESIGN, "s.yaml:1 schema: 'escalate/design/1' is not 'escalate/study/1'"),
    "duplicate key": (STUDY + "title: again\n", "s.yaml:7 title: is given twice"),
    "anchor": (changed("title: small", "title: &a small"), "s.yaml:2 title: anchors"),
    "no title": (changed("title: small\n", ""), "s.yaml:1 title: is missing"),
    "misspelt key": (STUDY + "trails: 10\n", "s.yaml:7 trails: unknown setting; did you mean 'trials'?"),
    "no designs": (
        changed("designs:\n  - {file: d.yaml, vary: {method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}}\n", ""),
        "s.yaml:1 designs: is missing",
    ),
    "empty designs": (
        STUDY.replace(STUDY[STUDY.index("designs:") : STUDY.index("scenarios:")], "designs: []\n"),
        "s.yaml:3 designs: is empty",
    ),
    "design that is not there": (changed("file: d.yaml", "file: e.yaml"), "e.yaml: there is no such file"),
    "design that is a number": (
        changed("{file: d.yaml, vary: {method.p_saf: [0.15, 0.18, 0.21], max_patients: [9, 12]}}", "3"),
        "s.yaml:4 designs[1]: 3 is not",
    ),
    "misspelt key of a grid": (
        changed("file: d.yaml, vary", "file: d.yaml, very"),
        "s.yaml:4 designs[1].very: unknown setting; did you mean 'vary'?",
    ),
    "grid without file": (changed("file: d.yaml, ", ""), "s.yaml:4 designs[1].file: is missing"),
    "grid of nothing": (changed(GRID, "{}"), "s.yaml:4 designs[1].vary: is empty"),
    "grid that is a list": (changed(GRID, "[1]"), "s.yaml:4 designs[1].vary:"),
    "field that may not be varied": (
        changed("max_patients:", "target:"),
        "s.yaml:4 designs[1].vary: vary target: the target is the question",
    ),
    "method varied": (
        changed("max_patients:", "method.kind:"),
        "s.yaml:4 designs[1].vary: vary method.kind: name one setting",
    ),
    "no field": (
        changed("max_patients:", "'max patients':"),
        "s.yaml:4 designs[1].vary: vary 'max patients': is not a field",
    ),
    "value twice": (changed("[9, 12]", "[9, 9]"), "s.yaml:4 designs[1].vary: vary max_patients: 9 is given twice"),
    "no values": (changed("[9, 12]", "[]"), "s.yaml:4 designs[1].vary: vary max_patients: has no values"),
    "value that is no list": (changed("[9, 12]", "9"), "s.yaml:4 designs[1].vary", "max_patients"),
    "value that is a group": (changed("[9, 12]", "{a: 1}"), "s.yaml:4 designs[1].vary", "max_patients"),
    "range that goes nowhere": (
        changed("[9, 12]", "'12:9:1'"),
        "s.yaml:4 designs[1].vary: vary max_patients: '12:9:1' goes nowhere",
    ),
    "range of too many": (
        changed("[9, 12]", "'1:9999:1'"),
        "s.yaml:4 designs[1].vary",
        "has 9,999 values, and the limit is 1,000",
    ),
    "same design twice": (
        changed("  - {file", "  - d.yaml\n  - ./d.yaml\n  - {file"),
        "s.yaml:5 designs[2]: is the same design as designs[1]",
    ),
    "no scenarios": (NO_SCENARIOS, "s.yaml:1 scenarios: is missing"),
    "empty scenarios": (NO_SCENARIOS + "scenarios: []\n", "s.yaml:5 scenarios: is empty"),
    "scenario file that is not there": (NO_SCENARIOS + "scenarios: [t.yaml]\n", "t.yaml: there is no such file"),
    "scenarios that are true": (NO_SCENARIOS + "scenarios: true\n", "s.yaml:5 scenarios: true is not"),
    "generator unknown": (
        changed("paoletti", "paolotti"),
        "s.yaml:6 scenarios[1].generate[1].kind",
        "did you mean 'paoletti'?",
    ),
    "generator with a misspelt key": (
        changed("gap:", "gap: 0.1, gab:"),
        "s.yaml:6 scenarios[1].generate[1].gab: unknown setting",
    ),
    "generator of other doses": (changed("doses: 3", "doses: 4"), "s.yaml:", "4", "3"),
    "group of scenarios with a misspelt key": (
        changed("- generate:", "- generated:"),
        "s.yaml:6 scenarios[1].generated: unknown setting",
    ),
    "scenario with too few rates": (STUDY + "  - scenarios: [{name: a, dlt: [0.1, 0.2]}]\n", "s.yaml:", "2"),
    "rate outside 0 to 1": (
        STUDY + "  - scenarios: [{name: a, dlt: [0.1, 0.2, 1.2]}]\n",
        "s.yaml:7 scenarios[2].scenarios[1].dlt[3]: 1.2",
    ),
    "scenario named twice": (
        STUDY + "  - scenarios: [{name: a, dlt: [0.1, 0.2, 0.3]}]\n  - u.yaml\n",
        "s.yaml:8 scenarios[3]: another scenario is named 'a' too",
    ),
    "too many scenarios": (
        changed("count: 20", "count: 150000") + "  - generate: [{kind: logistic, target: 0.3, count: 150000}]\n",
        "s.yaml:",
    ),
    "exact false": (STUDY + "exact: false\n", "s.yaml:7 exact: is false, and trials is not given"),
    "exact and trials": (
        STUDY + "exact: true\ntrials: 10\n",
        "s.yaml:8 trials: goes with random trials, and exact is true",
    ),
    "exact as text": (STUDY + "exact: maybe\n", "s.yaml:7 exact: 'maybe' is not true or false"),
    "no trials": (STUDY + "trials: 0\n", "s.yaml:7 trials: 0 is not at least 1"),
    "trials as a fraction": (STUDY + "trials: 10.5\n", "s.yaml:7 trials: 10.5 is not a whole number"),
    "trials as text": (STUDY + "trials: ten\n", "s.yaml:7 trials: 'ten' is not a whole number"),
    "too many trials": (STUDY + "trials: 2000000000\n", "s.yaml:7 trials: 2000000000 is not at most 1e+09"),
    "seed below 0": (STUDY + "seed: -1\n", "s.yaml:7 seed: -1 is not at least 0"),
    "seed too large": (STUDY + "seed: 9223372036854775808\n", "s.yaml:7 seed: 9223372036854775808 is not at most"),
    "max_states too small": (STUDY + "max_states: 10\n", "s.yaml:7 max_states: 10 is not at least 1000"),
    "no metrics": (STUDY + "metrics: []\n", "s.yaml:7 metrics: is empty"),
    "unknown metric": (STUDY + "metrics: [pcs, pss]\n", "s.yaml:7 metrics[2]: 'pss' is no metric; did you mean"),
    "metric of a clock": (
        STUDY + "metrics: [duration_days]\n",
        "s.yaml:7 metrics[1]: 'duration_days' is of trials on a clock",
    ),
    "metric that is a number": (STUDY + "metrics: [3]\n", "s.yaml:7 metrics[1]: 3 is not text"),
    "outputs as text": (STUDY + "outputs: here\n", "s.yaml:7 outputs: 'here' is not a group of settings"),
    "misspelt output": (
        STUDY + "outputs: {foldr: x}\n",
        "s.yaml:7 outputs.foldr: unknown setting; did you mean 'folder'?",
    ),
    "empty folder": (STUDY + "outputs: {folder: ''}\n", "s.yaml:7 outputs.folder: is empty"),
    "single trials of exact figures": (
        STUDY + "outputs: {per_trial: true}\n",
        "s.yaml:7 outputs.per_trial: goes with random trials",
    ),
    "single trials without number": (
        STUDY + "trials: 20000000\noutputs: {per_trial: true}\n",
        "s.yaml:8 outputs.per_trial: keeps at most 10,000,000 trials",
    ),
    "single trials on a clock": (
        STUDY + "trials: 10\nclock: c.yaml\noutputs: {per_trial: true}\n",
        "s.yaml:9 outputs.per_trial: single trials on a clock are not kept",
    ),
    "clock without trials": (STUDY + "clock: c.yaml\n", "s.yaml:7 clock: goes with random trials"),
    "clock that is not there": (STUDY + "trials: 10\nclock: k.yaml\n", "k.yaml: there is no such file"),
    "clock that is none": (
        STUDY + "trials: 10\nclock: d.yaml\n",
        "d.yaml:1 schema: 'escalate/design/1' is not 'escalate/clock/1'",
    ),
    "clock and a design without window": (
        STUDY + "trials: 10\nclock: c.yaml\n",
        "s.yaml:8 clock: 'small' does not say within how many days",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_file_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    """Every fault says the file, where it can the line and the field, and what would be right; in one short line each."""
    content, *words = BAD[name]
    path = lay_out(tmp_path, content)
    (tmp_path / "c.yaml").write_text(CLOCK)
    (tmp_path / "u.yaml").write_text(SCENARIO)
    with pytest.raises(EscalateError) as caught:
        load_study(path)
    said = str(caught.value)
    for word in words:
        assert word in said, said
    assert len(said.splitlines()) == 1
    assert len(said) < 400
    for leaked in ("pydantic", "Traceback", "Error", "[type=", "None", "tuple[", "dict"):
        assert leaked not in said, said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A study file that does not exist is named."""
    with pytest.raises(DesignError, match=r"no\.yaml: there is no such file"):
        load_study(tmp_path / "no.yaml")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """Two faults give two lines."""
    with pytest.raises(DesignError) as caught:
        load_study(lay_out(tmp_path, STUDY + "trials: 0\nseed: -1\n"))
    assert [line.split(": ")[0].split(" ")[-1] for line in str(caught.value).splitlines()] == ["trials", "seed"]


def test_what_is_not_said(tmp_path: Path) -> None:
    """Exact figures, all metrics, results beside the study file under its name."""
    study = load_study(lay_out(tmp_path, name="mine.yaml"))
    assert study.trials is None
    assert study.metrics is None
    assert study.folder == tmp_path / "mine-results"
    assert not study.per_trial
    assert study.clock is None
    assert study.title == "small"
    assert (len(study.designs), len(study.scenarios)) == (6, 20)


def test_files_are_looked_for_beside_the_study_file(tmp_path: Path) -> None:
    """Designs, scenarios, clock and results are relative to the study file, wherever the command is started."""
    design = DESIGN + "dlt_window: 28\n"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "d.yaml").write_text(design)
    (tmp_path / "u.yaml").write_text(SCENARIO)
    (tmp_path / "c.yaml").write_text(CLOCK)
    path = tmp_path / "s.yaml"
    path.write_text(
        "schema: escalate/study/1\ntitle: t\ndesigns: [in/d.yaml]\nscenarios: u.yaml\ntrials: 10\nclock: c.yaml\n"
        "metrics: [duration_days, pcs]\noutputs: {folder: out/here}\n"
    )
    study = load_study(path)
    assert study.folder == tmp_path / "out" / "here"
    assert [scenario.name for scenario in study.scenarios] == ["a"]
    assert study.clock is not None
    assert study.how["clock"]["accrual"] == {"kind": "poisson", "mean_days": 10}


def test_scenarios_of_several_kinds(tmp_path: Path) -> None:
    """Files, scenarios written out and generators stand side by side, in the order of the file."""
    (tmp_path / "u.yaml").write_text(SCENARIO)
    study = load_study(lay_out(tmp_path, STUDY + "  - u.yaml\n  - scenarios: [{name: b, dlt: [0.2, 0.3, 0.4]}]\n"))
    assert [scenario.name for scenario in study.scenarios][-3:] == ["paoletti 0020", "a", "b"]
