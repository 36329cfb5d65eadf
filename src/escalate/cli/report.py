"""`escalate report`: the documents people must hand in."""

from __future__ import annotations

import typer

from escalate.cli.model_code import with_run_model_code
from escalate.cli.report_checklist import checklist
from escalate.cli.report_meeting import meeting
from escalate.cli.report_protocol import protocol
from escalate.cli.report_simulation import simulation

app = typer.Typer(
    help="Write documents: protocol section, simulation report, meeting pack, SPIRIT-DEFINE and CONSORT-DEFINE checklists.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
for _command in (protocol, simulation, meeting, checklist):
    app.command()(with_run_model_code(_command))
