"""Where an answer came from: version, design, data, time; and where a study came from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from escalate.core.scenario import Scenario


@dataclass(frozen=True)
class Provenance:
    """What is needed to obtain an answer again."""

    version: str
    design_sha256: str
    data_sha256: str | None
    time: str

    @classmethod
    def now(cls, design_sha256: str, data_sha256: str | None) -> Provenance:
        """Return the provenance of an answer given now."""
        from escalate import __version__  # noqa: PLC0415 - the package imports this module

        return cls(__version__, design_sha256, data_sha256, datetime.now(UTC).isoformat(timespec="seconds"))


@dataclass(frozen=True)
class StudyProvenance:
    """What is needed to obtain a simulation again, besides what it says itself. It holds no time: equal questions, equal bytes.

    Parameters
    ----------
    version
        Of this program.
    scenarios_sha256
        Of the scenarios, however their file was laid out.
    python, numpy
        Versions.
    """

    version: str
    scenarios_sha256: str
    python: str
    numpy: str

    @classmethod
    def here(cls, scenarios: Sequence[Scenario]) -> StudyProvenance:
        """Return the provenance of a simulation made on this machine."""
        import numpy as np  # noqa: PLC0415 - not needed by an answer about a trial

        from escalate import __version__  # noqa: PLC0415 - the package imports this module

        return cls(__version__, scenarios_hash(scenarios), platform.python_version(), np.__version__)


def scenarios_hash(scenarios: Sequence[Scenario]) -> str:
    """Return the hash of scenarios as a file would list them.

    Examples
    --------
    >>> scenarios_hash([Scenario(name="a", dlt=(0.1, 0.3))])[:8]
    '72324ffa'
    """
    listed = [scenario.model_dump(mode="json", exclude_none=True) for scenario in scenarios]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
