"""Every page there is, and who may open it."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from escalate.conduct.permissions import Act
from escalate.web.routes import Route

# A view is named `module.function` below escalate.web and imported at its first request. Signatures by policy (routes.py):
#   Act.*       view(request, state: TrialState, actor: Actor, **rest)
#   "signed in" view(request, actor: Actor, **rest)
#   "anyone"    view(request, **rest)
# A view that raises an EscalateError gets the answer of errors.py: 404, 403, 409, 422, 503, or, for a request that was
# recorded already, 303 to `/trials/<trial>/?already=<entry>`.
ROUTES: tuple[Route, ...] = (
    Route("", "signing_in.home", "home", "anyone"),
    Route("healthz", "signing_in.health", "health", "anyone"),
    Route("sign-in", "signing_in.sign_in", "sign-in", "anyone", posts=True),
    Route("sign-out", "signing_in.sign_out", "sign-out", "signed in", posts=True),
    Route("password", "signing_in.password", "password", "signed in", posts=True),
    Route("oidc/authenticate/", "signing_in.elsewhere", "oidc_authentication_init", "anyone"),
    Route("oidc/callback/", "signing_in.from_elsewhere", "oidc_authentication_callback", "anyone"),
    Route("trials/", "views.trials.trials", "trials", "signed in"),
    Route("trials/<str:trial>/", "views.trial.trial", "trial", Act.VIEW),
    Route("trials/<str:trial>/enter", "views.entering.enter", "enter", Act.ENTER, posts=True),
    Route("trials/<str:trial>/patients/<path:patient>", "views.entering.amend", "amend", Act.VIEW, posts=True),
    Route(
        "trials/<str:trial>/withdraw/<path:patient>", "views.withdrawing.withdraw", "withdraw", Act.AMEND, posts=True
    ),
    Route("trials/<str:trial>/decide", "views.deciding.decide", "decide", Act.DECIDE, posts=True),
    Route("trials/<str:trial>/approve", "views.deciding.approve", "approve", Act.APPROVE, posts=True),
    Route("trials/<str:trial>/sign/<str:subject>", "views.deciding.sign", "sign", Act.SIGN, posts=True),
    Route("trials/<str:trial>/history", "views.history.history", "history", Act.VIEW),
    Route("trials/<str:trial>/history/<int:number>", "views.history.entry", "entry", Act.VIEW),
    Route("trials/<str:trial>/pack", "views.pack.pack", "pack", Act.VIEW),
    Route("trials/<str:trial>/pictures", "views.pictures.pictures", "pictures", Act.VIEW),
    Route("trials/<str:trial>/meeting-pack.pdf", "views.meeting.pdf", "pack-pdf", Act.VIEW),
    Route("trials/<str:trial>/meeting-pack.docx", "views.meeting.word", "pack-word", Act.VIEW),
    Route("trials/<str:trial>/meeting-pack.html", "views.meeting.html", "pack-html", Act.VIEW),
    Route("trials/<str:trial>/what-if", "views.what_if.what_if", "what-if", Act.VIEW),
    Route("trials/<str:trial>/close", "views.closing.close", "close", Act.CLOSE, posts=True),
    Route("trials/<str:trial>/people", "views.people.people", "people", Act.GIVE_ROLES, posts=True),
    Route("trials/<str:trial>/data.csv", "views.files.data_csv", "data", Act.EXPORT),
    Route("trials/<str:trial>/history.csv", "views.files.history_csv", "history-csv", Act.EXPORT),
    Route("trials/<str:trial>/archive.zip", "views.files.archive_zip", "archive", Act.EXPORT),
)


def _api() -> list[URLResolver]:
    """Return the addresses of the API, where it is installed."""
    if find_spec("escalate.web.api") is None or find_spec("escalate.web.api.urls") is None:
        return []
    return [path("api/v1/", include("escalate.web.api.urls"))]


urlpatterns: list[URLPattern | URLResolver] = [*(route.pattern() for route in ROUTES), *_api()]
handler400 = "escalate.web.errors.bad_request"
handler403 = "escalate.web.errors.forbidden"
handler404 = "escalate.web.errors.not_found"
handler500 = "escalate.web.errors.broken"
