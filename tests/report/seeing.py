"""How colours are seen: contrast, and by eyes of which one kind of cone is missing."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from escalate.core.arrays import FloatArray

CONES: Final = {
    "all": np.eye(3),
    # Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE: Final = _XYZ @ np.ones(3)


def linear(colour: str) -> FloatArray:
    """Return a colour such as #0072B2 in linear RGB."""
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    found: FloatArray = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return found


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2.2."""
    low, high = sorted(float(linear(colour) @ _XYZ[1]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def distance(one: str, other: str, cones: str = "all") -> float:
    """Return how far apart two colours are in CIELAB (1976); about 2 can just be told apart side by side."""
    return float(np.linalg.norm(_lab(one, cones) - _lab(other, cones)))


def nearest(colours: list[str], cones: str) -> float:
    """Return the smallest distance of any two."""
    return min(distance(one, other, cones) for one, other in combinations(colours, 2))


def _lab(colour: str, cones: str) -> FloatArray:
    seen = np.clip(CONES[cones] @ linear(colour), 0, 1)
    part = _XYZ @ seen / _WHITE
    x, y, z = np.where(part > 216 / 24389, np.cbrt(part), (24389 / 27 * part + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
