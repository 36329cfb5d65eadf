"""Posterior figures of many states of an ordinal model: on few nodes where that decides, on more where it does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from escalate.core.arrays import FloatArray, Mask
from escalate.core.errors import NotConverged
from escalate.core.tally import Tally
from escalate.models.ordinal import OrdinalBelief, OrdinalModel
from escalate.models.ordinal_grid import CLOSE, FINE, FINER, ROUGH

Figures: TypeAlias = Callable[[OrdinalBelief], FloatArray]
"""What is asked of a posterior, shape (S, ...): probabilities and means."""

FEW = 8
"""So many states go to the fine nodes at once; so many of a larger number are compared with better nodes."""
ROUND = 6
"""Nodes are laid out for multiples of so many patients, so that few layouts serve a trial."""
TOLERANCE = 5e-6
"""Largest difference between two quadratures that a decision may rest on."""


def posterior(model: OrdinalModel, tally: Tally, milder: tuple[int, ...] = ()) -> OrdinalBelief:
    """Return the posterior on fine nodes.

    Parameters
    ----------
    milder
        Grades short of the DLT, 0-based, whose probabilities are to be reliable too.

    Raises
    ------
    NotConverged
        Where finer nodes give another answer, in the first states asked for: the prior is too narrow, or contradicts the data.
    """
    few = tally.counts[:FEW]
    _check(model, few.tobytes(), few.shape, (*milder, model.n_grades - 1))
    return model.belief(tally, patients(tally))


def patients(tally: Tally) -> int:
    """Return for how many patients nodes are laid out."""
    return ROUND * (int(tally.n_total.max(initial=0)) // ROUND + 1)


@lru_cache(maxsize=4096)
def _check(model: OrdinalModel, counts: bytes, shape: tuple[int, ...], grades: tuple[int, ...]) -> None:
    tally = Tally(np.frombuffer(counts, dtype=np.int64).reshape(shape))
    fine, finer = (model.belief(tally, patients(tally), level) for level in (FINE, FINER))
    for grade in grades:
        _compare(np.abs(_probe(fine.of(grade)) - _probe(finer.of(grade))).max(initial=0.0))


def _probe(belief: OrdinalBelief) -> FloatArray:
    return belief.probs_above((0.05, 0.2, 0.4))


def _compare(error: float) -> None:
    if not error < TOLERANCE:
        raise NotConverged(
            f"method.prior: two quadratures of the posterior differ by {error:.2g}; the prior is too narrow, or too far from these "
            "data, to be computed reliably: use larger standard deviations or other means"
        )


def figures_where_needed(
    model: OrdinalModel,
    tally: Tally,
    figures: Figures,
    undecided: Callable[[FloatArray, float], Mask],
    milder: tuple[int, ...] = (),
) -> FloatArray:
    """Return the figures of each state, to 1e-6 wherever less could change a decision.

    Parameters
    ----------
    undecided
        Given figures (S, ...) and an error, returns where figures wrong by that much could have led to another dose, (S,).

    Raises
    ------
    NotConverged
        Where the fine nodes do not agree with finer ones.
    """
    if len(tally) <= FEW:
        return figures(posterior(model, tally, milder))
    n_max = patients(tally)
    rows = np.arange(len(tally))
    found: FloatArray | None = None
    for level, better in ((ROUGH, CLOSE), (CLOSE, FINE), (FINE, FINER)):
        part = Tally(tally.counts[rows])
        values = figures(model.belief(part, n_max, level))
        if found is None:
            found = values
        found[rows] = values
        some = np.unique(np.linspace(0, len(rows) - 1, FEW).astype(np.int64))
        again = figures(model.belief(Tally(part.counts[some]), n_max, better))
        seen = float(np.abs(values[some] - again).max())
        if level is FINE:
            _compare(seen)
            break
        # What the sample shows counts too, with room for worse states: the level's own error is a promise for sane priors.
        rows = rows[undecided(values, max(level.error, 3 * seen))]
        if not len(rows):
            break
    assert found is not None
    return found
