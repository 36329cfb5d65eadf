"""The result of a job as a Parquet file: a row a scenario, a column a metric; the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from escalate.study.grid.metric_names import BENCHMARK

if TYPE_CHECKING:
    import pyarrow as pa

    from escalate.core.arrays import FloatArray
    from escalate.study.characteristics import Column
    from escalate.study.grid.study import Study
    from escalate.study.results import DesignResult


def part_of(study: Study, result: DesignResult) -> tuple[bytes, int]:
    """Return the Parquet file of a design under a block of scenarios, and how many rows it has."""
    table = table_of(study, result)
    return encoded(table), table.num_rows


def table_of(study: Study, result: DesignResult) -> pa.Table:
    """Return the rows: scenario, family, reachable states where exact, and the metrics; with errors of random trials beside."""
    import pyarrow as pa  # noqa: PLC0415 - not needed otherwise

    columns: dict[str, Any] = {
        "scenario": pa.array([scenario.name for scenario in result.scenarios], pa.string()),
        "family": pa.array([scenario.family for scenario in result.scenarios], pa.string()),
    }
    if result.n_states is not None:
        columns["reachable_states"] = pa.array(np.full(len(result.scenarios), result.n_states, dtype=np.int64))
    found = result.characteristics
    for k, column in enumerate(found.columns):
        if study.metrics is None or column.metric.partition(":")[0] in study.metrics:
            _put(columns, name_of(column), found.values[:, k], found.errors[:, k], study)
    for metric in BENCHMARK:
        if study.metrics is not None and metric in study.metrics:
            values, errors = result.scalars[metric]
            _put(columns, metric, values, errors, study)
    return pa.table(columns)


def _put(columns: dict[str, Any], name: str, values: FloatArray, errors: FloatArray, study: Study) -> None:
    columns[name] = np.ascontiguousarray(values)
    if study.trials is not None:
        columns[f"se_{name}"] = np.ascontiguousarray(errors)


def name_of(column: Column) -> str:
    """Return the name of a column of a file: `pcs`, `selected_2`, `stopped_eliminate`.

    Examples
    --------
    >>> from escalate.study.characteristics import Column
    >>> name_of(Column("selected", 2)), name_of(Column("stopped:eliminate"))
    ('selected_2', 'stopped_eliminate')
    """
    plain = column.metric.replace(":", "_")
    return plain if column.level is None else f"{plain}_{column.level}"


def encoded(table: pa.Table, words: Sequence[str] = ()) -> bytes:
    """Return a table as the bytes of a Parquet file; each distinct value of a column of words is written once."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    buffer = pa.BufferOutputStream()
    # Snappy: every reader knows it, and on numbers with all their digits a stronger one wins a tenth at twice the time.
    pq.write_table(
        table,
        buffer,
        compression="snappy",
        use_dictionary=list(words) or False,
        write_statistics=False,
        store_schema=False,
    )
    return bytes(buffer.getvalue())


def decoded(content: bytes) -> pa.Table:
    """Return the table of a Parquet file.

    Raises
    ------
    ValueError
        Where it is none.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        # No threads: they could still be there when the process ends.
        return pq.read_table(pa.BufferReader(content), use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"is no Parquet file ({error})") from None
