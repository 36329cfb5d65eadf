"""TITE-mTPI-2: the same keys as TITE-Keyboard (whose tests cover both), with the rules and the MTD of mTPI-2."""

from __future__ import annotations

import numpy as np
import pytest

import escalate as esc
from escalate.core.decision import select
from escalate.core.tally import Tally
from escalate.methods.tite_keyboard import TiteKeyboard
from escalate.methods.tite_mtpi2 import TiteMtpi2
from tests.helpers import make


def test_cuts_are_those_of_tite_keyboard() -> None:
    """Keyboard with rescaled end keys and mTPI-2 have one table (Yan et al. 2017; Guo et al. 2017); so have these."""
    design = make({"kind": "tite_mtpi2"}, 3)
    keys, other = TiteMtpi2().cuts(design, 15), TiteKeyboard().cuts(design, 15)
    assert np.array_equal(keys.escalate_from, other.escalate_from)
    assert np.array_equal(keys.deescalate_to, other.deescalate_to)


@pytest.mark.parametrize("target", [0.2, 0.25, 0.3])
def test_mtd_is_that_of_mtpi2(target: float) -> None:
    """On final data of every kind it selects what mtpi2 selects."""
    rng = np.random.default_rng(8)
    n = rng.integers(0, 10, size=(200, 4))
    tally = Tally.of(n, rng.binomial(n, 0.3))
    designs = [make({"kind": kind}, 4, target=target) for kind in ("tite_mtpi2", "mtpi2")]
    found, expected = (select(design, tally) for design in designs)
    assert (found == expected).all()


def test_rules() -> None:
    """Those of mtpi2, and the two for waiting."""
    kinds = [rule.kind for rule in make({"kind": "tite_mtpi2"}, 3).rules]
    assert kinds == ["eliminate", "lowest_dose_too_toxic", "suspend_when_pending", "min_follow_up"]


def test_complete_data_gives_the_table_of_mtpi2() -> None:
    """With a note that pending outcomes need more."""
    found, expected = (esc.table(make({"kind": kind}, 3)) for kind in ("tite_mtpi2", "mtpi2"))
    assert found.rows == expected.rows
    assert any("summed follow-up" in note for note in found.notes)
