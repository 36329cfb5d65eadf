"""The command that writes the pack of a meeting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.cli.output import AsJson, AsOfDay, Force, Outcomes, one_standard_input, read_data
from escalate.cli.record_common import Database, day, open_record
from escalate.cli.report_documents import (
    DesignOrNone,
    Output,
    TrialName,
    check_output_given,
    check_trial_alone,
    hand_over,
)
from escalate.cli.trial import Data
from escalate.core.errors import DataError, EscalateError

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.report.meeting.subject import Subject


def meeting(
    design: DesignOrNone = None,
    data: Data = None,
    outcomes: Outcomes = None,
    as_of: AsOfDay = None,
    trial: TrialName = None,
    database: Database = None,
    output: Output = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the pack of a dose-escalation meeting: data so far, recommendation, estimates, what one more DLT would do."""
    check_trial_alone(trial, {"DESIGN": design, "DATA": data, "--outcomes": outcomes}, database)
    if trial is None and design is None:
        raise EscalateError("give a design file, or a trial on record with --trial")
    check_output_given(output, force=force, as_json=as_json)
    if trial is not None:
        subject = _on_record(trial, as_of, database)
    else:
        assert design is not None
        subject = _in_files(design, data, outcomes, as_of)
    from escalate.report.meeting.pack import document

    hand_over(document(subject), output, force=force, as_json=as_json)


def _on_record(trial: str, as_of: str | None, database: str | None) -> Subject:
    looked_at = day(as_of)
    open_record(database)
    from escalate.report.meeting.record import from_record
    from escalate.report.on_record import verified

    return from_record(verified(trial), looked_at)


def _in_files(path: str, data: str | None, outcomes: str | None, as_of: str | None) -> Subject:
    from escalate.core.files import read_design
    from escalate.report.meeting.subject import from_data

    one_standard_input(path, data)
    file = read_design(path)
    trial, text = _data(data, outcomes, file.design, as_of)
    sources = (None if path == "-" else path, None if data == "-" else data)
    return from_data(file.design, trial, design_sha256=file.sha256, text=text, sources=sources)


def _data(
    data: str | None, outcomes: str | None, design: Design, as_of: str | None
) -> tuple[TrialData | None, str | None]:
    """Return the data, and the text of the CSV for the study numbers; a trial with dates holds them itself."""
    if data is None or outcomes is not None or as_of is not None:
        return read_data(data, outcomes, design, as_of), None
    from escalate.core.patients import MAX_BYTES, parse_patients
    from escalate.core.yaml_reader import decode, read_bytes

    raw = read_bytes(data, MAX_BYTES, "a CSV file of patients", DataError)
    name = "standard input" if data == "-" else data
    return parse_patients(raw, name, design, design.outcomes), decode(raw, name, DataError)
