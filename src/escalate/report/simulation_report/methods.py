"""Methods of simulation: how the numbers were computed, from what, and how to compute them again."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from shlex import quote

from escalate.core.decision import MAX_PATIENTS
from escalate.core.wording import listed
from escalate.report.clock_tables import heading
from escalate.report.documents.blocks import (
    Block,
    Heading,
    Items,
    Paragraph,
    Preformatted,
    Reference,
    Run,
    Table,
    Words,
)
from escalate.report.simulation_report.metrics import definitions
from escalate.report.simulation_report.purpose import counted_trials
from escalate.report.simulation_report.subject import Subject


def methods(subject: Subject) -> Iterator[Block]:
    """Yield the section."""
    yield Heading("Methods of simulation")
    yield from _how(subject)
    yield Heading("What is reported", 2)
    yield Items(tuple(definitions(subject)))
    yield Heading("Software, files and how to compute it again", 2)
    yield from _from_what(subject)


def _how(subject: Subject) -> Iterator[Block]:
    found = subject.found
    if found.exact:
        yield Paragraph(
            "The operating characteristics are exact. Every state that a design can reach is followed with its probability under "
            "each scenario, so the numbers have no Monte-Carlo error, and no random numbers are used. "
            f"{_states(subject)}"
        )
    else:
        yield Paragraph(
            f"The operating characteristics are those of {counted_trials(found.trials)} of each design under each scenario, with "
            f"seed {found.seed}. Numbers in brackets are Monte-Carlo standard errors; the largest error of a share of correct "
            f"selections is {_largest(subject)} percentage points. A share that was 0% or 100% in all trials has no error in "
            "brackets; unless the scenario makes it certain, the true share can be up to "
            f"{100 * (1 - 0.05 ** (1 / (found.trials or 1))):.2g} percentage points away (95% confidence)."
        )
        yield Paragraph(
            "Random numbers are counter-based (Philox4x32-10), keyed by the seed, the scenario's DLT probabilities and the trial's "
            "number. Patient k of trial i has the same latent uniform number under every design, and has a DLT at a level "
            "exactly where that number is below the level's true DLT probability. Differences between designs are therefore those "
            "on the same patients, and results do not depend on the number of processors."
        )
    if found.clock is not None:
        yield Paragraph(
            f"{heading(found.clock)} The first patient arrives on day 0. A decision uses what is known on its day; a design waits "
            "for pending outcomes, or weighs them, as its method and rules say."
        )
    else:
        yield Paragraph(
            "A decision is taken when the outcomes of all patients of a cohort are known. Patients are independent of each other, "
            "given the dose."
        )


def _states(subject: Subject) -> str:
    each = [
        f"{result.n_states:,} of {name}"
        for name, result in zip(subject.names, subject.found.designs, strict=True)
        if result.n_states is not None
    ]
    return f"Reachable states: {listed(each)}." if each else ""


def _largest(subject: Subject) -> str:
    errors = [float(x) for result in subject.found.designs for x in result.scalars["pcs"][1] if isfinite(x)]
    return f"{100 * max(errors, default=0.0):.2f}"


def _from_what(subject: Subject) -> Iterator[Block]:
    made = subject.found.provenance
    yield Paragraph(
        (
            f"The study was computed by escalate {made.version} with Python {made.python} and NumPy {made.numpy}. Its files are "
            "in ",
            Reference("files"),
            "; the hash of the scenarios is that of their content, however their file is laid out.",
        )
    )
    rows: list[tuple[Words, ...]] = [
        (
            f"Design, {name}" if len(subject.names) > 1 else "Design",
            Path(file.document.name).name,
            (Run(file.sha256, "code"),),
        )
        for name, file in zip(subject.names, subject.files, strict=True)
    ]
    named: Words = ("as in ", Reference("scenarios"))
    rows.append(
        (
            "Scenarios",
            named if subject.scenario_file is None else _named(subject.scenario_file),
            (Run(made.scenarios_sha256, "code"),),
        )
    )
    if subject.results_file is not None and subject.results_sha256 is not None:
        rows.append(("Results", _named(subject.results_file), (Run(subject.results_sha256, "code"),)))
    yield Table("files", "Files of the study", ("What", "File", "SHA-256"), tuple(rows), align="lll")
    placeholders = [
        text
        for text, stands in (
            ("SCENARIOS.yaml for a file with the scenarios", subject.scenario_file in {None, "-"}),
            ("CLOCK.yaml for the clock", subject.found.clock is not None and subject.clock_file in {None, "-"}),
        )
        if stands
    ]
    stands_for = f" ({listed(placeholders)})" if placeholders else ""
    yield Paragraph(f"The command that computes the results{stands_for}:")
    yield Preformatted(command(subject))


def _named(path: str | None) -> str:
    return "standard input" if path in {None, "-"} else Path(str(path)).name


def command(subject: Subject) -> str:
    """Return the command that computes the results again."""
    found = subject.found
    designs = [_file(file.document.name, "DESIGN.yaml") for file in subject.files]
    lines = [f"escalate simulate {' '.join(designs)}", f"--scenarios {_file(subject.scenario_file, 'SCENARIOS.yaml')}"]
    lines.append("--exact" if found.exact else f"--trials {found.trials} --seed {found.seed}")
    if found.clock is not None:
        lines.append(f"--clock {_file(subject.clock_file, 'CLOCK.yaml')}")
    lines.append("--json")
    return " \\\n  ".join(lines)


def _file(path: str | None, otherwise: str) -> str:
    """Return a file as the user named it, as a shell takes it."""
    return otherwise if path in {None, "-", "standard input"} else quote(str(path))


def stop_words(code: str) -> str:
    """Return why a trial ended, as tables have it.

    Examples
    --------
    >>> stop_words("max_patients"), stop_words("method_complete"), stop_words("eliminate")
    ('all patients treated', "the method's own end", 'rule eliminate')
    """
    if code == MAX_PATIENTS:
        return "all patients treated"
    return "the method's own end" if code == "method_complete" else f"rule {code}"
