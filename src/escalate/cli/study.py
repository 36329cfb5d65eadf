"""`escalate study`: grids of designs and scenarios, resumable, on one machine or a cluster."""

from __future__ import annotations

import typer

from escalate.cli.study_looking import export, show, status
from escalate.cli.study_running import plan, resume, run

app = typer.Typer(
    help="Studies of many designs and scenarios: plan, run, resume, look at the results; on one machine or a Dask cluster.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
for _command in (plan, run, resume, status, show, export):
    app.command()(_command)
