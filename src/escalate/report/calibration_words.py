"""What a calibration says, in sentences: for the terminal, the page of evidence and the notes of the chosen design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escalate import __version__
from escalate.study.calibration_axes import named, show

if TYPE_CHECKING:
    from escalate.study.calibration_results import Calibration, Gap, Judged


@dataclass(frozen=True)
class Sources:
    """The files of a calibration, as the user named them, and their hashes."""

    design: str
    design_sha256: str
    scenarios: str
    scenarios_sha256: str
    further: int | None


def counted(n: int, word: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "candidate"), counted(1200, "scenario")
    ('1 candidate', '1,200 scenarios')
    """
    return f"{n:,} {word}{'s' * (n != 1)}"


def headline(found: Calibration) -> str:
    """Return which design was chosen."""
    if found.chosen is found.start:
        return "No candidate has a smaller loss than the design as it is."
    return f"Chosen: {named(found.axes, found.chosen.candidate.settings)}."


def judged_by(found: Calibration) -> list[str]:
    """Return what was minimised, over what, and within which limits."""
    how = "drawn at random" if (found.strata >= 0).all() else "some drawn at random" if found.drawn else "chosen"
    lines = [f"Loss: {found.loss.text}, that is {found.loss.in_words()}; its mean is minimised."]
    for limit in found.limits:
        over = {"mean": "on average over the scenarios", "max": "under every scenario", "min": "under every scenario"}
        sign = "at most" if limit.at_most else "at least"
        over_all = (
            over[limit.how] if (limit.how == "max") == limit.at_most or limit.how == "mean" else "under some scenario"
        )
        lines.append(f"Limit: {limit.text}, that is {limit.what.in_words()} {sign} {limit.bound:g} {over_all}.")
    tried = len(found.judged) + len(found.skipped)
    lines.append(
        f"{counted(tried, 'candidate')}, the design as it is among them, each judged exactly under the same "
        f"{counted(len(found.scenarios), 'scenario')} ({how})."
    )
    return lines


def with_error(mean: float, se: float, signed: bool = False) -> str:
    """Return a number with its error in brackets, where it has one."""
    text = f"{mean + 0.0:+.4f}" if signed else f"{mean:.4f}"
    return f"{text} ({se:.4f})" if se > 0 else text


def gap_text(gap: Gap) -> str:
    """Return a paired difference with its error."""
    return with_error(gap.mean, gap.se, signed=True)


def compared(found: Calibration) -> list[str]:
    """Return how the chosen design stands to the others."""
    lines = []
    if found.start is not None and found.start is not found.chosen:
        gap = found.gap(found.chosen, found.start)
        limits = "" if found.start.kept else " The design as it is breaks a limit."
        lines.append(
            f"Its loss is {found.chosen.mean:.4f}; that of the design as it is, {found.start.mean:.4f}: a paired difference of "
            f"{gap_text(gap)}.{limits}"
        )
    n = len(found.as_good)
    if found.drawn and n > 1:
        lines.append(
            f"{counted(n - 1, 'other candidate')} cannot be told from it: the paired difference in loss is within twice its "
            "error. Among those, choose by other grounds."
        )
    elif found.drawn:
        lines.append("Every other candidate is worse by more than twice the error of the paired difference.")
    else:
        lines.append("The scenarios were chosen, not drawn: differences have no error, and hold for these scenarios.")
    if len(found.judged) > len(found.scenarios):
        lines.append("There are more candidates than scenarios: such a choice fits the scenarios more than the truth.")
    broken = sum(not one.kept for one in found.judged)
    if broken:
        breaks = "breaks" if broken == 1 else "break"
        lines.append(f"{counted(broken, 'candidate')} of {len(found.judged):,} {breaks} a limit.")
    if found.skipped:
        first = found.skipped[0]
        lines.append(
            f"Left out as too large: {counted(len(found.skipped), 'candidate')}, such as "
            f"{named(found.axes, first.candidate.settings)}; {first.why}."
        )
    return lines


def on_the_edge(found: Calibration) -> list[str]:
    """Return which settings were chosen at the end of the values tried, where a better value may lie beyond."""
    lines = []
    for k, axis in enumerate(found.axes):
        here = found.chosen.candidate.choices[k]
        if not axis.numeric or len(axis.values) < 2 or found.chosen.candidate.number == 0:
            continue
        low, high = min(axis.values), max(axis.values)
        if here in (low, high):
            end = "smallest" if here == low else "largest"
            lines.append(f"{axis.field} {show(here)} is the {end} value tried; a better one may lie beyond.")
    return lines


def checked(found: Calibration) -> list[str]:
    """Return what fresh scenarios say of the chosen design."""
    fresh = found.fresh
    if fresh is None:
        return ["No random generator in the scenario file, so there are no fresh scenarios to check the choice on."]
    chosen, search = fresh.chosen, found.chosen
    lines = [
        f"On {counted(fresh.scenarios, 'scenario')} that the search did not see the chosen design has loss "
        f"{with_error(chosen.mean, chosen.se)}; in the search it had {with_error(search.mean, search.se)}."
    ]
    if fresh.gap is not None and found.start is not None and found.start is not search:
        was = found.gap(search, found.start)
        line = f"There it differs from the design as it is by {gap_text(fresh.gap)}, in the search by {gap_text(was)}"
        holds = "holds" if fresh.gap.mean < 0 and fresh.gap.told else "does not hold beyond twice its error"
        lines.append(f"{line}: the gain {holds}." if was.mean < 0 else f"{line}.")
    broken = [
        f"{limit.text} (it has {value:.4f})"
        for limit, value in zip(found.limits, chosen.limits, strict=True)
        if not limit.kept(value)
    ]
    if broken:
        lines.append(f"There it breaks a limit: {'; '.join(broken)}. A limit that is just kept has an error too.")
    return lines


def notes_of(found: Calibration, sources: Sources) -> list[str]:
    """Return how the design was chosen, for its notes."""
    start = found.start
    limits = f" within {'; '.join(limit.text for limit in found.limits)}" if found.limits else ""
    before = f"; {start.mean:.4f} before" if start is not None and start is not found.chosen else ""
    lines = [
        f"Calibrated by escalate {__version__}: {named(found.axes, found.chosen.candidate.settings)} chosen among "
        f"{counted(len(found.judged), 'candidate')} by the smallest mean of {found.loss.text}{limits} over "
        f"{counted(len(found.scenarios), 'scenario')} of {sources.scenarios} (sha256 {sources.scenarios_sha256[:16]}), from "
        f"{sources.design} (sha256 {sources.design_sha256[:16]}), whose comments may say what is no longer so.",
        f"Loss {found.chosen.mean:.6f}{before}.",
    ]
    if found.fresh is not None:
        lines.append(
            f"On {counted(found.fresh.scenarios, 'fresh scenario')} (seeds + {sources.further:,}) "
            f"{with_error(found.fresh.chosen.mean, found.fresh.chosen.se)}."
        )
    return lines


def best_first(found: Calibration) -> list[Judged]:
    """Return the candidates within all limits by loss, then the others."""
    return sorted(found.judged, key=lambda one: (not one.kept, one is not found.chosen, one.mean, one.candidate.number))
