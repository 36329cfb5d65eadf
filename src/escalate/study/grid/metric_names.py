"""Which metrics a study can keep."""

from __future__ import annotations

from typing import Final

from escalate.study import clock_metrics
from escalate.study.metrics import SELECTION, SHARES

BY_LEVEL: Final = ("selected", "patients", "dlts", *clock_metrics.BY_LEVEL)
BENCHMARK: Final = ("efficiency", "benchmark_pcs", "benchmark_accuracy_index")
"""What needs the optimal benchmark, and is kept only where it is asked for."""
WHOLE: Final = (
    "selected_none",
    "stopped",
    "mean_patients",
    *SELECTION,
    *SHARES,
    "sd_patients",
    "stopped_early",
    "mean_dlts",
    "dlt_rate",
)


def known_metrics() -> tuple[str, ...]:
    """Return the names that a study file may list under `metrics`."""
    clock = tuple(name for name in clock_metrics.METRICS if name not in BY_LEVEL)
    return (*BY_LEVEL, *WHOLE, *clock, *BENCHMARK)
