"""The option that every command has which reads a design: whether Python code beside the design may be run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

NAME = "run_model_code"
RunModelCode = Annotated[
    bool, typer.Option("--run-model-code", help="Run the Python file of a design whose model is your own PyMC code.")
]


def with_run_model_code(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the option; a command that reads no design is returned as it is."""
    hints = get_type_hints(command, include_extras=True)
    if not any(_is_design(hint) for hint in hints.values()):
        return command

    @functools.wraps(command)
    def run(*args: Any, **settings: Any) -> None:
        from escalate.core.model_code import running_model_code

        with running_model_code(settings.pop(NAME)):
            command(*args, **settings)

    signature = inspect.signature(command)
    added = inspect.Parameter(NAME, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=RunModelCode)
    known = [parameter.replace(annotation=hints[name]) for name, parameter in signature.parameters.items()]
    run.__signature__ = signature.replace(parameters=[*known, added])  # type: ignore[attr-defined]
    run.__annotations__ = {**hints, NAME: RunModelCode}
    return run


def _is_design(hint: Any) -> bool:
    return any(str(getattr(each, "metavar", None)).startswith("DESIGN") for each in getattr(hint, "__metadata__", ()))
