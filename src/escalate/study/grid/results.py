"""Read what a study left: its manifest, its designs and scenarios, and the figures, design by design."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from escalate.core.errors import EscalateError
from escalate.study.grid.journal import JOURNAL, SHORT, Kept, read
from escalate.study.grid.parts import decoded
from escalate.study.grid.store import JOBS, Store

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE: Final = (JOBS, "designs.parquet", "scenarios.parquet")
"""Files beside the manifest, which has their hashes."""
_MENDED: Final = "run the study again, which keeps what is whole"


@dataclass(frozen=True)
class Status:
    """How far a study on disk is.

    Parameters
    ----------
    state
        `nothing`, `running` (or interrupted), `complete`, or `incomplete` where jobs failed.
    damaged
        Parts that are missing or not what was written.
    """

    state: str
    jobs: int | None
    done: int
    failed: tuple[Kept, ...]
    n_failed: int
    damaged: tuple[str, ...] = ()


def status(folder: Path, *, check: bool = False) -> Status:
    """Return how far a study on disk is; with `check` every file is read against its hash.

    Raises
    ------
    EscalateError
        Where there is something else in the folder.
    """
    store = Store(folder)
    manifest = store.manifest()
    if manifest is None:
        return Status("nothing", None, 0, (), 0)
    state = str(manifest["status"])
    if state == "running":
        done, n_failed, failed = read(folder / JOURNAL)
        return Status(state, None, done, tuple(failed), n_failed)
    whole = [name for name in WHOLE if not store.has(name, manifest.get("sha256", {}).get(name, ""))] if check else []
    done, failed, damaged = 0, [], []
    for kept in _listed(folder, strict=JOBS not in whole):
        if kept.status == "failed":
            failed += [kept] * (len(failed) < 100)
            continue
        done += 1
        damaged += [path for path, sha256 in kept.files.items() if check and not store.has(path, sha256)]
    return Status(state, int(manifest["jobs"]), done, tuple(failed), int(manifest["failed"]), (*whole, *damaged))


def _listed(folder: Path, *, strict: bool = True) -> Iterator[Kept]:
    """Yield the jobs of a list; a line that is none is passed over where it is known that there are such, and refused else."""
    with (
        contextlib.suppress(FileNotFoundError),
        (folder / JOBS).open(encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            try:
                kept = Kept.of(line)
            except ValueError:
                if strict:
                    raise EscalateError(f"{folder / JOBS}: has a line that is none of its own; {_MENDED}") from None
                continue
            yield kept


@dataclass(frozen=True)
class StudyResults:
    """A finished study on disk."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, name: str) -> StudyResults:
        """Open the results of a study.

        Raises
        ------
        EscalateError
            Where there are none, or the work is not finished.
        """
        manifest = Store(folder).manifest()
        if manifest is None:
            raise EscalateError(f"{folder}: there are no results yet; start with 'escalate study run {name}'")
        if manifest["status"] == "running":
            raise EscalateError(f"{folder}: the study is not finished; go on with 'escalate study resume {name}'")
        return cls(folder, manifest)

    @cached_property
    def designs(self) -> pa.Table:
        """A row a design."""
        return self._table("designs.parquet")

    @cached_property
    def scenarios(self) -> pa.Table:
        """A row a scenario."""
        return self._table("scenarios.parquet")

    def _table(self, name: str) -> pa.Table:
        self._check(name)
        try:
            return decoded((self.folder / name).read_bytes())
        except (OSError, ValueError) as fault:
            raise EscalateError(f"{self.folder / name}: {fault}; {_MENDED}") from None

    def _check(self, name: str) -> None:
        if not Store(self.folder).has(name, self.manifest.get("sha256", {}).get(name, "")):
            raise EscalateError(f"{self.folder / name}: is damaged or missing; {_MENDED}")

    def of_design(self, design: str) -> pa.Table | None:
        """Return the figures of a design, given by its short hash, under all scenarios in order; None where a job failed.

        Raises
        ------
        EscalateError
            Where a part is missing or damaged.
        """
        import pyarrow as pa  # noqa: PLC0415 - not needed otherwise

        jobs = self._jobs[design]
        if any(kept.status != "done" for kept in jobs):
            return None
        tables = []
        for kept in jobs:
            where = self.folder / kept.path
            if not Store(self.folder).has(kept.path, kept.sha256):
                raise EscalateError(f"{where}: is damaged or missing; run the study again, which computes it anew")
            tables.append(decoded(where.read_bytes()))
        return pa.concat_tables(tables)

    def kept_metrics(self) -> tuple[str, ...]:
        """Return the columns of figures that the parts have, errors aside."""
        for design in self.designs["design"].to_pylist():
            table = self.of_design(design)
            if table is not None:
                return tuple(
                    name
                    for name in table.column_names
                    if name not in ("scenario", "family", "reachable_states") and not name.startswith("se_")
                )
        return ()

    @cached_property
    def _jobs(self) -> dict[str, list[Kept]]:
        self._check(JOBS)
        # By block: a design that is there twice has each of its parts once.
        found: dict[str, dict[int, Kept]] = {}
        for kept in _listed(self.folder):
            found.setdefault(kept.design[:SHORT], {})[kept.block] = kept
        return {design: list(blocks.values()) for design, blocks in found.items()}

    def figures(self) -> Iterator[tuple[dict[str, Any], pa.Table | None]]:
        """Yield for each design what is listed of it, and its figures under all scenarios; None where a job failed."""
        for row in self.designs.to_pylist():
            yield row, self.of_design(row["design"])


def mean_of(table: pa.Table | None, name: str, families: Sequence[str] = ()) -> float | None:
    """Return the mean of a metric over the scenarios, of some families where named, that have it; None without any."""
    if table is None or name not in table.column_names:
        return None
    values = table[name].to_numpy()
    if families:
        values = values[np.array([each in families for each in table["family"].to_pylist()], dtype=bool)]
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
