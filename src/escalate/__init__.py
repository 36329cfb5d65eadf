"""Dose-escalation trials: design them, know exactly how they behave, and run them cohort by cohort."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalate.core.clock import load_clock
    from escalate.core.design import Design
    from escalate.core.errors import DataError, DesignError, EscalateError, NotConverged, TooLargeError
    from escalate.core.files import load_design, load_scenarios
    from escalate.core.model_code import ModelCode
    from escalate.core.patients import read_patients
    from escalate.core.read_dated import read_dated
    from escalate.core.scenario import Scenario
    from escalate.core.scenario_files import generate
    from escalate.study.atlas import atlas
    from escalate.study.calibrate import calibrate
    from escalate.study.check import check
    from escalate.study.diff import diff
    from escalate.study.pathways import paths
    from escalate.study.prior import prior
    from escalate.study.recommend import recommend
    from escalate.study.select import select
    from escalate.study.simulate import simulate
    from escalate.study.table import table

__version__ = "0.1.0"

_HOMES = {
    "Design": "core.design",
    "load_clock": "core.clock",
    "DataError": "core.errors",
    "DesignError": "core.errors",
    "EscalateError": "core.errors",
    "NotConverged": "core.errors",
    "TooLargeError": "core.errors",
    "load_design": "core.files",
    "load_scenarios": "core.files",
    "ModelCode": "core.model_code",
    "read_dated": "core.read_dated",
    "read_patients": "core.patients",
    "Scenario": "core.scenario",
    "generate": "core.scenario_files",
    "atlas": "study.atlas",
    "calibrate": "study.calibrate",
    "check": "study.check",
    "diff": "study.diff",
    "paths": "study.pathways",
    "prior": "study.prior",
    "recommend": "study.recommend",
    "select": "study.select",
    "simulate": "study.simulate",
    "table": "study.table",
}

__all__ = [
    "DataError",
    "Design",
    "DesignError",
    "EscalateError",
    "ModelCode",
    "NotConverged",
    "Scenario",
    "TooLargeError",
    "__version__",
    "atlas",
    "calibrate",
    "check",
    "diff",
    "generate",
    "load_clock",
    "load_design",
    "load_scenarios",
    "paths",
    "prior",
    "read_dated",
    "read_patients",
    "recommend",
    "select",
    "simulate",
    "table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'escalate' has no attribute '{name}'")
    return getattr(import_module(f"escalate.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
