"""The command that writes a checklist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from escalate.cli.output import AsJson, Force, one_standard_input
from escalate.cli.record_common import Database, open_record
from escalate.cli.report_documents import DesignOrNone, Output, TrialName, check_output_given, hand_over
from escalate.core.errors import EscalateError

if TYPE_CHECKING:
    from escalate.conduct.state import TrialState
    from escalate.core.design import Design
    from escalate.core.files import DesignFile
    from escalate.core.scenario import Scenario
    from escalate.study.results import OperatingCharacteristics


def checklist(
    design: DesignOrNone = None,
    of: Annotated[
        Literal["spirit", "consort"],
        typer.Option("--of", help="SPIRIT-DEFINE, for a protocol, or CONSORT-DEFINE, for a report."),
    ] = ...,  # type: ignore[assignment]
    scenarios: Annotated[
        str | None,
        typer.Option("--scenarios", metavar="FILE", help="Scenario file (YAML) the design is to be studied under."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="FILE", help="Results of 'escalate simulate --json' for this design alone."),
    ] = None,
    trial: TrialName = None,
    database: Database = None,
    output: Output = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the SPIRIT-DEFINE or CONSORT-DEFINE checklist, filled where the design, a study or the record holds the answer."""
    if design is None and trial is None:
        raise EscalateError("give a design file, or a trial on record with --trial")
    if trial is None and database is not None:
        raise EscalateError("--database: is for a trial on record; name it with --trial")
    if scenarios is not None and study is not None:
        raise EscalateError("give --scenarios or --study, not both: a study holds its scenarios")
    if study is not None and design is None:
        raise EscalateError("--study: needs the design file that it belongs to")
    check_output_given(output, force=force, as_json=as_json)
    one_standard_input(design, scenarios, study)
    from escalate.report.checklist import document
    from escalate.report.checklist.item import Known

    state = _on_record(trial, database) if trial is not None else None
    file = _design(design, state)
    asked = state.design if file is None and state is not None else file.design if file is not None else None
    assert asked is not None
    known = Known(asked, _scenarios(scenarios, asked), _study(study, file), state)
    sha256 = file.sha256 if file is not None else state.version.kept.sha256 if state is not None else None
    name = design if design != "-" else None
    made = document.build(of, known, design_sha256=sha256, source=name or (state.version.kept.name if state else None))
    hand_over(
        made,
        output,
        force=force,
        as_json=as_json,
        form=lambda: document.form(of, known, design_sha256=sha256),
    )


def _on_record(trial: str, database: str | None) -> TrialState:
    open_record(database)
    from escalate.report.on_record import verified

    return verified(trial)


def _design(path: str | None, state: TrialState | None) -> DesignFile | None:
    """Return the design file given, which must be the one that is locked where there is a record."""
    if path is None:
        return None
    from escalate.core.files import read_design

    file = read_design(path)
    if state is not None and file.sha256 != state.version.kept.sha256:
        raise EscalateError(
            f"{path}: is not the design locked in {state.trial} (sha256 {file.sha256[:12]}, locked "
            f"{state.version.kept.sha256[:12]}); leave it out, and the locked design is taken"
        )
    return file


def _scenarios(path: str | None, design: Design) -> tuple[Scenario, ...]:
    if path is None:
        return ()
    from escalate.core.files import load_scenarios

    return tuple(load_scenarios(path, [design]))


def _study(path: str | None, file: DesignFile | None) -> OperatingCharacteristics | None:
    if path is None or file is None:
        return None
    from escalate.study.saved import read_simulation

    return read_simulation(path, [file], others=True)
