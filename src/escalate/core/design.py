"""A design: a plan, a method, and the rules of the protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, SerializeAsAny, ValidationError

from escalate.core import registry
from escalate.core.errors import DesignError, EscalateError, Problem
from escalate.core.messages import problems_of
from escalate.core.method import Method
from escalate.core.outcome import Outcome
from escalate.core.plan import Plan
from escalate.core.rule import Rule, StopRule
from escalate.core.setting import Words, frozen
from escalate.core.shown import Shown

SCHEMA: Final = "escalate/design/1"


class Design(Shown, Plan):
    """One dose-escalation design: everything that fixes the next dose, given the data.

    Build it with `Design.from_dict` or `escalate.load_design`, which check it as a whole.
    """

    schema_: Literal["escalate/design/1"] = Field(default=SCHEMA, alias="schema")
    title: Words
    notes: str | None = None
    method: SerializeAsAny[Method]
    rules: tuple[SerializeAsAny[Rule], ...]
    published_rules: bool = Field(default=False, exclude=True)
    """True where the file named no rules and the method's own apply."""

    def __hash__(self) -> int:
        return hash((self.method, self.rules, self.doses.levels, self.target, self.cohort_size, self.max_patients))

    def __repr__(self) -> str:
        target = "" if self.target is None else f", target {self.target:g}"
        return f"Design({self.title!r}: {self.method.kind}, {self.n_doses} levels{target}, at most {self.max_patients} patients)"

    def to_dict(self) -> dict[str, Any]:
        """Return the design as a file would say it, rules in full."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What can happen to a patient, from none to the DLT."""
        return self.method.outcomes

    @property
    def sha256(self) -> str:
        """Hash of the settings, whatever the layout of the file they came from."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Design:
        """Build a design from the content of a design file.

        Raises
        ------
        DesignError
            With one line for each fault.
        """
        if not isinstance(data, Mapping):
            raise DesignError(f"a design is a group of settings, not {type(data).__name__}")
        design, problems = build(data)
        if design is None:
            raise DesignError("\n".join(f"{problem.field}: {problem.text}" for problem in problems))
        return design


def build(data: Mapping[str, Any]) -> tuple[Design | None, list[Problem]]:
    """Return a design, or None and what is wrong with it."""
    data = {key: frozen(value) for key, value in data.items()}
    problems: list[Problem] = []
    method = _part(registry.methods(), data.get("method"), "method", problems)
    listed = data.get("rules")
    if "published_rules" in data:
        problems.append(Problem("published_rules", "unknown setting; leave out 'rules' for the published ones"))
    if listed is None:
        rules = list(method.published_rules()) if method is not None else []
    elif isinstance(listed, tuple):
        parts = [_part(registry.rules(), rule, f"rules[{k}]", problems) for k, rule in enumerate(listed, start=1)]
        rules = [rule for rule in parts if rule is not None]
    else:
        rules = []
        problems.append(Problem("rules", "is not a list; write one '- {kind: ...}' a line, or [] for none"))
    if method is not None and data.get("max_patients") is None:
        data["max_patients"] = _implied_size(method, data)
        if data["max_patients"] is None:
            del data["max_patients"]
    frame = {**data, "method": method, "rules": tuple(rules), "published_rules": listed is None}
    try:
        design = Design.model_validate(frame)
    except ValidationError as error:
        hidden = ("method", "rules") if problems or method is None else ()
        found = problems_of(error, Design, hidden)
        return None, sorted({*found, *problems}, key=lambda problem: problem.field)
    problems += list(_whole(design))
    return (design, []) if not problems else (None, problems)


def _part(known: registry.Registry[Any], data: object, where: str, problems: list[Problem]) -> Any:
    if not isinstance(data, Mapping):
        text = (
            f"is missing; write '{where}: {{kind: ...}}'" if data is None else "is not a group of settings {kind: ...}"
        )
        problems.append(Problem(where, text))
        return None
    kind = data.get("kind")
    if not isinstance(kind, str):
        said = "is missing" if kind is None else f"{kind} is not a {known.noun}"
        problems.append(Problem(f"{where}.kind", f"{said}; one of: {', '.join(known.kinds())}"))
        return None
    try:
        cls = known.get(kind)
        return cls.model_validate(dict(data))
    except ValidationError as error:
        problems += [Problem(f"{where}.{found.field}".rstrip("."), found.text) for found in problems_of(error, cls, ())]
    except EscalateError as error:
        problems.append(Problem(f"{where}.kind", str(error)))
    return None


def _implied_size(method: Method, data: Mapping[str, Any]) -> int | None:
    doses = data.get("doses")
    levels = doses.get("levels") if isinstance(doses, Mapping) else None
    return method.default_max_patients(len(levels)) if isinstance(levels, tuple) else None


def _whole(design: Design) -> Iterator[Problem]:
    if design.start_level > design.n_doses:
        yield Problem(
            "start_level", f"level {design.start_level} does not exist; the doses have {design.n_doses} levels"
        )
        return
    if design.target is None and design.method.needs_target:
        yield Problem("target", f"is missing; {design.method.kind} needs the target DLT rate, such as 0.30")
        return
    for problem in design.method.problems(design):
        yield Problem(f"method.{problem.field}", problem.text)
    for k, rule in enumerate(design.rules, start=1):
        for problem in rule.problems(design):
            yield Problem(f"rules[{k}].{problem.field}", problem.text)
    for problem in design.backfill.problems(design) if design.backfill is not None else ():
        yield Problem(f"backfill.{problem.field}", problem.text)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the design file, every known method and rule included."""
    schema = Design.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    for name, known in (("method", registry.methods()), ("rules", registry.rules())):
        kinds = []
        for cls in known.all():
            part = cls.model_json_schema(ref_template="#/$defs/{model}")
            definitions.update(part.pop("$defs", {}))
            part["required"] = sorted({*part.get("required", []), "kind"})
            definitions[cls.__name__] = part
            kinds.append({"$ref": f"#/$defs/{cls.__name__}"})
        choice = {"oneOf": kinds}
        schema["properties"][name] = choice if name == "method" else {"type": "array", "items": choice}
    # Where a rule holds rules they are any that end the trial.
    ending = [cls for cls in registry.rules().all() if issubclass(cls, StopRule)]
    definitions["StopRule"] = {"oneOf": [{"$ref": f"#/$defs/{cls.__name__}"} for cls in ending]}
    for unused in ("Method", "Rule"):
        definitions.pop(unused, None)
    schema["properties"].pop("published_rules", None)
    # What the loader fills in need not be written.
    schema["required"] = ["doses", "method", "schema", "title"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


__all__ = ["SCHEMA", "Design", "build", "json_schema"]
