"""The SPIRIT-DEFINE and CONSORT-DEFINE checklists, filled where the design, a study or the record holds the answer."""

from __future__ import annotations

from escalate.report.checklist.document import build
from escalate.report.checklist.fill import filled
from escalate.report.checklist.item import Filled, Known

__all__ = ["Filled", "Known", "build", "filled"]
