"""Pathways and the safety atlas, as whole processes of the installed command."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import commands
from commands import ROOT
from escalate import load_design, paths
from measuring import Row

COHORTS = 3
WARNED = 1
"""What `check` returns where it has warnings."""
PATH_LIMIT, ATLAS_LIMIT = 1.0, 2.0
"""CPU seconds."""


def rows(repeat: int) -> Iterator[Row]:
    files = {name: ROOT / "designs" / f"{name}.yaml" for name in ("boin", "crm")}
    with tempfile.TemporaryDirectory() as folder:
        variables = commands.environment(Path(folder))
        for name, file in files.items():
            command = [commands.escalate(), "paths", str(file), "--cohorts", str(COHORTS)]
            nodes = len(paths(load_design(file), cohorts=COHORTS).nodes)
            what = f"escalate paths designs/{name}.yaml --cohorts {COHORTS}"
            yield commands.timed(command, variables, repeat).row("paths", what, PATH_LIMIT, note=f"{nodes} nodes")
        for name, file in files.items():
            command = [commands.escalate(), "check", "--atlas", str(file)]
            timing = commands.timed(command, variables, repeat, allowed=(0, WARNED))
            yield timing.row("paths", f"escalate check --atlas designs/{name}.yaml", ATLAS_LIMIT)
