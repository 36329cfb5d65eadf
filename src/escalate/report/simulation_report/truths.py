"""The scenarios: what might be true, why each is looked at; by family where there are many."""

from __future__ import annotations

from collections.abc import Iterator

from escalate.core.outcome import BINARY
from escalate.report.documents.blocks import Block, Cell, Heading, Paragraph, Reference, Table
from escalate.report.scenario_tables import FIXED, by_family
from escalate.report.simulation_report.cells import number, percent
from escalate.report.simulation_report.subject import Subject
from escalate.report.truth import scored, true_rates


def scenarios(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    yield Heading("Scenarios")
    yield Paragraph(
        ("A scenario is what might be true: the DLT probability of each dose level. It is an assumption, not a finding. The "
         f"{len(subject.scenarios):,} scenarios are in " if len(subject.scenarios) > 1 else
         "A scenario is what might be true: the DLT probability of each dose level. It is an assumption, not a finding. It is in ",
         Reference("scenarios"), ".")
    )  # fmt: skip
    if subject.many:
        yield from _families(subject)
        return
    yield _one_by_one(subject)
    if any(scenario.outcomes for scenario in subject.scenarios):
        yield _graded(subject)
    for k, design in enumerate(subject.designs):
        if scored(design):
            yield _scores(subject, k)
    if any(scenario.response for scenario in subject.scenarios):
        yield _responses(subject)


def _levels(subject: Subject) -> tuple[str, ...]:
    return tuple(f"Level {level}" for level in range(1, subject.designs[0].n_doses + 1))


def _one_by_one(subject: Subject) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for v, scenario in enumerate(subject.scenarios):
        mtd = subject.mtd(0, v) or [] if subject.one_truth else []
        rates = (Cell(percent(p), "chosen" if j + 1 in mtd else "plain") for j, p in enumerate(scenario.dlt))
        rows.append(
            (
                scenario.name,
                *rates,
                subject.mtd_words(v).replace("level ", ""),
                scenario.reason or "No reason is given.",
            )
        )
    n = len(_levels(subject))
    return Table(
        "scenarios",
        "True DLT probabilities in percent, the MTD by the target, and why each scenario is looked at",
        ("Scenario", *_levels(subject), "MTD", "Reason"),
        tuple(rows),
        align="l" + "r" * n + "ll",
    )


def _graded(subject: Subject) -> Table:
    names = {outcome.letter: outcome.name for design in subject.designs for outcome in design.outcomes}
    rows = [
        (scenario.name, names.get(letter, letter), *(percent(p) for p in rates))
        for scenario in subject.scenarios
        for letter, rates in (scenario.outcomes or {}).items()
    ]
    return Table(
        "outcomes",
        "True probabilities of milder outcomes in percent",
        ("Scenario", "Outcome", *_levels(subject)),
        tuple(rows),
        align="ll" + "r" * len(_levels(subject)),
    )


def _scores(subject: Subject, design: int) -> Table:
    rows = [
        (scenario.name, *(number(float(score), digits=3) for score in true_rates(subject.designs[design], scenario)))
        for scenario in subject.scenarios
    ]
    of = f" of {subject.names[design]}" if len(subject.designs) > 1 else ""
    return Table(f"scores-{design + 1}", f"True mean scores by the outcomes' weights{of}, a DLT counting 1",
                 ("Scenario", *_levels(subject)), tuple(rows))  # fmt: skip


def _responses(subject: Subject) -> Table:
    rows = [
        (scenario.name, *(percent(p) for p in scenario.response)) for scenario in subject.scenarios if scenario.response
    ]
    return Table("responses", "True response rates in percent", ("Scenario", *_levels(subject)), tuple(rows))


def _families(subject: Subject) -> Iterator[Block]:
    reasons: dict[str, list[str]] = {}
    drawn: dict[str, bool] = {}
    for scenario in subject.scenarios:
        family = scenario.family or FIXED
        reason = scenario.reason or "No reason is given."
        known = reasons.setdefault(family, [])
        if reason not in known:
            known.append(reason)
        drawn[family] = drawn.get(family, True) and bool(scenario.drawn)
    rows = []
    target = subject.designs[0].target
    placed = {row.family: row for row in by_family(subject.scenarios, target)} if target is not None else {}
    for family, known in reasons.items():
        number_of = sum((scenario.family or FIXED) == family for scenario in subject.scenarios)
        row = placed.get(family)
        shares = [] if row is None else [*(percent(share) for share in row.mtd), percent(row.no_mtd)]
        rows.append(
            (
                family,
                f"{number_of:,}",
                "drawn at random" if drawn[family] else "chosen",
                *(shares or ["-"] * (len(_levels(subject)) + 1)),
                " ".join(known),
            )
        )
    binary = all(design.outcomes == BINARY for design in subject.designs)
    notes = ("The MTD here is the level whose DLT probability is nearest to the target of the first design.",)
    yield Table(
        "scenarios",
        "Scenarios by family: how many, and in which percentage of them each level is the MTD",
        (
            "Family",
            "Scenarios",
            "How",
            *(f"MTD at {k}" for k in range(1, len(_levels(subject)) + 1)),
            "No MTD",
            "Reason",
        ),
        tuple(rows),
        align="lrl" + "r" * (len(_levels(subject)) + 1) + "l",
        notes=() if binary and subject.one_truth else notes,
    )
