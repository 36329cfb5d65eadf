"""The section of a protocol on dose escalation, in words and tables made from the design file."""

from escalate.report.protocol.build import build
from escalate.report.protocol.part import Part

__all__ = ["Part", "build"]
