"""Random numbers: the published generator, kernels equal to the plain version, the same patients everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from escalate.engine import kernels
from escalate.engine.random_numbers import key_of, philox, scenario_word, thresholds, words


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_known_answers(counter: list[int], key: list[int], expected: list[int]) -> None:
    """Source: the known-answer vectors of Random123 (Salmon et al. 2011) for Philox4x32-10."""
    column = np.array(counter, dtype=np.uint32)[:, None]
    assert philox(column, np.array(key, dtype=np.uint32))[:, 0].tolist() == expected
    lanes = np.repeat(column, kernels.LANES, axis=1)
    kernels.philox_lanes(lanes, np.uint32(key[0]), np.uint32(key[1]))
    assert (lanes == np.array(expected, dtype=np.uint32)[:, None]).all()


@pytest.mark.parametrize("first", [0, 5, 2**32 - 3, 2**40 + 7])
def test_kernel_draws_what_the_plain_version_draws(first: int) -> None:
    """Also where the number of the trial passes 32 bits."""
    found, counter = np.zeros((12, 16), dtype=np.uint32), np.empty((4, 16), dtype=np.uint32)
    kernels.draw_lanes(found, counter, np.uint64(first), np.uint32(99), key_of(2**62 + 5))
    assert (found == words(2**62 + 5, 99, first, 16, 12)).all()


def test_streams_differ_by_seed_scenario_and_trial() -> None:
    """Changing any of them changes the words; asking for more patients changes none."""
    base = words(1, 7, 0, 50, 8)
    for other in (words(2, 7, 0, 50, 8), words(1, 8, 0, 50, 8), words(1, 7, 50, 50, 8)):
        assert (other == base).mean() < 0.01
    assert (words(1, 7, 0, 50, 30)[:8] == base).all()


def test_uniformity() -> None:
    """The share below p is p within 4.9 standard errors (probability of a false alarm 1e-6 a figure, 9 figures)."""
    u = words(3, 5, 0, 100_000, 10)
    for p in np.linspace(0.1, 0.9, 9):
        share = (u.astype(np.uint64) < thresholds((p,))[0]).mean()
        assert abs(share - p) < 4.9 * np.sqrt(p * (1 - p) / u.size)


def test_scenario_is_its_rates() -> None:
    """Neither the name nor the place in a file matters; another rate is another stream."""
    assert scenario_word((0.1, 0.3)) != scenario_word((0.1, 0.31))
