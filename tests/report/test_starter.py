"""Design files to start from: what is a comment there can be switched on as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import escalate as esc
from escalate.core import registry
from escalate.report.starter import design_file
from tests.helpers import ROOT

KINDS = registry.methods().kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_each_comment_that_is_a_setting_can_be_switched_on(kind: str, tmp_path: Path) -> None:
    """With the first `#` taken away the design loads; where the setting has a value it has it, and is not a Python one."""
    cls = registry.methods().get(kind)
    lines = design_file(cls).splitlines()
    names = {*cls.model_fields, "labels", "rules"}
    switched = 0
    for k, line in enumerate(lines):
        found = re.match(r" *# (\w+):", line)
        if found is None or found[1] not in names:
            continue
        switched += 1
        path = tmp_path / f"{k}.yaml"
        path.write_text("\n".join([*lines[:k], line.replace("# ", "", 1), *lines[k + 1 :]]))
        esc.load_design(path)
    assert switched >= 1
    assert "null" not in design_file(cls)


def test_a_graded_start_is_simulated_at_once(tmp_path: Path) -> None:
    """Its letters are those of the scenario files that come with the program, and its exact answer is a small one."""
    for kind, levels in (("gboin", "five"), ("accelerated_titration", "four")):
        path = tmp_path / f"{kind}.yaml"
        path.write_text(design_file(registry.methods().get(kind)))
        design = esc.load_design(path)
        truths = esc.load_scenarios(ROOT / "simulations" / "scenarios" / f"{levels}-doses-graded.yaml", [design])
        (found,) = esc.simulate([design], truths, exact=True).designs
        assert found.n_states is not None
        assert found.n_states < 500_000


def test_target_of_a_graded_start() -> None:
    """It is a mean score to gboin and a DLT probability to the others."""
    for kind in KINDS:
        said = "# target mean score, as a part of a DLT's" if kind == "gboin" else "# target DLT probability"
        assert said in design_file(registry.methods().get(kind))


def test_scenarios_are_checked_before_a_large_design_is_walked(tmp_path: Path) -> None:
    """The second design needs what the scenario does not give: said at once, naming the file where it came from one."""
    large = esc.load_design(ROOT / "designs" / "boin.yaml").model_copy(update={"max_patients": 100, "cohort_size": 1})
    scored = esc.load_design(ROOT / "designs" / "gboin.yaml")
    said: list[str] = []
    path = ROOT / "simulations" / "scenarios" / "random-five-doses.yaml"
    with pytest.raises(esc.DesignError, match="generators make no graded outcomes"):
        esc.simulate([large, scored], esc.load_scenarios(path, [large]), progress=said.append)
    assert said == []
    with pytest.raises(esc.DesignError, match=r"random-five-doses.yaml: scenario '.*' needs 'outcomes"):
        esc.load_scenarios(path, [large, scored])
