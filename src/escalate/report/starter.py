"""A commented design file to start from, written from the method itself."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from escalate.core.method import Method
from escalate.core.outcome import rate_word
from escalate.core.registry import summary_line
from escalate.core.rule import Rule

AMOUNTS = (10, 20, 40, 80, 160)
NAMES = ("A", "B", "C", "D", "E")
NUMBERS = ("no", "one", "two", "three", "four", "five")
_KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list [..]",
}


def design_file(cls: type[Method]) -> str:
    """Return a design file for a method: its starting settings, the others as comments, rules in full.

    Every line of a setting that is a comment is valid as it stands once the first `#` is taken away.
    """
    method, n_levels, patients = cls.starter()
    target = "target DLT probability"
    if rate_word(method.outcomes) == "mean score":
        target = "target mean score, as a part of a DLT's"
    lines = [
        f"# {method.kind}: {summary_line(cls)}",
        f"# All settings are explained by 'escalate explain {method.kind}'.",
        "schema: escalate/design/1",
        f"title: {method.kind}, {NUMBERS[n_levels]} doses",
        "doses:",
        "  unit: mg",
        f"{f'  levels: {_flow(AMOUNTS[:n_levels])}':<36}# amounts, lowest first",
        f"{f'  # labels: {_flow(NAMES[:n_levels])}':<36}# a name for each level, if amounts do not say it all",
        f"target: 0.30                        # {target}"
        + ("" if cls.needs_target else "; this method does not use it, its operating characteristics do"),
        "cohort_size: 3",
        f"max_patients: {method.default_max_patients(n_levels) or patients}",
        "start_level: 1                      # levels are counted from 1",
        *(["dlt_window: 28                      # days after treatment"] if cls.weighs_follow_up else []),
        "method:",
        f"  kind: {method.kind}",
    ]
    given = method.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    for name, value in given.items():
        lines += _setting(name, value)
    schema = cls.model_json_schema()["properties"]
    for name, value in method.model_dump(mode="json", exclude={"kind", *given}).items():
        if value is None:
            lines.append(f"  # {name}:".ljust(36) + f"# not given; {_what(schema[name])}")
        else:
            lines.append(f"  # {name}: {_flow(value)}")
    lines += _rules(method.published_rules())
    return "\n".join(lines) + "\n"


def _what(schema: Mapping[str, Any]) -> str:
    """Return what a setting may be, from its JSON schema."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    choices = [choice for each in kinds for choice in each.get("enum", [each["const"]] if "const" in each else [])]
    if choices:
        return " or ".join(map(_flow, choices))
    return " or ".join(dict.fromkeys(_KINDS.get(each.get("type", ""), "a group of settings") for each in kinds))


def _rules(rules: tuple[Rule, ...]) -> list[str]:
    if not rules:
        return ["# rules: []   # the method's own table is all; add rules here, one '- {kind: ...}' a line"]
    lines = ["rules:                              # without this list the same rules apply"]
    for rule in rules:
        lines += textwrap.wrap(summary_line(type(rule)), 110, initial_indent="  # ", subsequent_indent="  # ")
        lines.append(f"  - {_flow(rule.model_dump(mode='json', by_alias=True, exclude_none=True))}")
    return lines


def _setting(name: str, value: object) -> list[str]:
    """Return a setting of the method: on one line, or a list of lists or groups with one of them a line."""
    if isinstance(value, list) and value and all(isinstance(item, (list, dict)) for item in value):
        return [f"  {name}:", *(f"    - {_flow(item)}" for item in value)]
    return [f"  {name}: {_flow(value)}"]


def _flow(value: object) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z]\w*( \w+)*", value) and value.lower() not in {
            "true",
            "false",
            "null",
            "yes",
            "no",
        }
        return value if plain else json.dumps(value)
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.10g}" if isinstance(value, float) else str(value)
    )
