"""The operations that read."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query

from escalate import __version__
from escalate.conduct import archive, store
from escalate.conduct.analysis import current, selected
from escalate.conduct.bodies import Day
from escalate.conduct.errors import NotFoundError, TamperedError
from escalate.conduct.permissions import Act, may
from escalate.conduct.snapshot import columns, snapshot
from escalate.conduct.state import TrialState
from escalate.conduct.verify import verify_trial
from escalate.study import forms
from escalate.web.api import answers, answers_acts, answers_entries
from escalate.web.api.acting import actor_of, day, only, reach, respond
from escalate.web.api.declaring import reads, router
from escalate.web.api.tokens import account_of

MAX_ENTRIES = 500
_AS_OF = "The day looked at, where patients have dates; today where none is given."
MAX_NUMBER = 10**15


@router.get("/me", summary="Whose token this is", **reads(answers.Me, "server", etag=False))
def me(request: HttpRequest) -> HttpResponse:
    """Return the owner of the token and the version of the server: a first request to try."""
    only(request)
    account = account_of(request)
    return respond(answers.Me(name=account.name, full_name=account.full_name, admin=account.admin, version=__version__))


@router.get("/trials", summary="Your trials", **reads(answers.Trials, "trials", etag=False))
def list_trials(request: HttpRequest) -> HttpResponse:
    """Return the trials in which you have a role; to the administrator of the server, all."""
    only(request)
    actor = actor_of(request)
    found, damaged = [], []
    for trial in store.trials():
        try:
            state = store.load(trial)
        except TamperedError:
            damaged.append(trial)
            continue
        if may(state, actor, Act.VIEW) or may(state, actor, Act.GIVE_ROLES):
            found.append(answers.TrialLine.of(state, actor))
    return respond(answers.Trials(trials=found, damaged=damaged if actor.admin else []))


@router.get("/trials/{trial}", summary="A trial as it stands", **reads(answers.Trial, "trials"))
def get_trial(request: HttpRequest, trial: str) -> HttpResponse:
    """Return design, doses, last decision, what awaits a second person, and what you may do."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    return respond(answers.Trial.seen_by(state, actor_of(request)), head=state.head)


@router.get("/trials/{trial}/designs", summary="The versions of the design", **reads(answers.Designs, "designs"))
def list_designs(request: HttpRequest, trial: str) -> HttpResponse:
    """Return every version of the design with its text, byte for byte, the present one last."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    texts = [
        answers.DesignText.of(
            version,
            text=version.kept.text,
            attached_name=version.kept.attached_name,
            attached=version.kept.attached,
        )
        for version in state.designs
    ]
    return respond(answers.Designs(head=state.head, designs=texts), head=state.head)


@router.get("/trials/{trial}/patients", summary="The patients", **reads(answers.Patients, "patients"))
def list_patients(request: HttpRequest, trial: str) -> HttpResponse:
    """Return all patients as known now."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    found = answers.Patients(
        head=state.head,
        columns=list(columns(state.design)),
        patients=[answers.patient_of(state, name) for name in state.patients],
    )
    return respond(found, head=state.head)


@router.get(
    "/trials/{trial}/patients/{path:patient}", summary="A patient", **reads(answers.PatientOnRecord, "patients")
)
def get_patient(request: HttpRequest, trial: str, patient: str) -> HttpResponse:
    """Return a patient as known now."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    on_record(state, patient)
    return respond(answers.patient_of(state, patient), head=state.head)


def on_record(state: TrialState, patient: str) -> None:
    """Refuse a patient who is not on record.

    Raises
    ------
    NotFoundError
        With the study number.
    """
    if patient not in state.patients:
        raise NotFoundError(f"patient {patient[:40]}: is not on record in {state.trial}")


@router.get(
    "/trials/{trial}/recommendation",
    summary="What the design recommends now",
    **reads(answers_acts.Recommendation, "analyses"),
)
def get_recommendation(
    request: HttpRequest, trial: str, as_of: Annotated[Day | None, Query(description=_AS_OF)] = None
) -> HttpResponse:
    """Return the answer of `escalate recommend --json` from the data as known now; nothing is recorded by looking."""
    only(request, "as_of")
    state = reach(request, trial, Act.VIEW)
    return respond(forms.recommendation(current(state, day(as_of))), head=state.head)


@router.get(
    "/trials/{trial}/selection",
    summary="The MTD that the design selects now",
    **reads(answers_acts.Selection, "closing"),
)
def get_selection(
    request: HttpRequest, trial: str, as_of: Annotated[Day | None, Query(description=_AS_OF)] = None
) -> HttpResponse:
    """Return the answer of `escalate select --json` from the data as known now; nothing is recorded by looking."""
    only(request, "as_of")
    state = reach(request, trial, Act.VIEW)
    return respond(forms.selection(selected(state, day(as_of))), head=state.head)


@router.get("/trials/{trial}/analyses", summary="The analyses on record", **reads(answers_acts.Analyses, "analyses"))
def list_analyses(request: HttpRequest, trial: str) -> HttpResponse:
    """Return all analyses, the last one last, without their data."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    lines = [answers_acts.AnalysisLine.of(state, analysis) for analysis in state.analyses]
    return respond(answers_acts.Analyses(head=state.head, analyses=lines), head=state.head)


@router.get(
    "/trials/{trial}/analyses/{number}",
    summary="An analysis on record",
    **reads(answers_acts.AnalysisWhole, "analyses"),
)
def get_analysis(request: HttpRequest, trial: str, number: Annotated[int, Path(ge=1, le=MAX_NUMBER)]) -> HttpResponse:
    """Return the analysis of an entry, with the data that it looked at and the whole answer."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    for analysis in state.analyses:
        if analysis.entry.number == number:
            body = analysis.body
            whole = answers_acts.AnalysisWhole.of(state, analysis, data=body.data, recommendation=body.recommendation)
            return respond(whole, head=state.head)
    raise NotFoundError(f"{trial}: entry {number} is not an analysis on record")


@router.get("/trials/{trial}/decisions", summary="The decisions", **reads(answers_acts.Decisions, "decisions"))
def list_decisions(request: HttpRequest, trial: str) -> HttpResponse:
    """Return all decisions with what each is worth now, the last one last."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    lines = [answers_acts.DecisionLine.of(state, decision) for decision in state.decisions]
    return respond(answers_acts.Decisions(head=state.head, decisions=lines), head=state.head)


@router.get("/trials/{trial}/signatures", summary="The signatures", **reads(answers_acts.Signatures, "signatures"))
def list_signatures(request: HttpRequest, trial: str) -> HttpResponse:
    """Return all signatures; one whose subject changed since is void and says so."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    lines = [answers_acts.SignatureLine.of(signature) for signature in state.signatures]
    return respond(answers_acts.Signatures(head=state.head, signatures=lines), head=state.head)


@router.get(
    "/trials/{trial}/closings", summary="The declarations of the MTD", **reads(answers_acts.Closings, "closing")
)
def list_closings(request: HttpRequest, trial: str) -> HttpResponse:
    """Return all declarations of the MTD, the last one last."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    lines = [answers_acts.ClosingLine.of(state, closing) for closing in state.closings]
    return respond(answers_acts.Closings(head=state.head, closings=lines), head=state.head)


@router.get("/trials/{trial}/roles", summary="Who has which role", **reads(answers.Members, "roles"))
def list_roles(request: HttpRequest, trial: str) -> HttpResponse:
    """Return the roles of every person in the trial."""
    only(request)
    administers = account_of(request).admin
    state = reach(request, trial, Act.GIVE_ROLES if administers else Act.VIEW)
    members = {person: sorted(roles) for person, roles in state.members.items()}
    return respond(answers.Members(head=state.head, members=members), head=state.head)


@router.get("/trials/{trial}/history", summary="The history", **reads(answers_entries.History, "history"))
def list_history(
    request: HttpRequest,
    trial: str,
    after: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="Number of the entry after which to begin.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES, description="How many entries at most.")] = 100,
) -> HttpResponse:
    """Return the entries in order, page by page."""
    only(request, "after", "limit")
    state = reach(request, trial, Act.VIEW)
    entries = [
        entry for entry in store.whole_entries_of(trial, after, limit=limit) if entry.number <= state.last.number
    ]
    more = bool(entries) and entries[-1].number < state.last.number
    found = answers_entries.History(
        head=state.head,
        entries=[answers_entries.HistoryEntry.of(entry) for entry in entries],
        next=entries[-1].number if more else None,
    )
    return respond(found, head=state.head)


@router.get("/trials/{trial}/history/{number}", summary="An entry", **reads(answers_entries.HistoryEntry, "history"))
def get_entry(request: HttpRequest, trial: str, number: Annotated[int, Path(ge=1, le=MAX_NUMBER)]) -> HttpResponse:
    """Return an entry with what it says."""
    only(request)
    state = reach(request, trial, Act.VIEW)
    for entry in store.whole_entries_of(trial, number - 1, limit=1):
        return respond(answers_entries.HistoryEntry.of(entry), head=state.head)
    raise NotFoundError(f"{trial}: there is no entry {number}; the last is {state.last.number}")


@router.get(
    "/trials/{trial}/verify", summary="Verify the record", **reads(answers_entries.Verified, "history", etag=False)
)
def verify(
    request: HttpRequest,
    trial: str,
    head: Annotated[
        str | None,
        Query(
            pattern="^[0-9a-fA-F]{16,64}$", description="Hash that must be there, or how it begins: finds a cut tail."
        ),
    ] = None,
    recompute: Annotated[bool, Query(description="Compute every recommendation again and compare.")] = False,
) -> HttpResponse:
    """Return what verifying every entry found; `clean` is true where that is nothing."""
    only(request, "head", "recompute")
    try:
        reach(request, trial, Act.VIEW)
    except TamperedError:
        # Of a record that was changed nobody's role is known; the administrator of the server looks after it.
        if not account_of(request).admin:
            raise
    return respond(answers_entries.Verified.of(verify_trial(trial, head, recompute=recompute)))


@router.get(
    "/trials/{trial}/data.csv",
    summary="The data as CSV",
    **reads(None, "export", media={"text/csv": {"type": "string"}}),
)
def get_data(request: HttpRequest, trial: str) -> HttpResponse:
    """Return the CSV that every command reads; its SHA-256 is the `data_sha256` of an analysis."""
    only(request)
    state = reach(request, trial, Act.EXPORT)
    response = HttpResponse(snapshot(state).encode("utf-8"), content_type="text/csv; charset=utf-8")
    response.headers["ETag"] = f'"{state.head}"'
    response.headers["Content-Disposition"] = f'attachment; filename="{trial}-data.csv"'
    return response


@router.get(
    "/trials/{trial}/archive.zip",
    summary="The whole record in one file",
    **reads(None, "export", etag=False, media={"application/zip": {"type": "string", "format": "binary"}}),
)
def get_archive(request: HttpRequest, trial: str) -> HttpResponse:
    """Return the archive of `escalate trial export`, which `escalate trial verify` reads anywhere."""
    only(request)
    reach(request, trial, Act.EXPORT)
    response = HttpResponse(archive.write(trial), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{trial}.zip"'
    return response
