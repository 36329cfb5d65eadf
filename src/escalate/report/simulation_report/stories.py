"""Example trials told step by step: every cohort, what was decided after it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from escalate.core.moves import Action
from escalate.core.wording import listed
from escalate.report.clock_tables import story
from escalate.report.documents.blocks import Block, Cell, Heading, Paragraph, Preformatted, Table, Tone
from escalate.report.simulation_report.cells import percent
from escalate.report.simulation_report.subject import Subject
from escalate.study.example_trials import ToldTrial

SEVERAL: Final = 3
"""With more designs than this, only trials of the first are told."""
_TONE: Final[dict[Action, Tone]] = {
    Action.ESCALATE: "escalate",
    Action.STAY: "stay",
    Action.DE_ESCALATE: "deescalate",
    Action.STOP: "eliminate",
}


def example_scenario(subject: Subject) -> int:
    """Return the first scenario whose MTD is neither the lowest nor the highest level, else the first with one, else the first."""
    mtds = [subject.mtd(0, v) or [] for v in range(len(subject.scenarios))]
    inside = [v for v, mtd in enumerate(mtds) if mtd and min(mtd) > 1 and max(mtd) < subject.designs[0].n_doses]
    some = [v for v, mtd in enumerate(mtds) if mtd]
    return (inside or some or [0])[0]


def stories(subject: Subject, number: int) -> Iterator[Block]:
    """Yield the section, with up to so many trials of each design; nothing where there are to be none."""
    if number < 1:
        return
    v = example_scenario(subject)
    scenario = subject.scenarios[v]
    designs = subject.designs if len(subject.designs) <= SEVERAL else subject.designs[:1]
    seed = subject.found.seed or 1
    yield Heading("Example trials, step by step")
    rates = listed([f"{percent(p)}%" for p in scenario.dlt])
    yield Paragraph(
        f"What a trial looks like, under '{scenario.name}' (true DLT probabilities {rates}; MTD: {subject.mtd_words(v)}). These "
        f"are random trials of seed {seed}{_beside(subject)}, not real ones, chosen by rule and not by how they look. The same "
        "trial number means the same patients under every design."
        + ("" if len(designs) == len(subject.designs) else f" Trials of {subject.names[0]} alone are told.")
    )
    if subject.found.clock is not None:
        from escalate.study.trace import trace  # noqa: PLC0415 - loads the clock's engine

        for name, design in zip(subject.names, designs, strict=False):
            first = "the first trial" if number == 1 else f"the first {number} trials"
            yield Heading(f"{name}: {first}" if len(designs) > 1 else f"{first[:1].upper()}{first[1:]}", 2)
            yield Preformatted(story(trace(design, scenario, subject.found.clock, seed, number)))
        return
    from escalate.study.example_trials import examples  # noqa: PLC0415 - loads the engine

    letters = {outcome.letter: outcome.name for design in designs for outcome in design.outcomes}
    said = "; ".join(f"{letter} is {what}" for letter, what in letters.items())
    starts = sorted({design.start_level for design in designs})
    yield Paragraph(
        f"Outcomes have one letter a patient, in the order of treatment: {said}. The first cohort is treated at level "
        f"{listed([str(level) for level in starts], 'or')}. Decisions and reasons are those that 'escalate recommend' gives."
    )

    for k, (name, design) in enumerate(zip(subject.names, designs, strict=False)):
        yield Heading(name if len(subject.designs) > 1 else "Trials", 2)
        for told in examples(design, scenario, seed, number):
            yield _trial(told, f"trial-{k + 1}-{told.trial}", name if len(subject.designs) > 1 else "")
            yield Paragraph(_end(told))


def _beside(subject: Subject) -> str:
    if subject.error_free:
        return ", beside the exact results"
    return " of this study"


def _trial(told: ToldTrial, key: str, name: str) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for k, cohort in enumerate(told.cohorts, start=1):
        decision = cohort.decision
        reason = " ".join(each.text for each in decision.reasons)
        rows.append(
            (
                str(k),
                str(cohort.level),
                cohort.outcomes,
                Cell(_decision(told, k - 1), _TONE.get(decision.action, "plain")),
                reason,
            )
        )
    of = f"{name}, trial" if name else "Trial"
    return Table(
        key,
        f"{of} {told.trial}: {told.why}",
        ("Cohort", "Level", "Outcomes", "Decision", "Reason"),
        tuple(rows),
        align="rrlll",
    )


def _decision(told: ToldTrial, k: int) -> str:
    decision = told.cohorts[k].decision
    match decision.action:
        case Action.STOP:
            return "stop"
        case Action.ESCALATE:
            return f"escalate to level {decision.next_level}"
        case Action.DE_ESCALATE:
            return f"de-escalate to level {decision.next_level}"
    return f"stay at level {decision.next_level}"


def _end(told: ToldTrial) -> str:
    n = sum(len(cohort.outcomes) for cohort in told.cohorts)
    dlts = sum(cohort.outcomes.count(told.design.outcomes[-1].letter) for cohort in told.cohorts)
    saw = f"{n} patients, {dlts} DLT{'s' * (dlts != 1)}"
    if told.mtd_level is None:
        return f"The trial ends after {saw}: no level is selected as the MTD."
    return f"The trial ends after {saw}: level {told.mtd_level}, {told.design.amount(told.mtd_level - 1)}, is selected as the MTD."
