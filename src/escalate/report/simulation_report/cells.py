"""Numbers as tables of the report have them: percentages and means, with Monte-Carlo errors where there are any."""

from __future__ import annotations

from math import isnan

from escalate.report.simulation_report.subject import Subject

NOTHING = "-"


def percent(value: float, error: float = 0.0, digits: int = 1) -> str:
    """Return a probability in percent, its error in brackets where it has one.

    Examples
    --------
    >>> percent(0.6214), percent(0.6214, 0.0049), percent(float("nan"))
    ('62.1', '62.1 (0.5)', '-')
    """
    return number(100 * value, 100 * error, digits)


def number(value: float, error: float = 0.0, digits: int = 1) -> str:
    """Return a number, its error in brackets where it has one.

    Examples
    --------
    >>> number(17.98), number(2.346, 0.05, 2), number(5.7, 0.004)
    ('18.0', '2.35 (0.05)', '5.7 (<0.1)')
    """
    if isnan(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}{_bracket(error, digits)}"


def signed(value: float, error: float = 0.0, digits: int = 1) -> str:
    """Return a difference with its sign, its error in brackets where it has one.

    Examples
    --------
    >>> signed(1.234), signed(-0.04), signed(-3.0, 0.5)
    ('+1.2', '0.0', '-3.0 (0.5)')
    """
    if isnan(value):
        return NOTHING
    rounded = round(value, digits) + 0.0
    text = f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}"
    return f"{text}{_bracket(error, digits)}"


def _bracket(error: float, digits: int) -> str:
    """Return an error in brackets; nothing where there is none. One that rounds to zero is not said to be zero."""
    if isnan(error) or error == 0:
        return ""
    shown = f"{error:.{digits}f}"
    return f" ({shown})" if float(shown) else f" (<{10.0**-digits:.{digits}f})"


PERCENT, MEAN, INDEX = "percent", "mean", "index"
_AS = {PERCENT: (100.0, 1), MEAN: (1.0, 1), INDEX: (1.0, 2)}


def cell(value: float, error: float, kind: str) -> str:
    """Return a metric as tables have it."""
    scale, digits = _AS[kind]
    return number(scale * value, scale * error, digits)


def difference(value: float, error: float, kind: str) -> str:
    """Return a difference between two designs as tables have it."""
    scale, digits = _AS[kind]
    return signed(scale * value, scale * error, digits)


def error_note(subject: Subject) -> tuple[str, ...]:
    """Return what stands under a table of figures that have Monte-Carlo errors."""
    if subject.error_free:
        return ()
    return ("In brackets: Monte-Carlo standard errors; a number without one was the same in all trials, or is exact.",)
