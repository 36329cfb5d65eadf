"""The command that searches over settings of a design."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalate.cli.output import (
    AsJson,
    DesignPath,
    Force,
    Plot,
    check_output,
    check_outputs,
    emit,
    one_standard_input,
    progress,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.core.files import DesignFile
    from escalate.core.scenario import Scenario
    from escalate.report.calibration_words import Sources
    from escalate.study.calibration_results import Calibration

EVIDENCE = {
    "README.md": "this page",
    "candidates.csv": "every candidate: settings, loss with its errors, limits, metrics",
    "calibration.json": "all of it as JSON",
    "chosen.yaml": "the chosen design",
    "loss.png": "loss by setting",
}


def calibrate(
    design: DesignPath,
    over: Annotated[
        str, typer.Option("--over", metavar="FILE", help="Scenario file (YAML) to judge by; - for standard input.")
    ],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="FIELD=VALUES",
            help="A setting and its values, e.g. method.prior_sd=0.4:1.6:0.2; repeat it.",
        ),
    ],
    loss: Annotated[
        str, typer.Option("--loss", metavar="SUM", help="What is minimised, e.g. '1 - pcs + 0.5*overdose_selected'.")
    ] = "incorrect_selection",
    subject_to: Annotated[
        list[str] | None,
        typer.Option(
            "--subject-to", metavar="LIMIT", help="A limit, e.g. 'max: overdose_allocated <= 0.25'; repeat it."
        ),
    ] = None,
    refine: Annotated[bool, typer.Option("--refine", help="Try more candidates near the best of the grid.")] = False,
    max_candidates: Annotated[int, typer.Option("--max-candidates", min=1, help="Largest grid that is tried.")] = 200,
    max_states: Annotated[
        int, typer.Option("--max-states", min=1000, help="Leave out candidates with more reachable states.")
    ] = 1_000_000,
    check_seeds: Annotated[
        int, typer.Option("--check-seeds", min=1, help="Added to each seed for the scenarios that check the choice.")
    ] = 1_000_000,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the chosen design to a file.")
    ] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="DIR", help="Write a directory of evidence for the choice.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads; the result does not depend on it.")
    ] = None,
    as_json: AsJson = False,
    plot: Plot = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Choose settings of a design by exact operating characteristics over a family of scenarios."""
    from escalate.core.files import read_design
    from escalate.report import calibration_forms
    from escalate.study.calibrate import calibrate as search
    from escalate.study.calibration_axes import parse_axis
    from escalate.study.provenance import Provenance

    check_outputs(plot, force=force)
    check_output(output, force=force)
    _check_evidence(evidence, force=force)
    one_standard_input(design, over)
    axes = [parse_axis(text) for text in vary]
    file = read_design(design)
    scenarios, fresh, sha256 = _scenarios(over, file, check_seeds)
    found = search(
        file.design,
        scenarios,
        axes,
        loss=loss,
        subject_to=subject_to or (),
        fresh=fresh,
        refine=refine,
        max_candidates=max_candidates,
        max_states=max_states,
        workers=workers,
        progress=progress(quiet),
    )
    sources = _sources(design, file, over, sha256, check_seeds if fresh is not None else None)
    chosen = _chosen(found, file, sources)
    form = calibration_forms.calibration(found, sources, chosen, Provenance.now(file.sha256, None))
    written = _write(found, sources, chosen, form, output, evidence, plot, force=force)

    def render() -> RenderableType:
        from escalate.report import calibration_tables

        return calibration_tables.calibration(found, written)

    emit(as_json, lambda: form, render)


def _scenarios(
    path: str, file: DesignFile, further: int
) -> tuple[tuple[Scenario, ...], tuple[Scenario, ...] | None, str]:
    """Return the scenarios of a file, fresh ones of the same laws, and the hash of the file."""
    import hashlib

    from escalate.core import yaml_reader
    from escalate.core.errors import DesignError
    from escalate.core.files import check_schema
    from escalate.core.scenario import SCHEMA
    from escalate.core.scenario_files import Context, build
    from escalate.study.fresh_truths import fresh_truths

    document = yaml_reader.read(path, "a scenario file")
    check_schema(document, SCHEMA, "a scenario file")
    context = Context.of([file.design])
    found, problems = build(document.data, context)
    if found is None or problems:
        raise DesignError(document.say(problems))
    fresh, problems = fresh_truths(document.data, context, further)
    if problems:
        raise DesignError(document.say(problems))
    return found.scenarios, None if fresh is None else fresh.scenarios, hashlib.sha256(document.raw).hexdigest()


def _sources(design: str, file: DesignFile, over: str, sha256: str, further: int | None) -> Sources:
    from escalate.report.calibration_words import Sources

    names = ["standard input" if path == "-" else Path(path).name for path in (design, over)]
    return Sources(names[0], file.sha256, names[1], sha256, further)


def _chosen(found: Calibration, file: DesignFile, sources: Sources) -> str:
    """Return the file of the chosen design."""
    from escalate.report.calibration_words import notes_of
    from escalate.report.chosen_design import Change, chosen_file, wrapped_notes

    chosen = found.chosen.candidate
    changes = tuple(
        Change(axis.field, old, new)
        for axis, old, new in zip(found.axes, found.given.settings, chosen.settings, strict=True)
        if old != new
    )
    return chosen_file(
        file.document.raw.decode("utf-8-sig"), chosen.design, changes, wrapped_notes(notes_of(found, sources))
    )


def _check_evidence(folder: str | None, *, force: bool) -> None:
    from escalate.core.errors import EscalateError

    if folder is None:
        return
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise EscalateError(f"{folder}: is a file, not a directory")
    if not path.resolve().parent.is_dir():
        raise EscalateError(f"{folder}: there is no directory {path.resolve().parent}")
    for name in EVIDENCE:
        check_output(str(path / name), force=force) if path.is_dir() else None


def _write(
    found: Calibration,
    sources: Sources,
    chosen: str,
    form: dict[str, object],
    output: str | None,
    evidence: str | None,
    plot: str | None,
    *,
    force: bool,
) -> list[str]:
    """Write what was asked for; return the names."""
    import json

    from escalate.core.files import write_new

    written = []
    if output is not None:
        write_new(output, chosen, force=force)
        written.append(output)
    if plot is not None or evidence is not None:
        from escalate.report import picture_files, plots

        picture = plots.calibration(found)
        if plot is not None:
            picture_files.save(picture, plot, force=force)
            written.append(plot)
    if evidence is not None:
        from escalate.report import calibration_forms

        folder = Path(evidence)
        folder.mkdir(exist_ok=True)
        page = calibration_forms.page(found, sources, _command(), {"picture": "loss.png", **EVIDENCE})
        write_new(folder / "README.md", page, force=force)
        write_new(folder / "candidates.csv", calibration_forms.candidates_csv(found), force=force)
        write_new(folder / "calibration.json", json.dumps(form, indent=2, allow_nan=False) + "\n", force=force)
        write_new(folder / "chosen.yaml", chosen, force=force)
        picture_files.save(picture, folder / "loss.png", force=force)
        written += [str(folder / name) for name in EVIDENCE]
    return written


def _command() -> str:
    """Return what was typed, an option a line."""
    words = [shlex.quote(word) for word in sys.argv[1:]]
    lines = ["escalate"]
    for word in words:
        if word.startswith("-") and len(word) > 1 and not word[1:2].isdigit():
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return " \\\n  ".join(lines)
