"""The `escalate` command."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from escalate import __version__
from escalate.cli import designing, simulating, trial
from escalate.core.errors import EscalateError

app = typer.Typer(
    name="escalate",
    help="Dose-escalation trials: design them, know exactly how they behave, and run them cohort by cohort.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"escalate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for _command in (
    designing.new,
    designing.check,
    trial.table,
    trial.recommend,
    trial.select,
    simulating.simulate,
    designing.methods,
    designing.explain,
    designing.schema,
):
    app.command()(_command)


def main() -> None:
    """Run the command; every fault ends in one sentence on standard error and exit code 2."""
    try:
        app()
    except EscalateError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted; nothing was written", 130)
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("ESCALATE_DEBUG"):
            raise
        _fail(
            f"this should not have happened ({type(error).__name__}: {error}); please report it, with the output of the same "
            "command after 'export ESCALATE_DEBUG=1'",
            2,
        )


def _fail(text: str, code: int) -> None:
    for line in text.splitlines():
        print(f"error: {line}", file=sys.stderr)
    sys.exit(code)
