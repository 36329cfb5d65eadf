"""The decision table while outcomes are pending, as TITE-BOIN's paper prints it."""

from __future__ import annotations

import pytest

from escalate.study.table import table
from tests.helpers import make


def test_published_entries() -> None:
    """TITE-BOIN at target 0.2 (Yuan et al. 2018, table in PMC9260438), to its two decimals."""
    rows = {(r.patients, r.dlts, r.pending_from): r for r in table(make({"kind": "tite_boin"}, target=0.2)).pending}
    assert rows[9, 1, 3].escalate_from == pytest.approx(0.773122, abs=1e-6)
    assert rows[9, 1, 4].escalate_from == pytest.approx(2.150559, abs=1e-6)
    for pending, cut in ((1, 0.519754), (2, 1.589355), (3, 2.658955), (4, 3.728556)):
        assert rows[9, 2, pending].deescalate_to == pytest.approx(cut, abs=1e-6)
    stays = rows[6, 1, 1]
    assert (stays.pending_to, stays.escalate_from, stays.deescalate_to) == (3, None, None)


@pytest.mark.parametrize("kind", ["tite_boin", "tite_keyboard", "tite_mtpi2"])
def test_rows_cover_every_count_once(kind: str) -> None:
    """Whole cohorts, and at most half of the outcomes pending."""
    covered = [
        (row.patients, row.dlts, pending)
        for row in table(make({"kind": kind})).pending
        for pending in range(row.pending_from, row.pending_to + 1)
    ]
    expected = [(n, s, c) for n in (3, 6, 9, 12) for s in range(n + 1) for c in range(1, min(n // 2, n - s) + 1)]
    assert covered == expected


def test_other_methods_have_none() -> None:
    """A method for complete outcomes says nothing of pending ones."""
    assert table(make({"kind": "boin"})).pending == ()
