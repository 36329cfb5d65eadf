"""Where an answer came from: version, design, data, time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


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
