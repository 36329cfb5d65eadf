"""The page of the requirements: what each says, what hangs on it, and which tests hold it."""

from __future__ import annotations

from pathlib import Path

from _ext.json_examples import answer
from _ext.words import plain, table

HEAD = """# Every requirement, and its tests

What `escalate verify` runs again on a machine, from `escalate verify --list --json` when this site was built;
[qualify an installation](../how-to/qualify-an-installation.md) tells how. The tests are those of the project that hold the same
requirement.
"""


def page(root: Path) -> str:
    """Return the page: the traceability matrix, a row a requirement."""
    rows = [
        (
            f"`{one['id']}`",
            plain(one["name"]),
            plain(one["says"]),
            ", ".join(f"`{name}`" for name in (*one["methods"], *one["rules"], *one["commands"])),
            ", ".join(f"`{name}`" for name in one["tests"]),
        )
        for one in answer(root, "verify --list")["requirements"]
    ]
    return HEAD + "\n" + table(("requirement", "name", "says", "methods, rules, commands", "tests"), rows)
