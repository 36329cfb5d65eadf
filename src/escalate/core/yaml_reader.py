"""Read YAML 1.2 strictly: line numbers kept, duplicate keys and anchors refused, size and depth bounded."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from escalate.core.errors import DesignError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 12


@dataclass(frozen=True)
class Document:
    """The content of a YAML file, and where each part of it stands.

    Parameters
    ----------
    name
        The file, as the user named it.
    data
        Mappings, tuples, numbers, text, true, false, nothing.
    lines
        Line of each dotted field, from 1; list items as `rules[1]`.
    raw
        The bytes read.
    """

    name: str
    data: Mapping[str, Any]
    lines: Mapping[str, int]
    raw: bytes

    def where(self, field: str) -> str:
        """Return `file:line` of a field, or of the nearest enclosing one that stands in the file."""
        while field and field not in self.lines:
            cut = max(field.rfind("."), field.rfind("["))
            field = field[: max(cut, 0)]
        return f"{self.name}:{self.lines.get(field, 1)}"

    def say(self, problems: list[Problem]) -> str:
        """Return problems as lines a person can act on."""
        return "\n".join(f"{self.where(problem.field)} {problem.field}: {problem.text}" for problem in problems)


def read_bytes(path: str, limit: int, what: str, error: type[Exception]) -> bytes:
    """Return the content of a file, or of standard input for `-`.

    Raises
    ------
    error
        Where it is not there, not a file, not readable, empty, too large, or binary; with a sentence.
    """
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(limit + 1) if sys.stdin else b""
        else:
            if Path(path).is_dir():
                raise error(f"{path}: is a directory, not {what}")
            with Path(path).open("rb") as file:
                raw = file.read(limit + 1)
    except FileNotFoundError:
        raise error(f"{path}: there is no such file") from None
    except PermissionError:
        raise error(f"{path}: no permission to read it") from None
    except (OSError, ValueError) as fault:
        raise error(f"{path}: cannot be read ({getattr(fault, 'strerror', None) or fault})") from None
    name = "standard input" if path == "-" else path
    if len(raw) > limit:
        raise error(f"{name}: is larger than {limit // 1_000_000} MB, which no {what.removeprefix('a ')} should be")
    if not raw.strip():
        raise error(f"{name}: is empty")
    if b"\0" in raw:
        raise error(f"{name}: is a binary file, not {what}")
    return raw


def decode(raw: bytes, name: str, error: type[Exception]) -> str:
    """Return UTF-8 text, without a byte-order mark."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise error(f"{name}:{line}: is not UTF-8 text; save the file as UTF-8") from None


def read(path: str, what: str = "a design file") -> Document:
    """Read a YAML file, or standard input for `-`.

    Raises
    ------
    DesignError
        Where the file cannot be read, or is not YAML of the kind accepted; with file and line.
    """
    raw = read_bytes(path, MAX_BYTES, what, DesignError)
    name = "standard input" if path == "-" else path
    return parse(decode(raw, name, DesignError), name, what, raw)


def parse(text: str, name: str, what: str = "a design file", raw: bytes | None = None) -> Document:
    """Read YAML text."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where a file is read
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    _check_depth(text, name)
    yaml = YAML(typ="safe", pure=True)
    walk = _Walk(name, yaml.constructor)
    try:
        with warnings.catch_warnings():
            # It warns of an anchor given twice; we refuse any.
            warnings.simplefilter("ignore")
            root = yaml.compose(text)
        data = walk.value(root, "", 0) if root is not None else None
    except ReaderError as fault:
        line = text[: fault.position or 0].count("\n") + 1
        raise DesignError(f"{name}:{line}: is not valid YAML: it holds a control character") from None
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else 1
        raise DesignError(f"{name}:{line}: is not valid YAML: {fault.problem or fault.context}") from None
    except (YAMLError, ValueError, RecursionError) as fault:
        said = (str(fault).splitlines() or ["it cannot be read"])[0]
        raise DesignError(f"{name}:1: is not valid YAML: {said}") from None
    if not isinstance(data, dict):
        raise DesignError(f"{name}:1: is not {what}: it should be 'key: value' lines, starting with 'schema:'")
    return Document(name, data, walk.lines, raw if raw is not None else text.encode())


def _check_depth(text: str, name: str) -> None:
    """Refuse brackets nested so deep that the parser itself would not survive them."""
    depth = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for letter in line:
            depth += (letter in "[{") - (letter in "]}")
            if depth > 100:
                raise DesignError(f"{name}:{number}: is nested more than {MAX_DEPTH} deep")


class _Walk:
    """Turns nodes into values, noting where each stands."""

    def __init__(self, name: str, constructor: Any) -> None:
        self.name, self.constructor = name, constructor
        self.lines: dict[str, int] = {}
        self.seen: set[int] = set()

    def value(self, node: Any, field: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(field, line)
        if node.anchor is not None or id(node) in self.seen:
            raise DesignError(
                f"{self.name}:{line} {field}: anchors and aliases (& and *) are not accepted; write it out"
            )
        self.seen.add(id(node))
        if depth > MAX_DEPTH:
            raise DesignError(f"{self.name}:{line} {field}: is nested more than {MAX_DEPTH} deep")
        if node.id == "mapping":
            return self._mapping(node, field, depth)
        if node.id == "sequence":
            return tuple(self.value(item, f"{field}[{k}]", depth + 1) for k, item in enumerate(node.value, start=1))
        try:
            value = self.constructor.construct_object(node)
        except (LookupError, ValueError, TypeError, AttributeError):
            raise DesignError(
                f"{self.name}:{line} {field}: {node.value!r} is not what its form or tag says; quote it"
            ) from None
        if not isinstance(value, (str, int, float, bool, type(None))):
            raise DesignError(
                f"{self.name}:{line} {field}: {node.value!r} is neither number, text, true nor false; quote it"
            )
        return value

    def _mapping(self, node: Any, field: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise DesignError(f"{self.name}:{line}{' ' + field if field else ''}: a key must be a word")
            inner = f"{field}.{key}" if field else key
            if key in found:
                raise DesignError(f"{self.name}:{line} {inner}: is given twice")
            self.lines[inner] = line
            found[key] = self.value(value_node, inner, depth + 1)
        return found
