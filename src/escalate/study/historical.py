"""From earlier studies to a prior: read them, fit the hierarchy, approximate its prediction, and say how good that is."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from escalate.core.arrays import FloatArray
from escalate.core.errors import DataError, did_you_mean
from escalate.core.yaml_reader import decode, read_bytes
from escalate.models.bivariate_normal import Component, NormalMixture
from escalate.models.effective_sample_size import dose_ess
from escalate.models.implied_quantiles import LEVELS, mixture_quantiles
from escalate.models.map_prior import Diagnostics, MapModel, Studies, draw_map
from escalate.models.mixture_fit import fit_mixture, robustified

MAX_BYTES = 1_000_000
MAX_ROWS = 500
COLUMNS = ("study", "amount", "patients", "dlts")
COARSE = 0.02
"""A quantile of the DLT rate that the mixture misses by more is told."""


@dataclass(frozen=True, eq=False)
class StudyFile:
    """Studies with the file they came from, and the hash of its bytes."""

    studies: Studies
    name: str
    sha256: str


@dataclass(frozen=True)
class AmountRow:
    """The prior at one amount of the studies: quantiles of the DLT rate from draws and from the mixture, and its worth.

    Parameters
    ----------
    drawn, fitted
        2.5%, 50% and 97.5% quantiles, of the draws and of the mixture before it was made robust.
    patients_worth, robust_worth
        Patients that the mixture is worth here by moments, before and after; the second None without a robust component.
    """

    amount: float
    patients: int
    dlts: int
    drawn: tuple[float, float, float]
    fitted: tuple[float, float, float]
    patients_worth: float
    robust_worth: float | None


@dataclass(frozen=True)
class MapPrior:
    """A prior made from studies, with all that is needed to make it again and to judge it."""

    prior: NormalMixture
    informative: NormalMixture
    robust: float | None
    model: MapModel
    seed: int
    file: str
    sha256: str
    studies: tuple[str, ...]
    mean_tau: tuple[float, float]
    diagnostics: Diagnostics
    bic: tuple[float, ...]
    rows: tuple[AmountRow, ...]
    notes: tuple[str, ...]

    @property
    def largest_difference(self) -> float:
        """The largest difference of a quantile of the DLT rate between draws and mixture, over the amounts of the studies."""
        return max(abs(d - f) for row in self.rows for d, f in zip(row.drawn, row.fitted, strict=True))


def map_prior(
    file: StudyFile, model: MapModel, *, robust: float | None = None, components: int = 3, seed: int = 1
) -> MapPrior:
    """Return the MAP prior of (log alpha, log beta) as a mixture.

    Parameters
    ----------
    robust
        Weight of a vague component, the prior of mu; None for none.
    components
        The most components of the informative part; BIC chooses among 1 to this many.

    Raises
    ------
    NotConverged
        Where the diagnostics of the draws fail.
    """
    drawn = draw_map(file.studies, model, seed)
    fit = fit_mixture(drawn.theta, components)
    prior = fit.mixture
    if robust is not None:
        prior = robustified(prior, robust, Component(weight=1.0, mean=model.mean, sd=model.sd))
    rows = _rows(file.studies, model, drawn.theta, fit.mixture, prior if robust is not None else None)
    found = MapPrior(
        prior=prior,
        informative=fit.mixture,
        robust=robust,
        model=model,
        seed=seed,
        file=file.name,
        sha256=file.sha256,
        studies=file.studies.names,
        mean_tau=drawn.mean_tau,
        diagnostics=drawn.diagnostics,
        bic=fit.bic,
        rows=rows,
        notes=tuple(_notes(file.studies, robust)),
    )
    if found.largest_difference > COARSE:
        coarse = f"the mixture misses a quantile of the draws by {found.largest_difference:.3f}; allow more components"
        return replace(found, notes=(*found.notes, coarse))
    return found


def _notes(studies: Studies, robust: float | None) -> Iterator[str]:
    n = len(studies.names)
    if n == 1:
        yield (
            "there is one study only: it says nothing of the heterogeneity tau, so how much is borrowed follows from the prior of "
            "tau alone; give the prior for several tau"
        )
    elif n == 2:
        yield "there are two studies: they hardly identify the heterogeneity tau; give the prior for several tau"
    if robust is None:
        yield "no robust component: data that contradict the studies are discounted slowly; consider --robust 0.2"


def _rows(
    studies: Studies, model: MapModel, theta: FloatArray, mixture: NormalMixture, robust: NormalMixture | None
) -> tuple[AmountRow, ...]:
    amounts = np.unique(studies.amount)
    x = np.log(amounts / model.reference_amount)
    fitted = mixture_quantiles(mixture.mixture, x)
    worth = dose_ess(mixture.mixture, x)
    robust_worth = None if robust is None else dose_ess(robust.mixture, x)
    rows = []
    for j, amount in enumerate(amounts.tolist()):
        eta = theta[:, 0] + np.exp(np.minimum(theta[:, 1], 60.0)) * x[j]
        low, mid, high = np.quantile(0.5 * (1 + np.tanh(eta / 2)), LEVELS).tolist()
        here = studies.amount == amount
        rows.append(
            AmountRow(
                amount=amount,
                patients=int(studies.n[here].sum()),
                dlts=int(studies.dlt[here].sum()),
                drawn=(low, mid, high),
                fitted=(float(fitted[j, 0]), float(fitted[j, 1]), float(fitted[j, 2])),
                patients_worth=float(worth[j]),
                robust_worth=None if robust_worth is None else float(robust_worth[j]),
            )
        )
    return tuple(rows)


def read_studies(path: str | Path) -> StudyFile:
    """Read a CSV of earlier studies: one line for each study and amount, `study, amount, patients, dlts`; `-` reads standard input.

    Lines that start with # are comments.

    Raises
    ------
    DataError
        With file and line, and what would be right.
    """
    raw = read_bytes(str(path), MAX_BYTES, "a CSV file of studies", DataError)
    name = "standard input" if str(path) == "-" else str(path)
    rows: list[tuple[str, float, int, int]] = []
    first: dict[tuple[str, float], int] = {}
    for line, row in _lines(decode(raw, name, DataError), name):
        where = f"{name}:{line}"
        study = row["study"]
        if not study or not study.isprintable():
            raise DataError(f"{where} study: is empty or not printable; every study needs a name")
        amount = _amount(row["amount"], f"{where} amount")
        patients, dlts = _count(row["patients"], f"{where} patients"), _count(row["dlts"], f"{where} dlts")
        if dlts > patients:
            raise DataError(f"{where} dlts: {dlts} DLTs among {patients} patients are not possible")
        if (study, amount) in first:
            raise DataError(
                f"{where} amount: study '{study[:40]}' has {amount:g} on line {first[study, amount]} already; add the two up"
            )
        first[study, amount] = line
        rows.append((study, amount, patients, dlts))
    if len(rows) > MAX_ROWS:
        raise DataError(f"{name}: has {len(rows)} lines of data, more than {MAX_ROWS}")
    if not rows:
        raise DataError(f"{name}: holds no study; add a line for each study and amount: study,amount,patients,dlts")
    if not any(patients for _, _, patients, _ in rows):
        raise DataError(f"{name}: holds no patient, so there is nothing to borrow")
    names = tuple(dict.fromkeys(study for study, *_ in rows))
    studies = Studies(
        names=names,
        study=np.array([names.index(study) for study, *_ in rows], dtype=np.int64),
        amount=np.array([amount for _, amount, _, _ in rows]),
        n=np.array([patients for _, _, patients, _ in rows], dtype=np.int64),
        dlt=np.array([dlts for _, _, _, dlts in rows], dtype=np.int64),
    )
    return StudyFile(studies, name, hashlib.sha256(raw).hexdigest())


def _lines(text: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    kept = [(k, line) for k, line in enumerate(text.splitlines(), start=1) if line.strip() and line.lstrip()[0] != "#"]
    if not kept:
        raise DataError(f"{name}: has no header; the first line is {','.join(COLUMNS)}")
    delimiter = ";" if kept[0][1].count(";") > kept[0][1].count(",") else ","
    header: list[str] = []
    for number, line in kept:
        try:
            cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))]
        except csv.Error as fault:
            raise DataError(f"{name}:{number}: is not CSV: {fault}") from None
        if not header:
            header = _header([cell.lower() for cell in cells], f"{name}:{number}")
        elif len(cells) != len(header):
            raise DataError(f"{name}:{number}: has {len(cells)} fields, but the header has {len(header)}")
        else:
            yield number, dict(zip(header, cells, strict=True))


def _header(names: list[str], where: str) -> list[str]:
    for name in COLUMNS:
        if name not in names:
            raise DataError(
                f"{where}: column '{name}' is missing (found: {', '.join(names)[:120]}); the header is {','.join(COLUMNS)}"
            )
        if names.count(name) > 1:
            raise DataError(f"{where}: column '{name}' is there twice")
    for name in names:
        if name not in COLUMNS and did_you_mean(name, COLUMNS).startswith("did"):
            raise DataError(f"{where}: column '{name}' is not known; {did_you_mean(name, COLUMNS)}")
    return names


def _amount(text: str, where: str) -> float:
    if not re.fullmatch(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", text):
        raise DataError(f"{where}: " + (f"'{text[:40]}' is not a number" if text else "is empty"))
    amount = float(text)
    if amount <= 0:
        raise DataError(f"{where}: {text[:40]} is not above 0")
    return amount


def _count(text: str, where: str) -> int:
    if re.fullmatch(r"-[0-9]{1,6}", text):
        raise DataError(f"{where}: {text} is negative")
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise DataError(f"{where}: " + (f"'{text[:40]}' is not a whole number up to 999999" if text else "is empty"))
    return int(text)
