"""Doses on the scale of a model: 0 at the lowest and 1 at the highest, by amount or by log amount."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from escalate.core.arrays import FloatArray


@dataclass(frozen=True)
class DoseScale:
    """From amounts to positions and back; two levels or more."""

    levels: tuple[float, ...]
    scale: Literal["linear", "log"]

    def position(self, amount: float) -> float:
        """Return where an amount lies.

        Examples
        --------
        >>> DoseScale((10.0, 20.0, 40.0), "log").position(20.0)
        0.5
        """
        low, high = self.levels[0], self.levels[-1]
        return log(amount / low) / log(high / low) if self.scale == "log" else (amount - low) / (high - low)

    def amount(self, position: FloatArray) -> FloatArray:
        """Return the amount at a position, of the same shape."""
        low, high = self.levels[0], self.levels[-1]
        return np.asarray(low * (high / low) ** position if self.scale == "log" else low + (high - low) * position)
