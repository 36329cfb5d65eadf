"""Run the qualification: ask every vector, run every check, and hold the answers against what was expected."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from escalate import __version__
from escalate.core.errors import EscalateError
from escalate.qualification import answers, compare, installation, vectors
from escalate.qualification.cases import Case, Outcome, Qualification, short
from escalate.qualification.checks import CHECKS, Check
from escalate.qualification.requirements import Requirement, chosen, requirements
from escalate.qualification.vectors import Vector

Progress = Callable[[str], None]


def run(
    only: Sequence[str] = (),
    *,
    checks: Sequence[Check] = (),
    facts: Sequence[tuple[str, str, str]] = (),
    place: Path | None = None,
    progress: Progress = lambda _: None,
) -> Qualification:
    """Return what the installation and every requirement came to on this machine.

    Parameters
    ----------
    only
        Ids of the requirements to run; all where none is named.
    checks
        Checks of the layers above, beside those of this one.
    facts
        Facts of the installation that the layers above know: group, name and value.
    place
        Folder of the conformance vectors; that of the installation by default.

    Raises
    ------
    EscalateError
        Where a requirement named in `only` does not exist.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    wanted = chosen(tuple(only))
    progress("installation: files, versions, platform")
    found, faults = _vectors(place)
    named = {requirement.id for requirement in requirements()}
    faults += [
        f"{each.id} names the requirement {each.requirement}, which is none"
        for each in found
        if each.requirement not in named
    ]
    installed = installation.inspect(faults, len(found), facts)
    by_requirement: defaultdict[str, list[Vector]] = defaultdict(list)
    for vector in found:
        by_requirement[vector.requirement].append(vector)
    known = {check.name: check for check in (*CHECKS, *checks)}
    outcomes = []
    for requirement in wanted:
        if by_requirement[requirement.id] or requirement.checks:
            progress(requirement.title)
        cases = tuple(_cases(requirement, by_requirement[requirement.id], known))
        outcomes.append(Outcome(requirement, cases, incomplete=bool(faults)))
    ids = {requirement.id for requirement in wanted}
    return Qualification(
        __version__,
        started,
        time.perf_counter() - clock,
        installed,
        tuple(outcomes),
        tuple(requirement.id for requirement in wanted) if only else (),
        tuple((each.id, each.disputed) for each in found if each.disputed and each.requirement in ids),
    )


def _vectors(place: Path | None) -> tuple[tuple[Vector, ...], list[str]]:
    try:
        found, faults = vectors.load(place)
    except vectors.VectorError as fault:
        return (), [str(fault)]
    return found, list(faults)


def _cases(requirement: Requirement, found: Sequence[Vector], known: Mapping[str, Check]) -> Iterator[Case]:
    yield from (asked(vector) for vector in found if not vector.disputed)
    for name in requirement.checks:
        if name in known:
            yield from checked(known[name])
        else:
            yield Case(
                name, "a check", "that it is run", "there is no such check", "exact", "computed here", passed=False
            )


def asked(vector: Vector) -> Case:
    """Ask one vector's question; an answer that cannot be given is a failed case, never an error."""
    clock = time.perf_counter()
    answer: dict[str, Any] = {}
    try:
        answer = answers.answer(vector.question)
        wrong = compare.differences(vector.expect, answer, vector.tolerance)
        obtained = _obtained(vector, answer, wrong)
    except Exception as fault:
        wrong, obtained = None, refused(fault)
    return Case(
        id=vector.id,
        asked=_asked(vector),
        expected="; ".join(each.wanted for each in wrong) if wrong else compare.said(vector.expect),
        obtained=obtained,
        tolerance=_tolerance(vector.tolerance),
        source=said_source(vector.source),
        passed=wrong == (),
        seconds=time.perf_counter() - clock,
        values={"expect": dict(vector.expect), "answer": {name: answer.get(name) for name in vector.expect}},
    )


def refused(fault: Exception) -> str:
    """Return a fault as what was obtained: its sentence, or its kind where it is not one of ours."""
    text = " ".join(str(fault).split()) or "no text"
    return short(text if isinstance(fault, EscalateError) else f"{type(fault).__name__}: {text}", 200)


def _obtained(vector: Vector, answer: Mapping[str, Any], wrong: tuple[compare.Difference, ...]) -> str:
    if wrong:
        return "; ".join(each.got for each in wrong)
    off = compare.largest_error(vector.expect, answer, vector.tolerance)
    said = compare.said({name: answer.get(name) for name in vector.expect})
    return said if off is None else f"{said} (at most {off:.1g} away)"


def _asked(vector: Vector) -> str:
    method = vector.question["design"]["method"].get("kind", "?")
    return f"{vector.kind.replace('_', ' ')}, {method}"


def _tolerance(tolerance: Mapping[str, Any]) -> str:
    limits = [limit for each in tolerance.values() for limit in (each if isinstance(each, list) else [each])]
    if not limits:
        return "exact"
    low, high = f"{min(limits):.1g}", f"{max(limits):.1g}"
    return low if low == high else f"{low} to {high}"


def said_source(source: Mapping[str, Any]) -> str:
    """Return where an expected answer is from, in one line."""
    match source["kind"]:
        case "software":
            text = (
                f"{source['software']} {source['version']} {source['function']} ({source['authors']} {source['year']})"
            )
        case "paper":
            text = source["citation"]
        case "quadrature":
            checked = source.get("checked_with")
            text = source["method"] + (f", checked with {checked}" if checked else "")
        case "exact":
            text = source["method"].partition(", written for this suite")[0]
            text += f": {source['citation']}" if "citation" in source else ""
        case _:
            text = f"definition: {source.get('where', '')}"
    return f"{text}; {source['sampled']}" if "sampled" in source else text


def checked(check: Check) -> Iterator[Case]:
    """Run one check; where it breaks off, that is a failed case."""
    clock = time.perf_counter()
    findings = check.run()
    while True:
        try:
            finding = next(findings)
        except StopIteration:
            return
        except Exception as fault:
            taken = time.perf_counter() - clock
            yield Case(check.name, check.asks, "that it runs", refused(fault), "exact", "computed here", False, taken)
            return
        now = time.perf_counter()
        yield Case(
            id=f"{check.name}/{finding.case}",
            asked=check.asks,
            expected=finding.expected,
            obtained=finding.obtained,
            tolerance=finding.tolerance,
            source="computed here",
            passed=finding.passed,
            seconds=now - clock,
        )
        clock = now
