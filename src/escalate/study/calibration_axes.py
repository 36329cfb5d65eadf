"""Settings to vary, and their values: read from text, or given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from escalate.core.errors import DesignError, EscalateError
from escalate.core.yaml_reader import parse as parse_yaml

LEAST_INFORMATIVE = "least_informative"
PRIOR_SD = "method.prior_sd"
MAX_VALUES = 1000
"""Values of one setting."""

_FIELD = re.compile(r"[A-Za-z_]\w*(\[\d+\])*(\.[A-Za-z_]\w*(\[\d+\])*)*")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):({_NUMBER})")
_QUESTION = {
    "target": "the target is the question that the design answers",
    "doses": "the doses are the question that the design answers",
    "schema": "it says what kind of file this is",
    "title": "it changes nothing",
    "notes": "it changes nothing",
    "published_rules": "it is no setting",
}


@dataclass(frozen=True)
class Axis:
    """A setting and the values to try, in order.

    Parameters
    ----------
    field
        As error messages write it, rules counted from 1: `rules[1].cutoff`.
    """

    field: str
    values: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number."""
        return all(is_number(value) for value in self.values)


def is_number(value: object) -> bool:
    """Whether a value is a number, and not true or false."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def parse_axis(text: str) -> Axis:
    """Read `field=value,value` or `field=start:stop:step`.

    Raises
    ------
    EscalateError
        Where it is neither, or has no values, the same twice, or too many.

    Examples
    --------
    >>> parse_axis("method.prior_sd=0.4:1.0:0.2").values
    (0.4, 0.6, 0.8, 1.0)
    """
    field, equals, listed = text.partition("=")
    if not equals or not listed.strip():
        raise EscalateError(f"vary '{text[:80]}': write field=value,value or field=start:stop:step")
    try:
        values = parse_yaml(f"v: [{listed}]", "vary").data["v"]
    except DesignError:
        values = None
    if not isinstance(values, tuple) or "\n" in text:
        raise EscalateError(
            f"vary '{text[:80]}': '{listed[:60]}' is not a list of values, such as 0.03,0.05 or 0.4:1.6:0.2"
        )
    return axis_of(field.strip(), values)


def axis_of(field: str, values: Sequence[Any] | str) -> Axis:
    """Return a setting with its values, ranges written out.

    Raises
    ------
    EscalateError
        Where the field is none, may not be varied, or there are no values, the same twice, or too many.
    """
    if not _FIELD.fullmatch(field):
        raise EscalateError(f"vary '{field[:60]}': is not a field; write it as messages do, such as rules[1].cutoff")
    top = re.split(r"[.\[]", field)[0]
    if top in _QUESTION:
        raise EscalateError(f"vary {field}: {_QUESTION[top]}; it is not varied")
    if field.endswith(".kind") or field in {"method", "rules"} or re.fullmatch(r"rules\[\d+\]", field):
        raise EscalateError(
            f"vary {field}: name one setting, such as method.prior_sd or rules[1].cutoff; other methods and rules are other "
            "designs, to be compared with 'escalate simulate'"
        )
    listed = [values] if isinstance(values, str) else list(values)
    found = tuple(value for each in listed for value in _written_out(field, each))
    if not found:
        raise EscalateError(f"vary {field}: has no values")
    for k, value in enumerate(found):
        if value in found[:k]:
            raise EscalateError(f"vary {field}: {show(value)} is given twice")
        if isinstance(value, str) and value == LEAST_INFORMATIVE and field != PRIOR_SD:
            raise EscalateError(f"vary {field}: '{LEAST_INFORMATIVE}' is for {PRIOR_SD}")
    return Axis(field, found)


def _written_out(field: str, value: Any) -> tuple[Any, ...]:
    """Return the numbers of a range, exactly as decimals; anything else as it is."""
    match = _RANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, str) and ":" in value:
            raise EscalateError(f"vary {field}: '{value[:60]}' is not start:stop:step with three numbers")
        return (frozen(value),)
    start, stop, step = (Decimal(text) for text in match.groups())
    if step <= 0 or stop < start:
        raise EscalateError(f"vary {field}: '{value}' goes nowhere; the step is above 0 and stop at least start")
    count = int((stop - start) / step) + 1
    if count > MAX_VALUES:
        raise EscalateError(f"vary {field}: '{value}' has {count:,} values, and the limit is {MAX_VALUES:,}")
    whole = all(re.fullmatch(r"[-+]?\d+", text) for text in match.groups())
    return tuple((int if whole else float)(start + k * step) for k in range(count))


def show(value: Any) -> str:
    """Return a value as a file would have it, short.

    Examples
    --------
    >>> show(0.5656854249492381), show((0.1, 0.2)), show(None), show(True)
    ('0.565685', '[0.1, 0.2]', 'not set', 'true')
    """
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {show(inner)}" for key, inner in value.items()) + "}"
    return str(value)


def named(axes: Sequence[Axis], values: Sequence[Any]) -> str:
    """Return settings with their values, as a sentence has them."""
    return ", ".join(f"{axis.field} {show(value)}" for axis, value in zip(axes, values, strict=True))


def short_names(axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the last word of each setting, or all of it where two end alike.

    Examples
    --------
    >>> short_names([Axis("method.prior_sd", (1.0,)), Axis("rules[1].cutoff", (0.9,)), Axis("rules[2].cutoff", (0.9,))])
    ('prior_sd', 'rules[1].cutoff', 'rules[2].cutoff')
    """
    last = [axis.field.rpartition(".")[2] for axis in axes]
    return tuple(name if last.count(name) == 1 else axis.field for name, axis in zip(last, axes, strict=True))


def frozen(value: Any) -> Any:
    """Return lists, at any depth, as tuples."""
    return tuple(map(frozen, value)) if isinstance(value, (list, tuple)) else value
