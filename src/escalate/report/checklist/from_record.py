"""What the record of a trial answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalate.core.errors import EscalateError
from escalate.report.checklist.item import Answer

if TYPE_CHECKING:
    from escalate.conduct.state import TrialState
    from escalate.report.checklist.item import Known
    from escalate.report.meeting.patients import Count


def _of(text: str, where: str) -> Answer:
    return Answer(text, "record", where)


def _counts(state: TrialState) -> tuple[Count, ...]:
    """Return the patients of each level as known now."""
    from escalate.conduct.analysis import day_for  # noqa: PLC0415 - loads the record
    from escalate.conduct.snapshot import data_of  # noqa: PLC0415
    from escalate.report.meeting.patients import by_level, lines_of, of_row  # noqa: PLC0415

    if state.dated and state.patients:
        lines = lines_of(state.design, data_of(state, day_for(state, None)))
    else:
        lines = tuple(of_row(state.design, patient.row) for patient in state.patients.values())
    return by_level(state.design, lines, None)


def flow(known: Known) -> Answer | None:
    """Patients by level: treated, evaluable, pending."""
    state = known.record
    if state is None or not state.patients:
        return None
    rows = [
        f"level {k}: {count.patients} treated, {count.evaluable} evaluable for DLT"
        + (f", of whom {count.pending} pending" if count.pending else "")
        for k, count in enumerate(_counts(state), start=1)
    ]
    gone = f" {len(state.withdrawn)} entered in error are not among them." if state.withdrawn else ""
    text = f"Patients treated: {len(state.patients)}; {'; '.join(rows)}.{gone}"
    return _of(text, "patients")


def dlts(known: Known) -> Answer | None:
    """DLTs by level, and what the design estimates from them."""
    state = known.record
    if state is None or not state.patients:
        return None
    rows = [
        f"level {k}: {count.dlts} of {count.evaluable - count.pending}"
        for k, count in enumerate(_counts(state), start=1)
    ]
    return _of(f"DLTs of patients with a known outcome: {'; '.join(rows)}.{_estimates(state)}", "patients, outcomes")


def _estimates(state: TrialState) -> str:
    from escalate.conduct.analysis import so_far  # noqa: PLC0415 - loads the record

    try:
        found = so_far(state)
    except EscalateError:
        return ""
    said = [
        f"level {row.level}: {row.estimate:.3f} ({row.lower:.3f} to {row.upper:.3f})"
        for row in found.doses
        if row.estimate is not None and row.lower is not None and row.upper is not None
    ]
    return f" Estimates with 95% intervals: {'; '.join(said)}." if said else ""


def decisions(known: Known) -> Answer | None:
    """Every dose decision, beside what was recommended."""
    state = known.record
    if state is None or not state.decisions:
        return None
    from escalate.report.meeting.decided import in_words, recommended, worth  # noqa: PLC0415 - loads the record

    said = [
        f"Entry {each.entry.number}, by {each.entry.by}: {in_words(each)} Recommended: {recommended(each)} "
        f"It is {worth(each)}." + (f" Reason: {each.body.reason}" if each.body.reason else "")
        for each in state.decisions
    ]
    return _of(" ".join(said), "decisions")


def who_decided(known: Known) -> Answer | None:
    """Who decided, and who gave the second opinion and signed."""
    state = known.record
    if state is None or not state.decisions:
        return None
    by = dict.fromkeys(each.entry.by for each in state.decisions)
    second = dict.fromkeys(each.approval.entry.by for each in state.decisions if each.approval is not None)
    signers = dict.fromkeys(signature.body.name for signature in state.signatures)
    parts = [f"Decided by {', '.join(by)}."]
    parts += [f"Second opinion by {', '.join(second)}."] if second else []
    parts += [f"Signed by {', '.join(signers)}."] if signers else ["Nothing is signed on the record."]
    return _of(" ".join(parts), "decisions, signatures")


def deviations(known: Known) -> Answer | None:
    """Where the trial left what the design recommended, or what was decided."""
    state = known.record
    if state is None or not state.patients:
        return None
    from escalate.report.on_record import deviations as treated_otherwise  # noqa: PLC0415 - loads the record

    said = [
        f"Entry {each.entry.number} departs from the recommendation: {each.body.reason}"
        for each in state.decisions
        if each.body.departs
    ]
    said += [
        f"Entry {entry.number}: patients treated without a decision that allows it: {entry.content['deviation']}"
        for entry in treated_otherwise(state.trial)
    ]
    none = "No decision departs from the recommendation, and nobody was treated otherwise than decided."
    return _of(" ".join(f"{text.rstrip('.')}." for text in said) or none, "decisions, patients")


def changes(known: Known) -> Answer | None:
    """Amendments of the design."""
    state = known.record
    if state is None:
        return None
    said = [
        f"Version {version.number} since {version.at[:10]} (entry {version.entry}): {(version.reason or '').rstrip('.')}."
        for version in state.designs[1:]
    ]
    return _of(" ".join(said) or "The design was not amended.", "designs")


def dates(known: Known) -> Answer | None:
    """When the trial began and ended."""
    state = known.record
    if state is None:
        return None
    treated = sorted(patient.row.treated for patient in state.patients.values() if patient.row.treated)
    parts = [f"On record since {state.opened.at[:10]}."]
    parts += [f"First patient treated on {treated[0]}, last on {treated[-1]}."] if treated else []
    closing = state.closing
    if closing is None:
        parts.append("The trial is open.")
    else:
        why = f" Reason: {closing.body.reason}" if closing.body.reason else ""
        parts.append(f"Closed on {closing.entry.at[:10]} (entry {closing.entry.number}).{why}")
    return _of(" ".join(parts), "opening, patients, closing")


def declared(known: Known) -> Answer | None:
    """The MTD declared, beside the one that the design selects."""
    state = known.record
    if state is None or state.closing is None:
        return None
    from escalate.report.meeting.decided import in_words, worth  # noqa: PLC0415 - loads the record

    closing = state.closing
    reason = f" Reason: {closing.body.reason}" if closing.body.reason else ""
    return _of(f"{in_words(closing)} It is {worth(closing)}.{reason}", "closing")
