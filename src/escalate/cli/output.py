"""What all commands share: JSON or tables, errors as one sentence, progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.dated_patients import DatedTrial
    from escalate.core.design import Design
    from escalate.core.patients import TrialData

DesignPath = Annotated[str, typer.Argument(metavar="DESIGN", help="Design file (YAML); - for standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Write a picture: .png, .svg or .pdf.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]
Outcomes = Annotated[
    str | None,
    typer.Option("--outcomes", metavar="TEXT", help="Outcomes in order, e.g. '1NNN 2NNT': level, then T (DLT) or N a patient."),
]  # fmt: skip


def emit(as_json: bool, form: Callable[[], dict[str, Any]], render: Callable[[], RenderableType]) -> None:
    """Print an answer as JSON or as tables."""
    if as_json:
        print(json.dumps(form(), indent=2, allow_nan=False))
    else:
        from escalate.report.tables import show

        show(render())


AsOfDay = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Day looked at, for data with dates, e.g. 2026-03-31."),
]


def read_data(data: str | None, outcomes: str | None, design: Design, as_of: str | None = None) -> TrialData | None:
    """Return the trial data of a command: a file, an outcome string, or none.

    Raises
    ------
    EscalateError
        Where both are given, or a day without a file.
    """
    if as_of is not None:
        return read_dated_data(data, outcomes, design, as_of)
    from escalate.core.patients import from_outcomes, read_patients

    if data is not None and outcomes is not None:
        raise EscalateError("give the data as a file or with --outcomes, not both")
    if outcomes is not None:
        return from_outcomes(outcomes, design, design.outcomes)
    if data is None:
        return None
    return read_patients(data, design, design.outcomes)


def read_dated_data(data: str | None, outcomes: str | None, design: Design, as_of: str) -> DatedTrial:
    """Return the trial data of a command as they stand on a day.

    Raises
    ------
    EscalateError
        Where there is no file, or the day is none.
    """
    from escalate.core.read_dated import day_of, read_dated

    if outcomes is not None or data is None:
        raise EscalateError(
            "--as-of: goes with a file of patients that has a column 'treated'; outcome strings have no dates"
        )
    return read_dated(data, design, day_of(as_of, "--as-of"), design.outcomes)


def one_standard_input(*paths: str | None) -> None:
    """Refuse a question that would read standard input twice.

    Raises
    ------
    EscalateError
        Where more than one path is `-`.
    """
    if paths.count("-") > 1:
        raise EscalateError("design and data cannot both come from standard input; only one file can")


def progress(quiet: bool) -> Callable[[str], None]:
    """Return a function that shows progress on standard error, where a person is watching."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None
    return lambda text: print(text, file=sys.stderr, flush=True)


def check_outputs(path: str | None, *, force: bool) -> None:
    """Refuse a picture that could not be written before the work is done for it.

    Raises
    ------
    EscalateError
        Where the name has the wrong ending, or the file exists and may not be replaced.
    """
    if path is not None:
        from escalate.report.picture_files import check_name

        check_name(path)
    check_output(path, force=force)


def check_distinct(outputs: dict[str, str | None]) -> None:
    """Refuse two files of one name.

    Parameters
    ----------
    outputs
        By option, without its hyphens.

    Raises
    ------
    EscalateError
        Naming both options.
    """
    from pathlib import Path

    seen: dict[Path, tuple[str, str]] = {}
    for name, path in outputs.items():
        if path is None:
            continue
        first, same = seen.setdefault(Path(path).resolve(), (name, path))
        if first != name:
            raise EscalateError(f"{same}: --{first} and --{name} name the same file")


def check_output(path: str | None, *, force: bool) -> None:
    """Refuse a file that could not be written before the work is done for it.

    Raises
    ------
    EscalateError
        Where it is a directory or in none, or exists and may not be replaced.
    """
    if path is None:
        return
    from pathlib import Path

    if Path(path).is_dir():
        raise EscalateError(f"{path}: is a directory; name a file in it")
    if Path(path).exists() and not force:
        raise EscalateError(f"{path}: exists already; use --force to replace it")
    if not Path(path).resolve().parent.is_dir():
        raise EscalateError(f"{path}: there is no directory {Path(path).resolve().parent}")
