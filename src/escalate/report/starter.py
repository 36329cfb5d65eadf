"""A commented design file to start from, written from the method itself."""

from __future__ import annotations

import textwrap

from escalate.core.method import Method
from escalate.core.plan import Doses, Plan
from escalate.core.registry import summary_line
from escalate.core.rule import Rule


def design_file(cls: type[Method]) -> str:
    """Return a design file for a method: settings of its first example, the others as comments, rules in full."""
    method = cls.examples()[0]
    plan = Plan(doses=Doses(unit="mg", levels=(10.0, 20.0, 40.0, 80.0, 160.0)), target=0.3, max_patients=30)
    size = method.default_max_patients(plan.n_doses) or plan.max_patients
    lines = [
        f"# {method.kind}: {summary_line(cls)}",
        f"# All settings are explained by 'escalate explain {method.kind}'.",
        "schema: escalate/design/1",
        f"title: {method.kind}, five doses",
        "doses:",
        "  unit: mg",
        "  levels: [10, 20, 40, 80, 160]     # amounts, lowest first",
        "  # labels: [..]                    # a name for each level, if amounts do not say it all",
        "target: 0.30                        # target DLT probability"
        + ("" if cls.needs_target else "; this method does not use it, its operating characteristics do"),
        "cohort_size: 3",
        f"max_patients: {size}",
        "start_level: 1                      # levels are counted from 1",
        "method:",
        f"  kind: {method.kind}",
    ]
    given = method.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    for name, value in given.items():
        lines += _setting(name, value)
    for name, field in cls.model_fields.items():
        if name != "kind" and name not in given:
            lines.append(
                f"  # {name}: {_flow(field.default)}" + ("" if field.default is not None else "   (not given)")
            )
    lines += _rules(method.published_rules())
    return "\n".join(lines) + "\n"


def _rules(rules: tuple[Rule, ...]) -> list[str]:
    if not rules:
        return ["# rules: []   # the method's own table is all; add rules here, one '- {kind: ...}' a line"]
    lines = ["rules:                              # without this list the same rules apply"]
    for rule in rules:
        lines += textwrap.wrap(summary_line(type(rule)), 110, initial_indent="  # ", subsequent_indent="  # ")
        lines.append(f"  - {_flow(rule.model_dump(mode='json', by_alias=True, exclude_none=True))}")
    return lines


def _setting(name: str, value: object) -> list[str]:
    """Return a setting of the method: on one line, or a list of lists with one of them a line."""
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return [f"  {name}:", *(f"    - {_flow(item)}" for item in value)]
    return [f"  {name}: {_flow(value)}"]


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if value is None:
        return "null"
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.10g}" if isinstance(value, float) else str(value)
    )
