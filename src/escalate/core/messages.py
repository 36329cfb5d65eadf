"""pydantic's errors as sentences: what came, what is needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from escalate.core.errors import Problem, did_you_mean

_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list [..]",
    "finite_number": "a finite number",
    "model_type": "a group of settings",
    "model_attributes_type": "a group of settings",
    "dict_type": "a group of settings",
}


MOST = 200
"""Faults told of one file; who mends these sees the others."""


def problems_of(error: ValidationError, model: type[BaseModel], hidden: Collection[int | str]) -> list[Problem]:
    """Return one sentence for each fault that pydantic found, fields in the terms of the file."""
    told = (one for one in error.errors(include_url=False) if not (one["loc"] and one["loc"][0] in hidden))
    found = [(_path(one["loc"]), one["type"] in _KINDS, _sentence(one, model)) for one in islice(told, MOST)]

    def says_nothing(k: int) -> bool:
        # A list is "too short" because of a fault inside it; a setting that may be of two kinds is "not" the other one.
        path, wrong_kind, _ = found[k]
        others = [other for i, (other, _, _) in enumerate(found) if i != k]
        inside = any(other.startswith((f"{path}.", f"{path}[")) for other in others)
        better = any(other == path and not also for i, (other, also, _) in enumerate(found) if i != k)
        earlier = any(other == path and also for other, also, _ in found[:k])
        return inside or (wrong_kind and (better or earlier))

    return [Problem(path, text) for k, (path, _, text) in enumerate(found) if not says_nothing(k)]


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step + 1}]"
        elif not step.startswith(("function-", "tuple[", "constrained-")) and not step[:1].isupper():
            # Capitalised steps are the classes of a union, not keys of the file.
            text += f".{step}" if text else step
    return text


def _sentence(one: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, got, context = one["type"], one.get("input"), one.get("ctx", {})
    if kind == "extra_forbidden":
        owner = _owner(model, one["loc"][:-1])
        known = [field.alias or name for name, field in owner.model_fields.items() if not field.exclude]
        return f"unknown setting; {did_you_mean(str(one['loc'][-1]), known)}"
    if kind == "missing":
        return "is missing"
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"{_show(got)} is not {word} {context[key]:g}"
    if kind == "literal_error":
        return f"{_show(got)} is not known; it can be {context['expected']}"
    if kind == "value_error":
        return str(context["error"])
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        if not got:
            return "is empty"
        needed = f"it needs at least {context['min_length']}" if "min_length" in context else ""
        has = f"has {len(got or ())} {'letters' if isinstance(got, str) else 'entries'}"
        return f"{has}; {needed or 'the limit is ' + str(context.get('max_length'))}"
    if kind in _KINDS:
        return f"{_show(got)} is not {_KINDS[kind]}"
    return f"{_show(got)}: {one['msg'].lower()}"


def _owner(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    inner: list[type[BaseModel]] = []
    for step in loc:
        # Where a setting may be of several classes, the next step names the one that was tried.
        model = next((t for t in inner if t.__name__ == step), model)
        field = model.model_fields.get(str(step))
        if field is None:
            continue
        inner = [t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
        model = inner[0] if inner else model
    return model


def _types(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(t for a in arguments for t in _types(a))]


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
