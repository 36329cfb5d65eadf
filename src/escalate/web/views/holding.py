"""What holds in a trial now, by its decisions and closings; where nothing does, the recommendation speaks alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from escalate.conduct.allowance import Allowance, allowance
from escalate.conduct.analysis import selected
from escalate.conduct.state import Closing, Decision, Standing, TrialState
from escalate.core.errors import EscalateError
from escalate.report.plan import Plan
from escalate.report.sentences import level_words
from escalate.web.views.frame import kept
from escalate.web.views.words import decided_words, mtd_words


@dataclass(frozen=True)
class Cohort:
    """The patients that a decision is about.

    Parameters
    ----------
    completes
        Whether they complete a cohort that has begun.
    """

    level: int
    patients: int
    completes: bool
    condition: str


@dataclass(frozen=True)
class Holding:
    """What holds.

    Parameters
    ----------
    main, because
        As one large sentence, and more about it.
    tone
        `go`, `wait`, `stop` or `done`.
    plan
        What drawings and tables mark.
    cohort
        Who is to be treated by it; None where nobody is.
    over, closed
        Whether the trial was stopped or closed, so that nothing follows; whether it was closed, or is to be.
    """

    main: str
    because: str
    tone: str
    plan: Plan
    cohort: Cohort | None = None
    over: bool = False
    closed: bool = False


def allowed_now(state: TrialState) -> Allowance:
    """Return who may be treated now."""
    return kept(("allowed", state.trial, state.head, date.today() if state.dated else None), lambda: allowance(state))


def ends(decision: Decision) -> bool:
    """Return whether a decision is to stop."""
    body = decision.body
    return body.choice == "stop" or (
        body.choice == "accept" and decision.analysis.body.recommendation.get("action") == "stop"
    )


def stopped(state: TrialState) -> bool:
    """Return whether a decision in force stopped the trial."""
    last = state.decision
    return last is not None and last.standing is Standing.IN_FORCE and ends(last)


def holding(state: TrialState, day: date | None) -> Holding | None:
    """Return what holds now by what was decided or declared; None where only the recommendation speaks."""
    if state.closing is not None:
        return _closing(state, state.closing, day)
    if state.decision is not None:
        return _decision(state, state.decision)
    allowed = allowed_now(state)
    if not state.patients or allowed.level is None:
        return None
    there = sum(not p.row.backfill for p in state.patients.values())
    if not there:
        return None
    main = f"Treat {_patients(allowed.patients, ' more')} at {level_words(state.design, allowed.level)}."
    because = f"The first cohort has {there} of {there + allowed.patients} patients; it needs no decision."
    plan = Plan("decided", allowed.level, f"first cohort: {_patients(allowed.patients, ' more')}")
    return Holding(main, because, "go", plan, Cohort(allowed.level, allowed.patients, True, "in the first cohort"))


def _closing(state: TrialState, closing: Closing, day: date | None) -> Holding:
    body, level = closing.body, closing.body.mtd_level
    declared = mtd_words(state.design, level)
    reason = f"Reason: {body.reason}" if body.reason else ""
    if closing.standing is Standing.IN_FORCE:
        plan = Plan("mtd", level, "declared the MTD") if level is not None else Plan("nobody")
        return Holding(
            f"Closed with {declared}.",
            body.reason or "The design selects the same.",
            "done",
            plan,
            over=True,
            closed=True,
        )
    if closing.standing is Standing.AWAITS_SECOND:
        main = f"The closing awaits a second person: {declared}, declared by {_who(closing)}."
        because = (
            f"Nobody is treated meanwhile. The design selects {mtd_words(state.design, body.selected_level)}. {reason}"
        )
        plan = Plan("proposed", level, "proposed as the MTD; awaits a second person") if level else Plan("nobody")
        return Holding(main, because.strip(), "wait", plan, over=True, closed=True)
    main = "The closing is void: nobody is treated, and no MTD is declared."
    because = f"Entry {closing.void_by} changed what entry {closing.entry.number} ({declared}) rested on."
    with suppress(EscalateError):
        chosen = mtd_words(state.design, selected(state, day).mtd_level)
        because += f" From the data as they are, the design selects {chosen}."
    return Holding(main, f"{because} Close the trial again.", "wait", Plan("nobody"), over=True, closed=True)


def _decision(state: TrialState, decision: Decision) -> Holding | None:
    match decision.standing:
        case Standing.AWAITS_SECOND:
            return _awaits(state, decision)
        case Standing.REFUSED:
            said = decision.approval
            main = f"Nobody is treated: the second person did not agree with entry {decision.entry.number}."
            why = f" {said.entry.by}: {said.body.reason}" if said is not None and said.body.reason else ""
            because = f"It was: {decided_words(state.design, decision.body)}.{why} Decide again."
            return Holding(main, because, "wait", Plan("nobody"))
        case Standing.VOID:
            main = f"Nobody is treated: the decision of entry {decision.entry.number} is void."
            because = (
                f"It was: {decided_words(state.design, decision.body)}. Entry {decision.void_by} changed what it rested on. "
                "Decide again."
            )
            return Holding(main, because, "wait", Plan("nobody"))
    if decision.superseded_by is not None:
        return None
    return _nobody(decision) if decision.body.level is None else _treat(state, decision, decision.body.level)


def _awaits(state: TrialState, decision: Decision) -> Holding:
    body, level, n = decision.body, decision.body.level or 0, decision.body.patients or 0
    main = (
        f"Nobody is treated before a second person agrees: {_patients(n)} at {level_words(state.design, level)}, decided by "
        f"{_who(decision)}."
    )
    plan = Plan("proposed", level, f"proposed: {_patients(n)}; awaits a second person")
    return Holding(main, f"Reason: {body.reason}", "wait", plan, Cohort(level, n, False, "if the second person agrees"))


def _nobody(decision: Decision) -> Holding:
    """Return what a decision by which nobody is treated says."""
    reason = f" Reason: {_ended(decision.body.reason)}" if decision.body.reason else ""
    if ends(decision):
        main = "Stopped: nobody is treated any more."
        because = f"Decided by {_who(decision)}.{reason} Close the trial and declare the MTD."
        return Holding(main, because, "stop", Plan("nobody"), over=True)
    main = "On hold: nobody is treated until the next decision."
    how = "" if decision.body.choice == "hold" else ", as recommended: accrual waits for outcomes"
    return Holding(main, f"Decided by {_who(decision)}{how}.{reason}", "wait", Plan("nobody"))


def _treat(state: TrialState, decision: Decision, level: int) -> Holding | None:
    if not decision.remaining:
        return None
    allowed = allowed_now(state)
    if allowed.level is None:
        main = "Nobody is treated: decide again."
        why = allowed.why_none or ""
        return Holding(main, f"{why[:1].upper()}{why[1:]}.", "wait", Plan("nobody"))
    more = " more" if decision.treated else ""
    who = _patients(allowed.patients, more)
    main = f"Treat {who} at {level_words(state.design, level)}, as decided by {_who(decision)}."
    parts = ["As recommended then." if not decision.body.departs else "The decision departs from the recommendation."]
    if decision.body.reason:
        parts.append(f"Reason: {_ended(decision.body.reason)}")
    if decision.approval is not None:
        parts.append(f"{decision.approval.entry.by} agreed as the second person.")
    if decision.treated:
        verb = "is" if decision.treated == 1 else "are"
        parts.append(f"{decision.treated} of these {decision.body.patients} patients {verb} entered.")
    cohort = Cohort(level, allowed.patients, allowed.cohort in state.cohort_numbers(), "as decided")
    return Holding(main, " ".join(parts), "go", Plan("decided", level, f"decided: {who}"), cohort)


def _who(each: Decision | Closing) -> str:
    return f"{each.entry.by} on {each.entry.at[:10]} (entry {each.entry.number})"


def _patients(n: int, more: str = "") -> str:
    return f"{n}{more} patient{'s' * (n != 1)}"


def _ended(text: str) -> str:
    """Return a text of a person as a sentence that another can follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
