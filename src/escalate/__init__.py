"""Dose-escalation trials: design them, know exactly how they behave, and run them cohort by cohort."""

__version__ = "0.1.0"
