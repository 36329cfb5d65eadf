"""Design and scenario files: read, checked, and tied to the bytes they came from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from escalate.core import design as design_module
from escalate.core import scenario as scenario_module
from escalate.core import yaml_reader
from escalate.core.design import Design
from escalate.core.errors import DesignError, EscalateError, Problem
from escalate.core.scenario import Scenario
from escalate.core.yaml_reader import Document


@dataclass(frozen=True)
class DesignFile:
    """A design with the file it came from."""

    design: Design
    document: Document

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes: what `sha256sum` prints."""
        return hashlib.sha256(self.document.raw).hexdigest()


def _check_schema(document: Document, wanted: str, what: str) -> None:
    found = document.data.get("schema")
    if found == wanted:
        return
    if found is None:
        raise DesignError(f"{document.name}:1 schema: is missing; {what} starts with 'schema: {wanted}'")
    raise DesignError(document.say([Problem("schema", f"{found!r} is not '{wanted}', which {what} starts with")]))


def read_design(path: str | Path, *, runnable: bool = True) -> DesignFile:
    """Read and check a design file; `-` is standard input.

    Parameters
    ----------
    runnable
        Refuse also what can be discussed but not computed, such as a skeleton that does not increase.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = yaml_reader.read(str(path), "a design file")
    _check_schema(document, design_module.SCHEMA, "a design file")
    design, problems = design_module.build(document.data)
    if document.data.get("rules", ()) is None:
        problems.append(Problem("rules", "is empty; write [] for no rules, or leave it out for the published ones"))
    if design is not None and runnable:
        problems += [Problem(f"method.{fault.field}", fault.text) for fault in design.method.cannot_run(design)]
    if design is None or problems:
        raise DesignError(document.say(problems))
    return DesignFile(design, document)


def load_design(path: str | Path) -> Design:
    """Read and check a design file; `-` is standard input.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    return read_design(path).design


def load_scenarios(path: str | Path, designs: Sequence[Design] = ()) -> tuple[Scenario, ...]:
    """Read and check a file of scenarios; `-` is standard input.

    Parameters
    ----------
    designs
        Designs that each scenario must have a probability a dose for.

    Raises
    ------
    DesignError
        With one line for each fault: file, line, field, and what would be right.
    """
    document = yaml_reader.read(str(path), "a scenario file")
    _check_schema(document, scenario_module.SCHEMA, "a scenario file")
    found, problems = scenario_module.build(document.data)
    if found is not None:
        problems = [
            Problem(
                f"scenarios[{k}].dlt",
                f"has {len(scenario.dlt)} DLT probabilities, but '{design.title}' has {design.n_doses} dose levels",
            )
            for design in designs
            for k, scenario in enumerate(found.scenarios, start=1)
            if len(scenario.dlt) != design.n_doses
        ]
    if found is None or problems:
        raise DesignError(document.say(problems))
    return found.scenarios


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
