"""CONSORT-DEFINE, for a report: our words for what it asks; `escalate.report.checklist.shared` says what is certain of it.

References
----------
Yap C, Solovyeva O, de Bono J, et al. (2023). Enhancing reporting quality and impact of early phase dose-finding clinical trials:
CONSORT Dose-finding Extension (CONSORT-DEFINE) guidance. BMJ 383:e076387.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from escalate.report.checklist import from_record
from escalate.report.checklist.item import Item
from escalate.report.checklist.shared import at, parent

PARENT: Final = "CONSORT 2010"
NAME: Final = "CONSORT-DEFINE"
PUBLISHED: Final = (
    "Yap C, Solovyeva O, de Bono J, et al. (2023). Enhancing reporting quality and impact of early phase dose-finding clinical "
    "trials: CONSORT Dose-finding Extension (CONSORT-DEFINE) guidance. BMJ 383:e076387."
)
NUMBERS: Final = {
    "title": "1a",
    "background": "2a.1",
    "preclinical": "2a.2",
    "biomarkers": "2a.3",
    "objectives": "2b",
    "strategy": "3a.1",
    "schema": "3a.2",
}
"""Read in Table 1 of the published checklist; the numbers of other items were not."""

_RESULTS: Final = (
    Item(
        "flow", "Participant flow (item 13)", "Patients at each dose",
        "How many patients were given each dose, how many were evaluable, and who was left out and why.",
        "How many patients were given each dose, how many were evaluable, and who was left out and why.",
        "Say of each patient who was left out, why.",
        answers=(from_record.flow,),
    ),
    Item(
        "decisions", "Participant flow (item 13)", "Dose decisions made",
        "Every dose decision: the data then, what the design recommended, what was decided, and why.",
        "Every dose decision, what the design recommended, and why it was followed or not.",
        answers=(from_record.decisions,),
    ),
    Item(
        "deviations", "Participant flow (item 13)", "Departures",
        "Where the trial left its design, and why.",
        "Where the trial left its design, and why; or that it did not.",
        answers=(from_record.deviations,),
    ),
    Item(
        "recruitment", "Recruitment (item 14)", "Dates, and why the trial ended",
        "When recruitment and follow-up began and ended, and why the trial ended.",
        "When recruitment and follow-up began and ended, and why the trial ended.",
        "Give the dates of recruitment and follow-up where the record lacks them.",
        answers=(from_record.dates,),
    ),
    Item(
        "baseline", "Baseline data (item 15)", "Baseline by dose",
        "A table of the patients at baseline, by dose.",
        "A table of demographic and clinical characteristics at baseline, by dose.",
    ),
    Item(
        "dlts", "Outcomes and estimation (item 17)", "DLTs and estimates by dose",
        "For each dose the DLTs, and estimates with their precision.",
        "For each dose the DLTs, and estimates with their precision.",
        "Give the other outcomes by dose, with their precision.",
        answers=(from_record.dlts,),
    ),
    Item(
        "declared", "Outcomes and estimation (item 17)", "Dose recommended",
        "The MTD, or other dose recommended, and what that rests on.",
        "The MTD, or other dose recommended, and what that rests on.",
        "Say which dose goes on to the next phase, and what was weighed beside DLTs.",
        answers=(from_record.declared,),
    ),
    Item(
        "other-results", "Outcomes and estimation (item 17)", "Pharmacokinetics, pharmacodynamics and biomarkers",
        "Results of other outcomes by dose.",
        "Results of pharmacokinetics, pharmacodynamics, biomarkers and activity by dose.",
    ),
    Item(
        "harms", "Harms (item 19)", "Harms by dose",
        "Every important adverse event by dose, its grade, and whether it was taken for treatment-related.",
        "Adverse events by dose and grade, whether related, and what each DLT was.",
    ),
    Item(
        "discussion", "Discussion (items 20 to 22)", "Limitations and what follows",
        "Limits of the trial, whom the dose is for, and what follows for the next trial.",
        "Limits such as small numbers and short follow-up, whom the dose is for, and what follows for the next trial.",
    ),
)  # fmt: skip

_LISTED: Final = (
    *at("Title and abstract (item 1)", "title"),
    replace(
        parent("Title and abstract (item 1)", PARENT, "a structured summary; the extension has a list of its own for abstracts"),
        number="1b",
    ),
    *at("Background and objectives (item 2)", "background", "preclinical", "biomarkers", "objectives"),
    *at(
        "Trial design (item 3)",
        "strategy",
        "schema",
        "basis",
        "start",
        "range",
        "skipping",
        "cohorts",
        "staggering",
        "expansion",
    ),
    Item(
        "changes",
        "Trial design (item 3)",
        "Changes after the start",
        "Changes of the design after the trial began, and why.",
        "Changes of the design after the trial began, and why; or that there were none.",
        "Give changes that are not of the design file, such as of eligibility.",
        answers=(from_record.changes,),
    ),
    parent("Participants (item 4)", PARENT, "eligibility, settings and places"),
    *at("Interventions (item 5)", "interventions", "modification"),
    *at("Outcomes (item 6)", "outcomes"),
    *at("Sample size (item 7)", "size", "characteristics", "interim", "timing", "stopping"),
    Item(
        "committee",
        "Sample size (item 7)",
        "Who decided on doses",
        "Who looked at the data and decided on the dose.",
        "Who looked at the data and decided on the dose, and how independent of the sponsor.",
        "Give functions, and how independent of the sponsor they are.",
        answers=(from_record.who_decided,),
    ),
    *at("Allocation and blinding (items 8 to 11)", "allocation"),
    *at("Statistical methods (item 12)", "prior", "selection", "populations", "other-analyses"),
    *_RESULTS,
    parent("Other information (items 23 to 25)", PARENT, "registration, access to the protocol, funding"),
)  # fmt: skip
ITEMS: Final[tuple[Item, ...]] = tuple(replace(item, number=NUMBERS.get(item.key, item.number)) for item in _LISTED)
