"""The dose ladder: a rung a level, the highest on top, and every patient as a mark on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from escalate.core.dated_patients import DatedTrial
from escalate.core.errors import EscalateError
from escalate.core.moves import Action
from escalate.report.ladder_marks import PITCH, flag, flag_width, legend, patient_mark
from escalate.report.look import SMALL, TEXT
from escalate.report.plan import barred_words, lit_level, recommended_words
from escalate.report.sentences import dose_words, level_words
from escalate.report.svg import WIDTH, Drawn, drawing, element, raised, words, wrapped

if TYPE_CHECKING:
    from escalate.core.design import Design
    from escalate.core.patients import TrialData
    from escalate.report.ladder_marks import Sign
    from escalate.report.plan import Plan
    from escalate.study.recommend import Recommendation

Status: TypeAlias = Literal["none", "dlt", "pending", "not_evaluable"]
STATUS_WORDS: Final[dict[Status, str]] = {
    "none": "no DLT",
    "dlt": "DLT",
    "pending": "pending",
    "not_evaluable": "not evaluable",
}
LEFT: Final = 14.0
ROOM: Final = WIDTH - 2 * LEFT
COHORT_GAP: Final = 8.0


@dataclass(frozen=True)
class LadderPatient:
    """One patient on the ladder.

    Parameters
    ----------
    label
        What a pointer that rests on the mark is told: the study number.
    level
        Counted from 1.
    cohort
        Its number; None for a backfilled patient.
    letter
        Written into the mark of a patient without DLT, where outcomes are graded.
    """

    label: str
    level: int
    status: Status
    cohort: int | None
    letter: str = ""


@dataclass(frozen=True)
class _Rung:
    """A level: its name in lines, its flags, and its patients in lines of groups, a group being a cohort."""

    level: int
    name: tuple[str, ...]
    flags: tuple[tuple[tuple[Sign, str], ...], ...]
    lines: tuple[tuple[tuple[LadderPatient, ...], ...], ...]
    look: str | None

    @property
    def height(self) -> float:
        """Units from the rung above to this one."""
        return 8 + 18 * (len(self.name) + len(self.flags)) + (38 * len(self.lines) if self.lines else 20)


def ladder_patients(design: Design, data: TrialData) -> tuple[LadderPatient, ...]:
    """Return the patients of trial data: those of a trial with dates by name, others by cohort."""
    if isinstance(data, DatedTrial):
        return tuple(
            LadderPatient(p.name, p.dose + 1, _status(data, p.seen(data.as_of, data.window),
                                                      dlt=p.had_dlt(data.as_of, data.window)), p.cohort)
            for p in data.patients
        )  # fmt: skip
    graded, top = len(design.outcomes) > 2, len(design.outcomes) - 1
    return tuple(
        LadderPatient(
            f"cohort {k}", cohort.dose + 1, "dlt" if c == top else "none", k, outcome.letter if graded else ""
        )
        for k, cohort in enumerate(data.cohorts, start=1)
        for c, outcome in enumerate(design.outcomes)
        for _ in range(cohort.counts[c])
    )


def _status(data: DatedTrial, share: float | None, *, dlt: bool) -> Status:
    if dlt:
        return "dlt"
    return "not_evaluable" if share is None else "pending" if share < 1 else "none"


def ladder(
    design: Design,
    patients: Sequence[LadderPatient],
    found: Recommendation | None = None,
    *,
    plan: Plan | None = None,
    name: str = "ladder",
    heading: Sequence[str] = (),
) -> Drawn:
    """Draw the levels with their patients; the level of the last cohort, and levels decided, recommended or barred are marked.

    Parameters
    ----------
    patients
        In the order in which they are to stand; those of one cohort are put together.
    plan
        What was decided: it has a mark of its own, and stands out instead of what is recommended.
    name
        Starts the ids of the drawing.
    heading
        Texts above it.

    Raises
    ------
    EscalateError
        Where a patient is at a level that the design does not have, or has an unknown status.
    """
    _check(design, patients)
    current = _current(patients)
    rungs = [_rung(design, level, patients, current, found, plan) for level in range(design.n_doses, 0, -1)]
    drawn: list[Drawn] = []
    top = y = 10.0
    for rung in rungs:
        drawn += _drawn(rung, y)
        y += rung.height
    rails = [
        element("line", look="drawing-line", x1=x, y1=top - 6, x2=x, y2=y + 6) for x in (LEFT - 8, WIDTH - LEFT + 8)
    ]
    key, height = legend(
        (p.status for p in patients),
        any(p.cohort is None for p in patients),
        any(p.cohort for p in patients),
        y + 26,
        [(each.letter, each.name) for each in design.outcomes[:-1]] if len(design.outcomes) > 2 else [],
    )
    title = f"Dose ladder: {len(patients)} patient{'s' * (len(patients) != 1)} on {design.n_doses} levels"
    described = " ".join(_described(design, rung) for rung in rungs)
    return drawing(name, title, f"Highest level first. {described}", height, [*rails, *drawn, *key], heading=heading)


def _check(design: Design, patients: Sequence[LadderPatient]) -> None:
    for patient in patients:
        if not 1 <= patient.level <= design.n_doses:
            raise EscalateError(
                f"patient '{patient.label[:40]}' is at level {patient.level}; the design has levels 1 to {design.n_doses}"
            )
        if patient.status not in get_args(Status):
            raise EscalateError(f"patient '{patient.label[:40]}' has the status '{patient.status}', which is none")


def _current(patients: Sequence[LadderPatient]) -> int | None:
    """Return the level of the last cohort."""
    there = [p for p in patients if p.cohort is not None]
    return max(there, key=lambda p: p.cohort or 0).level if there else None


def _rung(
    design: Design,
    level: int,
    patients: Sequence[LadderPatient],
    current: int | None,
    found: Recommendation | None,
    plan: Plan | None,
) -> _Rung:
    flags = list(_flags(design, level, current, found, plan))
    barred = any(sign == "barred" for sign, _ in flags)
    look = "drawing-next" if level == lit_level(found, plan) else "drawing-barred" if barred else None
    name = wrapped(f"Level {level} · {raised(dose_words(design, level))}", TEXT, ROOM)
    folded: list[tuple[Sign, str]] = []
    for sign, text in flags:
        lines = wrapped(text, SMALL, ROOM - 24)
        folded += [(sign, lines[0]), *(("", line) for line in lines[1:])]
    return _Rung(level, tuple(name), tuple(_folded_flags(folded)), tuple(_lines(level, patients)), look)


def _flags(
    design: Design, level: int, current: int | None, found: Recommendation | None, plan: Plan | None
) -> Iterator[tuple[Sign, str]]:
    """Yield what is marked at a level."""
    if plan is not None and plan.level == level and plan.text:
        yield plan.worth if plan.worth != "nobody" else "", plan.text
    advised = recommended_words(found, level) if found is not None else None
    if advised is not None and not (plan is not None and plan.worth == "mtd"):
        yield "recommended", advised
    if level == current:
        waits = ", accrual waits" if found is not None and found.action is Action.SUSPEND else ""
        yield "current", f"current level{waits}"
    # Before the first patient every level but the first given is "not allowed", which needs no mark.
    why = found.doses[level - 1].why_not if found is not None and found.action is not Action.START else None
    if why is not None:
        yield "barred", barred_words(design, why)


def _folded_flags(flags: list[tuple[Sign, str]]) -> Iterator[tuple[tuple[Sign, str], ...]]:
    """Yield flags in lines that fit."""
    line: list[tuple[Sign, str]] = []
    for one in flags:
        if line and (not one[0] or sum(flag_width(text) for _, text in (*line, one)) > ROOM):
            yield tuple(line)
            line = []
        line.append(one)
    if line:
        yield tuple(line)


def _lines(level: int, patients: Sequence[LadderPatient]) -> Iterator[tuple[tuple[LadderPatient, ...], ...]]:
    """Yield the cohorts of a level in lines that fit, backfilled patients last; a long group is broken."""
    here = [p for p in patients if p.level == level]
    numbers: list[int | None] = [*sorted({p.cohort for p in here if p.cohort is not None}), None]
    most = int(ROOM // PITCH)
    line: list[tuple[LadderPatient, ...]] = []
    for number in numbers:
        group = tuple(p for p in here if p.cohort == number)
        for k in range(0, len(group), most):
            part = group[k : k + most]
            if line and _width([*line, part]) > ROOM:
                yield tuple(line)
                line = []
            line.append(part)
    if line:
        yield tuple(line)


def _width(groups: Sequence[tuple[LadderPatient, ...]]) -> float:
    return sum(max(len(group), 1) * PITCH for group in groups) + COHORT_GAP * (len(groups) - 1)


def _drawn(rung: _Rung, top: float) -> Iterator[Drawn]:
    bottom = top + rung.height
    if rung.look is not None:
        yield element("rect", look=rung.look, x=LEFT - 6, y=top + 2, width=ROOM + 12, height=rung.height - 4, rx=3)
    y = top + 20
    for k, line in enumerate(rung.name):
        bold = f"Level {rung.level}"
        rest = line.removeprefix(bold) if k == 0 else line
        yield words(LEFT, y, *([element("tspan", bold, font_weight="bold")] if k == 0 else []), rest)
        y += 18
    for flags in rung.flags:
        x = LEFT
        for sign, text in flags:
            yield from flag(sign, text, x, y)
            x += flag_width(text)
        y += 18
    if not rung.lines:
        yield words(LEFT, y - 2, "no patients", look="drawing-muted", size=SMALL)
    for groups in rung.lines:
        x = LEFT
        for group in groups:
            yield from _group(group, x, y)
            x += len(group) * PITCH + COHORT_GAP
        y += 38
    yield element("line", look="drawing-line", x1=LEFT - 8, y1=bottom, x2=WIDTH - LEFT + 8, y2=bottom)


def _group(group: tuple[LadderPatient, ...], x: float, y: float) -> Iterator[Drawn]:
    """Yield the marks of a cohort, with its number under a line."""
    for k, patient in enumerate(group):
        said = f"{patient.label}: {STATUS_WORDS[patient.status]}{', backfilled' if patient.cohort is None else ''}"
        yield patient_mark(patient.status, patient.letter, said, x + (k + 0.5) * PITCH, y - 4,
                           backfilled=patient.cohort is None)  # fmt: skip
    number = group[0].cohort
    if number is not None:
        end = x + len(group) * PITCH
        yield element("line", look="drawing-frame", x1=x + 1, y1=y + 6, x2=end - 1, y2=y + 6)
        yield words((x + end) / 2, y + 19, str(number), look="drawing-muted", size=SMALL, anchor="middle")


def _described(design: Design, rung: _Rung) -> str:
    """Return a level as a sentence."""
    here = [p for line in rung.lines for group in line for p in group]
    parts = [f"{len(here)} patient{'s' * (len(here) != 1)}" if here else "no patients"]
    for status, word in STATUS_WORDS.items():
        n = sum(p.status == status for p in here)
        parts += [f"{n} {word if status != 'dlt' else 'with a DLT'}"] if n and status != "none" else []
    backfilled = sum(p.cohort is None for p in here)
    parts += [f"{backfilled} backfilled"] if backfilled else []
    flags = " ".join(text for line in rung.flags for _, text in line)
    marked = f"; {flags}" if flags else ""
    return f"L{level_words(design, rung.level)[1:]}: {', '.join(parts)}{marked}."
