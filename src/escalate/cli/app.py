"""The `escalate` command."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from escalate import __version__
from escalate.cli import (
    accounts,
    calibrate,
    cite,
    designing,
    diff,
    map_prior,
    pathways,
    prior,
    record,
    report,
    scenarios,
    serve,
    simulating,
    study,
    trial,
    verify,
)
from escalate.cli.model_code import with_run_model_code
from escalate.core.errors import EscalateError, harmless

app = typer.Typer(
    name="escalate",
    help="Dose-escalation trials: design them, know exactly how they behave, and run them cohort by cohort.",
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
    prior.prior,
    trial.table,
    trial.recommend,
    trial.select,
    pathways.paths,
    scenarios.scenarios,
    simulating.simulate,
    calibrate.calibrate,
    map_prior.map_prior,
    designing.methods,
    designing.explain,
    designing.schema,
    cite.cite,
    diff.diff,
):
    app.command()(with_run_model_code(_command))
app.add_typer(accounts.app, name="account")
app.add_typer(record.app, name="trial")
app.command()(serve.serve)
app.add_typer(report.app, name="report")
app.add_typer(study.app, name="study")
app.command()(verify.verify)


def main() -> None:
    """Run the command; every fault ends in one sentence on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A letter that the terminal cannot show is replaced; the answer is given.
            stream.reconfigure(errors="replace")
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except EscalateError as error:
        code = _fail(str(error), 2)
    except TyperException as error:
        code = _fail(_usage(error), 2)
    except KeyboardInterrupt as interruption:
        code = _fail(str(interruption) or "interrupted; nothing was written", 130)
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`.
        code = _silence(0)
    except OSError as error:
        code = _silence(_fail(f"the answer cannot be written ({error.strerror})", 2))
    except Exception as error:
        if os.environ.get("ESCALATE_DEBUG"):
            raise
        code = _fail(
            f"this should not have happened ({type(error).__name__}: {error}); please report it, with the output of the same "
            "command after 'export ESCALATE_DEBUG=1'",
            2,
        )
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("escalate", arguments or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _usage(error: TyperException) -> str:
    message = getattr(error, "format_message", lambda: str(error))()
    # Typer passes on pydantic's words for a number that is none.
    message = re.sub(r"Input should be a valid (integer|number), unable to parse.*", r"this is no \1", message)
    # Its lists of choices are in lines of their own.
    message = " ".join(message.replace("Value error, ", "").split())
    return f"{message.rstrip('.')}; see 'escalate --help'"


def _silence(code: int) -> int:
    """Keep the interpreter from writing to a standard output that takes nothing any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _fail(text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"error: {harmless(line)}", file=sys.stderr)
    return code
