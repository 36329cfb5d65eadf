"""The picture and the page of a calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import escalate as esc
from escalate.report import calibration_figures, calibration_forms, picture_files, plots
from escalate.report.calibration_words import Sources
from escalate.study.calibrate import calibrate
from escalate.study.calibration_results import Calibration
from tests.helpers import make

DESIGN = make(
    {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 2}, "estimate": "plug_in"}, n_doses=3, max_patients=9
)
DRAWN = esc.generate("paoletti", target=0.3, doses=3, gap=0.1, count=20, seed=1)
FIXED = (esc.Scenario(name="a", dlt=(0.1, 0.3, 0.5)),)
VARIED: dict[str, dict[str, Any]] = {
    "one": {"method.prior_sd": "0.4:1.6:0.1"},
    "words": {"method.prior_sd": ["least_informative", 0.5, 1.0], "method.estimate": ["plug_in", "mean"]},
    "same": {"method.prior_sd": [DESIGN.to_dict()["method"]["prior_sd"]]},
    "many": {
        "method.prior_sd": [0.5, 1.0], "cohort_size": [2, 3], "max_patients": [9], "start_level": [1, 2],
        "method.skeleton": [[0.1, 0.3, 0.5], [0.2, 0.3, 0.4]], "method.mtd_among": ["tried", "all"],
    },
}  # fmt: skip


@pytest.mark.parametrize("scenarios", [DRAWN, FIXED], ids=["drawn", "fixed"])
@pytest.mark.parametrize("vary", VARIED.values(), ids=VARIED)
@pytest.mark.parametrize("limits", [(), ("overdose_allocated <= 0.45",)], ids=["free", "limits"])
def test_picture(vary: dict[str, Any], scenarios: Any, limits: tuple[str, ...], tmp_path: Path) -> None:
    """One panel a setting, named; the chosen design at no loss; drawn without a warning and alike each time."""
    found = calibrate(DESIGN, scenarios, vary, subject_to=limits)
    figure = calibration_figures.calibration(found)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_xlabel() for ax in shown] == list(vary)
    for name in ("a.png", "b.png"):
        picture_files.save(plots.calibration(found), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def _page(found: Calibration) -> str:
    return calibration_forms.page(
        found, Sources("d.yaml", "1" * 64, "s.yaml", "2" * 64, None), None, {"x.csv": "a | b"}
    )


def test_page() -> None:
    """The page has every table with as many cells in each line as in its heading."""
    found = calibrate(DESIGN, DRAWN, VARIED["words"], fresh=DRAWN, subject_to=["overdose_allocated <= 0.45"])
    for block in _page(found).split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1
    assert "limit" in _page(found)


def test_too_many_candidates_for_the_scenarios() -> None:
    """More candidates than scenarios are remarked upon."""
    assert "more candidates than scenarios" in _page(calibrate(DESIGN, FIXED, VARIED["one"]))
    assert "more candidates than scenarios" not in _page(calibrate(DESIGN, DRAWN, VARIED["words"]))
