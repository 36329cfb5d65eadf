"""The file of a chosen design: the text of the file it came from, with what changed put in place."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from escalate.core import design as design_module
from escalate.core import yaml_reader
from escalate.core.design import Design
from escalate.core.errors import EscalateError

LINE = 110
"""Letters in a line of the notes."""


class _CannotEditError(Exception):
    """The text is laid out in a way that is not edited."""


@dataclass(frozen=True)
class Change:
    """A setting that has a new value.

    Parameters
    ----------
    before
        None where it was not set.
    """

    field: str
    before: Any
    after: Any


def chosen_file(text: str, design: Design, changes: tuple[Change, ...], notes: str) -> str:
    """Return a design file for a design that differs from that of another file by some changes.

    The file's own lines and comments are kept where they can be; otherwise the design is written out anew, without comments.
    Either way it reads as the design with the notes added to its own.

    Parameters
    ----------
    text
        Of the file the design came from.
    notes
        How it was chosen.
    """
    whole = f"{design.notes.rstrip()}\n{notes}" if design.notes else notes
    wanted = {**design.to_dict(), "notes": whole}
    try:
        edited = _edited(text, changes, whole)
        if _reads_as(edited, wanted):
            return edited
    except _CannotEditError:
        pass
    return written_out(wanted)


def _reads_as(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        design, problems = design_module.build(yaml_reader.parse(text, "chosen").data)
    except EscalateError:
        return False
    return design is not None and not problems and design.to_dict() == wanted


def written_out(data: Mapping[str, Any]) -> str:
    """Return a design file that says every setting."""
    lines = []
    for key in sorted(data, key=lambda key: key != "schema"):
        value = data[key]
        if key == "notes":
            lines += ["notes: |-", *(f"  {line}".rstrip() for line in value.split("\n"))]
        elif key == "method":
            lines += ["method:", *(f"  {name}: {_flow(inner)}" for name, inner in value.items())]
        elif key == "rules" and value:
            lines += ["rules:", *(f"  - {_flow(rule)}" for rule in value)]
        else:
            lines.append(f"{key}: {value if key == 'schema' else _flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    # JSON is YAML; the quotes of words are dropped, to look like the files that people write.
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[a-z]+(_[a-z]+)*", value) and value not in _NO_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_NO_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def _edited(text: str, changes: tuple[Change, ...], notes: str) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where a file is written

    root = YAML(typ="safe", pure=True).compose(text)
    edits, remarks = [], dict[int, list[str]]()
    for change in changes:
        parents, node, rest = _find(root, change.field)
        if rest:
            edits.append(_insertion(text, node, rest, change))
            continue
        edits.append(_Edit(node.start_mark.index, _end(text, node), _flow(change.after)))
        outer = next((each for each in parents if each.flow_style), node)
        name = change.field.rpartition(".")[2] if outer is not node else ""
        was = text[node.start_mark.index : _end(text, node)]
        remarks.setdefault(_end(text, outer), []).append(f"{name} was {was}".strip())
    for at, said in remarks.items():
        edits.append(_remark(text, at, said))
    edits.append(_notes_edit(text, root, notes))
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _find(root: Any, field: str) -> tuple[list[Any], Any, str]:
    """Return the nodes around a field, outermost first, its node, and the last key where it is not set in that node."""
    parents, node = [], root
    steps = re.findall(r"[^.\[\]]+", field)
    for k, step in enumerate(steps):
        parents.append(node)
        if step.isdigit() and node.id == "sequence" and int(step) <= len(node.value):
            node = node.value[int(step) - 1]
            continue
        inner = {key.value: value for key, value in node.value} if node.id == "mapping" else {}
        if step in inner:
            node = inner[step]
        elif k == len(steps) - 1 and node.id == "mapping" and node.value:
            return parents[:-1], node, step
        else:
            raise _CannotEditError
    return parents, node, ""


def _end(text: str, node: Any) -> int:
    """Return where the text of a node ends, blanks and comments after it left out."""
    end = int(node.end_mark.index)
    if node.id != "scalar" and not node.flow_style:
        # A block ends where the next one starts.
        raise _CannotEditError
    return len(text[:end].rstrip()) if node.id == "scalar" else end


def _insertion(text: str, node: Any, key: str, change: Change) -> _Edit:
    """Return what puts a setting into a group that does not have it, after the first setting there."""
    first_key, first = node.value[0]
    pair = f"{key}: {_flow(change.after)}"
    if node.flow_style:
        end = _end(text, first)
        return _Edit(end, end, f", {pair}")
    if first.id != "scalar":
        raise _CannotEditError
    line_end = text.find("\n", _end(text, first))
    if line_end < 0:
        raise _CannotEditError
    before = "" if change.before is None else f" (the default was {_flow(change.before)})"
    return _Edit(line_end, line_end, f"\n{' ' * first_key.start_mark.column}{pair}     # calibrated{before}")


def _remark(text: str, at: int, said: list[str]) -> _Edit:
    """Return what replaces the comment at the end of a line by one that says what stood there."""
    line_end = text.find("\n", at)
    line_end = len(text) if line_end < 0 else line_end
    rest = text[at:line_end]
    comment = re.search(r"(^|\s+)#\s*(.*)$", rest)
    if comment is None:
        if rest.strip() and not re.fullmatch(r"[\s\]},]*", rest):
            return _Edit(at, at, "")
        return _Edit(line_end, line_end, f"     # calibrated: {'; '.join(said)}")
    if rest[: comment.start()].strip():
        return _Edit(at, at, "")
    return _Edit(at + comment.start(), line_end, f"     # calibrated: {'; '.join(said)} ({comment.group(2).strip()})")


def _notes_edit(text: str, root: Any, notes: str) -> _Edit:
    lines = [line for paragraph in notes.split("\n") for line in textwrap.wrap(paragraph, LINE) or [""]]
    if "\n".join(lines) != notes:
        raise _CannotEditError
    block = "notes: |-\n" + "\n".join(f"  {line}".rstrip() for line in lines)
    for key, value in root.value:
        if key.value == "notes":
            if root.flow_style:
                raise _CannotEditError
            return _Edit(key.start_mark.index, len(text[: int(value.end_mark.index)].rstrip()), block)
    title = next((value for key, value in root.value if key.value == "title"), None)
    if title is None or root.flow_style:
        raise _CannotEditError
    at = text.find("\n", _end(text, title))
    if at < 0:
        raise _CannotEditError
    return _Edit(at, at, f"\n{block}")


def wrapped_notes(sentences: list[str]) -> str:
    """Return sentences as lines of notes."""
    return "\n".join(textwrap.wrap(" ".join(sentences), LINE))
