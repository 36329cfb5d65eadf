"""Why a decision is what it is: its action and its reasons, as a recommendation and every node of a path say them."""

from __future__ import annotations

import numpy as np

from escalate.core.arrays import NONE, Mask
from escalate.core.decision import (
    MAX_PATIENTS,
    METHOD_DONE,
    METHOD_WAITS,
    PENDING,
    Decisions,
    stop_codes,
    wait_codes,
)
from escalate.core.design import Design
from escalate.core.moves import Action, Reason
from escalate.core.rule import Rule
from escalate.core.tally import States


def action_of(following: int, dose: int) -> Action:
    """Return what giving a dose, or NONE, after another one is."""
    if following == NONE:
        return Action.STOP
    return Action.ESCALATE if following > dose else Action.DE_ESCALATE if following < dose else Action.STAY


def reasons_of(design: Design, last: States, one: Decisions) -> tuple[Reason, ...]:
    """Return the reasons of a single state's decision.

    Vetoes come before the wish they overrule, and after it the rules that hold back a stop; on a stop, each of its reasons.
    """
    method, wanted, got = design.method, int(one.moves.next[0]), int(one.next[0])
    wish = Reason(method.reasons[int(one.moves.reason[0])], wish_explained(design, last, one))
    waits = waits_of(design, one)
    if waits:
        return (
            *(_wait_reason(design, last, code, wish, one) for code in waits),
            *((wish,) if METHOD_WAITS not in waits else ()),
        )
    if got == NONE:
        codes = stop_codes(design)
        return tuple(
            _stop_reason(design, last, code, wish, one) for k, code in enumerate(codes) if int(one.stops[0]) >> k & 1
        )
    vetoes = tuple(
        Reason(rule.kind, explained(design, rule, last, one.forbidden[r], int(one.following[0])))
        for r, rule in enumerate(design.rules)
        if wanted != got and one.forbidden[r, 0, wanted]
    )
    return (*vetoes, wish, *_holds(design, last, one))


def wish_explained(design: Design, last: States, one: Decisions) -> str:
    """Return the method's reasons; of one that does not weigh follow-up, as they would be without a further DLT."""
    if last.tally.pending is None or design.method.weighs_follow_up:
        return design.method.explain(design, last, one.moves)
    pending = int(last.tally.pending.n[0])
    moves = one.moves if one.moves.suspend is None else design.method.decide(design, last.as_complete())
    text = design.method.explain(design, last.as_complete(), moves)
    return f"If {of_pending(pending)} had a DLT: {text}" if pending else text


def of_pending(n: int) -> str:
    """Return pending patients as the subject of what did not happen to them."""
    return "the pending patient never" if n == 1 else f"none of the {n} pending patients"


def waits_of(design: Design, one: Decisions) -> tuple[str, ...]:
    """Return the codes of what has accrual wait in a single state's decision."""
    return tuple(code for k, code in enumerate(wait_codes(design)) if int(one.waits[0]) >> k & 1)


def _wait_reason(design: Design, last: States, code: str, wish: Reason, one: Decisions) -> Reason:
    assert last.tally.pending is not None
    n, pending = int(last.tally.n_escalated[0]), int(last.tally.pending.n[0])
    outcomes = f"{pending} outcome{'s are' if pending > 1 else ' is'} pending"
    if code == MAX_PATIENTS:
        return Reason(code, f"{n} patients are treated, the maximum of {design.max_patients}; {outcomes}.")
    if code == PENDING:
        return Reason(code, f"{outcomes[0].upper() + outcomes[1:]}; {design.method.kind} decides when all are known.")
    if code == METHOD_WAITS:
        return Reason(wish.code, wish.text)
    texts = [
        rule.explain(design, last, int(one.following[0])) for r, rule in enumerate(design.rules) if rule.kind == code
    ]
    return Reason(code, " ".join(texts))


def _holds(design: Design, last: States, one: Decisions) -> tuple[Reason, ...]:
    """Return who holds the trial, where a stop is held back."""
    back = ", ".join(dict.fromkeys(rule.kind for r, rule in enumerate(design.rules) if one.held_back[r, 0]))
    return tuple(
        Reason(rule.kind, f"{rule.explain(design, last, int(one.following[0]))} Held back: {back}.")
        for r, rule in enumerate(design.rules)
        if back and one.held[r, 0]
    )


def verdict_on(design: Design, r: int, one: Decisions) -> tuple[str, str]:
    """Return what the r-th rule says of a single state's decision, and a sentence on who holds it back, or nothing."""
    levels = tuple((np.flatnonzero(one.forbidden[r, 0]) + 1).tolist())
    if one.ended_by[r, 0]:
        return "stop", ""
    if design.rules[r].kind in waits_of(design, one):
        return "waits", ""
    if one.held_back[r, 0]:
        holding = dict.fromkeys(rule.kind for k, rule in enumerate(design.rules) if one.held[k, 0])
        return "held back", f" The stop is held back by {', '.join(holding)}."
    if one.held[r, 0]:
        return "holds", ""
    if levels:
        return f"forbids level{'s' if len(levels) > 1 else ''} {listed(levels)}", ""
    return "allows", ""


def explained(design: Design, rule: Rule, last: States, forbidden: Mask, following: int) -> str:
    """Return what a rule looked at, and what it forbids because of an earlier cohort, shape (1, J)."""
    earlier = np.flatnonzero(forbidden[0] & ~rule.forbids(design, last)[0]) + 1
    text = rule.explain(design, last, following)
    return (
        text
        if not len(earlier)
        else f"{text} Level {listed(tuple(earlier.tolist()))}: forbidden since an earlier cohort."
    )


def listed(levels: tuple[int, ...]) -> str:
    """Return levels as people list them.

    Examples
    --------
    >>> listed((2,)), listed((2, 3)), listed((2, 3, 4))
    ('2', '2 and 3', '2 to 4')
    """
    return f"{levels[0]} to {levels[-1]}" if len(levels) > 2 else " and ".join(map(str, levels))


def _stop_reason(design: Design, last: States, code: str, wish: Reason, one: Decisions) -> Reason:
    if code == MAX_PATIENTS:
        n = int(last.tally.n_escalated[0])
        return Reason(code, f"{n} evaluable patients: the maximum of {design.max_patients} is reached.")
    if code == METHOD_DONE:
        return wish
    texts = [
        explained(design, rule, last, one.forbidden[r], int(one.following[0]))
        for r, rule in enumerate(design.rules)
        if rule.kind == code and one.ended_by[r, 0]
    ]
    return Reason(code, " ".join(texts))
