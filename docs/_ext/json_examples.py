"""The page of what each command prints with `--json`, run when the site is built."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from _ext.words import fenced

HEAD = """# An answer of each form

Printed by the commands when this site was built, from the synthetic T-VEC liver trial; long lists show their first item, long
texts their beginning. [JSON](../reference/json.md) tells what each key means.
"""
DESIGN, DATA = "designs/tvec-liver-boin.yaml", "designs/data/tvec-liver-synthetic.csv"
LATE = "designs/late-onset/tvec-liver-tite-boin.yaml"
LATE_DATA = "designs/late-onset/data/tvec-liver-2026-04-13-synthetic.csv"
SCENARIOS = "simulations/scenarios/tvec-liver.yaml"
COMMANDS = (
    f"check {DESIGN}",
    f"check {DESIGN} --atlas --scenarios {SCENARIOS}",
    "prior designs/tvec-liver-crm.yaml",
    f"table {DESIGN}",
    f"recommend {DESIGN} {DATA}",
    f"recommend {LATE} {LATE_DATA} --as-of 2026-04-13",
    f"select {DESIGN} {DATA}",
    f"paths {DESIGN} {DATA} --cohorts 1",
    f"simulate {DESIGN} designs/tvec-liver-crm.yaml --scenarios {SCENARIOS}",
    f"calibrate {DESIGN} --over {SCENARIOS} --vary rules[1].cutoff=0.9,0.95",
    f"scenarios {SCENARIOS}",
    "methods",
    f"cite {DESIGN}",
    f"diff {DESIGN} designs/tvec-liver-crm.yaml",
    f"report protocol {DESIGN}",
    f"report checklist {DESIGN} --of spirit",
    f"report meeting {DESIGN} {DATA}",
    "verify --only BOIN-1",
    "verify --list",
)


def page(root: Path) -> str:
    """Return the page."""
    parts = [HEAD]
    for command in COMMANDS:
        found = answer(root, command)
        shown = json.dumps(shortened(found), indent=2, ensure_ascii=False)
        words = command.split()
        name = " ".join(words[: 2 if words[0] == "report" else 1])
        parts.append(f"## {name}: {found['schema']}\n")
        parts.append(fenced(f"$ escalate {command} --json\n{_compact(shown)}", "text"))
    return "\n".join(parts)


@cache
def answer(root: Path, command: str) -> dict[str, Any]:
    """Return what a command prints with `--json`, run from the directory of the project."""
    import typer

    from escalate.cli.app import app

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.chdir(root):
        click = typer.main.get_command(app)
        with (
            contextlib.suppress(typer.Exit),
            click.make_context("escalate", [*shlex.split(command), "--json"]) as context,
        ):
            click.invoke(context)
    return dict(json.loads(printed.getvalue()))


def keys(form: Any) -> Iterator[str]:
    """Yield every key of a form, those of its lists included."""
    for each in form if isinstance(form, list) else [form]:
        if isinstance(each, dict):
            for key, value in each.items():
                yield key
                yield from keys(value)


def shortened(form: Any, items: int = 1) -> Any:
    """Return a form with the first item of each list of objects, and the beginning of long texts."""
    if isinstance(form, dict):
        return {key: shortened(value, items) for key, value in form.items()}
    if isinstance(form, list):
        if form and isinstance(form[0], dict | list) and len(form) > items:
            return [*(shortened(one, items) for one in form[:items]), "..."]
        return [shortened(one, items) for one in (form if len(form) <= 8 else [*form[:8], "..."])]
    if isinstance(form, str) and len(form) > 100:
        return form[:97] + "..."
    return form


def _compact(text: str) -> str:
    """Return JSON with lists of numbers on one line."""
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s*\n\s*", " ", found[1]) + "]", text)
