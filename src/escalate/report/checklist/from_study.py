"""What scenarios and a study of the design answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.report.checklist.item import Answer

if TYPE_CHECKING:
    from escalate.report.checklist.item import Known
    from escalate.study.results import DesignResult

MOST = 12
"""More scenarios than this are counted, not named."""


def characteristics(known: Known) -> Answer | None:
    """Operating characteristics, scenario by scenario."""
    study = known.study
    if study is None:
        return None
    result = next((each for each in study.designs if each.design.sha256 == known.design.sha256), None)
    if result is None:
        return None
    how = "exactly" if study.exact else f"from {study.trials:,} random trials each, seed {study.seed}"
    n = len(result.scenarios)
    text = f"Operating characteristics under {n} scenario{'s' * (n != 1)} were computed {how}."
    if n <= MOST:
        text += " " + " ".join(_scenario(result, v) for v in range(n))
    return Answer(text, "study", "designs, scenarios")


def _scenario(result: DesignResult, v: int) -> str:
    found, scenario = result.characteristics, result.scenarios[v]
    selected = ", ".join(f"{share:.2f}" for share, _ in found.of(v, "selected"))
    none, patients = found.of(v, "selected_none")[0][0], found.of(v, "mean_patients")[0][0]
    truth = ", ".join(f"{p:g}" for p in scenario.dlt)
    return (
        f"Under '{scenario.name}' (true DLT probabilities {truth}): selected as MTD by level {selected}, none {none:.2f}; "
        f"mean number of patients {patients:.1f}."
    )


def scenarios(known: Known) -> Answer | None:
    """The scenarios, where they have not been studied yet."""
    if not known.scenarios:
        return None
    n = len(known.scenarios)
    named = f": {'; '.join(scenario.name for scenario in known.scenarios)}" if n <= MOST else ""
    return Answer(
        f"The design is to be studied under {n} scenario{'s' * (n != 1)}{named}.", "scenario file", "scenarios"
    )
