"""Topics that both dose-finding extensions ask for: of a protocol before the trial, of a report after it.

The words are ours. The published checklists are what binds: Yap C et al., BMJ 2023;383:e076386 (SPIRIT-DEFINE) and BMJ
2023;383:e076387 (CONSORT-DEFINE). What is certain of the lists here: items 1a, 1b, 2a.1 to 2a.3, 2b, 3a.1 and 3a.2 of
CONSORT-DEFINE, with their numbers, were read at the beginning of its Table 1; SPIRIT-DEFINE has 17 new items and 15 modified ones,
CONSORT-DEFINE 21 and 19. What is not: the rest of both tables could not be read where this was written. The other topics are those
that the extensions are known to ask for; they have no number, and are not divided item by item as the published ones are. Section
names with their numbers are those of the parents, SPIRIT 2013 and CONSORT 2010, and say where the topic stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from escalate.report.checklist import from_design, from_study
from escalate.report.checklist.item import Item

_ALL: Final = (
    Item(
        "title", "", "Title",
        "The title, or the abstract, names the trial as early phase and dose-finding.",
        "A title that says that this is an early phase dose-finding trial, of what, and in whom.",
        "Say in the title that this is an early phase dose-finding trial, of what, and in whom.",
        answers=(from_design.title,),
    ),
    Item(
        "background", "", "Background",
        "The question, and why the trial is needed, with what clinical studies say of benefits and harms.",
        "The question, why it is asked now, and what is known from clinical studies of each intervention.",
    ),
    Item(
        "preclinical", "", "Non-clinical findings",
        "The main findings of laboratory and animal work.",
        "The main findings of laboratory and animal work that bear on the doses.",
    ),
    Item(
        "biomarkers", "", "Findings behind biomarker work",
        "Earlier preclinical and translational findings behind planned biomarker studies, where there are any.",
        "The findings behind planned biomarker studies; or that there are none.",
    ),
    Item(
        "objectives", "", "Objectives",
        "Objectives, such as safety, activity, pharmacokinetics, pharmacodynamics, and the dose to be recommended.",
        "The objectives, and which of them is primary.",
        "Name the objectives, and which of them is primary.",
        answers=(from_design.objective,),
    ),
    Item(
        "strategy", "", "Design and escalation strategy",
        "The design, how doses go up and down, how many groups there are, and what may be adapted.",
        "The design, how doses go up and down, how many groups there are, and what may be adapted.",
        "Say how many groups there are, and what else may be adapted.",
        answers=(from_design.strategy,),
    ),
    Item(
        "schema", "", "Diagram of the trial",
        "A diagram of the main steps and of where the trial moves from one to the next.",
        "A diagram of the steps of the trial, such as escalation and expansion. 'escalate report protocol' draws the pathways of "
        "the escalation.",
    ),
    Item(
        "basis", "", "Statistical basis of the design",
        "The statistical method behind the design, and why it was chosen.",
        "The statistical method behind the design, and why it was chosen.",
        "Say why this method was chosen.",
        answers=(from_design.basis,),
    ),
    Item(
        "characteristics", "", "Operating characteristics",
        "How the design behaves under plausible truths, by simulation or exactly.",
        "How the design behaves under plausible truths; give the results of 'escalate simulate --json' with --study.",
        "Judge the results: which scenarios are plausible, and why the design is good enough.",
        answers=(from_study.characteristics, from_study.scenarios),
    ),
    Item(
        "start", "", "Starting dose",
        "The starting dose, and why.",
        "The starting dose, and why.",
        "Say why the trial starts at this dose.",
        answers=(from_design.start,),
    ),
    Item(
        "range", "", "Range of doses",
        "The doses planned, shown in a table or a picture, and why these.",
        "The doses planned, and why these.",
        "Say why these doses, and these steps between them.",
        answers=(from_design.levels,),
    ),
    Item(
        "skipping", "", "Skipping of levels",
        "Whether a level may be passed over, and when.",
        "Whether a level may be passed over; no sentence of the design limits the steps from one level to the next.",
        "Say whether a level may be passed over; this is what the design says of its steps.",
        answers=(from_design.skipping,),
    ),
    Item(
        "cohorts", "", "Cohort size",
        "How many patients a cohort has, fixed or not.",
        "How many patients a cohort has.",
        answers=(from_design.cohorts,),
    ),
    Item(
        "staggering", "", "Order and interval within a level",
        "How patients of a level follow each other: who is first, and how long the next one waits.",
        "How long the next patient of a level waits for the one before, and whether one is treated ahead of the others.",
    ),
    Item(
        "expansion", "", "Expansion cohorts",
        "Cohorts beside or after the escalation, and what for.",
        "Expansion cohorts and their purpose; or that there are none.",
        "Say what the patients beside the escalation are for, and whether expansion cohorts follow.",
        answers=(from_design.backfill,),
    ),
    Item(
        "interventions", "", "Interventions at each level",
        "What is given at each level, how, when and for how long.",
        "What is given at each level, how, when and for how long.",
        "Give route, schedule and duration, and who gives it.",
        answers=(from_design.levels,),
    ),
    Item(
        "modification", "", "Dose changes within a patient",
        "When a patient's dose is held, lowered or stopped, and whether a patient may move to another level.",
        "When a patient's dose is held, lowered or stopped, and whether a patient may move to another level.",
    ),
    Item(
        "outcomes", "", "Outcomes and DLT",
        "The outcomes that decisions rest on: what a DLT is, within which time, and who counts for dose decisions.",
        "The definition of a DLT, its grading, the time within which it counts, and who is evaluable.",
        "Give the definition of a DLT and its grading, and say who is replaced.",
        answers=(from_design.outcomes,),
    ),
    Item(
        "size", "", "Number of patients",
        "How many patients are planned, and what that rests on.",
        "How many patients are planned, and why.",
        "Say why this number suffices.",
        answers=(from_design.size,),
    ),
    Item(
        "interim", "", "Interim decisions",
        "The rules, fixed beforehand, beside the strategy: what bars a dose, and what is given then.",
        "The rules that bar a dose, and what is given then.",
        "Say what else those who decide may bar a dose for.",
        answers=(from_design.interim,),
    ),
    Item(
        "timing", "", "Timing of interim decisions",
        "When data are looked at, how often, and which must be there.",
        "When data are looked at, how often, and which must be there.",
        "Say how often those who decide meet, and which data beside DLTs they are given.",
        answers=(from_design.timing,),
    ),
    Item(
        "stopping", "", "Stopping rules",
        "What ends the trial early, or bars doses.",
        "What ends the trial early.",
        "Say what else ends the trial early, or that nothing does.",
        answers=(from_design.stopping,),
    ),
    Item(
        "selection", "", "Dose selected at the end",
        "How the MTD, or another dose to be recommended, is chosen from the final data.",
        "How the MTD is chosen from the final data.",
        "Say who recommends the dose for the next phase, and what is weighed beside DLTs.",
        answers=(from_design.selection,),
    ),
    Item(
        "allocation", "", "Allocation to doses",
        "How a patient gets a dose level, and who tells the site.",
        "How a patient gets a dose level, who tells the site, and whether anybody is blinded.",
    ),
    Item(
        "populations", "", "Analysis sets",
        "Which patients are in which analysis.",
        "Which patients are in the analyses of safety, of DLT, and of the other outcomes.",
    ),
    Item(
        "prior", "", "Prior information and its use",
        "Of a Bayesian analysis the model, the prior, and where that comes from.",
        "The model, the prior and where it comes from; the design states none.",
        "Say where the prior comes from.",
        answers=(from_design.model,),
    ),
    Item(
        "other-analyses", "", "Pharmacokinetics, pharmacodynamics and biomarkers",
        "How other outcomes are analysed.",
        "How pharmacokinetics, pharmacodynamics, biomarkers and activity are analysed.",
    ),
)  # fmt: skip
SHARED: Final = {item.key: item for item in _ALL}


def at(section: str, *keys: str) -> tuple[Item, ...]:
    """Return shared items as they stand in a section of a checklist."""
    return tuple(replace(SHARED[key], section=section) for key in keys)


def parent(section: str, checklist: str, topics: str) -> Item:
    """Return the line of the items that an extension leaves as they are in a section of the parent."""
    return Item(
        f"parent-{section.split(' (', maxsplit=1)[0].lower().replace(' ', '-').replace(',', '')}",
        section,
        f"As in {checklist}",
        f"What the extension leaves as it is: {topics}.",
        f"See {checklist}, the parent checklist: {topics}.",
        kind="parent",
    )
