"""Methods and rules are found by their file, or by the entry point of another package."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from escalate.core import registry
from escalate.core.errors import EscalateError
from escalate.core.method import Method
from escalate.core.registry import summary_line
from escalate.core.rule import Rule
from tests.cli.run import DESIGN, DESIGNS, SCENARIO, escalate, write

METHOD = '''"""A method of another package."""
from typing import Literal
import numpy as np
from escalate.methods.families.interval import IntervalMethod


class Floor(IntervalMethod):
    """Escalate without DLT, de-escalate with two or more.

    Notes
    -----
    Written for a test.
    """

    kind: Literal["floor"] = "floor"

    def actions(self, plan, n, dose):
        dlt = np.arange(n + 1)
        return np.where(dlt == 0, 1, np.where(dlt >= 2, -1, 0))

    def explain(self, plan, state, moves):
        return "By the table."

    @classmethod
    def examples(cls):
        return (cls(),)
'''
RULE = '''"""A rule of another package."""
from typing import Literal
import numpy as np
from escalate.core.rule import Rule


class Ceiling(Rule):
    """Forbid the levels above a given one."""

    kind: Literal["ceiling"] = "ceiling"
    level: int

    def forbids(self, design, states):
        return np.broadcast_to(np.arange(design.n_doses) >= self.level, states.tally.n.shape)

    def describe(self, design):
        return f"No dose above level {self.level}."

    @classmethod
    def examples(cls):
        return (cls(level=2),)
'''
TWO_DOSES = (
    DESIGN.replace("[10, 20, 40]", "[10, 20]")
    .replace("size: 3", "size: 1")
    .replace(": 12", ": 2")
    .replace("boin", "floor")
    + "rules: []\n"
)
TWO_RATES = SCENARIO.replace("[0.1, 0.3, 0.5]", "[0.1, 0.3]")


def install(folder: Path, points: str, **modules: str) -> dict[str, str]:
    """Lay out another package as pip would, and return the environment in which it is installed."""
    about = folder / "another-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment with a method and a rule of another package."""
    points = "[escalate.methods]\nfloor = floors:Floor\n[escalate.rules]\nceiling = ceilings:Ceiling\n"
    return install(tmp_path_factory.mktemp("site"), points, floors=METHOD, ceilings=RULE)


def test_another_package_is_listed(another: dict[str, str]) -> None:
    """`escalate methods` lists a method and a rule of another package beside ours."""
    listed = json.loads(escalate("methods", "--json", env=another).stdout)
    assert {"kind": "floor", "text": "Escalate without DLT, de-escalate with two or more."} in listed["methods"]
    assert {"kind": "ceiling", "text": "Forbid the levels above a given one."} in listed["rules"]
    assert "  floor " in escalate("methods", env=another).stdout
    assert "floor" not in escalate("methods").stdout


def test_another_package_is_simulated_exactly(another: dict[str, str], tmp_path: Path) -> None:
    """One patient at level 1, the next at level 2 unless there was a DLT: figures by hand, p = 0.1 and 0.3."""
    write(tmp_path, d_yaml=TWO_DOSES, s_yaml=TWO_RATES)
    done = escalate("simulate", "d.yaml", "--scenarios", "s.yaml", "--exact", "--json", cwd=tmp_path, env=another)
    assert (done.code, done.stderr) == (0, "")
    (scenario,) = json.loads(done.stdout)["designs"][0]["scenarios"]
    assert scenario["patients"] == pytest.approx([1.1, 0.9])
    assert scenario["dlts"] == pytest.approx([0.11, 0.27])
    assert sum(scenario["selected"]) + scenario["selected_none"] == pytest.approx(1)


def test_another_package_has_every_command(another: dict[str, str], tmp_path: Path) -> None:
    """A method of another package has `new`, `check`, `table`, `recommend`, `select`, `explain` and the schema."""
    write(tmp_path, d_yaml=TWO_DOSES)
    for arguments in (
        ("new", "floor", "-o", "new.yaml"),
        ("table", "d.yaml"),
        ("recommend", "d.yaml", "--outcomes", "1N"),
        ("select", "d.yaml", "--outcomes", "1N"),
    ):
        done = escalate(*arguments, cwd=tmp_path, env=another)
        assert (done.code, done.stderr) == (0, ""), arguments
    assert escalate("check", "new.yaml", cwd=tmp_path, env=another).code in (0, 1)
    assert "Written for a test." in escalate("explain", "floor", env=another).stdout
    assert "Floor" in json.loads(escalate("schema", env=another).stdout)["$defs"]


def test_rule_of_another_package_forbids(another: dict[str, str], tmp_path: Path) -> None:
    """A rule of another package forbids as ours do."""
    write(tmp_path, d_yaml=DESIGN + "rules: [{kind: ceiling, level: 1}]\n")
    done = escalate("recommend", "d.yaml", "--outcomes", "1NNN", "--json", cwd=tmp_path, env=another)
    found = json.loads(done.stdout)
    assert (found["action"], found["next_level"]) == ("stay", 1)
    assert found["reasons"][0] == {"code": "ceiling", "text": "No dose above level 1."}


def test_unknown_kind_is_told_of_another_package(another: dict[str, str], tmp_path: Path) -> None:
    """The suggestion for a misspelt kind includes methods of other packages."""
    write(tmp_path, d_yaml=TWO_DOSES.replace("floor", "flor"))
    done = escalate("check", "d.yaml", cwd=tmp_path, env=another)
    assert done.stderr == "error: d.yaml:8 method.kind: 'flor' is not a method; did you mean 'floor'?\n"


def test_docstring_is_a_page(another: dict[str, str]) -> None:
    """Where a method has no page, `explain` prints its docstring without the indentation of the source."""
    assert "\nNotes\n-----\nWritten for a test." in escalate("explain", "floor", env=another).stdout


BROKEN = {
    "no such module": "floor = nowhere:Floor",
    "no such class": "floor = floors:Ceiling",
    "another kind": "roof = floors:Floor",
    "no method": "floor = os:getcwd",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_package_does_no_harm(fault: str, tmp_path: Path) -> None:
    """A design that needs nothing of a broken package is not touched by it."""
    env = install(tmp_path / "site", f"[escalate.methods]\n{BROKEN[fault]}\n", floors=METHOD)
    assert escalate("recommend", DESIGNS[0], env=env).code == 0


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_package_is_named(fault: str, tmp_path: Path) -> None:
    """Where kinds are listed, a broken entry point is named in one sentence."""
    env = install(tmp_path / "site", f"[escalate.methods]\n{BROKEN[fault]}\n", floors=METHOD)
    done = escalate("methods", env=env)
    assert (done.stdout, done.code) == ("", 2)
    assert BROKEN[fault].split(" = ")[1] in done.stderr
    assert "should not have happened" not in done.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bion", "'bion' is not a method; did you mean 'boin'?"),
        ("three_plus_thre", "'three_plus_thre' is not a method; did you mean 'three_plus_three'?"),
        ("Boin", "'Boin' is not a method; did you mean 'boin'?"),
        ("xyz", "'xyz' is not a method; known: "),
        ("", "'' is not a method; known: "),
        ("families", "'families' is not a method; "),
        ("__init__", "'__init__' is not a method; "),
        ("boin.Boin", "'boin.Boin' is not a method; "),
        ("..core.design", "'..core.design' is not a method; "),
        ("eliminate", "'eliminate' is not a method; "),
    ],
)
def test_unknown_method(kind: str, message: str) -> None:
    """What is no method is refused by name, with the nearest that is one, or all."""
    with pytest.raises(EscalateError) as refused:
        registry.methods().get(kind)
    assert str(refused.value).startswith(message)


def test_unknown_rule() -> None:
    """The same for rules."""
    with pytest.raises(EscalateError, match=r"^'coherent' is not a rule; did you mean 'coherence'\?$"):
        registry.rules().get("coherent")
    with pytest.raises(EscalateError, match=r"^'boin' is not a rule; known: all_of, any_of, "):
        registry.rules().get("boin")


def test_every_kind_is_found() -> None:
    """Each kind gives the class of that kind, concrete, with examples and a one-line description."""
    for known, base in ((registry.methods(), Method), (registry.rules(), Rule)):
        assert known.kinds() == sorted(known.kinds())
        assert known.kinds()
        for kind in known.kinds():
            cls = known.get(kind)
            assert issubclass(cls, base)
            assert cls.model_fields["kind"].default == kind
            assert cls.examples()
            assert all(example.kind == kind for example in cls.examples())
            assert summary_line(cls).endswith(".")
