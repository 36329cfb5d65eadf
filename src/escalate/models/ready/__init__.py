"""Dose-toxicity curves in PyMC that come with escalate: each file has one function `build(doses)`."""

from __future__ import annotations

import importlib
import pkgutil


def names() -> tuple[str, ...]:
    """Return the names of the curves.

    Examples
    --------
    >>> names()
    ('emax', 'weibull')
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def described(name: str) -> str:
    """Return what a curve is and what its prior is: the docstring of its file on one line.

    Examples
    --------
    >>> described("weibull").split(":")[0]
    'A Weibull curve'
    """
    module = importlib.import_module(f"{__name__}.{name}")
    return " ".join((module.__doc__ or "").replace("`", "").split())
