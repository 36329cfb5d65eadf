"""The report of a simulation study, made from its results."""

from escalate.report.simulation_report.build import build
from escalate.report.simulation_report.subject import Subject

__all__ = ["Subject", "build"]
