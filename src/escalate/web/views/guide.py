"""What comes next in a trial, and who can do it: the page alone leads a newcomer from the first cohort to the end."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from escalate.conduct.actor import Actor
from escalate.conduct.deciding import awaiting
from escalate.conduct.permissions import MAY, Act, may
from escalate.conduct.snapshot import waiting_for
from escalate.conduct.state import Decision, Standing, TrialState
from escalate.core.moves import Action
from escalate.study.recommend import Recommendation
from escalate.web.views.holding import allowed_now, ends
from escalate.web.views.present import where
from escalate.web.views.words import listed

__all__ = ["STEPS", "Link", "Next", "address", "allowed_now", "next_step"]

STEPS = ("Enter the cohort", "Report outcomes", "Decide and sign", "Second opinion, if asked for", "Close with the MTD")
"""The way through a trial; the first three come again with every cohort."""


@dataclass(frozen=True)
class Link:
    """Something that a person can do."""

    text: str
    address: str


@dataclass(frozen=True)
class Next:
    """What a trial waits for.

    Parameters
    ----------
    step
        Which of `STEPS`, from 1; None where nothing is left to do.
    text
        What it waits for, as a sentence.
    short
        The same in a few words, for a list of trials.
    main
        What this person does next; None where that is somebody else's.
    others
        What the person can do besides.
    who
        Which roles can, where the person cannot.
    """

    step: int | None
    text: str
    short: str
    main: Link | None
    others: tuple[Link, ...] = ()
    who: str | None = None


@dataclass(frozen=True)
class _Wanted:
    step: int | None
    act: Act | None
    text: str
    short: str
    label: str = ""
    page: str = ""


def next_step(state: TrialState, actor: Actor, found: Recommendation | None = None) -> Next:
    """Return what comes next; `found` is what the design recommends, where it is known."""
    wanted = _wanted(state, actor, found)
    mine = wanted.act is not None and may(state, actor, wanted.act) and bool(wanted.page)
    main = Link(wanted.label, wanted.page) if mine else None
    others = tuple(link for link in _others(state, actor) if main is None or link.address != main.address)
    who = None
    if wanted.act is not None and not mine:
        asks_other = wanted.act is Act.APPROVE and may(state, actor, Act.APPROVE)
        roles = " or ".join(role for role in ("site", "statistician", "chair") if role in MAY[wanted.act])
        who = f"another person with the role of {roles}" if asks_other else f"a person with the role of {roles}"
    return Next(wanted.step, wanted.text, wanted.short, main, others, who)


def address(state: TrialState, name: str, *rest: object) -> str:
    """Return the address of a page of the trial."""
    return reverse(name, args=[state.trial, *rest])


def _wanted(state: TrialState, actor: Actor, found: Recommendation | None) -> _Wanted:
    closing = state.closing
    if closing is not None and closing.standing is Standing.IN_FORCE:
        return _Wanted(None, None, "The trial is closed. Outcomes can still be amended with a reason.", "closed")
    if closing is not None and closing.standing is Standing.VOID:
        text = f"The closing is void: entry {closing.void_by} changed what it rested on. Close the trial again."
        return _Wanted(
            5, Act.CLOSE, text, "the closing is void: close again", "Close the trial", address(state, "close")
        )
    subject = awaiting(state)
    if subject is not None:
        return _second(state, actor, subject.entry.by, is_decision=isinstance(subject, Decision))
    missing = waiting_for(state)
    if missing:
        return _outcome(state)
    allowed = allowed_now(state)
    if allowed.level is not None:
        return _enter(state, allowed.level, allowed.patients, allowed.cohort)
    return _decide(state, found)


def _second(state: TrialState, actor: Actor, by: str, *, is_decision: bool) -> _Wanted:
    what = "decision" if is_decision else "closing"
    if by.strip().casefold() == actor.name.strip().casefold():
        text = f"Your {what} goes beyond what the design recommends: it holds once a second person agrees."
        return _Wanted(4, Act.APPROVE, text, "a second opinion on yours")
    text = f"Your second opinion is asked for: the {what} of {by} goes beyond what the design recommends."
    short = "your second opinion" if may(state, actor, Act.APPROVE) else "a second opinion"
    if not may(state, actor, Act.APPROVE):
        text = f"The {what} of {by} goes beyond what the design recommends: a second person must agree."
    return _Wanted(4, Act.APPROVE, text, short, "Give your second opinion", address(state, "approve"))


def _enter(state: TrialState, level: int, n: int, cohort: int) -> _Wanted:
    there = where(state.design, level)
    who = f"{n} patient{'s' * (n != 1)}"
    begun = cohort in state.cohort_numbers()
    label = f"Enter the rest of cohort {cohort}" if begun else f"Enter cohort {cohort}"
    text = f"{who} may be treated at {there}. Enter them when they are; outcomes can come later."
    return _Wanted(1, Act.ENTER, text, f"cohort {cohort}, {who} at level {level}", label, address(state, "enter"))


def _outcome(state: TrialState) -> _Wanted:
    missing = list(waiting_for(state))
    several = len(missing) > 1
    who = f"patients {listed(missing)}" if several else f"patient {missing[0]}"
    text = f"The outcome{'s' * several} of {who} {'are' if several else 'is'} not known yet."
    page = address(state, "amend", missing[0])
    label = f"Report the outcome of {missing[0]}"
    return _Wanted(2, Act.AMEND, text, f"the outcome{'s' * several} of {listed(missing)}", label, page)


def _decide(state: TrialState, found: Recommendation | None) -> _Wanted:
    decision, page = state.decision, address(state, "decide")
    stops = decision is not None and decision.standing is Standing.IN_FORCE and ends(decision)
    if stops and decision is not None:
        text = f"Entry {decision.entry.number} decided to stop: close the trial and declare the MTD."
        return _Wanted(5, Act.CLOSE, text, "closing with the MTD", "Close the trial", address(state, "close"))
    if decision is not None and decision.standing is Standing.IN_FORCE and decision.body.level is None:
        text = f"On hold by entry {decision.entry.number}: nobody is treated until the next decision."
        return _Wanted(3, Act.DECIDE, text, "on hold: the next decision", "Decide", page)
    if decision is not None and decision.standing is Standing.REFUSED:
        text = f"The second person did not agree with entry {decision.entry.number}. Decide again."
        return _Wanted(3, Act.DECIDE, text, "a new decision: the last was refused", "Decide", page)
    if decision is not None and decision.standing is Standing.VOID:
        text = (
            f"The decision of entry {decision.entry.number} is void: entry {decision.void_by} changed what it rested on. "
            "Decide again."
        )
        return _Wanted(3, Act.DECIDE, text, "a new decision: the last is void", "Decide", page)
    if found is not None and found.action is Action.SUSPEND:
        text = "Outcomes are pending. Report DLTs and follow-up as they come, or record the decision to wait."
        return _Wanted(2, Act.DECIDE, text, "pending outcomes", "Decide", page)
    if state.dated:
        text = "Report DLTs and follow-up as they come; decide on what comes next when it is due."
        return _Wanted(3, Act.DECIDE, text, "a decision", "Decide", page)
    return _Wanted(3, Act.DECIDE, "The data are complete. Decide on what comes next.", "a decision", "Decide", page)


def _others(state: TrialState, actor: Actor) -> list[Link]:
    found = []
    if state.is_open and state.patients:
        pages = (
            (Act.ENTER, "Enter patients", "enter"),
            (Act.DECIDE, "Hold or stop" if waiting_for(state) else "Decide", "decide"),
            (Act.CLOSE, "Close the trial", "close"),
        )
        found += [Link(text, address(state, page)) for act, text, page in pages if may(state, actor, act)]
    return found
