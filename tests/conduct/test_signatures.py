"""Signatures: what they cover, who gives them, and what voids them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest

from escalate.conduct import changing, deciding, entering, opening, signatures, store
from escalate.conduct.actor import Actor
from escalate.conduct.chain import Entry
from escalate.conduct.design_lock import lock
from escalate.conduct.errors import NotAllowedError, NotFoundError, RecordError
from escalate.conduct.signatures import Signing, record_sha256
from escalate.conduct.state import Standing
from escalate.conduct.verify import verify_trial
from tests.conduct.acting import CRM, TITE, ana, begin, bob, first, higher, people, person, rows

pytestmark = pytest.mark.usefixtures("record")


def void(trial: str, subject: str) -> list[int | None]:
    return [signature.void_by for signature in store.load(trial).signatures_on(subject)]


def signed_decision() -> str:
    begin()
    first()
    return deciding.decide("tvec", "accept", ana, signing=Signing("Ana A.", "authorship")).hash


def test_what_a_signature_says() -> None:
    """A signature names its entry, meaning, person and time, and covers design, data, version and recommendation."""
    subject = signed_decision()
    signatures.sign("tvec", subject, Signing("Bob B.", "review"), bob)
    one, two = store.load("tvec").signatures_on(subject)
    assert (one.body.name, one.body.meaning, one.entry.by) == ("Ana A.", "authorship", "ana")
    assert (two.body.name, two.body.meaning, two.entry.by) == ("Bob B.", "review", "bob")
    assert one.body.record_sha256 == two.body.record_sha256 == record_sha256(store.load("tvec"), subject)
    assert one.entry.at.endswith("+00:00")


def test_the_hash_covers_each_part() -> None:
    """Another design, other data, another version or recommendation give another hash."""
    begin("a"), begin("b")
    first("a"), first("b", dlts=["01"])
    hashes = {
        deciding.decide(trial, "accept", ana, signing=Signing("Ana", "authorship")).hash: store.load(trial)
        for trial in ("a", "b")
    }
    covered = {record_sha256(state, subject) for subject, state in hashes.items()}
    assert len(covered) == 2


def test_nobody_signs_twice_or_for_another() -> None:
    """A person signs once with a meaning, and authorship is signed by who decided alone."""
    subject = signed_decision()
    with pytest.raises(RecordError, match="signed this already, as authorship"):
        signatures.sign("tvec", subject, Signing("Ana", "authorship"), ana)
    with pytest.raises(RecordError, match=r"^meaning: authorship"):
        signatures.sign("tvec", subject, Signing("Bob", "authorship"), bob)
    signatures.sign("tvec", subject, Signing("Ana", "review"), ana)


@pytest.mark.parametrize("subject", ["", "0" * 64, "x", "\ud800", "first"])
def test_what_cannot_be_signed(subject: str) -> None:
    """What is no decision, approval, closing or design amendment is not signed."""
    signed_decision()
    found = store.load("tvec").opened.hash if subject == "first" else subject
    with pytest.raises(RecordError):
        signatures.sign("tvec", found, Signing("Bob", "review"), bob)


def test_a_correction_voids() -> None:
    """A correction of data on which a decision rested voids its signatures, names the entry, and it is signed no more."""
    subject = signed_decision()
    entry = entering.amend("tvec", "01", {"dlt": True}, ana, reason="Read again")
    assert void("tvec", subject) == [entry.number]
    with pytest.raises(RecordError, match=f"is void since entry {entry.number}"):
        signatures.sign("tvec", subject, Signing("Bob", "review"), bob)


def test_a_correction_voids_also_what_was_acted_on() -> None:
    """A decision on which patients were treated is void too, when its data were corrected; one before the patient is not."""
    subject = signed_decision()
    entering.enter("tvec", rows("04 05 06", 2, 2), ana)
    later = deciding.decide("tvec", "accept", ana, signing=Signing("Ana", "authorship")).hash
    entry = entering.amend("tvec", "05", {"dlt": True}, ana, reason="Read again")
    assert void("tvec", later) == [entry.number]
    assert void("tvec", subject) == [None]


def test_a_design_amendment_voids_the_open_decision() -> None:
    """A new design voids the decision that waits, and not what was carried out before."""
    subject = signed_decision()
    entering.enter("tvec", rows("04 05 06", 2, 2), ana)
    later = deciding.decide("tvec", "accept", ana, signing=Signing("Ana", "authorship")).hash
    entry = changing.amend_design("tvec", lock(str(CRM)), "Asked for", ana, signing=Signing("Ana", "authorship"))
    assert void("tvec", later) == [entry.number]
    assert void("tvec", subject) == [None]
    assert void("tvec", entry.hash) == [None]


def test_a_first_report_voids_the_open_decision() -> None:
    """A DLT that becomes known before anybody was treated voids the decision that did not know of it."""
    begin("dated", TITE)
    entering.enter(
        "dated", rows("01 02 03", 1, 1, treated="2026-01-01", last_follow_up="2026-01-05"), ana, as_of=date(2026, 1, 5)
    )
    subject = deciding.decide(
        "dated", "hold", ana, reason="We wait", as_of=date(2026, 1, 5), signing=Signing("Ana", "authorship")
    ).hash
    entry = entering.amend(
        "dated", "02", {"dlt_date": "2026-01-09", "last_follow_up": "2026-01-09"}, ana, as_of=date(2026, 1, 9)
    )
    assert void("dated", subject) == [entry.number]


def test_approvals_are_voided_with_their_decision() -> None:
    """The second person's signature goes with what it agreed to."""
    begin()
    first()
    decision = higher(signing=Signing("Ana", "authorship"))
    approval = deciding.approve("tvec", bob, agrees=True, signing=Signing("Bob", "approval"))
    entry = entering.amend("tvec", "03", {"dlt": True}, ana, reason="Read again")
    assert void("tvec", decision.hash) == void("tvec", approval.hash) == [entry.number]


def test_a_closing_is_voided_by_a_correction() -> None:
    """A correction after closing voids the MTD and its signatures visibly."""
    begin()
    first()
    closing = changing.close("tvec", 1, ana, reason="As far as it goes", signing=Signing("Ana", "authorship"))
    assert void("tvec", closing.hash) == [None]
    entry = entering.amend("tvec", "01", {"dlt": True}, ana, reason="Found later")
    assert void("tvec", closing.hash) == [entry.number]


def test_a_design_amendment_is_voided_by_a_correction() -> None:
    """A correction of the data that the re-analysis of an amendment was made on voids its signatures."""
    begin()
    first()
    amended = changing.amend_design("tvec", lock(str(CRM)), "Asked for", ana, signing=Signing("Ana", "authorship"))
    entry = entering.amend("tvec", "01", {"dlt": True}, ana, reason="Found later")
    assert void("tvec", amended.hash) == [entry.number]


def test_what_does_not_concern_it_voids_nothing() -> None:
    """Roles, further signatures, another trial, treating as decided and later cohorts leave a signature as it is."""
    subject = signed_decision()
    people("tvec", sam="site")
    signatures.sign("tvec", subject, Signing("Bob", "approval"), bob)
    begin("other")
    first("other")
    entering.amend("other", "01", {"dlt": True}, ana, reason="x")
    entering.enter("tvec", rows("04 05 06", 2, 2, dlt=None), ana)
    for name in ("04", "05", "06"):
        entering.amend("tvec", name, {"dlt": True}, ana)
    entering.amend("tvec", "04", {"dlt": False}, ana, reason="Of the later cohort")
    deciding.decide("tvec", "stop", ana, reason="Enough")
    assert void("tvec", subject) == [None, None]


def test_who_may_sign() -> None:
    """Viewers and sites do not sign, and others do not learn that there is a trial."""
    subject = signed_decision()
    people("tvec", vera="viewer", sam="site", carl="chair", stan="statistician")
    for name in ("vera", "sam"):
        with pytest.raises(NotAllowedError):
            signatures.sign("tvec", subject, Signing(name, "review"), person(name))
    with pytest.raises(NotFoundError):
        signatures.sign("tvec", subject, Signing("eve", "review"), person("eve"))
    for name in ("carl", "stan"):
        signatures.sign("tvec", subject, Signing(name, "review"), person(name))
    opening.give_roles("tvec", "carl", [], ana)
    with pytest.raises(NotFoundError):
        signatures.sign("tvec", subject, Signing("carl", "approval"), person("carl"))


@pytest.mark.parametrize("name", ["ana", "Ana", " ANA ", "\uff41\uff4e\uff41"])
@pytest.mark.parametrize("what", ["decision", "closing", "design"])
def test_nobody_approves_their_own(what: str, name: str) -> None:
    """Who wrote a decision, a closing or a design amendment signs it as authorship or review, however the name is written."""
    begin()
    first()
    author = Actor(name.strip(), "command line", everywhere=True)
    own, others = Signing("Ana", "approval"), Signing("Bob", "approval")
    if what == "decision":
        write: Callable[..., Entry] = partial(deciding.decide, "tvec", "accept", ana)
    elif what == "closing":
        write = partial(changing.close, "tvec", 1, ana, reason="As far as it goes")
    else:
        write = partial(changing.amend_design, "tvec", lock(str(CRM)), "Asked for", ana)
    head = store.load("tvec").head
    with pytest.raises(RecordError, match=r"^meaning: who wrote an entry signs it as authorship or review"):
        write(signing=own)
    assert store.load("tvec").head == head
    subject = write().hash
    with pytest.raises(RecordError, match=r"^meaning: who wrote an entry"):
        signatures.sign("tvec", subject, own, author)
    signatures.sign("tvec", subject, Signing("Ana", "review"), author)
    signatures.sign("tvec", subject, others, bob)
    assert verify_trial("tvec").clean


def test_a_second_opinion_is_signed_as_what_it_is() -> None:
    """Who agrees signs as approval; who does not, as review, for a refusal is no approval."""
    begin()
    first()
    higher()
    with pytest.raises(RecordError, match=r"^meaning: who does not agree signs as review"):
        deciding.approve("tvec", bob, agrees=False, reason="Too soon", signing=Signing("Bob", "approval"))
    assert store.load("tvec").decisions[0].standing is Standing.AWAITS_SECOND
    entry = deciding.approve("tvec", bob, agrees=False, reason="Too soon", signing=Signing("Bob", "review"))
    assert [s.body.meaning for s in store.load("tvec").signatures_on(entry.hash)] == ["review"]
    higher()
    entry = deciding.approve("tvec", bob, agrees=True, signing=Signing("Bob", "approval"))
    assert [s.body.meaning for s in store.load("tvec").signatures_on(entry.hash)] == ["approval"]
