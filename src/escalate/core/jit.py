"""Compile kernels with Numba, caching them only where that is safe.

Numba looks for a cache folder when a kernel is defined and raises where it finds none, so the folder is chosen and tried
first. Kernels and all that they call stay in one file each: Numba notices changes of that file alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def cache_folder() -> Path | None:
    """Return a folder of ours that can be written to, or None: then kernels are compiled anew in each process."""
    import escalate  # noqa: PLC0415 - for its version

    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or ""
    try:
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
        folder = (
            root / "escalate" / f"kernels-{escalate.__version__}-py{sys.version_info.major}{sys.version_info.minor}"
        )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


def _chosen() -> bool:
    folder = cache_folder()
    if folder is not None:
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
    import numba  # noqa: PLC0415 - must come after the folder is set

    if folder is not None and str(folder) != numba.config.CACHE_DIR:
        numba.config.CACHE_DIR = str(folder)
    return folder is not None


_CACHED = _chosen()


def kernel(function: F, *, allocates: bool = True, inline: bool = False) -> F:
    """Compile a function without the interpreter lock, with IEEE arithmetic (no reordering).

    Parameters
    ----------
    allocates
        False where it makes no array: then arrays are not counted each time they are taken out of a tuple.
    inline
        Whether it becomes part of each kernel that calls it, and cannot be called from elsewhere.
    """
    import numba  # noqa: PLC0415

    options = {
        "nogil": True,
        "cache": _CACHED and not inline,
        "fastmath": False,
        "error_model": "numpy",
        "_nrt": allocates,
    }
    if inline:
        options |= {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: F = numba.njit(**options)(function)
    return compiled
