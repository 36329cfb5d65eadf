"""Keyboard against the authors' software (by way of the dossier), mTPI-2, BOIN and SciPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import escalate as esc
from escalate.methods.keyboard import Keyboard
from tests.helpers import make
from tests.methods.interval_references import actions, assert_monotone, cut_offs, masses_by_scipy, tail

TARGETS = (0.2, 0.25, 0.3, 0.33)


@pytest.mark.parametrize(
    ("target", "escalate", "deescalate", "eliminate"),
    [
        (0.3, (0, 0, 0, 0, 1, 1, 1, 1, 2, 2), (1, 1, 2, 2, 2, 3, 3, 3, 4, 4), (3, 3, 4, 4, 5, 5, 5, 6)),
        (0.2, (0, 0, 0, 0, 0, 0, 0, 1, 1, 1), (1, 1, 1, 1, 2, 2, 2, 2, 3, 3), None),
    ],
)
def test_cut_offs(
    target: float, escalate: tuple[int, ...], deescalate: tuple[int, ...], eliminate: tuple[int, ...] | None
) -> None:
    """Source: dossier interval.md 5, as Keyboard 0.1.3 `get.boundary.kb`, n = 1..10; elimination from n = 3 on."""
    design = make({"kind": "keyboard"}, target=target)
    assert [cut_offs(actions(design, n)) for n in range(1, 11)] == list(zip(escalate, deescalate, strict=True))
    rows = esc.table(design).rows[:10]
    assert [row.eliminate_if_dlts_at_least for row in rows[:2]] == [None, None]
    if eliminate is not None:
        assert tuple(row.eliminate_if_dlts_at_least for row in rows[2:]) == eliminate


def test_key_masses() -> None:
    """Source: dossier interval.md 5, 1/3 DLTs at target 0.3, end keys rescaled, as Keyboard 0.1.3; printed decimals."""
    design = make({"kind": "keyboard"})
    masses = [density * 0.1 for density in Keyboard().posterior(design, 3).densities(1)]
    # Exactly 0.0280375: half a unit of the last decimal away.
    assert masses[0] == pytest.approx(0.028038, abs=5.001e-7)
    assert masses[1:4] == pytest.approx([0.0955, 0.1522, 0.1753], abs=5e-5)
    assert masses[4] == pytest.approx(0.172, abs=5e-4)
    assert actions(design, 3)[1] == "S"


@pytest.mark.parametrize("target", TARGETS)
def test_discarding_end_keys_changes_no_decision(target: float) -> None:
    """Source: dossier interval.md 5; all DLTs among up to 30 patients, margins 0.05."""
    discard, rescale = (make({"kind": "keyboard", "end_keys": ends}, target=target) for ends in ("discard", "rescale"))
    assert all(actions(discard, n) == actions(rescale, n) for n in range(1, 31))


@pytest.mark.parametrize("target", [*TARGETS, 0.1, 0.15, 0.4, 0.45])
def test_keyboard_is_mtpi2(target: float) -> None:
    """Source: dossier interval.md 5, the two are one design where end keys are rescaled; up to 30 patients."""
    for low, high in ((0.05, 0.05), (0.08, 0.03)):
        frame = {"epsilon_low": low, "epsilon_high": high}
        keyboard, mtpi2 = (make({"kind": kind, **frame}, target=target) for kind in ("keyboard", "mtpi2"))
        assert all(actions(keyboard, n) == actions(mtpi2, n) for n in range(1, 31))


def _disagreements(target: float) -> dict[tuple[int, int], tuple[str, str]]:
    """Return what keyboard and BOIN say where they differ, but for doses that both eliminate."""
    keyboard, boin = (make({"kind": kind}, target=target) for kind in ("keyboard", "boin"))
    return {
        (n, dlt): pair
        for n in range(1, 31)
        for dlt, pair in enumerate(zip(actions(keyboard, n), actions(boin, n), strict=True))
        if pair[0] != pair[1] and not tail(target, n, dlt) > 0.95
    }


def test_disagreements_with_boin() -> None:
    """Source: dossier interval.md 5; none at 0.25, seven at 0.3, ten at 0.2 with 1/7 among them, up to 30 patients."""
    assert _disagreements(0.25) == {}
    assert _disagreements(0.3) == {
        **dict.fromkeys([(14, 5), (17, 6), (20, 7), (28, 10)], ("D", "S")),
        **dict.fromkeys([(21, 5), (25, 6), (29, 7)], ("E", "S")),
    }
    found = _disagreements(0.2)
    assert found[7, 1] == ("S", "E")
    assert len(found) == 10


@pytest.mark.parametrize("target", [0.2, 0.3, 0.33])
def test_strongest_key_by_scipy(target: float) -> None:
    """Source: SciPy's beta distribution; the key of the largest mass, among those of full width."""
    method = Keyboard(end_keys="discard")
    design = make(method.model_dump(mode="json"), target=target)
    edges, middle = method.keys(design)
    lengths = [b - a for a, b in pairwise(edges)]
    whole = [k for k, length in enumerate(lengths) if length == lengths[middle]]
    for n in range(1, 31):
        for dlt in range(n + 1):
            masses = masses_by_scipy([float(edge) for edge in edges], n, dlt)[whole]
            best = whole[int(np.flatnonzero(masses >= masses.max() - 1e-13)[-1])]
            assert actions(design, n)[dlt] == ("E" if best < middle else "S" if best == middle else "D")


def test_highest_of_tied_keys_counts() -> None:
    """Source: Keyboard 0.1.3, `max(which(...))`. Half DLTs at target 0.45 tie 0.4..0.5 with 0.5..0.6: de-escalate."""
    for ends in ("discard", "rescale"):
        design = make({"kind": "keyboard", "end_keys": ends}, target=0.45)
        assert [actions(design, n)[n // 2] for n in (2, 6, 12, 30)] == ["D"] * 4


@given(
    target=st.integers(16, 60),
    epsilons=st.tuples(st.integers(1, 5), st.integers(1, 10)),
    ends=st.sampled_from(["discard", "rescale"]),
)
def test_more_dlts_never_raise_the_dose(target: int, epsilons: tuple[int, int], ends: str) -> None:
    """For any target, keys and treatment of the ends, where a whole key is on either side."""
    low, high = (epsilon / 100 for epsilon in epsilons)
    method = {"kind": "keyboard", "epsilon_low": low, "epsilon_high": high, "end_keys": ends}
    try:
        design = make(method, 1, target=target / 100)
    except esc.DesignError as refused:
        assert "discard leaves no key" in str(refused)  # noqa: PT017 - refusing is one of two right answers
        return
    assert_monotone(design, 10)


def test_mtd_is_that_of_boin() -> None:
    """Source: dossier interval.md 5: the selection is BOIN's; its examples 1.4."""
    for data, level in (("1NNN 2NNN 3" + "N" * 11 + "TTTT 4NNNNNTTTT", 3), ("1NNN 2NNNNTT 3NNNNNT 4NTT", 3)):
        assert esc.select(make({"kind": "keyboard"}), data).mtd_level == level


def test_ends_that_cannot_be_discarded() -> None:
    """At target 0.1 only a cut-off key lies below 0.05: without it no dose would ever be raised."""
    with pytest.raises(esc.DesignError) as refused:
        make({"kind": "keyboard", "end_keys": "discard"}, target=0.1)
    assert str(refused.value) == "method.end_keys: discard leaves no key below 0.05 to 0.15; use rescale"
    assert actions(make({"kind": "keyboard"}, target=0.1), 9)[0] == "E"
