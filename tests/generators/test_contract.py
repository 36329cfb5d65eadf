"""What every generator promises, whatever its law."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import escalate as esc
from escalate.core import registry
from escalate.core.generator import Generator
from escalate.core.registry import summary_line
from escalate.generators.families.drawn import LEAST, DrawnGenerator
from tests.helpers import ROOT

EXAMPLES = [example for cls in registry.generators().all() for example in cls.examples()]
DRAWN: dict[str, dict[str, Any]] = {"paoletti": {"mu": 0.5}, "pseudo_uniform": {}, "probit_walk": {}}
by_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.kind}-{e.doses}")
by_drawn = pytest.mark.parametrize("kind", DRAWN)


def rates(kind: str, **given_: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the DLT probabilities of a random generator."""
    return np.array([s.dlt for s in esc.generate(kind, **{**DRAWN[kind], "target": 0.3, "doses": 5, **given_})])


def test_kinds_are_documented() -> None:
    """Every kind there is has a description of one line, a section in the reference, and tests of its own."""
    page = (ROOT / "docs" / "reference" / "scenarios.md").read_text(encoding="utf-8")
    for cls in registry.generators().all():
        kind = cls.model_fields["kind"].default
        assert summary_line(cls).endswith(".")
        assert f"### `{kind}`" in page
        for name in set(cls.model_fields) - set(DrawnGenerator.model_fields) - set(Generator.model_fields):
            assert f"`{name}`" in page, f"{kind}.{name}"
        assert (ROOT / "tests" / "generators" / f"test_{kind}.py").is_file()


def test_random_kinds_are_all_tested() -> None:
    """The tests below run over every random generator there is."""
    assert {e.kind for e in EXAMPLES if isinstance(e, DrawnGenerator)} == set(DRAWN)


@by_example
def test_scenarios_are_valid(example: Generator) -> None:
    """Names differ, the family is set, and DLT probabilities are inside (0, 1), as many as doses, and do not fall."""
    found = example.scenarios()
    assert len({scenario.name for scenario in found}) == len(found) > 0
    assert {scenario.family for scenario in found} == {example.family} == {example.kind}
    for scenario in found:
        assert len(scenario.dlt) == example.doses
        assert list(scenario.dlt) == sorted(scenario.dlt)
        assert 0 < scenario.dlt[0] <= scenario.dlt[-1] < 1


@by_example
def test_example_keeps_its_constraints_and_round_trips(example: Generator) -> None:
    """Built again from what it says, a generator is equal and gives the same scenarios, by another name if asked."""
    said = example.model_dump(exclude_none=True)
    assert type(example).model_validate(said) == example
    assert esc.generate(**said) == example.scenarios()
    named = esc.generate(**{**said, "name": "mine"})
    assert [scenario.dlt for scenario in named] == [scenario.dlt for scenario in example.scenarios()]
    assert all(scenario.family == "mine" and scenario.name.startswith("mine") for scenario in named)


@by_drawn
@settings(max_examples=40, deadline=None)
@given(
    target=st.floats(0.05, 0.6),
    doses=st.integers(1, 8),
    seed=st.integers(0, 2**63 - 1),
    data=st.data(),
)
def test_law_of_random_scenarios(kind: str, target: float, doses: int, seed: int, data: st.DataObject) -> None:
    """Monotone, clipped, rounded to six decimals; the same for the same seed; the MTD where asked, nearer than any other."""
    asked = {"target": target, "doses": doses, "seed": seed, "count": 30}
    free = rates(kind, **asked)
    assert free.shape == (30, doses)
    assert (np.diff(free, axis=1) >= 0).all()
    assert free.min() >= LEAST
    assert free.max() <= 1 - LEAST
    assert (np.round(free, 6) == free).all()
    assert (rates(kind, **asked) == free).all()
    if kind != "probit_walk":
        level = data.draw(st.integers(1, doses))
        distance = np.abs(rates(kind, **asked, mtd_level=level) - target)
        assert (distance.argmin(axis=1) == level - 1).all()
        assert ((distance <= distance.min(axis=1, keepdims=True) + 1e-9).sum(axis=1) == 1).all()


@by_drawn
@settings(max_examples=10, deadline=None)
@given(few=st.integers(1, 3000), many=st.integers(1, 3000), within=st.sampled_from([None, 0.1]))
def test_first_scenarios_stay(kind: str, few: int, many: int, within: float | None) -> None:
    """More scenarios begin with the same ones, names included, over the ends of blocks and with constraints."""
    few, many = sorted((few, many))
    asked = {**DRAWN[kind], "target": 0.3, "doses": 4, "seed": 11, "mtd_within": within}
    assert esc.generate(kind, **asked, count=many)[:few] == esc.generate(kind, **asked, count=few)


def test_seeds_and_kinds_differ() -> None:
    """Another seed, the largest one included, and another kind with the same seed, give other scenarios."""
    found = [rates(kind, seed=seed, count=5) for kind in DRAWN for seed in (0, 1, 2, 2**63 - 1)]
    assert len({x.tobytes() for x in found}) == len(found)
    # Blocks are not copies of each other.
    long = rates("probit_walk", count=2048)
    assert not (long[:1024] == long[1024:]).any()


@by_drawn
def test_level_is_uniform(kind: str) -> None:
    """Where the level is drawn first each is as frequent, also under constraints: 5 sigma of a binomial share (0.2, 20,000)."""
    if kind == "probit_walk":
        return
    for more in ({}, {"mtd_within": 0.05, "min_gap": 0.03}):
        found = rates(kind, count=20_000, **more)
        shares = np.bincount(np.abs(found - 0.3).argmin(axis=1), minlength=5) / 20_000
        assert np.abs(shares - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / 20_000)


@by_drawn
def test_constraints_are_kept(kind: str) -> None:
    """Every scenario has its MTD at the level, within the distance and with the gaps asked for; without, some have not."""
    asked = {"mtd_level": 3, "mtd_within": 0.03, "min_gap": 0.06}
    found = rates(kind, count=2000, **asked)
    assert np.abs(found - 0.3).argmin(axis=1).tolist() == [2] * 2000
    assert np.abs(found[:, 2] - 0.3).max() <= 0.03 + 1e-9
    assert np.diff(found, axis=1)[:, 1:3].min() >= 0.06 - 1e-9
    for name in asked:
        other = rates(kind, count=2000, **{key: value for key, value in asked.items() if key != name})
        mtd = np.abs(other - 0.3).argmin(axis=1)
        row = np.arange(2000)
        broken = {
            "mtd_level": (mtd != 2).any(),
            "mtd_within": (np.abs(other[row, mtd] - 0.3) > 0.03).any(),
            "min_gap": (np.diff(other, axis=1)[:, 1:3] < 0.06).any(),
        }
        # Paoletti's MTD is near the target as it is.
        assert broken[name] or (kind, name) == ("paoletti", "mtd_within") or name == "mtd_level"


@pytest.mark.parametrize("doses", [5, 20])
@pytest.mark.parametrize("constraint", ["mtd_within", "min_gap"])
@by_drawn
def test_impossible_constraints_are_refused_within_a_second(kind: str, constraint: str, doses: int) -> None:
    """What no draw can keep is refused at once, with the constraint and what to relax, however many are asked for."""
    value = 1e-8 if constraint == "mtd_within" else 0.95
    start = time.process_time()
    with pytest.raises(esc.DesignError) as refused:
        rates(kind, count=100_000, doses=doses, target=0.2999995, **{constraint: value})
    assert time.process_time() - start < 1
    assert f"({constraint})" in str(refused.value)
    assert f"{constraint} or leave it out" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_impossible_level_is_refused() -> None:
    """A level that can hardly be the nearest is refused too."""
    with pytest.raises(
        esc.DesignError, match="have level 20 nearest to the target; choose another mtd_level or target"
    ):
        rates("probit_walk", doses=20, target=0.01, mtd_level=20, count=1)


@by_drawn
def test_five_thousand_take_well_under_a_second(kind: str) -> None:
    """5,000 scenarios of five doses."""
    rates(kind, count=10)
    start = time.process_time()
    rates(kind, count=5000)
    assert time.process_time() - start < 0.8


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"kind": "paoleti"}, "kind: 'paoleti' is not a generator; did you mean 'paoletti'?"),
        ({"count": 0}, "count: 0 is not at least 1"),
        ({"count": 100_001}, "count: 100001 is not at most 100000"),
        ({"seed": -1}, "seed: -1 is not at least 0"),
        ({"seed": 2**63}, "seed: 9223372036854775808 is not at most 9.22337e+18"),
        ({"mtd_level": 6}, "mtd_level: level 6 does not exist; there are 5 dose levels"),
        ({"doses": 21}, "doses: 21 is not at most 20"),
        ({"target": 1.0}, "target: 1.0 is not below 1"),
        ({"mtd_within": 0}, "mtd_within: 0 is not above 0"),
        ({"name": "x" * 101}, "name: has 101 letters; the limit is 100"),
        ({"cuont": 5}, "cuont: unknown setting; did you mean 'count'?"),
    ],
)
def test_bad_settings(given_: dict[str, Any], message: str) -> None:
    """Each fault is one line with the setting."""
    with pytest.raises(esc.DesignError) as refused:
        esc.generate(**{"kind": "pseudo_uniform", "target": 0.3, "doses": 5, "count": 3, **given_})
    assert str(refused.value) == message
