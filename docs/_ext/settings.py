"""The page of every setting: the design file, methods, rules, generators and the clock, from the classes that check them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from _ext.words import escaped, plain, table

HEAD = """# Every setting

Written from the code when this site is built: what a design file, a scenario file and a clock file may hold, with kinds and
defaults. [Design and scenario files](../reference/design-file.md) and the [pages of the methods](../methods.md) explain them.
"""


def page(root: Path) -> str:
    """Return the page."""
    from escalate.core.clock import _ACCRUAL, _DLT_TIMES, Clock
    from escalate.core.design import Design
    from escalate.core.registry import generators, methods, rules

    design = Design.model_json_schema()
    for left_out in ("published_rules", "method", "rules"):
        del design["properties"][left_out]
    parts = [
        HEAD,
        "## The design file\n",
        "`method` is a group of settings with a `kind`, and `rules` a list of such: the kinds are below.\n",
        _table(design, meanings(root, "fields", "design-file")),
    ]
    for noun, registry, page in (
        ("Methods", methods(), "methods"),
        ("Rules", rules(), "design-file"),
        ("Generators of scenarios", generators(), "scenarios"),
    ):
        parts.append(f"## {noun}\n")
        parts += [_section(root, cls, page) for cls in registry.all()]
    clock = meanings(root, "", "clock")
    parts += ["## The clock file\n", _table(Clock.model_json_schema(), _parameters(Clock) | clock)]
    for field, kinds in (("accrual", _ACCRUAL), ("dlt_times", _DLT_TIMES)):
        for kind, cls in kinds.items():
            parts += [f"### {field}: {kind}\n", plain(cls.__doc__ or "") + "\n", _table(cls.model_json_schema(), clock)]
    return "\n".join(parts)


def _section(root: Path, cls: Any, page: str) -> str:
    kind = cls.model_fields["kind"].default
    summary, notes = docstring(cls)
    more = f" See [its page](../methods/{kind}.md)." if page == "methods" else ""
    found = _table(cls.model_json_schema(), meanings(root, kind, page))
    return "\n".join([f"### {kind}\n", f"{summary}{more}\n", notes, found])


@cache
def meanings(root: Path, kind: str, page: str) -> dict[str, str]:
    """Return what each setting means, as the tables of the pages that people wrote say it.

    Parameters
    ----------
    root
        The repository.
    kind
        The method, rule or generator; of the design file itself, the title of the section.
    page
        `methods`, `design-file`, `scenarios` or `clock`: where it is explained.
    """
    text = _explained(root / "docs", kind, page)
    found: dict[str, str] = {}
    for line in re.findall(r"(?m)^ *\| *(`[^|]*)\|(.*)\|\s*$", text):
        for name in re.findall(r"`([\w.]+)`", line[0]):
            found.setdefault(name, re.split(r"(?<!\\)\|", line[1])[-1].strip())
    # Where there is no table, the sentence that names the setting.
    for sentence in re.findall(r"[A-Z`][^|]*?\.(?=\s)", re.sub(r"(?m)^(#| {4}).*$", "", text)):
        for name in re.findall(r"`(\w+)`", sentence):
            found.setdefault(name, " ".join(sentence.split()))
    return found


def _explained(docs: Path, kind: str, page: str) -> str:
    """Return the text that explains the settings of a kind, what it refers to last."""
    if page == "clock":
        return (docs / "how-to" / "simulate-on-a-clock.md").read_text(encoding="utf-8")
    if page == "methods":
        text = (docs / "methods" / f"{kind}.md").read_text(encoding="utf-8")
        own = text.split("\n## Settings\n")[-1].split("\n## ")[0]
        others = re.findall(r"\]\((\w+)\.md", own)
        return "\n".join([own, text, *((docs / "methods" / f"{one}.md").read_text(encoding="utf-8") for one in others)])
    sections = re.split(r"(?m)^#{2,3} ", (docs / "reference" / f"{page}.md").read_text(encoding="utf-8"))
    mine = [one for one in sections if re.match(rf"(?i)[^\n]*\b{kind}\b", one)]
    shared = [one for one in sections if re.match(r"Settings of (every|the random)", one)]
    return "\n".join(mine + shared)


def _parameters(cls: Any) -> dict[str, str]:
    text = inspect.cleandoc(cls.__doc__ or "").split("Parameters\n----------\n")[-1]
    return {name: " ".join(said.split()) for name, said in re.findall(r"(?m)^(\w+)\n((?: +.*\n?)+)", text)}


def docstring(cls: Any) -> tuple[str, str]:
    """Return the first line of the docstring of a class, and its notes."""
    text = inspect.cleandoc(cls.__doc__ or "")
    notes = re.search(r"Notes\n-+\n(.*?)(?:\n\n\w[\w ]*\n-+\n|\Z)", text, re.DOTALL)
    return plain(text.split("\n", maxsplit=1)[0]), escaped(notes.group(1)) + "\n" if notes else ""


def _table(schema: dict[str, Any], said: dict[str, str]) -> str:
    defs = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    rows = [
        (f"`{name}`", _kind(field, defs), "required" if name in required else _default(field), said.get(name, ""))
        for name, field in schema.get("properties", {}).items()
        if name != "kind"
    ]
    return table(("setting", "kind", "default", "meaning"), rows) if rows else "No settings.\n"


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(field: dict[str, Any], defs: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_kinds(field, defs))) or "anything"


def _kinds(field: dict[str, Any], defs: dict[str, Any]) -> Iterator[str]:
    if "$ref" in field:
        yield from _kinds(defs[field["$ref"].split("/")[-1]], defs)
    elif "anyOf" in field or "oneOf" in field:
        for one in field.get("anyOf", field.get("oneOf", ())):
            yield from _kinds(one, defs)
    elif "enum" in field:
        yield " or ".join(f"`{one}`" for one in field["enum"])
    elif "const" in field:
        yield f"`{field['const']}`"
    elif field.get("type") == "array":
        inner = field.get("items", {})
        pair = field.get("prefixItems")
        yield f"list of {len(pair)}" if pair else f"list of: {_kind(inner, defs)}"
    elif field.get("type") == "object":
        names = ", ".join(f"`{name}`" for name in field.get("properties", {}))
        yield f"{{{names}}}" if names else "group of settings"
    elif "type" in field and field["type"] != "null":
        yield _NOUNS.get(field["type"], field["type"]) + _bounds(field)


_NOUNS = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}


def _bounds(field: dict[str, Any]) -> str:
    said = (
        ("exclusiveMinimum", "above"),
        ("minimum", "at least"),
        ("exclusiveMaximum", "below"),
        ("maximum", "at most"),
    )
    found = [f"{word} {field[key]:g}" for key, word in said if key in field]
    return f" {' and '.join(found)}" if found else ""
