"""The pack of a dose-escalation meeting: data so far, recommendation, posterior, and what one more DLT would do."""

from __future__ import annotations

from escalate.report.meeting.pack import build, document
from escalate.report.meeting.subject import Subject

__all__ = ["Subject", "build", "document"]
