"""Random acts, legal and not: whatever is sent in whatever order, the promises of the record hold after each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from escalate.conduct import changing, deciding, entering, opening, signatures, store
from escalate.conduct.actor import Actor
from escalate.conduct.allowance import allowance
from escalate.conduct.analysis import current
from escalate.conduct.bodies import CHOICES, ROLES, PatientRow
from escalate.conduct.chain import Entry, sha256
from escalate.conduct.design_lock import lock, lock_text
from escalate.conduct.reading import read_trial
from escalate.conduct.signatures import Signing, same_person
from escalate.conduct.snapshot import snapshot
from escalate.conduct.state import Closing, Decision, Standing, TrialState
from escalate.conduct.verify import verify_entries
from escalate.core.errors import EscalateError
from escalate.core.patients import parse_patients
from escalate.study.forms import recommendation as form
from escalate.study.recommend import recommend
from tests.conduct.acting import BOIN, CRM, ana, is_clean, is_told

_numbers = itertools.count(1)
ANOTHER = BOIN.read_text().replace("target: 0.30", "target: 0.25")
NAMES = ("ana", "bob", "ana", "ANA", "bob", "sam", "eve")
REASONS = st.sampled_from(["because of x", "because of y", "", None])
NOBODY_SECOND = (Standing.IN_FORCE, Standing.ACTED_ON)


class Conduct(RuleBasedStateMachine):
    """A trial, and everybody who acts in it."""

    @initialize(cycles=st.integers(0, 4), dlts=st.lists(st.integers(0, 7), min_size=4, max_size=4))
    def begin(self, cycles: int, dlts: list[int]) -> None:
        """Take the trial through some cohorts, so that what is sent meets a record that has gone on."""
        self.trial = f"machine-{next(_numbers)}"
        self.designs = [lock(str(BOIN)), lock(str(CRM)), lock_text(ANOTHER, "other.yaml")]
        opening.open_trial(self.trial, self.designs[0], ana, synthetic=True)
        for name, roles in (("ana", ROLES), ("ANA", ROLES), ("bob", ("statistician", "chair")), ("sam", ("site",))):
            opening.give_roles(self.trial, name, roles, ana)
        self.acknowledged: list[str] = []
        self.heads = [store.load(self.trial).head]
        self.requests: list[str] = []
        for k in range(cycles):
            self.treat(3, [bool(dlts[k] == 7), bool(dlts[k] >= 6), False] * 3)
            if k % 2:
                self.go_up("ana", 0, "yes")
            else:
                self.act(
                    lambda who: deciding.decide(self.trial, "accept", who, signing=Signing("Bob", "authorship")), "bob"
                )

    def act(self, do: Callable[[Actor], Entry], by: str) -> None:
        """Do something, as a form that may be sent again; what is refused leaves nothing."""
        before = store.load(self.trial)
        name = f"form-{next(_numbers)}"
        try:
            entry = do(Actor(by, "page", name))
        except EscalateError as error:
            is_told(error)
            assert store.load(self.trial) is before
            return
        assert by != "eve"
        assert name not in self.requests
        self.requests.append(name)
        self.acknowledged.append(entry.hash)
        self.heads.append(store.load(self.trial).head)

    def seen(self, back: int | None) -> str | None:
        """Return the head of so many acts ago."""
        return None if back is None else self.heads[max(len(self.heads) - 1 - back, 0)]

    @rule(
        n=st.integers(0, 4),
        level=st.one_of(st.none(), st.integers(1, 4)),
        cohort=st.integers(-1, 2),
        dlt=st.lists(st.sampled_from([True, False, False, None]), min_size=4, max_size=4),
        deviation=st.sampled_from([None, None, None, "as it happened"]),
        by=st.sampled_from(["ana", "sam", "sam", "bob", "eve"]),
        back=st.sampled_from([None, 0, 0, 1]),
    )
    def enter(
        self, n: int, level: int | None, cohort: int, dlt: Any, deviation: Any, by: str, back: int | None
    ) -> None:
        """Enter patients, allowed or not."""
        state = store.load(self.trial)
        last = max(state.cohort_numbers(), default=0)
        decided = state.decision.body.level if state.decision else 1
        rows = tuple(
            PatientRow(
                patient=f"{fresh(state) + k:03}",
                cohort=max(last + cohort, 1),
                level=level or decided or 1,
                dlt=dlt[k],
            )
            for k in range(n)
        )
        self.act(lambda who: entering.enter(self.trial, rows, who, deviation=deviation, seen=self.seen(back)), by)

    @rule(share=st.integers(0, 3), dlt=st.lists(st.sampled_from([False, False, True, None]), min_size=9, max_size=9))
    def treat(self, share: int, dlt: Any) -> None:
        """Treat who may be treated, all of them or one."""
        state = store.load(self.trial)
        allowed = allowance(state)
        if not allowed.patients or len(state.patients) > 40:
            return
        rows = tuple(
            PatientRow(patient=f"{fresh(state) + k:03}", cohort=allowed.cohort, level=allowed.level or 1, dlt=dlt[k])
            for k in range(min(allowed.patients if share else 1, 9))
        )
        number = store.load(self.trial).last.number
        self.act(lambda who: entering.enter(self.trial, rows, who), "sam")
        assert store.load(self.trial).last.number == number + 1

    @rule(
        by=st.sampled_from(["ana", "bob"]), more=st.integers(0, 3), then=st.sampled_from(["yes", "yes", "no", "later"])
    )
    def go_up(self, by: str, more: int, then: str) -> None:
        """Decide on a higher level, or more patients, and have the other person say what they think."""
        level = store.load(self.trial).decision
        at = min((level.body.level if level and level.body.level else 1) + 1, 3)
        self.act(lambda who: deciding.decide(self.trial, "expand", who, level=at, patients=3 + more, reason="Up"), by)
        if then != "later":
            other = "bob" if by == "ana" else "ana"
            self.act(
                lambda who: deciding.approve(
                    self.trial, who, agrees=then == "yes", reason="Why", signing=Signing(other, "approval")
                ),
                other,
            )

    @rule(
        patient=st.integers(0, 12),
        changes=st.sampled_from(
            [{"dlt": True}, {"dlt": False}, {"dlt": None}, {"level": 1}, {"evaluable": False, "reason": "death"}]
        ),
        reason=REASONS,
        by=st.sampled_from(NAMES),
    )
    def amend(self, patient: int, changes: Any, reason: Any, by: str) -> None:
        """Amend what is known of a patient, or of nobody."""
        n = len(store.load(self.trial).patients)
        self.act(lambda who: entering.amend(self.trial, f"{patient % (n + 1):03}", changes, who, reason=reason), by)

    @rule(patient=st.integers(0, 12), reason=REASONS, by=st.sampled_from(NAMES), really=st.integers(0, 1))
    def withdraw(self, patient: int, reason: Any, by: str, really: int) -> None:
        """Say that a patient, or nobody, was entered in error."""
        known = sorted(store.load(self.trial).patients)
        name = known[-1 - patient % len(known)] if known and patient < 12 else "none-1"
        if really:
            self.act(lambda who: entering.withdraw(self.trial, name, reason or "", who), by)

    @rule(by=st.sampled_from(["ana", "sam"]), dlt=st.booleans())
    def report_all(self, by: str, dlt: bool) -> None:
        """Report every outcome that is open."""
        for name, patient in store.load(self.trial).patients.items():
            if patient.row.dlt is None and patient.row.evaluable:
                self.act(partial(entering.amend, self.trial, name, {"dlt": dlt}), by)

    @rule(
        choice=st.sampled_from([*CHOICES, "accept", "higher"]),
        level=st.one_of(st.none(), st.integers(0, 4)),
        patients=st.one_of(st.none(), st.integers(0, 7)),
        reason=REASONS,
        by=st.sampled_from(NAMES),
        back=st.sampled_from([None, 0, 0, 2]),
        signs=st.booleans(),
    )
    def decide(self, choice: str, level: Any, patients: Any, reason: Any, by: str, back: Any, signs: bool) -> None:
        """Decide whatever."""
        signing = Signing(by, "authorship") if signs else None
        self.act(
            lambda who: deciding.decide(
                self.trial,
                choice,
                who,
                level=level,
                patients=patients,
                reason=reason,
                signing=signing,
                seen=self.seen(back),
            ),
            by,
        )

    @rule(by=st.sampled_from(["ana", "bob"]))
    def accept(self, by: str) -> None:
        """Accept the recommendation."""
        self.act(lambda who: deciding.decide(self.trial, "accept", who), by)

    @rule(by=st.sampled_from(NAMES), agrees=st.booleans(), reason=REASONS)
    def approve(self, by: str, agrees: bool, reason: Any) -> None:
        """Say something as a second person, or as the first."""
        self.act(lambda who: deciding.approve(self.trial, who, agrees=agrees, reason=reason), by)

    @rule(by=st.sampled_from(NAMES), which=st.integers(0, 8), meaning=st.sampled_from(["review", "approval"]))
    def sign(self, by: str, which: int, meaning: Any) -> None:
        """Sign whatever."""
        state = store.load(self.trial)
        subjects = [each.entry.hash for each in both(state)] + self.heads
        subject = subjects[-1 - which % len(subjects)]
        self.act(lambda who: signatures.sign(self.trial, subject, Signing(by, meaning), who), by)

    @rule(by=st.sampled_from(NAMES), which=st.integers(0, 2), reason=REASONS)
    def amend_design(self, by: str, which: int, reason: Any) -> None:
        """Amend the design."""
        self.act(lambda who: changing.amend_design(self.trial, self.designs[which], reason or "", who), by)

    @rule(
        by=st.sampled_from(NAMES), level=st.sampled_from([None, 1, 2, 3, 4]), reason=REASONS, really=st.integers(0, 3)
    )
    def close(self, by: str, level: Any, reason: Any, really: int) -> None:
        """Declare an MTD, now and then."""
        if really == 0:
            self.act(lambda who: changing.close(self.trial, level, who, reason=reason), by)

    @precondition(lambda self: self.requests)
    @rule()
    def send_again(self) -> None:
        """Send the last form again: it was recorded already."""
        name = self.requests[-1]
        before = store.load(self.trial).head
        with pytest.raises(EscalateError, match="recorded already"):
            deciding.decide(self.trial, "accept", Actor("ana", "page", name))
        assert store.load(self.trial).head == before

    @invariant()
    def promises(self) -> None:
        """Check everything that is promised of a record at every moment."""
        if not hasattr(self, "heads"):
            return
        assert is_clean(self.trial)
        state, entries = store.load(self.trial), list(store.entries_of(self.trial))
        there = [entry.hash for entry in entries]
        assert set(self.acknowledged) <= set(there)
        assert len(set(there)) == len(there)
        replay(self.trial, entries)
        assert verify_entries(self.trial, entries).faults == ()
        for decision in state.decisions:
            if decision.body.upward and decision.standing in NOBODY_SECOND:
                assert decision.approval is not None
                assert decision.approval.body.agrees
                assert decision.approval.entry.by.casefold() != decision.entry.by.casefold()
        for signature in state.signatures:
            void = [d.void_by for d in both(state) if d.entry.hash == signature.body.subject and d.void_by]
            assert bool(void) <= (signature.void_by is not None)
        recommends_as_the_file(state)


def fresh(state: TrialState) -> int:
    """Return a study number that nobody has."""
    return max((int(name) for name in state.patients), default=-1) + 1


def both(state: TrialState) -> list[Decision | Closing]:
    """Return decisions and closings."""
    return [*state.decisions, *state.closings]


def recommends_as_the_file(state: TrialState) -> None:
    """Check that the answer is that of `recommend` on the data as a file."""
    try:
        answer = current(state)
    except EscalateError:
        assert any(p.row.dlt is None for p in state.patients.values())
        return
    data = parse_patients(snapshot(state).encode(), "data", state.design) if state.patients else None
    wanted = recommend(state.design, data, design_sha256=state.version.kept.sha256)
    one, two = dict(form(answer)), dict(form(wanted))
    one["provenance"] = two["provenance"] = None
    assert one == two


def replay(trial: str, entries: Sequence[Entry]) -> None:  # noqa: PLR0912 - one case a kind
    """Say once more, from the entries alone and in the fewest words, who could be treated when; and hold the record to it."""
    level: int | None = 1
    left, waits, over, by, decision, rests, treated = 3, False, False, "", "", 0, 0
    analyses: dict[str, tuple[int, dict[str, Any]]] = {}
    # Of each patient in the data: the entry, the level, and the decision on which treated; None for a deviation.
    there: dict[str, tuple[int, int, str | None]] = {}
    for k, entry in enumerate(entries):
        said: Any = entry.content
        match entry.kind:
            case "analysed":
                analyses[entry.hash] = (k, said)
                assert said["data_sha256"] == sha256(snapshot(read_trial(trial, entries[:k])))
            case "decided":
                rests, advice = analyses[said["analysis"]][0], analyses[said["analysis"]][1]["recommendation"]
                level, n = said["level"], said["patients"] or 0
                up = (level or 0) > (advice["next_level"] or 0) or n > (advice["next_cohort_size"] or 0)
                departs = (level, n) != (advice["next_level"], advice["next_cohort_size"] or 0)
                assert said["upward"] == up
                assert said["reason"] or not departs or (said["choice"] == "accept")
                missing = any(reason["code"] == "outcomes_missing" for reason in advice["reasons"])
                assert not (missing and n)
                left, waits, over, by, decision, treated = n, up, False, entry.by, entry.hash, 0
            case "approved" if said["subject"] == decision:
                assert entry.by.casefold() != by.casefold()
                waits, over = False, over or not said["agrees"]
            case "entered" if said["deviation"] is None:
                assert not waits
                assert not over
                assert all(row["level"] == level for row in said["patients"])
                left, treated = left - len(said["patients"]), treated + len(said["patients"])
                assert left >= 0
                there |= {row["patient"]: (k, row["level"], decision) for row in said["patients"]}
            case "entered":
                over = True
                there |= {row["patient"]: (k, row["level"], None) for row in said["patients"]}
            case "amended" if decision and (
                not treated or (not said["first_report"] and there[said["patient"]][0] < rests)
            ):
                over = True
            case "withdrawn":
                since, _, treated_on = there.pop(said["patient"])
                if not decision:
                    left, over = 3 - len(there), any(at != 1 for _, at, _ in there.values())
                elif since < rests:
                    over = True
                elif treated_on == decision and not over:
                    left, treated = left + 1, treated - 1
            case "design_amended" if decision:
                over = True
            case "signed" if said["meaning"] == "approval":
                assert said["subject"] not in {
                    e.hash for e in entries if e.kind == "decided" and same_person(e.by, entry.by)
                }


@pytest.mark.parametrize("examples", [14, pytest.param(300, marks=pytest.mark.slow)])
def test_whatever_is_sent(record: str, examples: int) -> None:
    """Random acts of everybody: the chain is clean, the state is the fold, nobody is treated without a decision."""
    run_state_machine_as_test(
        Conduct,
        settings=settings(
            max_examples=examples if "postgres" not in record else examples // 2,
            stateful_step_count=40,
            deadline=None,
            derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
        ),
    )
