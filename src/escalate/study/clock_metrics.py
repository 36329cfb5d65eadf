"""Names of what a clock adds to the operating characteristics. Definitions stand in docs/reference/metrics.md."""

from __future__ import annotations

from typing import Final

QUANTILES: Final = {"duration_p10": 0.1, "duration_p50": 0.5, "duration_p90": 0.9}
MEANS: Final = ("duration_days", "waiting_days", "turned_away", "queued_days", "not_evaluable", "beyond_list")
BY_LEVEL: Final = ("level_reached", "days_to_level", "backfilled")
METRICS: Final = (*MEANS, *QUANTILES, *BY_LEVEL)
"""What a clock adds to the operating characteristics. A clock has `turned_away` or `queued_days`, not both; `beyond_list` where
arrival days are listed; `backfilled` where the design backfills."""
