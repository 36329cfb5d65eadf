"""Where to look next: half-way between the best candidate and its neighbours, one setting at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from escalate.study.calibration_axes import Axis, is_number
from escalate.study.calibration_grid import Candidate

if TYPE_CHECKING:
    from escalate.study.calibration_results import Judged

ROUNDS: Final = 3
_DIGITS: Final = 12


def nearer(axes: Sequence[Axis], judged: Sequence[Judged], best: Candidate) -> list[tuple[Any, ...]]:
    """Return choices that differ from the best in one numeric setting, by half the way to the nearest value tried.

    Whole numbers stay whole. Settings of which the best has no number, such as a word, are left as they are.
    """
    found = []
    for k, axis in enumerate(axes):
        here = best.choices[k]
        tried = {one.candidate.choices[k] for one in judged if is_number(one.candidate.choices[k])}
        if not is_number(here) or len(tried) < 2 or not any(map(is_number, axis.values)):
            continue
        lower, upper = (value for value in tried if value < here), (value for value in tried if value > here)
        for other in (max(lower, default=here), min(upper, default=here)):
            whole = isinstance(here, int) and isinstance(other, int)
            middle = (here + other) // 2 if whole else round((here + other) / 2, _DIGITS)
            if middle not in tried:
                found.append((*best.choices[:k], middle, *best.choices[k + 1 :]))
    return found
