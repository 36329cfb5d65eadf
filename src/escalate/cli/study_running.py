"""The commands that plan, run and resume a study."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import AsJson, emit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.study.grid.run import Outcome, Standing
    from escalate.study.grid.study import Study
    from escalate.study.grid.workers import Workers

MAYBE_LARGE, MAYBE_LONG = 1_000, 10_000_000_000
"""Jobs, and random trials in all, from which on it is worth finding out how long a study takes."""
StudyPath = Annotated[str, typer.Argument(metavar="STUDY", help="Study file (YAML).")]
ProcessesOption = Annotated[
    int | None, typer.Option("--processes", min=1, help="Processes on this machine; all processors by default.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Start a Dask cluster of so many workers on this machine.")
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Join the Dask cluster there, e.g. tcp://10.0.0.1:8786."),
]
TlsCa = Annotated[
    str | None,
    typer.Option("--tls-ca-file", metavar="FILE", help="With --scheduler tls://...: certificate of the authority."),
]
TlsCert = Annotated[str | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate of this client.")]
TlsKey = Annotated[str | None, typer.Option("--tls-key", metavar="FILE", help="Key of this client.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no compiled designs on disk, and use none.")]
Yes = Annotated[bool, typer.Option("--yes", help="Start though the study is very large.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]


def plan(
    study: StudyPath,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Reckon with so many workers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a study will take before it starts: jobs, states, memory, time and room; a few of its designs are tried."""
    import os

    from escalate.report import study_forms, study_tables
    from escalate.study.grid.plan import plan as reckon
    from escalate.study.grid.study_file import load_study

    asked = load_study(study)
    found, n = reckon(asked), workers or os.cpu_count() or 1

    def render() -> RenderableType:
        return study_tables.plan(asked, found, n)

    emit(as_json, lambda: study_forms.plan(asked, found, n), render)


def run(
    study: StudyPath,
    processes: ProcessesOption = None,
    workers: WorkersOption = None,
    scheduler: Scheduler = None,
    tls_ca_file: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    no_cache: NoCache = False,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a study: what is there already and has not changed is kept, the rest is computed. The result is the same everywhere."""
    from escalate.core.errors import EscalateError
    from escalate.study.grid.plan import plan as reckon
    from escalate.study.grid.study_file import load_study

    asked = load_study(study)
    who = _workers(
        asked, processes, workers, scheduler, _tls(scheduler, tls_ca_file, tls_cert, tls_key), no_cache=no_cache
    )
    if not yes and (asked.n_jobs > MAYBE_LARGE or asked.n_trials > MAYBE_LONG):
        found = reckon(asked)
        if found.large:
            from escalate.report.study_tables import duration

            raise EscalateError(
                f"{study}: is a study of {asked.n_jobs:,} jobs, about {duration(found.seconds)} of one processor; see "
                f"'escalate study plan {study}', and add --yes to start it"
            )
    _run(asked, who, as_json=as_json, quiet=quiet)


def resume(
    study: StudyPath,
    processes: ProcessesOption = None,
    workers: WorkersOption = None,
    scheduler: Scheduler = None,
    tls_ca_file: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a study that was interrupted; jobs that failed are tried again."""
    from escalate.core.errors import EscalateError
    from escalate.study.grid.store import Store
    from escalate.study.grid.study_file import load_study

    asked = load_study(study)
    if Store(asked.folder).manifest() is None:
        raise EscalateError(f"{asked.folder}: there is nothing to resume; start with 'escalate study run {study}'")
    who = _workers(
        asked, processes, workers, scheduler, _tls(scheduler, tls_ca_file, tls_cert, tls_key), no_cache=no_cache
    )
    _run(asked, who, as_json=as_json, quiet=quiet)


def _tls(scheduler: str | None, ca_file: str | None, cert: str | None, key: str | None) -> tuple[str, str, str] | None:
    from escalate.core.errors import EscalateError

    given = {"--tls-ca-file": ca_file, "--tls-cert": cert, "--tls-key": key}
    if not any(given.values()):
        return None
    missing = [name for name, path in given.items() if path is None]
    if missing:
        raise EscalateError(f"{missing[0]}: is missing; TLS takes --tls-ca-file, --tls-cert and --tls-key together")
    if scheduler is None:
        raise EscalateError("--tls-ca-file: goes with --scheduler tls://...")
    for name, path in given.items():
        if path is not None and not Path(path).is_file():
            raise EscalateError(f"{name} {path}: there is no such file")
    assert ca_file is not None
    assert cert is not None
    assert key is not None
    return ca_file, cert, key


def _workers(
    asked: Study,
    processes: int | None,
    workers: int | None,
    scheduler: str | None,
    tls: tuple[str, str, str] | None,
    *,
    no_cache: bool,
) -> Callable[[], Workers]:
    """Return what makes who does the jobs."""
    import os

    from escalate.core.errors import EscalateError
    from escalate.engine.automaton_cache import default_folder

    given = [
        name
        for name, value in (("--processes", processes), ("--workers", workers), ("--scheduler", scheduler))
        if value is not None
    ]
    if len(given) > 1:
        raise EscalateError(f"give {given[0]} or {given[1]}, not both")
    cache = None if no_cache else str(default_folder())
    if workers is not None or scheduler is not None:
        from escalate.study.grid.cluster import Cluster
        from escalate.study.grid.joining import Tls

        cluster = Cluster(asked, workers, scheduler, None if tls is None else Tls(*tls), cache)
        return lambda: cluster
    from escalate.study.grid.processes import Processes
    from escalate.study.grid.workers import Serial

    n = min(processes or os.cpu_count() or 1, asked.n_jobs)
    return (lambda: Serial(asked, cache)) if n == 1 else (lambda: Processes(asked, n, cache))


def _run(asked: Study, who: Callable[[], Workers], *, as_json: bool, quiet: bool) -> None:
    from escalate.report import study_forms, study_tables
    from escalate.study.grid.run import run as go

    outcome: Outcome = go(asked, who, _progress(quiet))

    def render() -> RenderableType:
        return study_tables.outcome(asked, outcome)

    emit(as_json, lambda: study_forms.outcome(asked, outcome), render)
    if outcome.standing.failed or outcome.failures:
        raise typer.Exit(1)


def _progress(quiet: bool) -> Callable[[Standing], None]:
    """Return a function that shows how far a study is on standard error, once a second at most."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None
    from escalate.report.study_tables import progress_line

    last = [0.0]

    def show(standing: Standing) -> None:
        now = time.monotonic()
        if now - last[0] >= 1.0 or standing.left == 0:
            last[0] = now
            print(f"\r{progress_line(standing)}\033[K", end="" if standing.left else "\n", file=sys.stderr, flush=True)

    return show
