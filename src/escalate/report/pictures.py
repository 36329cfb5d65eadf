"""Every figure as a picture: the same drawing in the command line, in documents and on the page.

Pictures that Matplotlib draws come from `plots`, which the command line also writes as PDF.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from escalate.report import plots
from escalate.report.grid_svg import grid_drawing, grids_of, notes_of
from escalate.report.ladder import ladder, ladder_patients
from escalate.report.picture import Picture
from escalate.report.posterior_svg import posterior_plot
from escalate.report.sentences import sentences

if TYPE_CHECKING:
    from escalate.core.dated_patients import DatedTrial
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.report.plan import Plan
    from escalate.report.svg import Drawn
    from escalate.study.atlas import Atlas
    from escalate.study.calibration_results import Calibration
    from escalate.study.compare import Comparison
    from escalate.study.pathways import Pathways
    from escalate.study.prior import Prior
    from escalate.study.recommend import Recommendation
    from escalate.study.results import OperatingCharacteristics
    from escalate.study.trace import Story


def dose_toxicity(
    found: Recommendation, *, plan: Plan | None = None, name: str = "dose-toxicity", alone: bool = False
) -> Picture:
    """Draw the estimate of each dose with its interval, what was observed, the target, and the next dose.

    Parameters
    ----------
    plan
        What was decided: its level stands out instead of the recommended one.
    name
        Starts the ids of the drawing; two on one page need two names.
    alone
        Whether title and recommendation stand above it: where no page or caption says them.
    """
    return _picture(name, posterior_plot(found, plan=plan, name=name, heading=_heading(found) if alone else ()))


def trial_so_far(
    design: Design,
    data: TrialData | None,
    found: Recommendation | None = None,
    *,
    plan: Plan | None = None,
    name: str = "trial",
    alone: bool = False,
) -> Picture:
    """Draw every patient as a mark at their level, the levels given next and barred, and cohorts by number.

    Parameters
    ----------
    data
        None before the first patient.
    found
        What is recommended from the data.
    plan, name, alone
        As `dose_toxicity` has them.
    """
    patients = () if data is None else ladder_patients(design, data)
    heading = () if not alone else (design.title,) if found is None else _heading(found)
    return _picture(name, ladder(design, patients, found, plan=plan, name=name, heading=heading))


def decision_grid(design: Design, *, name: str = "grid", alone: bool = False) -> Picture:
    """Draw the decision table: what follows each number of DLTs among the patients at a level.

    Raises
    ------
    EscalateError
        Where the method has no such table.
    """
    heading = ("Decision table", design.title) if alone else ()
    return _picture(name, grid_drawing(grids_of(design), notes=notes_of(design), name=name, heading=heading))


def characteristics(found: OperatingCharacteristics, *, name: str = "characteristics") -> Picture:
    """Draw selection and allocation by scenario; of many scenarios, how designs are spread over them."""
    return plots.characteristics(found, name).picture


def differences(found: Comparison, *, name: str = "differences") -> Picture:
    """Draw paired differences of each design to the first."""
    return plots.differences(found, name).picture


def pathway_tree(found: Pathways, *, name: str = "paths") -> Picture:
    """Draw every outcome of the next cohorts and what it leads to.

    Raises
    ------
    EscalateError
        Where it has more paths than can be read.
    """
    return plots.pathway_tree(found, name).picture


def swimmer(found: Story, *, name: str = "swimmer") -> Picture:
    """Draw a simulated trial on a clock, a bar a patient."""
    return plots.swimmer(found, name).picture


def patients(design: Design, data: DatedTrial, *, name: str = "patients") -> Picture:
    """Draw the patients of a trial with dates, a bar each, up to the day looked at.

    Raises
    ------
    EscalateError
        Where there are none.
    """
    return plots.patients(design, data, name).picture


def priors(found: Sequence[Prior], *, name: str = "prior") -> Picture:
    """Draw what the priors of designs say."""
    return plots.priors(found, name).picture


def atlas(found: Atlas, *, name: str = "atlas") -> Picture:
    """Draw what a design does in every reachable cell, the questionable ones lettered."""
    return plots.atlas(found, name).picture


def calibration(found: Calibration, *, name: str = "calibration") -> Picture:
    """Draw for each setting how much is lost by its value."""
    return plots.calibration(found, name).picture


def _heading(found: Recommendation) -> tuple[str, str]:
    return sentences(found).main, found.design.title


def _picture(name: str, drawn: Drawn) -> Picture:
    root = ET.fromstring(drawn)
    title, about = (str(node.text) for node in list(root)[:2])
    size = [float(root.get(each, 0)) for each in ("width", "height")]
    return Picture(name, str(drawn), f"{title}. {about}", *size)
