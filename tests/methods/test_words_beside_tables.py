"""The sentences on what comes before or beside a table: titration, toxic levels, pools, pending outcomes, controls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.tally import States, Tally
from tests.helpers import make
from tests.methods.pending_patients import states_of, tally_of
from tests.methods.reading import by_boin, by_keys, exact, found, words


def test_titration_as_described() -> None:
    """Single patients, one level up without a DLT; the first DLT, or the highest level, completes the cohort."""
    design = make({"kind": "boin", "titration": True}, 3)
    assert "Single patients come first: while no level has more than one patient" in words(design)
    (size,) = found(r"the cohort of that level is then completed to (\d+) patients", words(design))
    first = esc.recommend(design)
    assert (first.next_level, first.next_cohort_size) == (1, 1)
    up = esc.recommend(design, "1N")
    assert (up.next_level, up.next_cohort_size) == (2, 1)
    for outcomes, level in (("1N 2T", 2), ("1N 2N 3N", 3)):
        done = esc.recommend(design, outcomes)
        assert (done.next_level, done.next_cohort_size) == (level, int(size) - 1)


@pytest.mark.parametrize("settings", [{}, {"cap": 2}, {"moderate_to_stop": 1}, {"step": 2}])
def test_accelerated_titration_as_described(settings: dict[str, Any]) -> None:
    """Steps and their end by the numbers of the text, and the 3+3 design from there on."""
    design = make({"kind": "accelerated_titration", **settings}, 5, max_patients=30)
    text = words(design)
    (last,) = found(r"up to level (\d)", text)
    (step,) = found(r"the next patient (\w+) levels? higher", text)
    up = 1 if step == "one" else int(step)
    (moderate,) = found(r"when (\d+) patients? in all had moderate toxicity", text)
    level, given = 1, []
    while level < int(last):
        given.append(f"{level}N")
        wanted = min(level + up, int(last))
        after = esc.recommend(design, " ".join(given))
        assert (after.next_level, after.next_cohort_size) == (wanted, 1)
        level = wanted
    # With one fewer than ends it the titration goes on, with as many it ends: the cohort is completed.
    many = int(moderate)
    ladder = [min(1 + up * k, int(last)) for k in range(many + 1)]
    seen = " ".join(f"{each}M" for each in ladder[:many])
    if len(set(ladder[:many])) == many:
        after = esc.recommend(design, seen)
        assert (after.next_level, after.next_cohort_size) == (ladder[many - 1], 2)
        fewer = " ".join([*(f"{each}M" for each in ladder[: many - 1]), f"{ladder[many - 1]}N"])
        if ladder[many - 1] < int(last):
            assert esc.recommend(design, fewer).next_cohort_size == 1
    done = esc.recommend(design, "1T")
    assert (done.next_level, done.next_cohort_size) == (1, 2)
    table = make({"kind": "three_plus_three"}, 5, max_patients=30)
    assert set(table.method.describe(table)) <= set(design.method.describe(design))
    for outcomes in ("1T 1NN", "1T 1NT", "1N 2T 2NN"):
        assert (
            esc.recommend(design, outcomes).next_level
            == esc.recommend(table, outcomes.replace("1N 2T", "1NNN 2T")).next_level
        )


@pytest.mark.parametrize(("settings", "ends"), [({}, False), ({"deescalate": False}, True)])
def test_what_follows_a_toxic_level_of_3_plus_3(settings: dict[str, Any], ends: bool) -> None:
    """It ends at once, or the level below is filled to six; with six there and at most one DLT it ends."""
    design = make({"kind": "three_plus_three", **settings}, 3, max_patients=18)
    text = words(design)
    assert ("The trial ends when a level is too toxic" in text) is ends
    assert ("is filled to 6 patients" in text) is not ends
    after = esc.recommend(design, "1NNN 2NTT")
    assert (after.action == "stop") is ends
    assert after.mtd_level == (1 if ends else None)
    if not ends:
        assert (after.next_level, after.next_cohort_size) == (1, 3)
        assert esc.recommend(design, "1NNN 2NTT 1NNT").mtd_level == 1
        assert esc.recommend(design, "1NNN 2NTT 1NTT").mtd_level is None
    assert esc.recommend(design, "1NTT").action == "stop"


@pytest.mark.parametrize("six", [False, True])
def test_top_level_of_3_plus_3(six: bool) -> None:
    """It ends at the highest level with 0/3, or only with six patients there."""
    design = make({"kind": "three_plus_three", "six_at_mtd": six}, 2, max_patients=12)
    assert ("once 6 patients were treated there" in words(design)) is six
    after = esc.recommend(design, "1NNN 2NNN")
    assert (after.action == "stop") is not six
    assert esc.recommend(design, "1NNN 2NNN 2NNT").action == "stop"


@pytest.mark.parametrize("strict", [False, True])
def test_pending_outcomes_of_rolling_six(strict: bool) -> None:
    """With six patients it waits for five known outcomes without a DLT, or for all."""
    design = make({"kind": "rolling_six", "strict": strict}, rules=())
    said = re.findall(r"without a DLT and with at least (\d) outcomes known", words(design))
    assert said == ([] if strict else ["5"])
    for known in range(7):
        patients = [*[(1, 0, 1.0)] * known, *[(1, 0, 0.5)] * (6 - known)]
        states = states_of(tally_of(patients, 5))
        moves = design.method.decide(design, states)
        waits = moves.suspend is not None and bool(moves.suspend[0])
        assert waits is (known < (6 if strict else 5)), known
    moves = design.method.decide(design, states_of(tally_of([(1, 0, 0.5)] * 4, 5)))
    assert (int(moves.next[0]), moves.suspend is not None and bool(moves.suspend[0])) == (0, False)


@pytest.mark.parametrize("conflicts", ["highest", "every"])
def test_pools_of_bf_boin(conflicts: str) -> None:
    """A lower level at or above lambda_d conflicts; the pool decides, its own equality with lambda_d staying."""
    design = make({"kind": "bf_boin", "conflicts": conflicts}, rules=())
    text = words(design)
    low, high = (exact(each) for each in found(r"lambda_e = (\d+(?:\.\d+)?) and lambda_d = (\d+(?:\.\d+)?)", text))
    assert ("for each conflicting level" in text) is (conflicts == "every")
    seen: set[int] = set()
    for n1, y1, n2, y2 in np.ndindex(10, 10, 7, 7):
        if not (n1 > 0 and n2 > 0 and y1 <= n1 and y2 <= n2):
            continue
        own, now = by_boin(text, n1, y1), by_boin(text, n2, y2)
        wanted = 1 + now
        if own == -1 or (own == 0 and now == 1):
            pool = Fraction(y1 + y2, n1 + n2)
            to = 2 if pool <= low else 1 if pool <= high else 0
            wanted, seen = min(wanted, to), seen | {to}
        tally = Tally.of([[n1, n2, 0, 0, 0]], [[y1, y2, 0, 0, 0]])
        moves = design.method.decide(design, States(tally, np.array([1]), np.array([[n2 - y2, y2]])))
        assert int(moves.next[0]) == wanted, (n1, y1, n2, y2)
    assert seen >= {0, 1}


def _pending(
    sizes: tuple[int, ...], most_dlts: int, shares: tuple[float, ...]
) -> Iterator[tuple[int, int, int, float]]:
    """Yield patients, DLTs, pending patients, and how far each of these was followed."""
    for n in sizes:
        for s in range(most_dlts + 1):
            for c in range(1, n - s + 1):
                yield from ((n, s, c, share) for share in shares)


def test_imputed_rates_of_tite_boin() -> None:
    """The formula of the text, computed by hand for many states, against the step."""
    for weights in ("imputation", "ess"):
        design = make({"kind": "tite_boin", "weights": weights}, rules=())
        text = words(design)
        low, high = (float(each) for each in found(r"lambda_e = (\d+(?:\.\d+)?) and lambda_d = (\d+(?:\.\d+)?)", text))
        steps = set()
        for n, s, c, share in _pending((3, 6, 9), 3, (0.0, 0.33, 0.9)):
            patients = [*[(2, 1, 0.5)] * s, *[(2, 0, share)] * c, *[(2, 0, 1.0)] * (n - s - c)]
            stft, r = c * share, n - c
            if weights == "ess":
                assert "the rate s / (r + STFT) is compared" in text
                rate = s / (r + stft) if r + stft else None
                step = 0 if rate is None else 1 if rate <= low else -1 if rate >= high else 0
            else:
                (target,) = found(r"p = \(s \+ (\d+(?:\.\d+)?) / 2\) / \(r \+ 1\)", text)
                p = (s + float(target) / 2) / (r + 1)
                rate = (s + p / (1 - p) * (c - stft)) / n
                step = (
                    1 if rate <= low and s / n < float(target) else -1 if rate >= high and s / n > float(target) else 0
                )
            moves = design.method.decide(design, states_of(tally_of(patients, 5)))
            assert int(moves.next[0]) - 1 == step, (weights, n, s, c, share)
            steps.add(step)
        assert steps == {1, 0, -1}


@pytest.mark.parametrize("kind", ["tite_keyboard", "tite_mtpi2"])
def test_effective_patients_of_tite_keys(kind: str) -> None:
    """ESS = known outcomes and follow-up takes the place of the patients in the posterior."""
    design = make({"kind": kind}, rules=())
    text = words(design)
    found(r"posterior is (Beta\(1 \+ s, 1 \+ ESS - s\)), with ESS = r \+ STFT", text)
    for n, s, c, share in _pending((3, 6), 2, (0.2, 0.7)):
        patients = [*[(2, 1, 0.5)] * s, *[(2, 0, share)] * c, *[(2, 0, 1.0)] * (n - s - c)]
        step = by_keys(text, n - c + c * share, s)  # type: ignore[arg-type]
        moves = design.method.decide(design, states_of(tally_of(patients, 5)))
        assert int(moves.next[0]) - 1 == step, (n, s, c, share)


def test_controls() -> None:
    """The level, and the list, that the text names."""
    constant = make({"kind": "constant", "level": 2}, start_level=2)
    (level,) = found(r"treated at level (\d)", words(constant))
    assert esc.recommend(constant, "2TTT").next_level == int(level)
    listed = make({"kind": "random", "seed": 165}, rules=())
    (seed,) = found(r"\(seed (\d+)\)", words(listed))
    other = make({"kind": "random", "seed": int(seed) + 1}, rules=())
    strings = [" ".join(["1NNN"] * k) for k in range(1, 9)]
    assert [esc.recommend(listed, each).next_level for each in strings] != [
        esc.recommend(other, each).next_level for each in strings
    ]
