"""SPIRIT-DEFINE, for a protocol: our words for what it asks; `escalate.report.checklist.shared` says what is certain of it.

References
----------
Yap C, Rekowski J, Ursino M, et al. (2023). Enhancing quality and impact of early phase dose-finding clinical trial protocols:
SPIRIT Dose-finding Extension (SPIRIT-DEFINE) guidance. BMJ 383:e076386.

Ursino M, Villacampa G, Rekowski J, et al. (2025). SPIRIT-DEFINE explanation and elaboration: recommendations for enhancing quality
and impact of early phase dose-finding clinical trials protocols. eClinicalMedicine. doi:10.1016/j.eclinm.2024.102988.
"""

from __future__ import annotations

from typing import Final

from escalate.report.checklist.item import Item
from escalate.report.checklist.shared import at, parent

PARENT: Final = "SPIRIT 2013"
NAME: Final = "SPIRIT-DEFINE"
PUBLISHED: Final = (
    "Yap C, Rekowski J, Ursino M, et al. (2023). Enhancing quality and impact of early phase dose-finding clinical trial "
    "protocols: SPIRIT Dose-finding Extension (SPIRIT-DEFINE) guidance. BMJ 383:e076386."
)

ITEMS: Final[tuple[Item, ...]] = (
    *at("Title (item 1)", "title"),
    parent("Administrative information (items 2 to 5)", PARENT, "registration, version, funding, roles and responsibilities"),
    *at("Background and rationale (item 6)", "background", "preclinical", "biomarkers"),
    *at("Objectives (item 7)", "objectives"),
    *at(
        "Trial design (item 8)",
        "strategy",
        "schema",
        "basis",
        "start",
        "range",
        "skipping",
        "cohorts",
        "staggering",
        "expansion",
        "interim",
        "timing",
        "stopping",
        "selection",
    ),
    parent("Study setting and eligibility (items 9 and 10)", PARENT, "where the trial is run, who can take part"),
    *at("Interventions (item 11)", "interventions", "modification"),
    *at("Outcomes (item 12)", "outcomes"),
    parent("Participant timeline (item 13)", PARENT, "the schedule of visits and assessments"),
    *at("Sample size (item 14)", "size", "characteristics"),
    parent("Recruitment (item 15)", PARENT, "how enough patients are reached"),
    *at("Assignment of interventions (items 16 and 17)", "allocation"),
    parent("Data collection and management (items 18 and 19)", PARENT, "how data are collected, kept and checked"),
    *at("Statistical methods (item 20)", "prior", "populations", "other-analyses"),
    Item(
        "committee",
        "Monitoring (items 21 to 23)",
        "Who decides on doses",
        "Who looks at the data and decides on the dose: composition, independence, and what happens when opinions differ.",
        "Who decides on doses, how the decision is reached and recorded, and how independent of the sponsor that is.",
    ),
    Item(
        "harms",
        "Monitoring (items 21 to 23)",
        "Harms",
        "How adverse events are collected, graded and reported, and how fast they reach those who decide on doses.",
        "How adverse events are collected, graded and reported, and how fast they reach those who decide on doses.",
    ),
    parent("Ethics and dissemination (items 24 to 31)", PARENT, "approval, amendments, consent, confidentiality, publication"),
    parent("Appendices (items 32 and 33)", PARENT, "consent materials, biological specimens"),
)  # fmt: skip
