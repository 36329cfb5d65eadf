"""BLRM against published tables: the trial of Neuenschwander, Branson and Gsponer and its page, crmPack's paper, SAS runs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import escalate as esc
from escalate.core.tally import Tally
from escalate.methods.blrm import Blrm
from escalate.rules.stop_when_mtd_certain import StopWhenMtdCertain
from tests.cli.run import escalate
from tests.helpers import ROOT, cases, make

PAGE = (ROOT / "docs" / "how-to" / "nbg-2008.md").read_text(encoding="utf-8")
DESIGN = ROOT / "designs" / "published" / "nbg-2008.yaml"
DATA = DESIGN.with_suffix(".csv")
OUTCOMES = "1NNN 2NNNN 3NNNNN 4NNNN 7TT"
PUBLISHED = {case["id"]: case for case in cases("published_tables")}
SINGLE = {case["id"]: case for case in cases("blrm_single")}


def nbg() -> tuple[esc.Design, Tally, Blrm]:
    """Return the design of the page, its data and its method."""
    trial = esc.load_design(DESIGN)
    n, dlt = np.zeros((2, 1, 15), dtype=np.int64)
    n[0, [0, 1, 2, 3, 6]], dlt[0, 6] = [3, 4, 5, 4, 2], 2
    assert isinstance(trial.method, Blrm)
    return trial, Tally.of(n, dlt), trial.method


# --- the page --------------------------------------------------------------------------------------------------------
def test_the_data_are_those_of_the_paper() -> None:
    """3, 4, 5, 4 and 2 patients, by file as by string."""
    trial = esc.load_design(DESIGN)
    assert esc.recommend(trial, esc.read_patients(DATA, trial)).doses == esc.recommend(trial, OUTCOMES).doses


def test_page_shows_what_the_command_prints() -> None:
    """Every line quoted under the command is one of its lines."""
    done = escalate("recommend", "designs/published/nbg-2008.yaml", "designs/published/nbg-2008.csv", cwd=ROOT)
    assert (done.code, done.stderr) == (0, "")
    printed = {line.strip() for line in done.stdout.splitlines()}
    quoted = PAGE.split("$ escalate recommend designs/published/nbg-2008.yaml designs/published/nbg-2008.csv\n")[1]
    shown = [line.strip() for line in quoted.split("The amount that gets")[0].splitlines() if line.strip()]
    assert len(shown) > 12
    assert [line for line in shown if line not in printed] == []


def test_tables_of_the_page() -> None:
    """Interval probabilities, means and losses, by amount; and micro-example B of the method's dossier."""
    trial, tally, method = nbg()
    cells, mean = method.interval_probabilities(trial, tally)[0], method.belief(trial, tally).mean()[0]
    figure = PUBLISHED["nbg2008_fig1_lower_right"]
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+ \| 0\.\d{6}", line)]
    assert [row[0] for row in rows] == ["10", "15", "20", "25"]
    for row in rows:
        j = trial.doses.levels.index(float(row[0]))
        assert [float(x) for x in row[1:5]] == pytest.approx(cells[j], abs=1.5e-6)
        assert float(row[5]) == pytest.approx(mean[j], abs=6e-4)
        assert float(row[6]) == figure["values"]["posterior_mean_readoff"][j]
        assert float(row[7]) == pytest.approx(cells[j] @ np.array([1.0, 0.0, 1.0, 2.0]), abs=6e-5)


def test_words_of_the_page() -> None:
    """40 mg by the CRM of Table I, 25 mg by the nearest mean, 20 mg by each of the choices; the MTD as an amount."""
    trial, tally, method = nbg()
    table = PUBLISHED["nbg2008_table1_original_skeleton"]
    crm = make(
        {"kind": "crm", "skeleton": table["inputs"]["skeleton"], "prior_sd": 1.34, "estimate": "mean"},
        10,
        doses={"unit": "mg", "levels": tuple(float(dose) for dose in table["inputs"]["doses"])},
        rules=(),
    )
    found = esc.recommend(crm, OUTCOMES)
    assert found.next_level == 9
    estimates = [row.estimate for row in found.doses]
    assert estimates == pytest.approx(table["values"]["posterior_mean"], abs=3e-3)
    assert [f"{value:.3f}" for value in estimates[7:] if value is not None] == ["0.244", "0.333", "0.467"]

    mean = method.belief(trial, tally).mean()[0]
    assert int(np.argmin(np.abs(mean - 0.3))) == 6 == PUBLISHED["bcrm_nbg2008_jags"]["values"]["next_dose_level"] - 1
    for choose in ("target", "highest", "loss"):
        again = trial.model_copy(update={"method": method.model_copy(update={"choose": choose})})
        assert esc.recommend(again, OUTCOMES).next_level == 6
    loss = method.interval_probabilities(trial, tally)[0] @ np.array([1.0, 0.0, 1.0, 2.0])
    assert int(np.argmin(loss)) == 5
    over = method.overdosing(method.belief(trial, tally))[0]
    assert (f"{over[6]:.4f}", f"{over[5]:.4f}") == ("0.3720", "0.2215")
    variation = StopWhenMtdCertain(target=0.3).variation(trial, tally)
    assert variation is not None
    assert (f"{variation[0]:.1f}", f"{variation[1]:.0%}") == ("24.9", "50%")
    for said in ("0.244, 0.333 and 0.467", "0.3720", "0.2215", "24.9 mg", "50%"):
        assert said in PAGE


# --- published tables ------------------------------------------------------------------------------------------------
def test_figure_and_peer_values() -> None:
    """Means read off figure 1 to 0.04 (high amounts look like medians), and bcrm's short chain to 0.006."""
    trial, tally, method = nbg()
    belief = method.belief(trial, tally)
    figure, bcrm = PUBLISHED["nbg2008_fig1_lower_right"], PUBLISHED["bcrm_nbg2008_jags"]
    # The exact values are for the covariance 0.134 that programs use, not 0.2 x 0.84 x 0.80.
    assert belief.mean()[0] == pytest.approx(np.array(figure["our_check"]["exact_mean"]), abs=3e-5)
    assert belief.quantile(0.5)[0] == pytest.approx(np.array(figure["our_check"]["exact_median"]), abs=5e-5)
    assert belief.mean()[0] == pytest.approx(np.array(figure["values"]["posterior_mean_readoff"]), abs=0.04)
    assert belief.mean()[0] == pytest.approx(np.array(bcrm["values"]["mean"]), abs=0.006)


@pytest.mark.parametrize("id_", [key for key in PUBLISHED if key.startswith(("sas_sc1", "sas_sc3"))])
def test_sas_runs(id_: str) -> None:
    """Interval probabilities, losses, means and 75% quantiles of PROC MCMC, to its sampling error; the dose of least loss."""
    published, given = PUBLISHED[id_], SINGLE[published_case(id_)]["inputs"]
    inputs = published["inputs"]
    (v1, cov), (_, v2) = given["Sigma"]
    rows = published["values"]["rows"]
    levels = tuple(row["DOSE"] for row in rows)
    method: dict[str, Any] = {
        "kind": "blrm",
        "reference_amount": float(given["ref_dose"]),
        "prior": {"mean": tuple(given["mu"]), "sd": (v1**0.5, v2**0.5), "correlation": cov / (v1 * v2) ** 0.5},
        "intervals": (*inputs["target"], inputs["unacceptable"][0]),
        "overdose_cutoff": inputs["max_overdose_prob"],
        "choose": "loss",
        "losses": tuple(float(loss) for loss in inputs["losses"]),
    }
    trial = make(method, doses={"unit": "mg", "levels": levels}, max_patients=100, rules=())
    n, dlt = np.zeros((2, 1, len(levels)), dtype=np.int64)
    for seen in given["observations"]:
        n[0, levels.index(seen["dose"])] += seen["n"]
        dlt[0, levels.index(seen["dose"])] += seen["dlt"]
    tally = Tally.of(n, dlt)
    assert isinstance(trial.method, Blrm)
    belief, cells = trial.method.belief(trial, tally), trial.method.interval_probabilities(trial, tally)[0]
    ours = {
        "PTARGET": cells[:, 1],
        "POVEREX": cells[:, 2],
        "POVERUN": cells[:, 3],
        "LOSS": cells @ np.array(inputs["losses"]),
        "PMEAN": belief.mean()[0],
        "PQ75": belief.quantile(0.75)[0],
    }
    for name, values in ours.items():
        assert values == pytest.approx(np.array([row["exact"][name] for row in rows]), abs=5e-6), name
        # Sums of probabilities err by as many times more.
        slack = 0.02 if name == "LOSS" else 0.01
        assert values == pytest.approx(np.array([row[name] for row in rows]), abs=slack), name
    # After 0/3 at 60 one run takes 90 although 120 has a smaller loss (0.856 against 0.901) in its own table, and is no
    # overdose: a cap of 50% or less, which the table does not state.
    allowed = np.array(levels) <= (90 if id_ == "sas_sc3_sit4" else np.inf)
    liked = trial.method.select_among(cells[None], allowed[None])[0]
    assert levels[liked] == published["values"]["recommended_dose_ncrm_loss"]


def published_case(id_: str) -> str:
    """Return the posterior that a published table is of."""
    found: str = PUBLISHED[id_]["inputs"]["blrm_case"]
    return found


@pytest.mark.parametrize(
    ("id_", "case", "dose", "digits"),
    [("jss_next_dose", "jss_placebo", 100.0, 34), ("vignette_ncrm", "crmpack_vignette", 20.0, 33)],
)
def test_next_dose_of_crmpack(id_: str, case: str, dose: float, digits: int) -> None:
    """The next dose of the paper and the vignette; Pr(target) there to 2 points, by few draws."""
    values = PUBLISHED[id_]["values"]
    assert values["next_dose"] == dose
    key = next(name for name in values if name.startswith("p_target"))
    assert values[key] == digits
    row = next(row for row in SINGLE[case]["expected"]["doses"] if row["dose"] == dose)
    assert 100 * row["cdf"]["0.35"] - 100 * row["cdf"]["0.2"] == pytest.approx(digits, abs=2)


def test_the_design_is_sound() -> None:
    """`check` has nothing to question."""
    done = escalate("check", DESIGN)
    assert (done.code, done.stderr) == (0, "")
    assert ": sound," in done.stdout
