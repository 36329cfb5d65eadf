"""Dose-toxicity curves in PyMC that come with escalate: each file has one function `build(doses)`."""

from __future__ import annotations

import pkgutil


def names() -> tuple[str, ...]:
    """Return the names of the curves.

    Examples
    --------
    >>> names()
    ('emax', 'weibull')
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
