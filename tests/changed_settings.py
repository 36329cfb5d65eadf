"""Settings changed one by one: what a text that says every setting must react to."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

Path = tuple[str | int, ...]
"""Where a value is: names of settings, and places in tuples."""

NUMBERS: tuple[tuple[float, float], ...] = ((0.9, 0.0), (1.1, 0.0), (1.0, 0.01), (1.0, -0.01), (0.5, 0.0))
"""Factor and summand of a changed number."""


def fields(cls: type[BaseModel]) -> list[str]:
    """Return the names of the settings of a class as a file writes them, without `kind`."""
    return [field.alias or name for name, field in cls.model_fields.items() if name != "kind" and not field.exclude]


def changes(setting: BaseModel) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each field's name, and the settings in full with that field, or a part of it, changed."""
    whole = setting.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name, field in type(setting).model_fields.items():
        if name == "kind" or field.exclude:
            continue
        key = field.alias or name
        for value in _changed(getattr(setting, name), field.annotation):
            # Parts that belong to another form of the prior are left out of what is written.
            rest = {k: v for k, v in whole.items() if k != key}
            yield key, rest if value is None else {**rest, key: value}


def _changed(value: Any, annotation: Any) -> Iterator[Any]:
    if isinstance(value, bool) or (value is None and annotation is bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value + 2, value - 1)
    elif isinstance(value, float):
        yield from (round(value * factor + more, 6) for factor, more in NUMBERS)
    elif isinstance(value, str):
        yield from (other for other in _choices(annotation) if other != value)
    elif isinstance(value, BaseModel):
        written = _written(value)
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            for inner in _changed(getattr(value, name), field.annotation):
                yield {**{k: v for k, v in written.items() if k != key}, **({} if inner is None else {key: inner})}
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from ({**value, key: inner} for inner in _changed(each, None))
    elif isinstance(value, tuple):
        written_all = [_written(each) for each in value]
        for k, each in enumerate(value):
            for inner in _changed(each, None):
                yield [*written_all[:k], inner, *written_all[k + 1 :]]
        yield written_all[:-1]


def _written(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(value, BaseModel) else value


def _choices(annotation: Any) -> Iterator[str]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
        return
    for part in typing.get_args(annotation):
        yield from _choices(part)


def numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, float]]:
    """Yield each number of settings as written, and where it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, (int, float)):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from numbers(each, (*path, key))
    else:
        for k, each in enumerate(value):
            yield from numbers(each, (*path, k))
