"""Whether entries keep the rules by which they are written: what a forger of a whole chain must know too."""

from __future__ import annotations

from collections.abc import Iterator

from escalate.conduct.allowance import not_allowed
from escalate.conduct.analysis import waits_for_outcomes
from escalate.conduct.bodies import (
    Amended,
    Analysed,
    Approved,
    Body,
    Closed,
    Decided,
    DesignAmended,
    Entered,
    Signed,
    Withdrawn,
)
from escalate.conduct.chain import Entry
from escalate.conduct.deciding import NOBODY, propose
from escalate.conduct.errors import RecordError
from escalate.conduct.permissions import MAY, Act
from escalate.conduct.signatures import author_of, same_person, wrote
from escalate.conduct.state import TrialState

_ACTS: dict[type[Body], tuple[Act, ...]] = {
    Entered: (Act.ENTER,),
    Amended: (Act.AMEND,),
    Withdrawn: (Act.AMEND,),
    Analysed: (Act.ANALYSE, Act.DECIDE),
    Decided: (Act.DECIDE,),
    Approved: (Act.APPROVE,),
    Signed: (Act.SIGN,),
    DesignAmended: (Act.AMEND_DESIGN,),
    Closed: (Act.CLOSE,),
}
BY_ROLE = ("page", "API")
"""Through what people act by their roles; the command line asks for none."""


def broken(before: TrialState | None, state: TrialState, entry: Entry, body: Body) -> Iterator[str]:
    """Yield which rules an entry does not keep, as the end of a sentence.

    Parameters
    ----------
    before, state
        The trial before and after the entry.
    """
    if before is None:
        return
    acts = _ACTS.get(type(body))
    if acts and entry.via in BY_ROLE and not any(before.roles_of(entry.by) & MAY[act] for act in acts):
        yield f"{entry.by} had no role that may do this"
    match body:
        case Entered():
            cohort = [row for row in body.patients if not row.backfill]
            if body.deviation is None and (why := not_allowed(before, cohort, heard=False)):
                yield f"patients are entered without a decision or a deviation: {why}"
        case Decided():
            yield from _decided(state, body)
        case Approved():
            if same_person(author_of(state, body.subject), entry.by):
                yield "it is of the person who decided, not of a second one"
        case Signed() if body.meaning == "approval" and wrote(before, body.subject, entry.by):
            yield "it approves what the same person wrote"
        case Closed():
            departs, upward = body.mtd_level != body.selected_level, (body.mtd_level or 0) > (body.selected_level or 0)
            if (body.departs, body.upward) != (departs, upward) or body.selected_level != body.selection["mtd_level"]:
                yield "it does not say how it departs from the MTD that the design selects"
            if departs and not body.reason:
                yield "it departs from the MTD that the design selects without a reason"


def _decided(state: TrialState, body: Decided) -> Iterator[str]:
    analysis = state.decisions[-1].analysis.body
    advised = analysis.recommendation
    if waits_for_outcomes(analysis) and body.choice not in NOBODY:
        yield "it rests on an analysis without the outcomes that were missing"
    try:
        wanted = propose(advised, body.choice, body.level, body.patients, state.design.n_doses)
    except RecordError as error:
        yield f"it is no decision on its recommendation ({error})"
        return
    if (wanted.level, wanted.patients) != (body.level, body.patients):
        yield "it is not of the level and number that it accepts"
    if (wanted.departs, wanted.upward) != (body.departs, body.upward):
        yield "it is of a higher level, or more patients, than it says beside its recommendation"
    if wanted.departs and not body.reason:
        yield "it departs from the recommendation without a reason"
