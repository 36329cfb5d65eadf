"""The commands on the record of a trial: `escalate trial ...`."""

from __future__ import annotations

from collections.abc import Callable

import typer

from escalate.cli import record_deciding, record_entering, record_looking, record_signing

app = typer.Typer(
    help="Keep the record of a trial: what was known, what was recommended, what was decided, by whom, when and why.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


COMMANDS: dict[str, Callable[..., None]] = {
    "new": record_entering.new,
    "enter": record_entering.enter,
    "amend": record_entering.amend,
    "recommend": record_deciding.recommend,
    "decide": record_deciding.decide,
    "sign": record_signing.sign,
    "close": record_deciding.close,
    "list": record_looking.list_,
    "show": record_looking.show,
    "history": record_looking.history,
    "verify": record_looking.verify,
    "export": record_looking.export,
    "import": record_looking.import_,
}
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
