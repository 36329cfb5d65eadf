"""Random scenarios as uniform as a given MTD allows (Clertant and O'Quigley 2017)."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from scipy.special import comb

from escalate.core.arrays import FloatArray, IntArray, Mask
from escalate.generators.families.drawn import DrawnGenerator, Uniforms


class PseudoUniform(DrawnGenerator):
    """Sorted uniforms below a random bound, given that a level drawn first is the nearest to the target.

    Notes
    -----
    The MTD's level k is uniform; M ~ Beta(max(J - k, 1/2), 1) and B = target + (1 - target) M; then J uniforms on (0, B),
    sorted, are drawn until level k is the nearest to the target. For some bounds that loop would hardly ever end, so the same
    law is drawn without it. Given k and B, the distance t of p_k from the target has a density proportional to
    (target - t)^(k-1) (B - target - t)^(J-k), on either side, which is a mixture of beta laws with positive weights; given
    p_k, the doses below and above are uniform where they are farther from the target than p_k.

    References
    ----------
    Clertant M, O'Quigley J (2017). Semiparametric dose finding methods. JRSS-B 79:1487-1508.
    """

    kind: Literal["pseudo_uniform"] = "pseudo_uniform"

    def draw(self, mtd: IntArray, uniforms: Uniforms) -> FloatArray:
        """Return draws of the law for the MTDs given."""
        n, top = len(mtd), self.doses - 1
        # The maximum of a uniforms has the law Beta(a, 1): its inverse is u^(1/a).
        largest = uniforms(n) ** (1 / np.maximum(top - mtd, 0.5))
        bound = self.target + (1 - self.target) * largest
        at = self._nearest(mtd, bound, uniforms)
        reflected = 2 * self.target - at
        lower, upper = np.minimum(at, reflected), np.maximum(at, reflected)
        level, u = np.arange(self.doses), uniforms(n, self.doses)
        under, over = level < mtd[:, None], level > mtd[:, None]
        spread = np.where(under, lower[:, None] * u, upper[:, None] + (bound - upper)[:, None] * u)
        return np.sort(np.where(under | over, spread, at[:, None]), axis=1)

    def _nearest(self, mtd: IntArray, bound: FloatArray, uniforms: Uniforms) -> FloatArray:
        """Return p_k given its level and the bound, shape (N,)."""
        side, which, within = uniforms(len(mtd)), uniforms(len(mtd)), uniforms(len(mtd))
        at = np.empty(len(mtd))
        for k in np.unique(mtd).tolist():
            here = mtd == k
            below, above = self.target, bound[here] - self.target
            n_below, n_above = k, self.doses - 1 - k
            # How far p_k can be from the target on its left and right: doses on the other side need room.
            left = np.full(here.sum(), below) if n_above == 0 else np.minimum(below, above)
            right = above if n_below == 0 else np.minimum(below, above)
            pieces_left = _pieces(left, below, above, n_below, n_above)
            # With doses on both sides the law of the distance is the same on both.
            pieces_right = pieces_left if n_below and n_above else _pieces(right, below, above, n_below, n_above)
            mass_left, mass_right = pieces_left.sum(axis=1), pieces_right.sum(axis=1)
            goes_left: Mask = side[here] * (mass_left + mass_right) < mass_left
            pieces = np.where(goes_left[:, None], pieces_left, pieces_right)
            t = _distance(np.where(goes_left, left, right), pieces, which[here], within[here])
            at[here] = self.target + np.where(goes_left, -t, t)
        return at

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return five doses, four with constraints, and one dose."""
        return (
            cls(target=0.3, doses=5, count=200),
            cls(target=0.25, doses=4, count=50, seed=3, mtd_level=2, mtd_within=0.05, min_gap=0.05),
            cls(target=0.2, doses=1, count=5),
        )


def _pieces(limit: FloatArray, below: float, above: FloatArray, n_below: int, n_above: int) -> FloatArray:
    """Return (below - t)^n_below (above - t)^n_above on (0, limit) in pieces: the mass of each power of s = limit - t.

    Each factor is (rest + s)^n with a rest of at least 0, so the product is a polynomial in s with positive coefficients:
    a mixture of laws of s with densities proportional to s^i, i = 0, 1, ... Shape (N, n_below + n_above + 1).
    """
    coefficient = np.zeros((len(limit), n_below + n_above + 1))
    rest_below, rest_above = np.maximum(below - limit, 0.0), np.maximum(above - limit, 0.0)
    for i in range(n_below + 1):
        for j in range(n_above + 1):
            coefficient[:, i + j] += (
                comb(n_below, i) * comb(n_above, j) * rest_below ** (n_below - i) * rest_above ** (n_above - j)
            )
    exponent = np.arange(1, coefficient.shape[1] + 1, dtype=np.float64)
    return coefficient * limit[:, None] ** exponent / exponent


def _distance(limit: FloatArray, pieces: FloatArray, which: FloatArray, within: FloatArray) -> FloatArray:
    """Return draws of t, given one uniform that chooses the piece and one that places t in it."""
    steps = np.cumsum(pieces, axis=1)
    piece = (which[:, None] * steps[:, -1:] >= steps).sum(axis=1)
    exponent = np.minimum(piece, pieces.shape[1] - 1) + 1.0
    return limit * (1 - within ** (1 / exponent))
