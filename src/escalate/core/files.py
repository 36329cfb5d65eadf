"""Design and scenario files: read, checked, and tied to the bytes they came from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from escalate.core import design as design_module
from escalate.core import model_code, registry, yaml_reader
from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError, Problem, harmless
from escalate.core.model_code import ModelCode
from escalate.core.outcome import check_scenarios
from escalate.core.scenario import SCHEMA as SCENARIO_SCHEMA
from escalate.core.scenario import Scenario
from escalate.core.scenario_files import Context, ScenarioSet, build
from escalate.core.yaml_reader import Document


@dataclass(frozen=True)
class DesignFile:
    """A design with the file it came from, and the bytes of a file that its method reads beside it."""

    design: Design
    document: Document
    attached: bytes = b""

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes, what `sha256sum` prints; with an attached file, hash of the two hashes, one a line."""
        own = hashlib.sha256(self.document.raw).hexdigest()
        if not self.attached:
            return own
        return hashlib.sha256(f"{own}\n{hashlib.sha256(self.attached).hexdigest()}\n".encode()).hexdigest()


def check_schema(document: Document, wanted: str, what: str) -> None:
    """Refuse a document of another schema, or of none.

    Raises
    ------
    DesignError
        Saying which schema it should have.
    """
    found = document.data.get("schema")
    if found == wanted:
        return
    if found is None:
        raise DesignError(f"{document.name}:1 schema: is missing; {what} starts with 'schema: {wanted}'")
    raise DesignError(document.say([Problem("schema", f"{found!r} is not '{wanted}', which {what} starts with")]))


def read_design(path: str | Path, *, runnable: bool = True, run_model_code: bool = False) -> DesignFile:
    """Read and check a design file; `-` is standard input.

    Parameters
    ----------
    runnable
        Refuse also what can be discussed but not computed, such as a skeleton that does not increase.
    run_model_code
        Accept a design whose model is Python code beside it, which is then run where something is computed from it.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = yaml_reader.read(str(path), "a design file")
    check_schema(document, design_module.SCHEMA, "a design file")
    data, attached = _attach(document, Path() if str(path) == "-" else Path(path).parent)
    _refuse_code(document, data.get("method"), run_model_code or model_code.may_run())
    design, problems = design_module.build(data)
    if document.data.get("rules", ()) is None:
        problems.append(Problem("rules", "is empty; write [] for no rules, or leave it out for the published ones"))
    if design is not None and runnable:
        problems += [Problem(f"method.{fault.field}", fault.text) for fault in design.method.cannot_run(design)]
    if design is None or problems:
        raise DesignError(document.say(problems))
    return DesignFile(design, document, attached)


def _attach(document: Document, folder: Path) -> tuple[Mapping[str, Any], bytes]:
    """Return the content of a design file with what its method reads beside it, and the bytes read."""
    settings = document.data.get("method")
    if not isinstance(settings, Mapping) or not isinstance(settings.get("kind"), str):
        return document.data, b""
    try:
        cls = registry.methods().get(settings["kind"])
    except EscalateError:
        # Told with the other faults of the design, by line.
        return document.data, b""
    try:
        settings, attached = cls.attach(settings, folder)
    except DesignError as error:
        field, _, text = str(error).partition(": ")
        if not field.startswith("method."):
            raise
        raise DesignError(document.say([Problem(field, text)])) from None
    return {**document.data, "method": settings}, attached


def _refuse_code(document: Document, method: object, allowed: bool) -> None:
    """Refuse a design that would run code, unless the user allowed it."""
    if allowed or not isinstance(method, Mapping):
        return
    for value in method.values():
        if isinstance(value, ModelCode):
            text = (
                f"{harmless(value.path)} is Python code, which is not run unless asked for; read it, then add "
                f"{model_code.FLAG} (in Python: run_model_code=True)"
            )
            raise DesignError(document.say([Problem("method.model", text)]))


def load_design(path: str | Path, *, run_model_code: bool = False) -> Design:
    """Read and check a design file; `-` is standard input.

    Parameters
    ----------
    run_model_code
        Accept a design whose model is Python code beside it, and run that where something is computed from it.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    return read_design(path, run_model_code=run_model_code).design


def read_scenarios(path: str | Path, context: Context | None = None) -> ScenarioSet:
    """Read, check and expand a file of scenarios; `-` is standard input.

    Parameters
    ----------
    context
        What a generator that does not say its target or number of doses takes them from.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = yaml_reader.read(str(path), "a scenario file")
    check_schema(document, SCENARIO_SCHEMA, "a scenario file")
    found, problems = build(document.data, context or Context())
    if found is None or problems:
        raise DesignError(document.say(problems))
    return found


def load_scenarios(path: str | Path, designs: Sequence[Design] = ()) -> tuple[Scenario, ...]:
    """Read, check and expand a file of scenarios; `-` is standard input. Fixed ones come first.

    Parameters
    ----------
    designs
        Designs that each scenario must have a probability a dose for. A generator that does not say its target or its number
        of doses takes them from the designs, where these agree.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    found = read_scenarios(path, Context.of(designs)).scenarios
    for design in designs:
        try:
            check_scenarios(found, design.n_doses, design.outcomes, design.title)
        except DesignError as error:
            raise DesignError(f"{'standard input' if str(path) == '-' else path}: {error}") from None
    return found


def write_new(path: str | Path, content: str | bytes, *, force: bool = False) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    EscalateError
        Where it exists and `force` is not set, or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise EscalateError(f"{target}: is a directory; name a file in it")
    if target.exists() and not force:
        raise EscalateError(f"{target}: exists already; use --force to replace it")
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise EscalateError(f"{target}: cannot be written ({fault.strerror})") from None
