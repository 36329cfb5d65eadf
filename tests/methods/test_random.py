"""The random control: a list in permuted blocks, fixed by its seed, and decisions that follow from the data alone."""

from __future__ import annotations

import random
import subprocess
import sys
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.methods.random import ENTRIES, randomisation_list
from escalate.study.characteristics import Characteristics
from escalate.study.simulate import simulate
from tests.helpers import make

TRUTH = (0.1, 0.3, 0.5)
MASK = 2**64 - 1


def _philox(counter: int, key: int) -> list[int]:
    """Return four words of Philox4x64-10 (Salmon et al. 2011), in whole numbers."""
    c, k0, k1 = [counter & MASK, counter >> 64 & MASK, 0, 0], key & MASK, key >> 64
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(b >> 64) ^ c[1] ^ k0, b & MASK, (a >> 64) ^ c[3] ^ k1, a & MASK]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return c


@pytest.mark.parametrize("seed", [0, 3, 2**63 - 1])
@pytest.mark.parametrize("n_doses", [1, 3, 5])
def test_list_is_philox(seed: int, n_doses: int) -> None:
    """Source: Philox4x64-10 written here from its paper, counters from 1 on; blocks in the order of their words."""
    words = [word for counter in range(1, ENTRIES) for word in _philox(counter, seed)]
    found = randomisation_list(seed, n_doses)
    for block in range(40):
        some = words[block * n_doses : (block + 1) * n_doses]
        assert found[block * n_doses : (block + 1) * n_doses].tolist() == sorted(range(n_doses), key=some.__getitem__)


@pytest.mark.parametrize("n_doses", [1, 2, 3, 5, 7, 20])
def test_blocks_are_balanced(n_doses: int) -> None:
    """Each block holds each level once, and the list is long enough for any trial."""
    found = randomisation_list(11, n_doses)
    assert len(found) >= 1000
    assert (np.sort(found.reshape(-1, n_doses), axis=1) == np.arange(n_doses)).all()


def test_every_order_comes_about() -> None:
    """Over seeds and blocks the six orders of three levels are equally frequent (chi-squared on 5 df, false alarm 1e-6)."""
    blocks = np.concatenate([randomisation_list(seed, 3)[:300].reshape(-1, 3) for seed in range(60)])
    _, counts = np.unique(blocks, axis=0, return_counts=True)
    assert len(counts) == 6
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 35.9


def _design(rules: tuple[dict[str, Any], ...] | None = None, **settings: Any) -> esc.Design:
    frame = {"max_patients": 12, **({} if rules is None else {"rules": rules}), **settings}
    return make({"kind": "random", "seed": 3}, 3, **frame)


def test_only_the_number_of_patients_counts() -> None:
    """The outcomes and the levels so far do not; a cohort cut short is a cohort."""
    design, levels = _design(rules=()), randomisation_list(3, 3)
    for text, entry in (
        ("1NNN", 0),
        ("1TTT", 0),
        ("3NNT", 0),
        ("1NN", 0),
        ("1NNN 2N", 1),
        ("1NNN 2NNN", 1),
        ("2TTTTTT", 1),
    ):
        assert esc.recommend(design, text).next_level == levels[entry] + 1
    assert esc.recommend(design).next_level == 1
    said = esc.recommend(design, "1NNN 1NNN").reasons[0].text
    assert said == f"6 patients so far: entry 2 of the randomisation list (seed 3) is level {levels[1] + 1}."


def test_published_rules() -> None:
    """No untried level is skipped and toxic levels are eliminated."""
    assert [rule.kind for rule in _design().rules] == ["no_skipping", "eliminate"]
    levels = randomisation_list(3, 3)
    assert levels[:2].tolist() == [1, 2]
    assert esc.recommend(_design(), "1NNN 1NNN").next_level == 2
    assert esc.recommend(_design(), "1NNN 2TTT").next_level == 1
    assert esc.recommend(_design(), "1TTT").action == "stop"


def _too_toxic(n: int, y: int) -> bool:
    """Return whether Pr(p > 0.3) is above 0.95 under Beta(1 + y, 1 + n - y), in fractions."""
    p = Fraction(3, 10)
    return n >= 3 and sum(comb(n + 1, k) * p**k * (1 - p) ** (n + 1 - k) for k in range(y + 1)) > Fraction(19, 20)


def _mtd(n: tuple[int, ...], y: tuple[int, ...]) -> int:
    """Return the level by BOIN's isotonic regression (dossier interval.md 1), 0 for none; pools merged one by one."""
    barred = next((j for j in range(len(n)) if _too_toxic(n[j], y[j])), len(n))
    tried = [j for j in range(barred) if n[j]]
    pools: list[list[Any]] = []
    for j in tried:
        a, b = y[j] + 0.05, n[j] - y[j] + 0.05
        pools.append([a / (a + b), (a + b) ** 2 * (a + b + 1) / (a * b), [j]])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            high, low = pools.pop(), pools.pop()
            w = low[1] + high[1]
            pools.append([(low[0] * low[1] + high[0] * high[1]) / w, w, low[2] + high[2]])
    rates = {j: pool[0] + 1e-10 * (tried.index(j) + 1) for pool in pools for j in pool[2]}
    return min(rates, key=lambda j: (abs(rates[j] - 0.3), j)) + 1 if rates else 0


def _by_hand(truth: tuple[float, ...], max_patients: int) -> tuple[list[float], list[float]]:
    """Return P(MTD = 0..J) and the mean patients by level, cohort by cohort, equal states together."""
    levels, n_doses = randomisation_list(3, len(truth)).tolist(), len(truth)
    mtd, patients = [0.0] * (n_doses + 1), [0.0] * n_doses
    now = {(0, (0,) * n_doses, (0,) * n_doses): 1.0}
    for cohort in range(max_patients // 3):
        after: dict[Any, float] = {}
        for (dose, n, y), mass in now.items():
            patients[dose] += 3 * mass
            for k in range(4):
                p = mass * comb(3, k) * truth[dose] ** k * (1 - truth[dose]) ** (3 - k)
                n2 = tuple(c + 3 * (j == dose) for j, c in enumerate(n))
                y2 = tuple(c + k * (j == dose) for j, c in enumerate(y))
                barred = next((j for j in range(n_doses) if _too_toxic(n2[j], y2[j])), n_doses)
                highest = max(j for j in range(n_doses) if n2[j])
                ceiling = min(highest + 1, barred - 1, n_doses - 1)
                if ceiling < 0 or 3 * (cohort + 1) >= max_patients:
                    mtd[_mtd(n2, y2)] += p
                else:
                    key = (min(levels[cohort], ceiling), n2, y2)
                    after[key] = after.get(key, 0.0) + p
        now = after
    return mtd, patients


def _exact(design: esc.Design) -> Characteristics:
    return simulate([design], [esc.Scenario(name="truth", dlt=TRUTH)], exact=True).designs[0].characteristics


def test_exact_characteristics() -> None:
    """Source: an enumeration cohort by cohort, with BOIN's elimination and selection written anew; to 1e-12."""
    found = _exact(_design(max_patients=15))
    mtd, patients = _by_hand(TRUTH, 15)
    assert [found.value(0, "selected_none"), *(x for x, _ in found.of(0, "selected"))] == pytest.approx(mtd, abs=1e-12)
    assert [x for x, _ in found.of(0, "patients")] == pytest.approx(patients, abs=1e-12)


def test_without_rules_the_list_is_given() -> None:
    """The numbers of patients are fixed: the start level and then the list."""
    levels = [0, *randomisation_list(3, 3)[:3].tolist()]
    expected = [3.0 * levels.count(j) for j in range(3)]
    assert [x for x, _ in _exact(_design(rules=())).of(0, "patients")] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("method", "said"),
    [({}, r"method\.seed: is missing"), ({"seed": -1}, "-1 is not at least 0"), ({"seed": 2**63}, "is not below 9.22337e"),
     ({"seed": 1.5}, "1.5 is not a whole number")],
)  # fmt: skip
def test_seed_is_needed(method: dict[str, Any], said: str) -> None:
    """A list without a seed would not be the same at two sites."""
    with pytest.raises(esc.DesignError, match=said):
        make({"kind": "random", **method}, 3)


def test_the_module_hides_nothing() -> None:
    """`random` is Python's own module wherever it is imported, in the folder of the methods too."""
    assert Path(random.__file__ or "").parent.name.startswith("python")

    code = "import random, escalate.methods.random as ours; assert random is not ours and random.Random; print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "fine\n"
