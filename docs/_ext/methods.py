"""The overview of the methods, from the methods and their pages."""

from __future__ import annotations

from pathlib import Path

from _ext.words import plain, table


def overview(root: Path) -> str:
    """Return the table of the methods: what each does, what it needs, a design to start from."""
    from escalate.core.registry import methods, summary_line

    rows = []
    for cls in methods().all():
        kind = cls.model_fields["kind"].default
        needs = [f"`{name}`" for name, field in cls.model_fields.items() if name != "kind" and field.is_required()]
        rows.append((f"[`{kind}`](methods/{kind}.md)", plain(summary_line(cls)), ", ".join(needs), _design(root, kind)))
    return table(("method", "what it does", "settings it must have", "a design to start from"), rows)


def _design(root: Path, kind: str) -> str:
    for folder in ("designs", "designs/late-onset", "designs/own-model"):
        path = root / folder / f"{kind}.yaml"
        if path.is_file():
            return f"[{path.name}](../{folder}/{path.name})"
    return f"`escalate new {kind}`"
