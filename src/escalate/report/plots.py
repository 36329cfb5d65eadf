"""The figures that Matplotlib draws, each with its name and its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError
from escalate.report import picture_words
from escalate.report.by_matplotlib import Plotted

if TYPE_CHECKING:
    from escalate.core.dated_patients import DatedTrial
    from escalate.core.design import Design
    from escalate.study.atlas import Atlas
    from escalate.study.calibration_results import Calibration
    from escalate.study.compare import Comparison
    from escalate.study.pathways import Pathways
    from escalate.study.prior import Prior
    from escalate.study.results import OperatingCharacteristics
    from escalate.study.trace import Story


def characteristics(found: OperatingCharacteristics, name: str = "characteristics") -> Plotted:
    """Draw selection and allocation by scenario; of many scenarios, how designs are spread over them."""
    from escalate.report import comparison_figures, figures  # noqa: PLC0415 - the engine is not needed otherwise

    if len(found.designs[0].scenarios) > figures.MAX_PANELS:
        return Plotted(name, comparison_figures.distributions(found), picture_words.distributions(found))
    shown = range(len(found.designs[0].scenarios))
    return Plotted(name, figures.simulation(found), picture_words.characteristics(found, shown))


def differences(found: Comparison, name: str = "differences") -> Plotted:
    """Draw paired differences of each design to the first."""
    from escalate.report import comparison_figures  # noqa: PLC0415 - the engine is not needed otherwise

    return Plotted(name, comparison_figures.differences(found), picture_words.differences(found))


def pathway_tree(found: Pathways, name: str = "paths") -> Plotted:
    """Draw the tree of paths."""
    from escalate.report import path_figures  # noqa: PLC0415 - seldom needed

    return Plotted(name, path_figures.pathways(found), picture_words.pathways(found))


def swimmer(found: Story, name: str = "swimmer") -> Plotted:
    """Draw a simulated trial, a bar a patient."""
    from escalate.report import swimmer as drawn  # noqa: PLC0415 - the engine is not needed otherwise

    return Plotted(name, drawn.swimmer(found), picture_words.story(found))


def patients(design: Design, data: DatedTrial, name: str = "patients") -> Plotted:
    """Draw the patients of a trial with dates, a bar each.

    Raises
    ------
    EscalateError
        Where there are none.
    """
    from escalate.report import patients_plot  # noqa: PLC0415 - seldom needed

    if not data.patients:
        raise EscalateError("there are no patients to draw")
    return Plotted(name, patients_plot.patients(design, data), picture_words.patients(data))


def priors(found: Sequence[Prior], name: str = "prior") -> Plotted:
    """Draw what the priors of designs say."""
    from escalate.report import prior_figures  # noqa: PLC0415 - seldom needed

    return Plotted(name, prior_figures.priors(found), picture_words.priors(list(found)))


def atlas(found: Atlas, name: str = "atlas") -> Plotted:
    """Draw what a design does in every reachable cell."""
    from escalate.report import atlas_figures  # noqa: PLC0415 - the engine is not needed otherwise

    return Plotted(name, atlas_figures.atlas(found), picture_words.atlas(found))


def calibration(found: Calibration, name: str = "calibration") -> Plotted:
    """Draw for each setting how much is lost by its value."""
    from escalate.report import calibration_figures  # noqa: PLC0415 - the engine is not needed otherwise

    return Plotted(name, calibration_figures.calibration(found), picture_words.calibration(found))
