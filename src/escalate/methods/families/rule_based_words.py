"""What a protocol says of the 3+3 design, what comes before it, the rolling six, and a table of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from escalate.core.wording import counted, listed
from escalate.methods.families.interval_words import barring

if TYPE_CHECKING:
    from escalate.core.design import Design


def three_plus_three(design: Design, deescalate: bool, six_at_mtd: bool) -> tuple[str, ...]:
    """Return the 3+3 design in one of its variants."""
    top = design.n_doses
    ends = (
        "The level below a too toxic one is filled to 6 patients, where it has fewer. With at most 1 of 6 patients with a DLT the "
        "trial ends there; with 2 or more that level is too toxic too, and the same holds for the level below it."
        if deescalate
        else "The trial ends when a level is too toxic; nobody more is treated at the level below."
    )
    at_top = (
        f"At the highest level, level {top}, the trial ends where it would have been escalated, once 6 patients were treated "
        "there; before that 3 more are treated."
        if six_at_mtd
        else f"At the highest level, level {top}, the trial ends where it would have been escalated."
    )
    return (
        "Patients are treated in cohorts of 3: a level is filled to 3 patients, then to 6, and no further.",
        "After 3 patients at a level: with no DLT the dose is escalated by one level; with 1 DLT 3 more patients are treated at "
        "the same level; with 2 or more the level is too toxic. After 6 patients: with at most 1 DLT the dose is escalated by one "
        "level; with 2 or more the level is too toxic.",
        f"Nobody more is treated at a level that is too toxic, or above it. {ends}",
        f"{at_top} Where level 1 is too toxic the trial ends, and no MTD is declared.",
    )


def three_plus_three_notes(deescalate: bool) -> tuple[str, ...]:
    """Return what other levels do to the moves of the table."""
    if not deescalate:
        return ("With 2 or more DLTs the trial ends.",)
    return (
        "There is no escalation into a level that had 2 or more DLTs. Below such a level, a level with 3 patients and no DLT is "
        "filled to 6 patients, and with at most 1 DLT in 6 patients the trial ends.",
        "With 2 or more DLTs the level below is filled to 6 patients; where it has 6 already, the trial ends.",
    )


def three_plus_three_selection(design: Design, deescalate: bool, six_at_mtd: bool) -> tuple[str, ...]:
    """Return which level is the MTD of the 3+3 design."""
    barred = ", and that no safety rule bars" if barring(design) else ""
    if six_at_mtd:
        enough = "at most 1 of at least 6 patients had a DLT"
    elif deescalate:
        three = "as long as no level of the trial has had 2 DLTs, none of at least 3"
        enough = f"at most 1 of at least 6 patients had a DLT, or, {three}"
    else:
        enough = "at most 1 of at least 6 patients had a DLT, or none of at least 3"
    return (
        f"The MTD is the highest level, below every level with 2 or more DLTs, at which {enough}{barred}. Where there is none, no "
        "MTD is declared.",
    )


def titration(design: Design, moderate: int, step: int, last: int) -> tuple[str, ...]:
    """Return how single patients come before the 3+3 design."""
    up = "one level" if step == 1 else f"{step} levels"
    if last == design.n_doses:
        beyond = f"Without either, the cohort of level {last}, the highest, is completed to 3 patients."
        until = f"up to level {last}, the highest"
    else:
        beyond = f"Without either, cohorts of 3 start at level {last + 1} after the patient at level {last}."
        until = f"up to level {last} at most"
    return (
        "The trial starts with accelerated titration: while no level has more than one patient, one patient is treated at a "
        f"level, and the next patient {up} higher, {until}.",
        f"Titration ends with the first DLT of the trial, or when {counted(moderate, 'patient')} in all had moderate toxicity; the "
        f"cohort of the level just given is then completed to 3 patients. {beyond} From there on the 3+3 design applies:",
    )


def rolling_six(design: Design, strict: bool) -> tuple[str, ...]:
    """Return the rolling six design."""
    six = (
        "with 6 patients treated and every outcome known"
        if strict
        else "with 6 patients treated, either without a DLT and with at least 5 outcomes known, or with every outcome known"
    )
    return (
        f"Up to 6 patients are treated at a level, enrolled in cohorts of {design.cohort_size}, while outcomes may be pending; a "
        "cohort is cut to what the level lacks of 6.",
        "A level with 2 or more DLTs is closed, with all levels above it, whatever is pending.",
        "At a level with at most 1 DLT, the next patients are treated at the same level, with two exceptions. Where 3, 4 or 5 "
        "patients were treated there, none of them had a DLT and no outcome is pending, the dose is escalated by one level. Where "
        f"6 patients were treated there, accrual waits until the dose can be escalated by one level: {six}.",
        "Where the current level is closed, or the level above is, the highest level that is not closed is filled to 6 patients, "
        f"and so is level {design.n_doses}, the highest, where it would have been escalated. A level that has 6 patients and "
        "is not closed is passed.",
        "The trial ends when no level is left to be filled and no outcome up to the highest level that is not closed is pending. "
        "Where level 1 is closed the trial ends, and no MTD is declared.",
    )


def rolling_six_selection(design: Design) -> tuple[str, ...]:
    """Return which level is the MTD of the rolling six design."""
    barred = ", and that no safety rule bars" if barring(design) else ""
    return (
        "The MTD is the highest level, below every level with 2 or more DLTs, at which at most 1 of at least 6 patients had a "
        f"DLT{barred}. Where there is none, no MTD is declared; where it is level {design.n_doses}, it is the highest level "
        "planned, and the MTD may lie above.",
    )


def own_table(design: Design, actions: Mapping[int, Sequence[str]], file: str | None) -> tuple[str, ...]:
    """Return what a table of the user's own says, by patients, an action for each number of DLTs."""
    largest = max(actions, default=0)
    source = f", read from the file {file}," if file else ""
    rows = "; ".join(f"of {counted(n, 'patient')}, {_by_action(letters)}" for n, letters in actions.items())
    return (
        f"The next dose follows from the decision table of this protocol{source} by the patients and DLTs at the current level: E "
        "escalates by one level, S stays, D de-escalates by one level, and DU de-escalates by one level and says that the "
        "level, and every level above it, is not to be given again.",
        f"The table says, by the number of DLTs: {rows}.",
        "A level for whose patients and DLTs the table says DU, and every level above it, is not given: the highest level "
        "below is, or level 1. There is no escalation from the highest level, and no de-escalation from level 1.",
        f"The trial ends when the level that would come next has {largest} patients already, the most in the table. Cohorts have "
        f"{counted(design.cohort_size, 'patient')}, and are cut to what that level lacks of {largest}.",
    )


def _by_action(letters: Sequence[str]) -> str:
    found: dict[str, list[int]] = {}
    for dlts, letter in enumerate(letters):
        found.setdefault(letter, []).append(dlts)
    parts = [
        f"{letter} with {dlts[0]}" if len(dlts) == 1 else f"{letter} with {dlts[0]} to {dlts[-1]}"
        for letter, dlts in found.items()
    ]
    return listed(parts)
