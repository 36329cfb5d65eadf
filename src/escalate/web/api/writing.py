"""The operations that write: each makes one entry, and the same request sent again makes none."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from escalate.conduct import accounts, changing, deciding, entering, opening, signatures
from escalate.conduct.bodies import LockedDesign
from escalate.conduct.design_lock import lock_text
from escalate.conduct.errors import NotAllowedError
from escalate.conduct.permissions import Act
from escalate.web.api import asked
from escalate.web.api.acting import day, only, reach, seen_of, signing_of, written
from escalate.web.api.declaring import router, writes
from escalate.web.api.reading import on_record
from escalate.web.api.tokens import account_of


def _locked(body: asked.OpenTrial | asked.AmendDesign) -> LockedDesign:
    return lock_text(body.design, body.design_name, body.attached, body.attached_name)


@router.post("/trials", summary="Begin a trial", **writes("trials", begins=True))
def open_trial(request: HttpRequest, body: asked.OpenTrial) -> HttpResponse:
    """Begin a trial under a design, which is locked; that takes the administrator of the server."""
    only(request)
    if not account_of(request).admin:
        raise NotAllowedError(
            f"{account_of(request).name} may not begin a trial; that takes the administrator of the server"
        )
    opening.check_name(body.trial)
    design = _locked(body)
    return written(
        request,
        body.trial,
        "opened",
        lambda actor: opening.open_trial(body.trial, design, actor, title=body.title, synthetic=body.synthetic).opened,
    )


@router.post("/trials/{trial}/patients", summary="Enter patients", **writes("patients"))
def enter_patients(request: HttpRequest, trial: str, body: asked.EnterPatients) -> HttpResponse:
    """Enter the patients of a cohort, all or none, as known now; outcomes can come later."""
    only(request)
    reach(request, trial, Act.ENTER)
    seen = seen_of(request, body.seen)
    return written(
        request,
        trial,
        "entered",
        lambda actor: entering.enter(
            trial, body.patients, actor, deviation=body.deviation, as_of=day(body.as_of), seen=seen
        ),
    )


@router.patch("/trials/{trial}/patients/{path:patient}", summary="Amend a patient", **writes("patients"))
def amend_patient(request: HttpRequest, trial: str, patient: str, body: asked.AmendPatient) -> HttpResponse:
    """Record what is known of a patient now: a first report, or a correction with its reason."""
    only(request)
    on_record(reach(request, trial, Act.AMEND), patient)
    seen = seen_of(request, body.seen)
    changes = body.changes.model_dump(exclude_unset=True)
    return written(
        request,
        trial,
        "amended",
        lambda actor: entering.amend(
            trial, patient, changes, actor, reason=body.reason, as_of=day(body.as_of), seen=seen
        ),
    )


@router.post(
    "/trials/{trial}/patients/{path:patient}/withdraw", summary="A patient was entered in error", **writes("patients")
)
def withdraw_patient(request: HttpRequest, trial: str, patient: str, body: asked.WithdrawPatient) -> HttpResponse:
    """Record that a patient was entered in error: out of the data, and what rested on the patient is void; the history keeps it."""
    only(request)
    state = reach(request, trial, Act.AMEND)
    if all(row.patient != patient for row, _ in state.withdrawn):
        on_record(state, patient)
    seen = seen_of(request, body.seen)
    return written(
        request,
        trial,
        "withdrawn",
        lambda actor: entering.withdraw(trial, patient, body.reason, actor, seen=seen),
    )


@router.post("/trials/{trial}/analyses", summary="Record an analysis", **writes("analyses"))
def record_analysis(request: HttpRequest, trial: str, body: asked.Analyse) -> HttpResponse:
    """Record what the design says of the data as known now, with the data themselves."""
    only(request)
    reach(request, trial, Act.ANALYSE)
    seen = seen_of(request, body.seen)
    return written(
        request, trial, "analysed", lambda actor: deciding.analyse(trial, actor, as_of=day(body.as_of), seen=seen)
    )


@router.post("/trials/{trial}/decisions", summary="Decide", **writes("decisions"))
def decide(request: HttpRequest, trial: str, body: asked.Decide) -> HttpResponse:
    """Decide what is done next: a dose higher than recommended, or more patients, then awaits a second person."""
    only(request)
    state = reach(request, trial, Act.DECIDE)
    seen = seen_of(request, body.seen)
    signing = signing_of(request, state, body.signature)
    return written(
        request,
        trial,
        "decided",
        lambda actor: deciding.decide(
            trial,
            body.choice,
            actor,
            level=body.level,
            patients=body.patients,
            reason=body.reason,
            analysis=body.analysis,
            as_of=day(body.as_of),
            signing=signing,
            seen=seen,
        ),
    )


@router.post("/trials/{trial}/approvals", summary="Agree, or not, as the second person", **writes("decisions"))
def approve(request: HttpRequest, trial: str, body: asked.Approve) -> HttpResponse:
    """Say as a second person whether you agree with the decision, or the closing, that awaits one."""
    only(request)
    state = reach(request, trial, Act.APPROVE)
    seen = seen_of(request, body.seen)
    signing = signing_of(request, state, body.signature)
    return written(
        request,
        trial,
        "approved",
        lambda actor: deciding.approve(
            trial, actor, agrees=body.agrees, reason=body.reason, subject=body.subject, signing=signing, seen=seen
        ),
    )


@router.post("/trials/{trial}/signatures", summary="Sign", **writes("signatures"))
def sign(request: HttpRequest, trial: str, body: asked.Sign) -> HttpResponse:
    """Sign a decision, an approval, a closing or a design amendment; the password is asked for again."""
    only(request)
    state = reach(request, trial, Act.SIGN)
    seen = seen_of(request, body.seen)
    signing = signing_of(request, state, body)
    assert signing is not None
    return written(
        request, trial, "signed", lambda actor: signatures.sign(trial, body.subject, signing, actor, seen=seen)
    )


@router.post("/trials/{trial}/designs", summary="Amend the design", **writes("designs"))
def amend_design(request: HttpRequest, trial: str, body: asked.AmendDesign) -> HttpResponse:
    """Record a new version of the design, why, and how its answer to the data differs from that of the old one."""
    only(request)
    state = reach(request, trial, Act.AMEND_DESIGN)
    seen = seen_of(request, body.seen)
    design = _locked(body)
    signing = signing_of(request, state, body.signature)
    return written(
        request,
        trial,
        "design_amended",
        lambda actor: changing.amend_design(
            trial, design, body.reason, actor, as_of=day(body.as_of), signing=signing, seen=seen
        ),
    )


@router.post("/trials/{trial}/closings", summary="Declare the MTD and close", **writes("closing"))
def close(request: HttpRequest, trial: str, body: asked.Close) -> HttpResponse:
    """Declare the MTD, or that there is none, and end the trial."""
    only(request)
    state = reach(request, trial, Act.CLOSE)
    seen = seen_of(request, body.seen)
    signing = signing_of(request, state, body.signature)
    return written(
        request,
        trial,
        "closed",
        lambda actor: changing.close(
            trial, body.mtd_level, actor, reason=body.reason, as_of=day(body.as_of), signing=signing, seen=seen
        ),
    )


@router.put("/trials/{trial}/roles/{person}", summary="Give roles", **writes("roles"))
def give_roles(request: HttpRequest, trial: str, person: str, body: asked.GiveRoles) -> HttpResponse:
    """Say which roles a person has in the trial from now on; an empty list takes them all away."""
    only(request)
    reach(request, trial, Act.GIVE_ROLES)
    accounts.account(person)
    seen = seen_of(request, body.seen)
    return written(
        request, trial, "roles", lambda actor: opening.give_roles(trial, person, body.roles, actor, seen=seen)
    )
