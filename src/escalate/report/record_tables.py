"""What the commands on a record print: recommendations, the history, where a trial stands, what verifying found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from escalate.conduct.history import NAMES, in_words, name_of, outcome, reason_in
from escalate.conduct.store import SYSTEM
from escalate.core.errors import harmless
from escalate.report import record_forms, tables
from escalate.report.whole_numbers import table

if TYPE_CHECKING:
    from escalate.conduct.chain import Entry
    from escalate.conduct.state import Analysis, Closing, Decision, TrialState
    from escalate.conduct.verify import Report
    from escalate.study.recommend import Recommendation


LONGEST = 400
"""Letters of an entry in the table of the history."""


def plain(text: str) -> str:
    """Return text line by line without what could steer a terminal."""
    return "\n".join(harmless(line) for line in text.splitlines())


def _time(at: str) -> str:
    return at[:16].replace("T", " ")


def written(entries: Sequence[Entry], state: TrialState, notes: Sequence[str]) -> RenderableType:
    """Return what was recorded, what it made void, and what comes next."""
    parts = [*_synthetic(state)]
    for each in entries:
        parts.append(Text(f"Entry {each.number}, {NAMES[each.kind].lower()}: {plain(in_words(each))}", style="bold"))
        parts.append(Text(f"  {_time(each.at)} UTC, by {plain(each.by)}, {plain(each.via)}.", style="dim"))
        reason = reason_in(each)
        parts += [Text(f"  Reason: {plain(reason)}")] if reason else []
    if not entries:
        parts.append(Text("Nothing was recorded.", style="bold"))
    void = record_forms.voided(entries, state)
    if void:
        said = f"entr{'y' if len(void) == 1 else 'ies'} {', '.join(map(str, void))}"
        parts.append(Text(f"Void by this: {said}.", style="bold yellow"))
    parts += [Text(note) for note in notes]
    parts.append(Text(f"Next: {record_forms.next_step(state)}"))
    parts.append(_head(state.trial, state.head))
    return Group(*parts)


def _synthetic(state: TrialState) -> Iterator[Text]:
    if state.synthetic:
        yield Text("SYNTHETIC: the outcomes of this trial are made up.", style="yellow")


def _head(trial: str, head: str | None) -> Text:
    return Text(f"Head of {plain(trial)}:\n{head}", style="dim", no_wrap=True, overflow="ignore")


def recommended(state: TrialState, found: Recommendation, known: Analysis | None, *, is_new: bool) -> RenderableType:
    """Return a recommendation, and where it is on record."""
    if known is None:
        said = "Not recorded."
    elif is_new:
        said = (
            f"Recorded as entry {known.entry.number}: decide on it with 'escalate trial decide {state.trial} CHOICE'."
        )
    else:
        said = f"On record already, as entry {known.entry.number}, from the same data and design."
    return Group(*_synthetic(state), tables.recommendation(found), Text(said), _head(state.trial, state.head))


def history(state: TrialState | None, entries: Sequence[Entry]) -> RenderableType:
    """Return the history, of the system where there is no trial, as a table that is read at 80 columns."""
    made = table("entry", "time (UTC)", "by", "what")
    for column in made.columns[1:]:
        column.justify = "left"
    made.columns[0].justify = "right"
    standing = _standing(state) if state else {}
    for each in entries:
        what = Text(f"{name_of(each.kind)}. ", style="bold")
        what.append(_shortened(each), style="not bold")
        reason = reason_in(each)
        if reason:
            what.append(f" Reason: {plain(reason)}", style="not bold")
        if each.number in standing:
            what.append(f" [{standing[each.number]}]", style="yellow not bold")
        made.add_row(str(each.number), _time(each.at), plain(each.by), what)
    if state is None:
        title = Text(f"{SYSTEM}: {record_forms.OF_SYSTEM}", style="bold")
        return Group(title, made, _head(SYSTEM, entries[-1].hash if entries else None))
    title = Text(f"{state.trial}: {plain(state.title)}", style="bold")
    return Group(title, *_synthetic(state), made, _head(state.trial, state.head))


def _shortened(found: Entry) -> str:
    """Return what an entry says, or its beginning where that is a page of its own."""
    text = plain(in_words(found))
    if len(text) <= LONGEST:
        return text
    return f"{text[: text.rfind(' ', 0, LONGEST)]} … (whole with --entry {found.number})"


def _standing(state: TrialState) -> dict[int, str]:
    """Return what decisions, closings and signatures are worth now, where that is not what their entry says."""
    found: dict[int, str] = {}
    parts: tuple[Decision | Closing, ...] = (*state.decisions, *state.closings)
    for part in parts:
        found[part.entry.number] = f"void since entry {part.void_by}" if part.void_by else str(part.standing)
    for signature in state.signatures:
        if signature.void_by is not None:
            found[signature.entry.number] = f"void since entry {signature.void_by}"
    return found


def entry(state: TrialState | None, found: Entry) -> RenderableType:
    """Return one entry, whole."""
    standing = _standing(state) if state else {}
    parts: list[RenderableType] = [
        Text(f"{plain(found.chain)}, entry {found.number}: {name_of(found.kind).lower()}", style="bold"),
        Text(plain(in_words(found))),
        *([Text(f"Reason: {plain(reason)}")] if (reason := reason_in(found)) else []),
        *([Text(f"Standing: {standing[found.number]}.")] if found.number in standing else []),
    ]
    return Group(*parts, *(_whole(f"{name}: {value}") for name, value in _fields(found)), *_texts(found))


def _whole(text: str) -> Text:
    """Return text whose lines are never broken, so that a hash, CSV or JSON can be taken from the screen."""
    return Text(text, no_wrap=True, overflow="ignore")


def _fields(found: Entry) -> Iterator[tuple[str, str]]:
    yield "time", f"{found.at} (UTC)"
    yield "by", plain(found.by)
    yield "via", plain(found.via)
    yield "kind", found.kind
    for name, value in found.content.items():
        if value is not None and not _is_long(value):
            yield name, plain(value) if isinstance(value, str) else plain(json.dumps(value, ensure_ascii=False))
    if found.request:
        yield "request", plain(found.request)
    yield "previous", found.previous
    yield "hash", found.hash


def _is_long(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and len(json.dumps(value)) > 80) or (
        isinstance(value, str) and "\n" in value
    )  # fmt: skip


def _texts(found: Entry) -> Iterator[Text]:
    """Yield the parts of an entry that are texts or lists of their own, each below its name."""
    for name, value in found.content.items():
        if not _is_long(value):
            continue
        yield Text(f"{name}:", style="bold")
        if isinstance(value, str):
            yield _whole(plain(value))
        elif isinstance(value, dict) and isinstance(value.get("text"), str):
            yield _whole(f"{plain(str(value.get('name')))}, sha256 {value.get('sha256')}")
            yield _whole(plain(value["text"]))
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            yield Text("\n".join(f"  {plain(each)}" for each in value))
        else:
            yield _whole(plain(json.dumps(value, indent=2, ensure_ascii=False)))


def trials(found: Sequence[tuple[str, TrialState | None, str | None]]) -> RenderableType:
    """Return the trials of a record."""
    if not found:
        return Text("There are no trials here yet; begin one with 'escalate trial new DESIGN'.")
    made = table("trial", "patients", "entries", "last (UTC)", "state", "title")
    for k in (3, 4, 5):
        made.columns[k].justify = "left"
    faults: list[Text] = []
    for trial, state, fault in found:
        if state is None:
            made.add_row(plain(trial), "?", "?", "?", "not readable", "")
            faults.append(Text(f"{plain(fault or '')}", style="bold red"))
            continue
        title = plain(state.title) + (" [synthetic]" if state.synthetic else "")
        made.add_row(
            trial,
            str(len(state.patients)),
            str(state.last.number),
            _time(state.last.at),
            "open" if state.is_open else "closed",
            title,
        )
    return Group(made, *faults)


def standing(state: TrialState) -> RenderableType:
    """Return where a trial stands."""
    version, design = state.version, state.design
    made = table("level", "dose", "patients", "outcome known", "DLTs", "study numbers")
    made.columns[1].justify = made.columns[5].justify = "left"
    for level, n, known, dlts in record_forms.counts(state):
        names = ", ".join(_named(state, level))
        made.add_row(str(level), design.amount(level - 1), str(n), str(known), str(dlts), names)
    last = state.closings[-1] if state.closings else None
    locked = f"Design version {version.number}, {plain(version.kept.name)}, locked by entry {version.entry}"
    return Group(
        Text(f"{state.trial}: {plain(state.title)}", style="bold"),
        *_synthetic(state),
        Text(f"{locked} (sha256 {version.kept.sha256[:12]})."),
        made,
        Text(_now(state)),
        *([_decision(state.decision)] if state.decision else []),
        *([Text(f"Closing: entry {last.entry.number}; it {_worth(last)}.")] if last else []),
        Text(f"Next: {record_forms.next_step(state)}", style="bold"),
        _head(state.trial, state.head),
    )


def _now(state: TrialState) -> str:
    found = record_forms.now(state)
    if isinstance(found, str):
        return f"No recommendation: {plain(found)}."
    return f"Recommended from the data as known now: {plain(tables.headline(found))}"


def _worth(part: Decision | Closing) -> str:
    return f"is void since entry {part.void_by}" if part.void_by is not None else part.standing.in_words


def _decision(found: Decision) -> Text:
    return Text(
        f"Last decision: entry {found.entry.number} by {plain(found.entry.by)}. {plain(in_words(found.entry))} It {_worth(found)}."
    )


def _named(state: TrialState, level: int) -> Iterator[str]:
    """Yield the study numbers of a level, with what is to be noticed of each: a DLT, or that there is no outcome."""
    for name, patient in state.patients.items():
        row = patient.row
        if row.level == level:
            quiet = row.evaluable and row.dlt_date is None and (row.treated is not None or row.dlt is False)
            yield name if quiet else f"{name} ({outcome(row)})"


def verification(reports: Sequence[Report]) -> RenderableType:
    """Return what verifying found."""
    parts: list[RenderableType] = []
    for report in reports:
        n, faults = report.entries, len(report.faults)
        said = "no fault" if report.clean else f"{faults} fault{'s' * (faults > 1)}"
        again = "" if report.recomputed is None else f", {report.recomputed} recommendations computed again"
        line = f"{plain(report.chain)}: {n} {'entry' if n == 1 else 'entries'}{again}, {said}."
        parts.append(Text(line, style="bold" if report.clean else "bold red"))
        parts += [Text(f"  Fault: {plain(fault.text)}.", style="red") for fault in report.faults]
        parts += [Text(f"  Note: {plain(note)}.") for note in report.notes]
        if report.head is not None:
            parts.append(_head(report.chain, report.head))
    return Group(*parts)


def exported(form: Mapping[str, Any]) -> RenderableType:
    """Return what was written where."""
    csv = (
        [Text(f"Patients as CSV: {plain(str(form['csv']))} (sha256 {form['data_sha256'][:12]}).")]
        if form["csv"]
        else []
    )
    return Group(
        Text(f"{form['trial']}: {form['entries']} entries written to {plain(str(form['file']))}.", style="bold"),
        *csv,
        Text(f"Its sha256:\n{form['sha256']}"),
        Text(f"Head of {form['trial']}, to be kept apart from it:\n{form['head']}"),
    )
