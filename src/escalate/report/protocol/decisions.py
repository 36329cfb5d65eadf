"""The decision table: what follows each number of DLTs among the patients at a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from escalate.core.arrays import NONE, IntArray
from escalate.core.method import TableMethod
from escalate.core.outcome import burden_units
from escalate.core.rule import Rule
from escalate.core.tally import States, Tally
from escalate.core.wording import counted, listed, number
from escalate.report.documents.blocks import Block, Cell, Figure, Heading, Paragraph, Reference, Table, Tone, Words
from escalate.report.pictures import decision_grid
from escalate.report.protocol.decision_rows import (
    COHORTS_SHOWN,
    Line,
    lines_of_model,
    lines_of_table,
    notes_of_marks,
    ranges,
    scores_of,
)
from escalate.report.protocol.part import Part
from escalate.report.protocol.pending import pending
from escalate.study.reached import FATES, Fate, Visit

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.study.table import DecisionTable

GRID_ROWS: Final = 2
WHOLE: Final = "The rows are those of cohorts whose patients are all evaluable."
HEADS: Final[dict[Fate, str]] = {
    "escalate": "Escalate",
    "stay": "Stay",
    "deescalate": "De-escalate",
    "eliminate": "Eliminate",
    "stop": "Stop",
}
TONES: Final[dict[Fate, Tone]] = {
    "escalate": "escalate",
    "stay": "stay",
    "deescalate": "deescalate",
    "eliminate": "eliminate",
    "stop": "eliminate",
}


def decisions(part: Part) -> Iterator[Block]:
    """Yield the section; nothing where the method has no table that is quick to make."""
    design, depth = part.design, part.level_of_headings
    if design.method.costly:
        return
    from escalate.study.table import table  # noqa: PLC0415 - seldom needed elsewhere

    key = part.key("decisions")
    yield Heading("Decision table", depth)
    if not isinstance(design.method, TableMethod):
        lines, found = lines_of_model(design)
        yield Paragraph((Reference(key), _of_model(design)))
        yield _table(part, lines, (*_comes(design, found), *_notes_of_model(design, lines)))
        return
    whole = table(design)
    lines = lines_of_table(design, whole)
    yield Paragraph((Reference(key), _of_table(whole)))
    yield _scores(part, whole, lines) if whole.graded else _table(part, lines, _notes_of_table(design, whole, lines))
    yield from _grid(part, whole, lines)
    if whole.pending:
        yield from pending(part, whole)


def _of_model(design: Design) -> str:
    """Return what the table of a model shows, to follow its number."""
    milder = ", and no patient a milder toxicity either" if len(design.outcomes) > 2 else ""
    return (
        " shows what follows the number of DLTs among the evaluable patients at the current level, rules included, as long as "
        f"no patient of another level had a DLT{milder}. Each number was asked in every order of DLTs over the cohorts of the "
        "level with which the trial is still at the level. After other data the decision can be another one: the method decides "
        "from all data of the trial."
    )


def _of_table(found: DecisionTable) -> str:
    what = "total score" if found.graded else "number of DLTs"
    level = ", level by level," if found.by_level else ""
    return (
        f" shows{level} what follows the {what} among all evaluable patients treated at the current level, while the trial has "
        "not reached its maximum number of patients."
    )


def _table(part: Part, lines: Sequence[Line], notes: tuple[str, ...]) -> Table:
    fates = [fate for fate in FATES if fate in FATES[:3] or any(line.dlts(fate) for line in lines)]
    by_level = any(line.level is not None for line in lines)
    lowest = any(line.lowest for line in lines)
    made = []
    for line in lines:
        cells: list[Words | Cell] = [str(line.level)] if by_level else []
        cells.append(str(line.patients))
        cells += [Cell(line.cell(fate), TONES[fate] if line.dlts(fate) else "plain") for fate in fates]
        if lowest:
            cells.append(Cell(ranges(line.lowest), "eliminate" if line.lowest else "plain"))
        made.append(tuple(cells))
    header = (
        *(("Level",) if by_level else ()),
        "Patients",
        *(HEADS[fate] for fate in fates),
        *(("Stop, at level 1",) if lowest else ()),
    )
    return Table(
        part.key("decisions"),
        "Decision by DLTs among the evaluable patients at the current level",
        header,
        tuple(made),
        align="r" * len(header),
        notes=(*notes, "Numbers of patients and of DLTs that the trial cannot come to are left out."),
    )


def _scores(part: Part, found: DecisionTable, lines: Sequence[Line]) -> Table:
    """Return the table by total score, of the scores that there are."""
    design, method = part.design, part.design.method
    assert isinstance(method, TableMethod)
    scale = method.score_of_dlt()
    assert scale is not None
    units, whole = burden_units(method.outcomes)
    rows = {(row.level, row.patients): row for row in found.rows}
    made = []
    for line in lines:
        scores = list(scores_of(design, rows[line.level, line.patients], units.tolist(), whole, scale))
        stops = all(fate == "stop" for fate in line.fates.values())
        cells: list[Words | Cell] = [str(line.level)] if line.level is not None else []
        cells.append(str(line.patients))
        for fate in FATES:
            here = [value for value, each in scores if ("stop" if stops else each) == fate]
            cells.append(Cell(_from_to(here), TONES[fate] if here else "plain"))
        made.append(cells)
    kept = [k for k in range(len(made[0])) if k < len(made[0]) - 2 or any(_text(row[k]) != "-" for row in made)]
    header = (*(("Level",) if found.by_level else ()), "Patients", *HEADS.values())
    return Table(
        part.key("decisions"),
        "Decision by total score among the evaluable patients at the current level",
        tuple(header[k] for k in kept),
        tuple(tuple(row[k] for k in kept) for row in made),
        align="r" * len(kept),
        notes=(
            *_notes_of_table(design, found, lines),
            "Each cell has the lowest and the highest total score, of those that the patients can have, that lead to the decision.",
        ),
    )


def _text(cell: Words | Cell) -> Words:
    return cell.words if isinstance(cell, Cell) else cell


def _from_to(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, high = number(values[0]), number(values[-1])
    return low if low == high else f"{low} to {high}"


def _grid(part: Part, found: DecisionTable, lines: Sequence[Line]) -> Iterator[Figure]:
    """Yield the table as a grid, of the rows that say the same as the table: those before one at which the trial stops."""
    design = part.design
    until = next((k for k, line in enumerate(lines) if line.marked or line.dlts("stop")), len(lines))
    rows = {line.patients for line in lines[:until]}
    if found.graded or found.by_level or len(rows) < GRID_ROWS or design.method.sizes_cohorts:
        return
    from escalate.study.table import table  # noqa: PLC0415 - seldom needed elsewhere

    shorter = design.model_copy(update={"max_patients": max(rows)})
    drawn = table(shorter).rows
    whole = {row.patients for row in drawn if row.patients % design.cohort_size == 0}
    if drawn == found.rows[: len(drawn)] and whole <= rows:
        key = part.key("decision-grid")
        yield Figure(key, "Decision table as a grid", decision_grid(shorter, name=key))


def _comes(design: Design, found: Sequence[Visit]) -> Iterator[str]:
    """Yield how the trial comes to each level without a DLT, and to which it does not."""
    first, size = design.start_level, design.cohort_size
    plain = all(visit.before == dict.fromkeys(range(first, visit.level), size) for visit in found)
    if plain and len(found) > 1:
        below = "each lower level" if first == 1 else f"each lower level from level {first} on"
        yield f"Treated before at {below}: one cohort of {counted(size, 'patient')}, without a DLT."
    elif len(found) > 1:
        for visit in found:
            before = listed([f"{n} at level {level}" for level, n in visit.before.items()])
            if before:
                yield f"Level {visit.level}, patients treated before, without a DLT: {before}."
    away = [str(level) for level in range(1, design.n_doses + 1) if level not in {visit.level for visit in found}]
    if away:
        several = len(away) > 1
        yield (
            f"Level{'s' * several} {listed(away)} {'have' if several else 'has'} no rows: as long as nobody has a DLT the trial "
            f"does not come to {'them' if several else 'it'}."
        )


def _notes_of_model(design: Design, lines: Sequence[Line]) -> Iterator[str]:
    yield from _eliminate(design, lines)
    if any(line.dlts("stop") for line in lines):
        yield "Stop: the trial ends."
    yield f"Shown are up to {COHORTS_SHOWN} cohorts at a level."
    yield from notes_of_marks(lines)
    yield WHOLE


def _notes_of_table(design: Design, found: DecisionTable, lines: Sequence[Line]) -> tuple[str, ...]:
    return (
        *_eliminate(design, lines),
        *_stop(lines),
        *_at_level_1(design, found, lines),
        *_at_top(design, found, lines),
        *notes_of_marks(lines),
        *(_named(design, note) for note in found.notes if not note.startswith("Not in these rows: the end")),
        *(("Rules on stopping that look at more than the current level come first.",) if _ends(design) else ()),
        "Backfilled patients can make any number of patients possible." if design.backfill is not None else WHOLE,
    )


def _ends(design: Design) -> bool:
    return any(type(rule).stops is not Rule.stops for rule in design.rules)


def _stop(lines: Sequence[Line]) -> Iterator[str]:
    """Yield what the column means; nothing where it is empty."""
    if any(line.dlts("stop") for line in lines):
        yield "Stop: the trial ends, at whatever level."
    if any(line.dlts("stop") and (line.dlts("escalate") or line.dlts("deescalate")) for line in lines):
        yield (
            "In a row with a stop the trial also ends where the dose would stay the same because no level above, or none below, "
            "may be given."
        )


def _named(design: Design, note: str) -> str:
    """Return a note with its rules in words."""
    for rule in design.rules:
        said = rule.kind.replace("_", " ")
        note = note.replace(f" ({rule.kind})", "").replace(rule.kind, f"'{said}'")
    return note.replace("Not in these rows, because", "Rules that are not in these rows, because")


def _eliminate(design: Design, lines: Sequence[Line]) -> Iterator[str]:
    """Yield what the column means; nothing where it is empty."""
    if any(line.dlts("eliminate") or line.lowest for line in lines):
        barring = [rule for rule in design.rules if rule.about_safety and type(rule).forbids is not Rule.forbids]
        lasting = ", for the rest of the trial" if all(rule.permanent for rule in barring) else ""
        yield (
            f"Eliminate: with these data safety rules forbid the level and every level above it{lasting}; at level 1 the trial "
            "stops, with no MTD."
        )


def _at_level_1(design: Design, found: DecisionTable, lines: Sequence[Line]) -> Iterator[str]:
    """Yield what a de-escalation means at level 1, where it means one thing."""
    following = _following(design, found, lines, 0, "deescalate")
    if len(following) and (following == NONE).all():
        yield "At level 1, where the table says de-escalate the trial stops."
    elif len(following) and (following == 0).all():
        yield "At level 1, where the table says de-escalate the dose stays the same."


def _at_top(design: Design, found: DecisionTable, lines: Sequence[Line]) -> Iterator[str]:
    """Yield what an escalation means at the highest level, where it means that the dose stays."""
    top = design.n_doses - 1
    following = _following(design, found, lines, top, "escalate")
    if len(following) and (following == top).all():
        yield f"At level {top + 1}, the highest, where the table says escalate the dose stays the same."


def _following(design: Design, found: DecisionTable, lines: Sequence[Line], dose: int, fate: Fate) -> IntArray:
    """Return what the method gives at a level, 0-based, where the table says something; nothing of scores."""
    if found.graded:
        return np.zeros(0, dtype=np.int64)
    counts = np.array(
        [
            [line.patients - dlts, *[0] * (len(design.outcomes) - 2), dlts]
            for line in lines
            if line.level in {None, dose + 1}
            for dlts in line.dlts(fate)
        ],
        dtype=np.int64,
    )
    if not len(counts):
        return np.zeros(0, dtype=np.int64)
    tallies = np.zeros((len(counts), design.n_doses, counts.shape[1]), dtype=np.int64)
    tallies[:, dose] = counts
    return design.method.decide(design, States(Tally(tallies), np.full(len(counts), dose), counts)).next
