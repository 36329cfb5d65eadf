"""Every requirement is verified by something, every test it names exists, and everything the product has is covered."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
import typer

from escalate.conduct.qualification import CHECKS as RECORD_CHECKS
from escalate.core import registry
from escalate.core.errors import EscalateError
from escalate.qualification import vectors
from escalate.qualification.checks import CHECKS
from escalate.qualification.requirements import Requirement, chosen, requirements
from escalate.report.qualification import requirements_page
from tests.helpers import ROOT

EVERY = requirements()
by_requirement = pytest.mark.parametrize("requirement", EVERY, ids=lambda requirement: requirement.id)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the tests that a file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"
    )


def test_ids_and_names_are_unique() -> None:
    """Thirty to eighty of them; a name is not used twice."""
    assert 30 <= len(EVERY) <= 80
    assert len({requirement.id for requirement in EVERY}) == len(EVERY)
    assert len({requirement.name for requirement in EVERY}) == len(EVERY)


@by_requirement
def test_it_is_verified(requirement: Requirement) -> None:
    """By a vector, a check or a test; and it says so in a sentence."""
    found, _ = vectors.load()
    assert any(each.requirement == requirement.id for each in found) or requirement.checks or requirement.tests
    assert requirement.tests
    assert requirement.says.endswith(".")


@by_requirement
def test_its_tests_exist(requirement: Requirement) -> None:
    """Every folder, file and function that it names is in the test suite."""
    for test in requirement.named_tests():
        file, _, name = test.partition("::")
        if (ROOT / file).is_dir():
            found = [path for path in (ROOT / file).rglob("test_*.py") if names_in(path)]
            assert found, f"{test} holds no test file"
            continue
        assert (ROOT / file).is_file(), test
        assert not name or name in names_in(ROOT / file), test
        assert names_in(ROOT / file), file


WITHOUT_VECTORS = {
    # The table and the model are the user's own; the other two decide nothing from data.
    "decision_table", "pymc", "constant", "random",
    # Its choice is that of the BLRM by the highest admissible dose, asked under BLRM-3.
    "ewoc",
}  # fmt: skip


def test_every_method_has_vectors_of_its_own_doses() -> None:
    """A wrong dose of any method fails a requirement that names it: what holds for all methods is not enough."""
    dose = {each.id: each.covered("methods") for each in EVERY if each.risk == "dose" and "*" not in each.methods}
    found, _ = vectors.load()
    asked = {
        kind for each in found if (kind := each.question["design"]["method"]["kind"]) in dose.get(each.requirement, ())
    }
    assert set(registry.methods().kinds()) - asked == WITHOUT_VECTORS


def test_checks_exist_and_are_named() -> None:
    """Every check belongs to one requirement, and every check named is there."""
    named = [name for requirement in EVERY for name in requirement.checks]
    known = [check.name for check in (*CHECKS, *RECORD_CHECKS)]
    assert sorted(named) == sorted(known)
    assert len(set(known)) == len(known)


def test_every_method_and_rule_is_covered() -> None:
    """Whatever is registered; and nothing is named that is not."""
    for what, known in (("methods", registry.methods()), ("rules", registry.rules())):
        covered = {kind for requirement in EVERY for kind in requirement.covered(what)}  # type: ignore[arg-type]
        assert covered == set(known.kinds()), what


def test_every_command_is_covered() -> None:
    """Every command and group of commands of the command line; and nothing is named that is not."""
    from escalate.cli.app import app

    command = typer.main.get_command(app)
    assert {name for requirement in EVERY for name in requirement.commands} == set(command.commands)  # type: ignore[attr-defined]


def test_an_unknown_requirement_is_refused() -> None:
    """With the nearest there is; small letters do."""
    assert [requirement.id for requirement in chosen(("boin-1",))] == ["BOIN-1"]
    with pytest.raises(EscalateError, match="--only: 'BION-1' is not a requirement; did you mean 'BOIN-1'"):
        chosen(("BION-1",))


def test_page_names_everything() -> None:
    """The page of the documentation has each requirement with its sentence, its tests and the number of its vectors."""
    page, (found, _) = requirements_page(), vectors.load()
    for requirement in EVERY:
        assert f"## {requirement.title}\n\n{requirement.says}" in page
        assert all(f"`{test}`" in page for test in requirement.tests)
        own = sum(vector.requirement == requirement.id for vector in found)
        assert not own or f"* {own} vectors in " in page
    assert page == requirements_page()
