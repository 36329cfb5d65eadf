"""Find methods, rules and generators: one file each in its package, or an entry point of another package."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Generic, TypeVar

from pydantic import ValidationError

from escalate.core.errors import EscalateError, Problem, did_you_mean
from escalate.core.generator import Generator
from escalate.core.messages import problems_of
from escalate.core.method import Method
from escalate.core.rule import Rule
from escalate.core.setting import Setting, summary_line

T = TypeVar("T", bound=Setting)


@dataclass(frozen=True)
class Registry(Generic[T]):
    """All kinds of one thing: the module `<package>.<kind>` holds the class of that kind.

    Parameters
    ----------
    package
        The package whose modules are walked, and the name of the entry-point group that extends it.
    base
        The class they all derive from.
    noun
        What one of them is called in messages.
    """

    package: str
    base: type[T]
    noun: str

    def get(self, kind: str) -> type[T]:
        """Return the class of a kind, importing nothing but its module.

        Raises
        ------
        EscalateError
            Where there is no such kind.
        """
        if kind.isidentifier() and importlib.util.find_spec(f"{self.package}.{kind}"):
            module = importlib.import_module(f"{self.package}.{kind}")
            for found in vars(module).values():
                if isinstance(found, type) and issubclass(found, self.base) and _kind(found) == kind:
                    return found
        if kind in self._elsewhere:
            return self._elsewhere[kind]
        raise EscalateError(f"'{kind}' is not a {self.noun}; {did_you_mean(kind, self.kinds())}")

    def kinds(self) -> list[str]:
        """Return every kind there is, in alphabetical order."""
        package = importlib.import_module(self.package)
        ours = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg]
        return sorted({*ours, *self._elsewhere})

    def all(self) -> list[type[T]]:
        """Return every class there is, in the order of `kinds`."""
        return [self.get(kind) for kind in self.kinds()]

    def build(self, data: object, where: str) -> tuple[T | None, list[Problem]]:
        """Return what a group of settings `{kind: ...}` says, or None and what is wrong with it; fields start with `where`."""
        if not isinstance(data, Mapping):
            text = "is missing" if data is None else "is not a group of settings"
            return None, [Problem(where, f"{text}; write '{{kind: ...}}' with one of: {', '.join(self.kinds())}")]
        kind = data.get("kind")
        if not isinstance(kind, str):
            said = "is missing" if kind is None else f"{kind} is not a {self.noun}"
            return None, [Problem(f"{where}.kind", f"{said}; one of: {', '.join(self.kinds())}")]
        try:
            cls = self.get(kind)
        except EscalateError as error:
            return None, [Problem(f"{where}.kind", str(error))]
        try:
            return cls.model_validate(dict(data)), []
        except ValidationError as error:
            found = problems_of(error, cls, ())
            return None, [Problem(f"{where}.{problem.field}".rstrip("."), problem.text) for problem in found]

    @cached_property
    def _elsewhere(self) -> dict[str, type[T]]:
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, seldom needed

        found = {}
        for point in entry_points(group=self.package):
            try:
                loaded = point.load()
            except (ImportError, AttributeError) as fault:
                raise EscalateError(f"entry point {point.value}: cannot be loaded ({fault})") from None
            if not (isinstance(loaded, type) and issubclass(loaded, self.base) and _kind(loaded) == point.name):
                raise EscalateError(f"entry point {point.value}: not a {self.noun} of kind '{point.name}'")
            found[point.name] = loaded
        return found


def _kind(cls: type[Setting]) -> str | None:
    field = cls.model_fields.get("kind")
    return field.default if field is not None and isinstance(field.default, str) else None


@cache
def methods() -> Registry[Method]:
    """Return the registry of dose-finding methods."""
    return Registry("escalate.methods", Method, "method")  # type: ignore[type-abstract]


@cache
def rules() -> Registry[Rule]:
    """Return the registry of rules."""
    return Registry("escalate.rules", Rule, "rule")  # type: ignore[type-abstract]


@cache
def generators() -> Registry[Generator]:
    """Return the registry of generators of scenarios."""
    return Registry("escalate.generators", Generator, "generator")  # type: ignore[type-abstract]


__all__ = ["Registry", "generators", "methods", "rules", "summary_line"]
