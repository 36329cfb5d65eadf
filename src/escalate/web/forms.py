"""What people fill in: fields with their hints; what they may hold is judged by the record, which says it in its own words."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from escalate.conduct.bodies import ROLES, PatientRow
from escalate.conduct.entering import PLACED
from escalate.conduct.errors import RecordError
from escalate.conduct.making import made
from escalate.conduct.signatures import MEANINGS
from escalate.conduct.snapshot import columns
from escalate.conduct.state import TrialState
from escalate.core.design import Design

MOST_ROWS = 20
_UNKNOWN = ("", "not known yet")
_WHOLE = {"invalid": "is not a whole number", "min_value": "is below 1", "max_value": "is too large"}


class DayInput(forms.DateInput):
    """A day as browsers ask for it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def day_field(label: str, hint: str = "") -> forms.DateField:
    """Return a field for a day."""
    return forms.DateField(
        label=label,
        help_text=hint,
        required=False,
        widget=DayInput(),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "is not a day such as 2026-03-31"},
    )


def text_field(label: str, hint: str = "", most: int = 4000) -> forms.CharField:
    """Return a field for a reason."""
    return forms.CharField(
        label=label, help_text=hint, required=False, max_length=most, widget=forms.Textarea(attrs={"rows": 3})
    )


def level_field(state: TrialState, names: dict[int, str], empty: str | None = None) -> forms.TypedChoiceField:
    """Return a field for a level of the design."""
    choices = [("", empty)] if empty is not None else []
    choices += [(str(level), words) for level, words in names.items()]
    return forms.TypedChoiceField(
        label="Level",
        choices=choices,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": f"is not one of the levels 1 to {state.design.n_doses}"},
    )


def outcome_fields(design: Design) -> dict[str, forms.Field]:
    """Return the fields of what becomes known of a patient, by the columns that the design reads."""
    fields: dict[str, forms.Field] = {
        "dlt": forms.TypedChoiceField(
            label="Outcome",
            choices=[_UNKNOWN, ("0", "no DLT"), ("1", "DLT")],
            coerce=lambda given: given == "1",
            empty_value=None,
            required=False,
        ),
        "outcome": forms.TypedChoiceField(
            label="Outcome",
            choices=[_UNKNOWN, *((each.letter, f"{each.letter}: {each.name}") for each in design.outcomes)],
            empty_value=None,
            required=False,
        ),
        "treated": day_field("First dose on"),
        "dlt_date": day_field("DLT on"),
        "last_follow_up": day_field("Last follow-up"),
        "evaluable": forms.TypedChoiceField(
            label="Evaluable",
            choices=[("1", "yes"), ("0", "no")],
            coerce=lambda given: given == "1",
            empty_value=True,  # type: ignore[arg-type]
            required=False,
        ),
        "reason": forms.CharField(label="Why not evaluable", required=False, max_length=40),
        "backfill": forms.TypedChoiceField(
            label="Backfilled",
            choices=[("0", "no"), ("1", "yes")],
            coerce=lambda given: given == "1",
            empty_value=False,  # type: ignore[arg-type]
            required=False,
        ),
        "response": forms.TypedChoiceField(
            label="Response",
            choices=[_UNKNOWN, ("0", "no"), ("1", "yes")],
            coerce=lambda given: given == "1",
            empty_value=None,
            required=False,
        ),
    }
    used = [name for name in columns(design) if name in fields]
    if design.backfill is None:
        used = [name for name in used if name not in ("backfill", "response")]
    return {name: fields[name] for name in used}


class CohortForm(forms.Form):
    """What the patients of a cohort share; the number of the cohort is a choice where they were treated otherwise alone."""

    cohort = forms.IntegerField(
        label="Cohort that they belong to",
        min_value=1,
        max_value=999999,
        required=False,
        error_messages=_WHOLE,
        widget=forms.Select,
    )
    deviation = text_field(
        "Reason of the deviation",
        "Only where they were treated without a decision that allows it. What happened is recorded all the same, with the reason.",
    )

    def __init__(self, state: TrialState, names: dict[int, str], expected: int, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["level"] = level_field(state, names)
        there = state.cohort_numbers()
        last = there[-1] if there else 0
        numbers = dict.fromkeys((expected, last + 1, *reversed(there)))
        cohort = self.fields["cohort"].widget
        assert isinstance(cohort, forms.Select)
        cohort.choices = [
            (str(n), f"{n}{', the last one' if n == last else ', a new one' if n > last else ''}") for n in numbers
        ]


class RowForm(forms.Form):
    """One patient of a cohort."""

    patient = forms.CharField(
        label="Study number",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, state: TrialState, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields |= outcome_fields(state.design)

    @property
    def blank(self) -> bool:
        """Whether nothing is filled in."""
        said = {name: value for name, value in self.cleaned_data.items() if name not in ("evaluable", "backfill")}
        return not any(value not in (None, "") for value in said.values()) and self.cleaned_data.get("evaluable", True)

    def row(self, cohort: int | None, level: int | None) -> PatientRow:
        """Return the patient.

        Raises
        ------
        RecordError
            Where it cannot be one.
        """
        given = {name: as_kept(value) for name, value in self.cleaned_data.items()}
        if given.get("patient") is None:
            raise RecordError("patient: is missing; give the study number, or leave the whole row empty")
        return made(PatientRow, **given, cohort=None if given.get("backfill") else cohort, level=level)


class PatientForm(forms.Form):
    """What is known of a patient now; where the patient stands is never amended."""

    why = text_field("Reason of the change", "Needed where something changes that was on record already.")

    def __init__(self, state: TrialState, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        why = self.fields.pop("why")
        amended = {name: field for name, field in outcome_fields(state.design).items() if name not in PLACED}
        self.outcome_names = tuple(amended)
        self.fields |= amended
        self.fields["why"] = why

    @property
    def outcome_part(self) -> list[forms.BoundField]:
        """The fields of the outcome."""
        return [self[name] for name in self.outcome_names]

    def changes(self) -> dict[str, Any]:
        """Return what the form says of the patient."""
        return {name: as_kept(value) for name, value in self.cleaned_data.items() if name != "why"}


def as_kept(value: object) -> object:
    """Return a value of a form as the record keeps it."""
    if isinstance(value, date):
        return value.isoformat()
    return None if value == "" else value


class SigningForm(forms.Form):
    """A signature: the password once more, and what it means."""

    first_meaning = "authorship"

    meaning = forms.ChoiceField(
        label="Meaning of the signature", choices=list(MEANINGS.items()), required=False, initial="authorship"
    )
    password = forms.CharField(
        label="Your password",
        required=False,
        max_length=1000,
        strip=False,
        help_text="Asked again because this signs the record.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class DecideForm(SigningForm):
    """A decision."""

    choice = forms.ChoiceField(label="Decision", required=False, choices=(), widget=forms.RadioSelect)
    patients = forms.IntegerField(
        label="How many patients",
        min_value=1,
        max_value=1000,
        required=False,
        error_messages=_WHOLE,
        help_text="Empty: as many as recommended.",
    )
    reason = text_field("Reason", "Needed where the decision departs from the recommendation.")

    def __init__(
        self, state: TrialState, names: dict[int, str], choices: list[tuple[str, str]], *args: Any, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        choice = self.fields["choice"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = choices
        self.fields["level"] = level_field(state, names, "as the choice above says")


class ApproveForm(SigningForm):
    """A second opinion."""

    agrees = forms.ChoiceField(
        label="Your opinion",
        required=False,
        choices=[("1", "I agree: it holds"), ("0", "I do not agree: it does not hold")],
        widget=forms.RadioSelect,
    )
    reason = text_field("Reason", "Needed where you do not agree.")


class CloseForm(SigningForm):
    """The end of the trial."""

    mtd_level = forms.ChoiceField(label="What is declared", required=False, choices=(), widget=forms.RadioSelect)
    reason = text_field("Reason", "Needed where another level is declared than the design selects.")

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        field = self.fields["mtd_level"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class WithdrawForm(forms.Form):
    """Why a patient is none."""

    reason = text_field("Reason", "Such as: the study number was mistyped.")


class RolesForm(forms.Form):
    """The roles of a person."""

    person = forms.CharField(
        label="Account", required=False, max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        choices=[(role, role) for role in ROLES],
        widget=forms.CheckboxSelectMultiple,
        help_text="Exactly these from now on; none takes all away.",
    )
