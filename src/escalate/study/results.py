"""Results of `simulate`: designs by scenarios, what is derived from them when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.clock import Clock
from escalate.core.design import Design
from escalate.core.scenario import Scenario
from escalate.core.shown import Shown
from escalate.study.characteristics import Characteristics
from escalate.study.provenance import StudyProvenance
from escalate.study.summary import Scalars, Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

    from escalate.study.benchmark import Benchmark
    from escalate.study.compare import Comparison


@dataclass(frozen=True)
class DesignResult(Shown):
    """One design under every scenario."""

    design: Design
    scenarios: tuple[Scenario, ...]
    characteristics: Characteristics
    n_states: int | None

    def __repr__(self) -> str:
        return f"DesignResult({self.design.title!r}: {len(self.scenarios)} scenarios)"

    @cached_property
    def benchmark(self) -> Benchmark | None:
        """The optimal benchmark under every scenario; None where the design has no target or grades outcomes."""
        from escalate.study.benchmark import Benchmark  # noqa: PLC0415 - SciPy is slow to import

        return Benchmark.of(self.design, self.scenarios)

    @cached_property
    def scalars(self) -> Scalars:
        """Every metric of the design as a whole, reasons for stopping aside: values and errors by scenario.

        `efficiency`, `benchmark_pcs` and `benchmark_accuracy_index` come last.
        """
        found = {
            column.metric: (self.characteristics.values[:, k], self.characteristics.errors[:, k])
            for k, column in enumerate(self.characteristics.columns)
            if column.level is None and not column.metric.startswith("stopped:")
        }
        return {**found, **self._beside_benchmark(*found["pcs"])}

    def _beside_benchmark(self, pcs: FloatArray, error: FloatArray) -> Scalars:
        from escalate.study.optimal import efficiency  # noqa: PLC0415 - SciPy is slow to import

        if self.benchmark is None:
            nothing = np.full(len(pcs), np.nan)
            return dict.fromkeys(("efficiency", "benchmark_pcs", "benchmark_accuracy_index"), (nothing, nothing))
        optimal, accuracy = self.benchmark.pcs, self.benchmark.accuracy_index
        return {
            "efficiency": (efficiency(pcs, optimal), efficiency(error, optimal)),
            "benchmark_pcs": (optimal, np.zeros_like(optimal)),
            "benchmark_accuracy_index": (accuracy, np.where(np.isnan(accuracy), np.nan, 0.0)),
        }

    @cached_property
    def summary(self) -> tuple[Summary, ...]:
        """Every metric over all scenarios, where there are two or more, and over each family."""
        return summarise(self.scenarios, self.scalars)


@dataclass(frozen=True)
class OperatingCharacteristics(Shown):
    """Results of `simulate`: designs by scenarios.

    Parameters
    ----------
    squares
        Of two or more designs over random trials: mean squared differences between trials of the same patients, shape
        (P, 21, V).
    clock
        The calendar that the trials ran on; None where outcomes are known as soon as patients are treated.
    read_from
        The provenance that a file of results says; None where they were made here.
    """

    designs: tuple[DesignResult, ...]
    trials: int | None
    seed: int | None
    squares: FloatArray | None = None
    clock: Clock | None = None
    read_from: StudyProvenance | None = None

    @cached_property
    def provenance(self) -> StudyProvenance:
        """With what it was made."""
        return self.read_from or StudyProvenance.here(self.designs[0].scenarios)

    def __repr__(self) -> str:
        how = "exact" if self.trials is None else f"{self.trials:,} trials each"
        return (
            f"OperatingCharacteristics({len(self.designs)} designs, {len(self.designs[0].scenarios)} scenarios, {how})"
        )

    @property
    def exact(self) -> bool:
        """Whether the figures are exact."""
        return self.trials is None

    @cached_property
    def comparison(self) -> Comparison | None:
        """The designs beside each other, on the same patients; None where there is one design."""
        from escalate.study.compare import Comparison  # noqa: PLC0415 - needed by few

        return Comparison.of(self.designs, self.squares, self.trials) if len(self.designs) > 1 else None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Long form: design, scenario, level (or None), metric, value, standard error."""
        return list(_rows(self))

    def to_frame(self) -> pd.DataFrame:
        """Return `rows` as a pandas data frame."""
        import pandas as pd  # noqa: PLC0415 - slow to import, seldom needed

        return pd.DataFrame(self.rows)


def _rows(oc: OperatingCharacteristics) -> Iterator[dict[str, Any]]:
    for result in oc.designs:
        found = result.characteristics
        own = {column.metric for column in found.columns}
        derived = {metric: both for metric, both in result.scalars.items() if metric not in own}
        for v, scenario in enumerate(result.scenarios):
            of = {"design": result.design.title, "scenario": scenario.name}
            for k, column in enumerate(found.columns):
                value, error = float(found.values[v, k]), float(found.errors[v, k])
                yield {**of, "level": column.level, "metric": column.metric, "value": value, "se": error}
            for metric, (values, errors) in derived.items():
                yield {**of, "level": None, "metric": metric, "value": float(values[v]), "se": float(errors[v])}
