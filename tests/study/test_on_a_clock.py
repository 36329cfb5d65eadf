"""Operating characteristics on a clock: right by hand, with right errors, and the same however the work is shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate import Design, EscalateError, Scenario
from escalate.core.clock import Clock
from escalate.engine.clock import run_trials
from escalate.study import on_a_clock
from escalate.study.clock_metrics import METRICS, QUANTILES
from escalate.study.results import OperatingCharacteristics
from tests.helpers import make

TRUTH = Scenario(name="MTD at level 3", dlt=(0.05, 0.15, 0.30, 0.45, 0.60))
SAFE = Scenario(name="no DLTs", dlt=(1e-12,) * 5)
BOIN = make({"kind": "boin"}, dlt_window=28)
SMALL = make({"kind": "boin"}, max_patients=9, dlt_window=28)


def clock(accrual: dict[str, Any] | None = None, **settings: Any) -> Clock:
    return Clock.from_dict({"accrual": accrual or {"kind": "poisson", "mean_days": 10}, **settings})


def _metrics(found: OperatingCharacteristics) -> dict[str, list[tuple[float, float]]]:
    of = found.designs[0].characteristics
    return {metric: of.of(0, metric) for metric in METRICS if of.of(0, metric)}


def test_by_hand() -> None:
    """Nine patients, one every 10 days, in cohorts of three known after 28 days: 148 days, 40 of them waiting, 4 turned away."""
    found = _metrics(esc.simulate([SMALL], [SAFE], trials=50, clock=clock({"kind": "fixed", "days": 10})))
    for metric in ("duration_days", "duration_p10", "duration_p50", "duration_p90"):
        assert found[metric] == [(148, 0)]
    assert found["waiting_days"] == [(40, 0)]
    assert found["turned_away"] == [(4, 0)]
    assert found["not_evaluable"] == [(0, 0)]
    assert found["level_reached"] == [(1, 0), (1, 0), (1, 0), (0, 0), (0, 0)]
    assert found["days_to_level"][:3] == [(0, 0), (50, 0), (100, 0)]
    assert np.isnan(found["days_to_level"][3:]).all()
    assert "queued_days" not in found
    assert "beyond_list" not in found


def test_values_and_errors_are_those_of_the_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means, their errors and quantiles are those of the single trials, also over several chunks."""
    monkeypatch.setattr(on_a_clock, "CHUNK", 700)
    on, n = clock(arrivals="queue", drop_out=0.1), 2000
    found = _metrics(esc.simulate([BOIN], [TRUTH], trials=n, seed=3, clock=on))
    trials = run_trials(BOIN, TRUTH, on, 3, 0, n)
    for metric, values in (
        ("duration_days", trials.duration_days),
        ("waiting_days", trials.waiting_days),
        ("queued_days", trials.queued_days),
        ("not_evaluable", trials.not_evaluable),
    ):
        mean, error = found[metric][0]
        assert mean == pytest.approx(values.mean(), rel=1e-10), metric
        assert error == pytest.approx(values.std() / np.sqrt(n), rel=1e-6), metric
    for metric, p in QUANTILES.items():
        value, error = found[metric][0]
        assert value == pytest.approx(np.quantile(trials.duration_days, p), abs=0.2), metric
        assert 0 < error < 3
    days = trials.first_days()
    for j in range(5):
        given = np.isfinite(days[:, j])
        assert found["level_reached"][j][0] == pytest.approx(given.mean())
        assert found["days_to_level"][j][0] == pytest.approx(days[given, j].mean())
        assert found["days_to_level"][j][1] == pytest.approx(days[given, j].std() / np.sqrt(given.sum()), rel=1e-6)


BACKFILL = make(
    {"kind": "bf_boin"}, title="backfill", max_patients=15, dlt_window=28, backfill={"activity": "response"}
)
ACTIVE = TRUTH.model_copy(update={"response": (0.3, 0.2, 0.5, 0.4, 0.6)})


def test_backfilled_by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean backfilled patients of each level and their errors; a design without backfill beside it has none."""
    monkeypatch.setattr(on_a_clock, "CHUNK", 300)
    on, n = clock({"kind": "poisson", "mean_days": 5}, drop_out=0.1), 700
    both = esc.simulate([BACKFILL, BOIN], [ACTIVE], trials=n, seed=3, clock=on)
    expected = run_trials(BACKFILL, ACTIVE, on, 3, 0, n).backfilled()
    assert expected is not None
    found = both.designs[0].characteristics.of(0, "backfilled")
    assert [value for value, _ in found] == pytest.approx(expected.mean(axis=0))
    assert [error for _, error in found] == pytest.approx(expected.std(axis=0) / np.sqrt(n))
    assert found[0][0] > 0.5
    assert found[4][0] == 0
    assert both.designs[1].characteristics.of(0, "backfilled") == []
    assert [row["level"] for row in both.rows if row["metric"] == "backfilled"] == [1, 2, 3, 4, 5]


def test_backfill_by_response_needs_rates() -> None:
    """A scenario without response rates is refused where levels open by response, and serves where they do not."""
    sentence = (
        r"scenario 'MTD at level 3' has no 'response', and 'backfill' backfills levels where somebody responded: write "
        r"'response: \[..\]' with 5 response rates in the scenario, or 'activity: none' under 'backfill' in the design file"
    )
    with pytest.raises(EscalateError, match=sentence):
        esc.simulate([BOIN, BACKFILL], [ACTIVE, TRUTH], trials=5, clock=clock())
    anywhere = Design.from_dict({**BACKFILL.to_dict(), "backfill": {"activity": "none"}})
    assert esc.simulate([anywhere], [TRUTH], trials=5, clock=clock()).designs[0].characteristics.of(0, "backfilled")


def test_error_of_a_quantile() -> None:
    """Over 40 seeds the median duration spreads as its error says, within a factor of two."""
    found = [
        _metrics(esc.simulate([BOIN], [TRUTH], trials=200, seed=s, clock=clock()))["duration_p50"][0] for s in range(40)
    ]
    spread = np.std([value for value, _ in found])
    said = np.mean([error for _, error in found])
    assert 0.5 < spread / said < 2


def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits with 1, 2 and 5 threads over several chunks, and merged early or late."""
    on = clock(drop_out=0.05)
    monkeypatch.setattr(on_a_clock, "CHUNK", 600)
    first = esc.simulate([BOIN], [TRUTH, SAFE], trials=2500, clock=on, workers=1).designs[0].characteristics
    monkeypatch.setattr(on_a_clock, "MERGED", 100)
    for workers in (2, 5):
        again = esc.simulate([BOIN], [TRUTH, SAFE], trials=2500, clock=on, workers=workers).designs[0].characteristics
        assert np.array_equal(again.values, first.values, equal_nan=True)
        assert np.array_equal(again.errors, first.errors, equal_nan=True)


def test_slow_accrual_is_no_clock() -> None:
    """Where every outcome is known before the next arrival, all other characteristics are those without a clock."""
    slow = esc.simulate([BOIN], [TRUTH], trials=5000, seed=4, clock=clock({"kind": "fixed", "days": 30}))
    plain = esc.simulate([BOIN], [TRUTH], trials=5000, seed=4)
    found, usual = slow.designs[0].characteristics, plain.designs[0].characteristics
    n = len(usual.columns)
    assert found.columns[:n] == usual.columns
    assert np.array_equal(found.values[:, :n], usual.values, equal_nan=True)
    assert np.array_equal(found.errors[:, :n], usual.errors, equal_nan=True)


def test_designs_share_patients_and_days() -> None:
    """Two designs are compared on the same arrivals: a design with itself does not differ; each is as it would be alone."""
    three = make({"kind": "three_plus_three"}, title="3+3", target=0.3, dlt_window=28)
    both = esc.simulate([BOIN, three], [TRUTH], trials=2000, seed=6, clock=clock())
    alone = esc.simulate([three], [TRUTH], trials=2000, seed=6, clock=clock())
    assert np.array_equal(
        both.designs[1].characteristics.values, alone.designs[0].characteristics.values, equal_nan=True
    )
    assert both.squares is not None
    assert both.squares.max() > 0
    same = esc.simulate([BOIN, BOIN.model_copy(update={"title": "again"})], [TRUTH], trials=500, clock=clock())
    assert same.squares is not None
    assert not np.nan_to_num(same.squares).any()


def test_summaries_and_long_form_have_the_clock() -> None:
    """Means over scenarios and the long form hold what the clock adds, by level where it is by level."""
    found = esc.simulate([BOIN], [TRUTH, SAFE], trials=200, clock=clock())
    assert found.designs[0].summary[0].metrics["duration_days"].scenarios == 2
    rows = [row for row in found.rows if row["metric"] == "days_to_level" and row["scenario"] == TRUTH.name]
    assert [row["level"] for row in rows] == [1, 2, 3, 4, 5]
    assert sum(row["metric"] == "duration_p90" for row in found.rows) == 2


def test_a_list_that_runs_out_is_told() -> None:
    """`beyond_list` is the share of trials with a patient after the list's last day."""
    on = clock({"kind": "listed", "days": [0, 10, 20, 30, 40, 50]})
    found = _metrics(esc.simulate([SMALL], [SAFE], trials=10, clock=on))
    assert found["beyond_list"] == [(1, 0)]
    enough = clock({"kind": "listed", "days": list(range(0, 130, 10))})
    assert _metrics(esc.simulate([SMALL], [SAFE], trials=10, clock=enough))["beyond_list"] == [(0, 0)]


@pytest.mark.parametrize(
    ("design", "on", "settings", "sentence"),
    [
        (BOIN, clock(), {}, r"there is no exact answer on a clock; give a number of random trials \(--trials N\)"),
        (BOIN, clock(), {"exact": True}, "there is no exact answer on a clock"),
        (make({"kind": "boin"}), clock(), {"trials": 5}, "write 'dlt_window: 28' in the design file"),
        (
            BOIN,
            clock({"kind": "fixed", "days": 0.05}),
            {"trials": 5},
            "a patient every 0.05 days is more than 500 patients within the DLT window of 'test', 28 days",
        ),
    ],
)
def test_refusals(design: Design, on: Clock, settings: dict[str, Any], sentence: str) -> None:
    """What cannot be run is refused in one sentence that says what would be right."""
    with pytest.raises(EscalateError, match=sentence):
        esc.simulate([design], [TRUTH], clock=on, **settings)


def test_fast_arrivals() -> None:
    """With a hundred arrivals in a window nearly all are turned away, and the trial takes as long as its windows."""
    found = _metrics(esc.simulate([SMALL], [SAFE], trials=20, clock=clock({"kind": "poisson", "mean_days": 0.28})))
    assert 3 * 28 < found["duration_days"][0][0] < 3 * 28 + 9
    assert 170 < found["turned_away"][0][0] < 230
