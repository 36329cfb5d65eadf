"""The page of every command: usage, arguments, options and exit codes, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import typer

from _ext.words import fenced, plain, table

HEAD = """# Every command and option

Written from the commands themselves when this site is built; [commands](../reference/cli.md) explains them. Every command
ends with 0 (done), 1 (the answer is no), 2 (wrong usage or input, or a fault of the program) or 130 (interrupted).
"""


def tree(command: Any = None, words: tuple[str, ...] = ("escalate",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with the words that name it, groups before what is in them."""
    if command is None:
        from escalate.cli.app import app

        command = typer.main.get_command(app)
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from tree(inner, (*words, name))


def options(command: Any) -> list[Any]:
    """Return the options of a command, `--help` left out."""
    return [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(words, command) for words, command in tree())])


def _section(words: tuple[str, ...], command: Any) -> str:
    context = command.make_context(" ".join(words), [], resilient_parsing=True)
    usage = re.sub(r"\{(.*?)\}", r"\1", " ".join(command.get_usage(context).split()).removeprefix("Usage: "))
    usage = usage.replace("[[", "[").replace("]]", "]")
    parts = [f"{'#' * min(len(words) + 1, 4)} {' '.join(words)}\n", fenced(usage), f"{plain(command.help or '')}\n"]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    if arguments:
        rows = [
            (f"`{(one.metavar or one.name.upper()).strip('[]')}`", _required(one), plain(one.help or ""))
            for one in arguments
        ]
        parts.append(table(("argument", "", "meaning"), rows))
    if found := options(command):
        parts.append(table(("option", "value", "default", "meaning"), [_option(one) for one in found]))
    if inner := getattr(command, "commands", {}):
        gives = [(f"[`{name}`](#{'-'.join((*words, name))})", plain(one.help or "")) for name, one in inner.items()]
        parts.append(table(("command", "gives"), gives))
    return "\n".join(parts)


def _required(parameter: Any) -> str:
    several = " one or more" if parameter.nargs == -1 else ""
    return ("required" if parameter.required else "may be left out") + several


def _value(option: Any) -> str:
    kind = _single(option.type_descriptor.annotation)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{one}`" for one in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{one.value}`" for one in kind)
    shown = f"`{option.metavar}`" if option.metavar else _NOUNS.get(kind, getattr(kind, "__name__", str(kind)))
    bounds = [
        f"{word} {bound}" for word, bound in (("at least", option.min), ("at most", option.max)) if bound is not None
    ]
    return ", ".join([shown, " and ".join(bounds)] if bounds else [shown])


def _single(kind: Any) -> Any:
    """Return the kind of one value: that of a list's items, and of what may be left out."""
    inner = [one for one in get_args(kind) if one is not NoneType]
    return kind if get_origin(kind) is Literal or not inner else _single(inner[0])


_NOUNS: dict[Any, str] = {int: "whole number", float: "number", str: "text"}


def _option(option: Any) -> tuple[str, str, str, str]:
    names = ", ".join(f"`{name}`" for name in sorted((*option.opts, *option.secondary_opts), key=len))
    value = "" if option.is_flag else _value(option)
    if option.multiple:
        value += ", may be repeated"
    default = option.default
    if option.required:
        shown = "required"
    elif default in (None, False, (), []) or callable(default) or option.is_flag:
        shown = "none" if not option.is_flag else "no" if not default else "yes"
    else:
        shown = f"`{default}`"
    return names, value, shown, plain(option.help or "")
