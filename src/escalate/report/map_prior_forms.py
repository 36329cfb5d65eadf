"""A prior made from studies: as YAML to paste into a design, as JSON, and as a table."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from escalate import __version__
from escalate.core.errors import harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from escalate.models.bivariate_normal import Component
    from escalate.study.historical import MapPrior

SCHEMA = "escalate/map-prior/1"


def yaml_text(found: MapPrior) -> str:
    """Return the settings `reference_amount` and `prior` of a blrm design, and in comments how they were made."""
    model, d = found.model, found.diagnostics
    patients, dlts = sum(row.patients for row in found.rows), sum(row.dlts for row in found.rows)
    names = ", ".join(found.studies[:8]) + (", .." if len(found.studies) > 8 else "")
    heterogeneity = f"tau median {model.tau[0]:g}, {model.tau[1]:g} (log-normal, sd of the log {model.tau_log_sd:.4g})"
    lines = [
        f"Meta-analytic-predictive prior made by escalate {__version__} map-prior, PyMC {version('pymc')}, seed {found.seed}.",
        f"Studies: {found.file}, sha256 {found.sha256}",
        f"{_many(len(found.studies), 'study', 'studies')} ({names}), {patients} patients, {_many(dlts, 'DLT', 'DLTs')}.",
        f"Prior of the mean of studies: normal, mean {_pair(model.mean)}, sd {_pair(model.sd)}.",
        f"Between studies: {heterogeneity}, correlation uniform.",
        f"Mean of tau after the data: {found.mean_tau[0]:.3f}, {found.mean_tau[1]:.3f}.",
        f"Draws: R-hat at most {d.r_hat:.4f}, effective sample size at least {d.ess:.0f}, {d.divergent} of {d.draws} divergent.",
        f"Mixture of {len(found.informative.mixture)} by BIC; quantiles of the DLT rate within {found.largest_difference:.4f} of "
        "the draws.",
        *([f"Robust: the last component, vague, has weight {found.robust:g}."] if found.robust is not None else []),
        *(f"Note: {note}." for note in found.notes),
        "Paste below 'method:' of a blrm design.",
    ]
    comments = "".join(f"# {harmless(line)}\n" for line in lines)
    parts = "".join(f"      - {_component(part)}\n" for part in found.prior.mixture)
    return f"{comments}  reference_amount: {number(model.reference_amount)}\n  prior:\n    mixture:\n{parts}"


def number(x: float) -> str:
    """Return a number as a person writes it, all its digits kept.

    Examples
    --------
    >>> number(4e8), number(0.1), number(1234567.5)
    ('400000000', '0.1', '1234567.5')
    """
    return str(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)


def _many(n: int, one: str, several: str) -> str:
    return f"{n} {one if n == 1 else several}"


def _pair(values: tuple[float, float]) -> str:
    return f"({values[0]:.4g}, {values[1]:.4g})"


def _component(part: Component) -> str:
    (m1, m2), (s1, s2) = part.mean, part.sd
    return (
        f"{{weight: {part.weight:g}, mean: [{m1:g}, {m2:g}], sd: [{s1:g}, {s2:g}], correlation: {part.correlation:g}}}"
    )


def form(found: MapPrior) -> dict[str, Any]:
    """Return the whole answer as JSON."""
    model, d = found.model, found.diagnostics
    return {
        "schema": SCHEMA,
        "reference_amount": model.reference_amount,
        "prior": found.prior.model_dump(mode="json"),
        "informative": found.informative.model_dump(mode="json"),
        "robust": found.robust,
        "model": {
            "mean": list(model.mean),
            "sd": list(model.sd),
            "tau": list(model.tau),
            "tau_log_sd": model.tau_log_sd,
        },
        "mean_tau": list(found.mean_tau),
        "studies": list(found.studies),
        "amounts": [
            {
                "amount": row.amount,
                "patients": row.patients,
                "dlts": row.dlts,
                "drawn": list(row.drawn),
                "fitted": list(row.fitted),
                "patients_worth": row.patients_worth,
                "robust_worth": row.robust_worth,
            }
            for row in found.rows
        ],
        "largest_difference": found.largest_difference,
        "bic": list(found.bic),
        "diagnostics": {"r_hat": d.r_hat, "ess": d.ess, "divergent": d.divergent, "draws": d.draws},
        "notes": list(found.notes),
        "provenance": {
            "version": __version__,
            "pymc": version("pymc"),
            "file": found.file,
            "data_sha256": found.sha256,
            "seed": found.seed,
        },
    }


def table(found: MapPrior) -> RenderableType:
    """Return the prior at each amount of the studies."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from escalate.report.whole_numbers import table as empty_table  # noqa: PLC0415

    made = empty_table("amount", "DLTs / patients", "prior median", "95% interval", "worth patients", "robust")
    for row in found.rows:
        low, mid, high = row.fitted
        made.add_row(
            number(row.amount),
            f"{row.dlts}/{row.patients}",
            f"{mid:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{row.patients_worth:.1f}",
            "-" if row.robust_worth is None else f"{row.robust_worth:.1f}",
        )
    title = Text(f"Prior of a new trial from {_many(len(found.studies), 'study', 'studies')}", style="bold")
    return Group(title, made)
