"""Scenario files with generators: expanded in order, completed from the designs, and every fault told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.core.files import load_scenarios, read_scenarios
from escalate.core.scenario_files import Context, ScenarioSet
from tests.helpers import ROOT, make

HEAD = "schema: escalate/scenarios/1\n"
FIXED = "scenarios:\n  - {name: a, dlt: [0.1, 0.3, 0.5]}\n"
NAMED = "  - {kind: named, target: 0.3, doses: 3}\n"
RANDOM = "  - {kind: pseudo_uniform, target: 0.3, doses: 3, count: 4, seed: 2}\n"
BOIN = {"kind": "boin"}


def load(folder: Path, text: str, *designs: esc.Design) -> tuple[esc.Scenario, ...]:
    """Return the scenarios of a file with some text."""
    (folder / "x.yaml").write_text(HEAD + text, encoding="utf-8")
    return load_scenarios(folder / "x.yaml", designs)


def refusal(folder: Path, text: str, *designs: esc.Design) -> list[str]:
    """Return the lines with which a file is refused, folders removed."""
    with pytest.raises(esc.DesignError) as refused:
        load(folder, text, *designs)
    return str(refused.value).replace(f"{folder}/", "").splitlines()


def test_fixed_scenarios_come_first(tmp_path: Path) -> None:
    """Then those of the generators in the order of the file; the family tells which is which."""
    for text in (f"{FIXED}generate:\n{RANDOM}{NAMED}", f"generate:\n{RANDOM}{NAMED}{FIXED}"):
        found = load(tmp_path, text)
        assert [s.family for s in found] == [None] + ["pseudo_uniform"] * 4 + ["named"] * 8
        assert [s.name for s in found][:3] == ["a", "pseudo_uniform 0001", "pseudo_uniform 0002"]


def test_response_rates(tmp_path: Path) -> None:
    """One a level, from 0 to 1, in any order; written out again as they were read."""
    (found,) = load(tmp_path, "scenarios:\n  - {name: a, dlt: [0.1, 0.3, 0.5], response: [0, 1, 0.5]}\n")
    assert found.response == (0, 1, 0.5)
    assert "response: [0.0, 1.0, 0.5]" in ScenarioSet((found,)).to_yaml()
    for rates, said in (
        ("[0.1, 0.2]", "has 2 response rates for 3 DLT probabilities; give one a level"),
        ("[0.1, 0.2, 1.5]", "1.5 is not at most 1"),
    ):
        (line,) = refusal(tmp_path, f"scenarios:\n  - {{name: a, dlt: [0.1, 0.3, 0.5], response: {rates}}}\n")
        assert "x.yaml:3 scenarios[1].response" in line
        assert said in line


def test_generators_alone(tmp_path: Path) -> None:
    """Fixed scenarios are not needed; from Python the same generator gives the same scenarios."""
    found = load(tmp_path, f"generate:\n{RANDOM}")
    assert found == esc.generate("pseudo_uniform", target=0.3, doses=3, count=4, seed=2)


def test_names_tell_generators_of_one_kind_apart(tmp_path: Path) -> None:
    """With a name each, two of one kind live in one file."""
    other = RANDOM.replace("seed: 2", "seed: 3, name: other")
    found = load(tmp_path, f"generate:\n{RANDOM}{other}")
    assert [s.family for s in found] == ["pseudo_uniform"] * 4 + ["other"] * 4
    assert found[4].name == "other 0001"


def test_target_and_doses_from_the_designs(tmp_path: Path) -> None:
    """What a generator leaves out comes from the designs; what it says stays; a design without target has no say."""
    text = "generate:\n  - {kind: named}\n"
    for target, doses in ((0.3, 4), (0.25, 2)):
        found = load(
            tmp_path, text, make(BOIN, doses, target=target), make({"kind": "three_plus_three"}, doses, target=None)
        )
        assert found == esc.generate("named", target=target, doses=doses)
    found = load(tmp_path, "generate:\n  - {kind: named, target: 0.2}\n", make(BOIN, 3), make(BOIN, 3, target=0.25))
    assert found == esc.generate("named", target=0.2, doses=3)


def test_what_is_left_out_and_not_known(tmp_path: Path) -> None:
    """No design, or designs that differ: an error for each setting, with what to write."""
    text = "generate:\n  - {kind: named}\n"
    assert refusal(tmp_path, text) == [
        "x.yaml:3 generate[1].target: is missing, and no design says it; write it, such as 'target: 0.30'",
        "x.yaml:3 generate[1].doses: is missing, and no design says it; write it, such as 'doses: 5'",
    ]
    assert refusal(tmp_path, text, make(BOIN, 3), make(BOIN, 3, target=0.25)) == [
        "x.yaml:3 generate[1].target: is missing, and the designs differ (0.25, 0.3); write it, such as 'target: 0.30'"
    ]
    assert refusal(tmp_path, text, make(BOIN, 3), make(BOIN, 4)) == [
        "x.yaml:3 generate[1].doses: is missing, and the designs differ (3, 4); write it, such as 'doses: 5'"
    ]


def test_number_of_doses_must_fit_the_designs(tmp_path: Path) -> None:
    """Fixed scenarios and generators alike, for each design that they do not fit."""
    assert refusal(tmp_path, f"{FIXED}generate:\n{NAMED}", make(BOIN, 3), make(BOIN, 5, title="five")) == [
        "x.yaml:3 scenarios[1].dlt: has 3 DLT probabilities, but 'five' has 5 dose levels",
        "x.yaml:5 generate[1].doses: has 3 DLT probabilities, but 'five' has 5 dose levels",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: nothing\n", "x.yaml:1 scenarios: is missing; list scenarios, or generators under 'generate'"),
        ("scenarios: []\n", "x.yaml:2 scenarios: is empty"),
        ("generate: []\n", "x.yaml:2 generate: is empty"),
        ("generate: 5\n", "x.yaml:2 generate: 5 is not a list [..]"),
        ("generate: {kind: named}\n", "x.yaml:2 generate: {'kind': 'named'} is not a list [..]"),
        ("generaet: []\n" + FIXED, "x.yaml:2 generaet: unknown setting; did you mean 'generate'?"),
        (
            "generate:\n  - named\n",
            "x.yaml:3 generate[1]: is not a group of settings; write '{kind: ...}' with one of: logistic, named, paoletti, "
            "probit_walk, pseudo_uniform",
        ),
        (
            "generate:\n  - {target: 0.3}\n",
            "x.yaml:3 generate[1].kind: is missing; one of: logistic, named, paoletti, probit_walk, pseudo_uniform",
        ),
        (
            "generate:\n  - {kind: 5}\n",
            "x.yaml:3 generate[1].kind: 5 is not a generator; one of: logistic, named, paoletti, probit_walk, pseudo_uniform",
        ),
        (
            "generate:\n  - {kind: nmaed}\n",
            "x.yaml:3 generate[1].kind: 'nmaed' is not a generator; did you mean 'named'?",
        ),
        (
            f"generate:\n{NAMED}" + RANDOM.replace("count: 4", "\n     count: 0"),
            "x.yaml:5 generate[2].count: 0 is not at least 1",
        ),
        (
            f"generate:\n{NAMED}" + RANDOM.replace("count", "cuont"),
            "x.yaml:4 generate[2].count: is missing",
        ),
        (
            "generate:\n" + RANDOM.replace("seed", "sead"),
            "x.yaml:3 generate[1].sead: unknown setting; did you mean 'seed'?",
        ),
        (
            "generate:\n" + RANDOM.replace("count: 4", "count: '4'"),
            "x.yaml:3 generate[1].count: '4' is not a whole number",
        ),
        (
            f"generate:\n{RANDOM}{RANDOM}",
            "x.yaml:4 generate[2].name: generate[1] is called 'pseudo_uniform' too; give each generator a 'name' of its own",
        ),
        (
            f"{FIXED.replace('a,', 'all safe,')}generate:\n{NAMED}",
            "x.yaml:5 generate[1].name: another scenario is named 'all safe' too; give the generator a 'name'",
        ),
        (
            "generate:\n" + RANDOM.replace("seed: 2", "mtd_level: 2, min_gap: 0.6"),
            "x.yaml:3 generate[1]: too few draws keep the constraints all at once: of 4,096 draws for the MTD at level 2, 0 have "
            "gaps of at least 0.6 next to the MTD (min_gap); lower min_gap or leave it out",
        ),
        (
            "scenarios:\n  - {name: a, dlt: [0.1]}\n  - {name: a, dlt: [0.2]}\n",
            "x.yaml:2 scenarios: two scenarios are named 'a'",
        ),
    ],
)
def test_faults(text: str, message: str, tmp_path: Path) -> None:
    """Each fault of a scenario file is told with file, line and setting."""
    assert message in refusal(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Those of fixed scenarios and of every generator."""
    text = "scenarios:\n  - {name: a, dlt: [2]}\ngenerate:\n  - {kind: no}\n  - {kind: named, target: 0.3, doses: 0}\n"
    said = refusal(tmp_path, text)
    assert [line.split(": ")[0] for line in said] == [
        "x.yaml:3 scenarios[1].dlt[1]",
        "x.yaml:5 generate[1].kind",
        "x.yaml:6 generate[2].doses",
    ]


def test_too_many(tmp_path: Path) -> None:
    """A small file cannot ask for more than memory holds."""
    one = "  - {kind: probit_walk, target: 0.3, doses: 1, count: 100000, name: NAME}\n"
    text = "generate:\n" + "".join(one.replace("NAME", name) for name in "abc")
    assert refusal(tmp_path, text) == ["x.yaml:5 generate[3]: makes more than 200,000 scenarios in all; ask for fewer"]


@pytest.mark.parametrize("title", ["plain", 'quoted "and" {odd: ones}, # too', "émigré µ"])
def test_written_out_it_is_the_same(title: str, tmp_path: Path) -> None:
    """A file written out lists every scenario, families and outcomes included, and reads as the same."""
    (tmp_path / "x.yaml").write_text(
        f"{HEAD}title: {title!r}\nscenarios:\n  - {{name: 'b: c', dlt: [0.1, 0.2, 0.3], outcomes: {{M: [0.1, 0.2, 0.3]}}}}\n"
        f"generate:\n{RANDOM}{NAMED}",
        encoding="utf-8",
    )
    found = read_scenarios(tmp_path / "x.yaml")
    assert found.title == title
    assert found.target == 0.3
    (tmp_path / "y.yaml").write_text(found.to_yaml(), encoding="utf-8")
    again = read_scenarios(tmp_path / "y.yaml")
    assert (again.scenarios, again.title) == (found.scenarios, title)
    assert again.target is None


def test_target_of_a_file(tmp_path: Path) -> None:
    """The target that all generators share, or none."""
    path = tmp_path / "x.yaml"
    for second, expected in ((0.3, 0.3), (0.25, None)):
        path.write_text(f"{HEAD}generate:\n{RANDOM}  - {{kind: named, target: {second}, doses: 3}}\n")
        assert read_scenarios(path).target == expected
    path.write_text(f"{HEAD}generate:\n  - {{kind: named}}\n")
    assert read_scenarios(path, Context((0.2,), (4,))).target == 0.2


@pytest.mark.parametrize(
    ("name", "number", "doses"),
    [("random-five-doses", 5000, 5), ("families-five-doses", 10, 5), ("tvec-liver-families", 8, 3)],
)
def test_files_that_come_with_the_program(name: str, number: int, doses: int) -> None:
    """They expand to what their titles say."""
    found = read_scenarios(ROOT / "simulations" / "scenarios" / f"{name}.yaml")
    assert len(found.scenarios) == number
    assert {len(scenario.dlt) for scenario in found.scenarios} == {doses}
    assert found.target == 0.3


@pytest.mark.parametrize("settings", [{"target": 0.3}, {"doses": 5}, {}])
def test_from_python_all_must_be_said(settings: dict[str, Any]) -> None:
    """Without a file there is no design to take anything from."""
    with pytest.raises(esc.DesignError, match="is missing"):
        esc.generate("named", **settings)
