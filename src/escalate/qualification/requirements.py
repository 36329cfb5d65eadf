"""The requirements: what the product must do, read from `requirements.yaml` beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from escalate.core import registry, yaml_reader
from escalate.core.errors import EscalateError, did_you_mean
from escalate.core.setting import Setting, Words, frozen

Risk = Literal["dose", "selection", "planning", "record"]
RISKS: dict[Risk, str] = {
    "dose": "a patient could be given a wrong dose",
    "selection": "a wrong dose could be declared the MTD",
    "planning": "a design could be chosen on wrong numbers",
    "record": "the record of a trial could be wrong without notice",
}
EVERY = "*"


class Requirement(Setting):
    """One thing that the product must do.

    Parameters
    ----------
    says
        One sentence, in the words of its user.
    risk
        What could be wrong for a trial if it failed.
    methods, rules, commands
        What of the product it is about; `*` for every one registered.
    checks
        Names of checks that belong to it, beside the vectors that name it.
    tests
        Files, folders or node ids of the test suite; `{method}` stands for each method.
    """

    id: Words
    name: Words
    says: Words
    risk: Risk
    methods: tuple[Words, ...] = ()
    rules: tuple[Words, ...] = ()
    commands: tuple[Words, ...] = ()
    checks: tuple[Words, ...] = ()
    tests: tuple[Words, ...] = ()

    @property
    def title(self) -> str:
        """Its id and name, as messages and reports say it."""
        return f"{self.id} {self.name}"

    def covered(self, what: Literal["methods", "rules"]) -> tuple[str, ...]:
        """Return the kinds of methods or rules that it is about, `*` written out."""
        kinds: tuple[str, ...] = getattr(self, what)
        known = registry.methods() if what == "methods" else registry.rules()
        return tuple(known.kinds()) if EVERY in kinds else kinds

    def named_tests(self) -> Iterator[str]:
        """Yield its tests, one a method where they are named so."""
        for test in self.tests:
            if "{method}" in test:
                yield from (test.format(method=kind) for kind in self.covered("methods"))
            else:
                yield test


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return all requirements, in the order of the report."""
    document = yaml_reader.read(str(Path(__file__).with_name("requirements.yaml")), "the requirements")
    return tuple(Requirement.model_validate(frozen(each)) for each in document.data["requirements"])


def chosen(only: tuple[str, ...]) -> tuple[Requirement, ...]:
    """Return the requirements with these ids, or all where none is named.

    Raises
    ------
    EscalateError
        Where there is no such requirement.
    """
    known = {requirement.id: requirement for requirement in requirements()}
    for name in only:
        if name.upper() not in known:
            raise EscalateError(f"--only: '{name}' is not a requirement; {did_you_mean(name, known)}")
    wanted = {name.upper() for name in only}
    return tuple(each for each in requirements() if not wanted or each.id in wanted)
