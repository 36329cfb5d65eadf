"""Files of earlier studies: what is read, what is refused and in which words; the prior made from them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from escalate import DataError, Design
from escalate.models.bivariate_normal import Component, NormalMixture
from escalate.models.map_prior import Diagnostics, MapModel
from escalate.report import map_prior_forms
from escalate.study import historical
from escalate.study.historical import MapPrior, read_studies
from tests.helpers import ROOT

EXAMPLE = ROOT / "designs" / "data" / "melanoma-synthetic.csv"
HEADER = "study,amount,patients,dlts\n"


def test_the_example_is_read() -> None:
    """Three studies labelled synthetic, 88 patients, 4 DLTs; the hash is that of the bytes."""
    found = read_studies(EXAMPLE)
    assert found.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert all("synthetic" in name for name in found.studies.names)
    assert "SYNTHETIC" in EXAMPLE.read_text()
    assert len(found.studies.names) == 3
    assert (found.studies.n.sum(), found.studies.dlt.sum()) == (88, 4)
    assert found.studies.study.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_forms_of_a_file_that_are_read(tmp_path: Path) -> None:
    """Semicolons, a byte-order mark, CR LF, capitals, blanks, comments, other columns and another order of columns."""
    path = tmp_path / "s.csv"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\nDLTs ; Patients;amount;STUDY;year\r\n\r\n1; 6 ;2.5e1;A;2020\r\n")
    found = read_studies(path).studies
    assert (found.names, found.amount.tolist(), found.n.tolist(), found.dlt.tolist()) == (("A",), [25.0], [6], [1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "s.csv: holds no study; add a line for each study and amount"),
        ("# nothing\n", "s.csv: has no header; the first line is study,amount,patients,dlts"),
        (HEADER + "A,10,0,0\n", "s.csv: holds no patient"),
        (HEADER + "A,10,3,4\n", "s.csv:2 dlts: 4 DLTs among 3 patients are not possible"),
        (HEADER + "A,10,3,0\nB,-5,3,0\n", "s.csv:3 amount: -5 is not above 0"),
        (HEADER + "A,0,3,0\n", "s.csv:2 amount: 0 is not above 0"),
        (HEADER + "A,nan,3,0\n", "s.csv:2 amount: 'nan' is not a number"),
        (HEADER + "A,1e999,3,0\n", "s.csv:2 amount: '1e999' is not a number"),
        (HEADER + "A,,3,0\n", "s.csv:2 amount: is empty"),
        (HEADER + "A,10,-3,0\n", "s.csv:2 patients: -3 is negative"),
        (HEADER + "A,10,2.5,0\n", "s.csv:2 patients: '2.5' is not a whole number"),
        (HEADER + "A,10,3,\n", "s.csv:2 dlts: is empty"),
        (HEADER + ",10,3,0\n", "s.csv:2 study: is empty"),
        (HEADER + "A,10,3\n", "s.csv:2: has 3 fields, but the header has 4"),
        (HEADER + "A,10,3,0\nA,10,3,1\n", "s.csv:3 amount: study 'A' has 10 on line 2 already; add the two up"),
        ("study,amount,patients\nA,1,1\n", "s.csv:1: column 'dlts' is missing"),
        (
            "study,amount,patients,dlts,studdy\nA,1,1,0,2\n",
            "s.csv:1: column 'studdy' is not known; did you mean 'study'?",
        ),
        ("study,study,amount,patients,dlts\nA,A,1,1,0\n", "s.csv:1: column 'study' is there twice"),
        (HEADER + '"A,10,3,0\n', "s.csv:2: is not CSV"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, said: str) -> None:
    """Each fault is told in one sentence with file and line."""
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(DataError) as fault:
        read_studies(tmp_path / "s.csv")
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def made(names: tuple[str, ...] = ("A", "B", "C"), robust: float | None = 0.2) -> MapPrior:
    """Return a prior as if it had been drawn."""
    parts = (
        Component(weight=0.8, mean=(-2.5, 0.2), sd=(0.6, 0.8), correlation=0.1),
        Component(weight=0.2, mean=(-1.1, 0.0), sd=(2.0, 1.0), correlation=0.0),
    )
    return MapPrior(
        prior=NormalMixture(mixture=parts),
        informative=NormalMixture(mixture=(parts[0].model_copy(update={"weight": 1.0}),)),
        robust=robust,
        model=MapModel(1234567.5, (-1.0986, 0.0)),
        seed=7,
        file="s.csv",
        sha256="0" * 64,
        studies=names,
        mean_tau=(0.5, 0.3),
        diagnostics=Diagnostics(1.001, 5000.0, 0, 8000),
        bic=(1.0,),
        rows=(historical.AmountRow(10.0, 20, 1, (0.1, 0.2, 0.3), (0.1, 0.21, 0.3), 12.0, 3.0),),
        notes=("a\nnote",),
    )


def test_the_yaml_is_a_design() -> None:
    """Pasted below `method:` of a blrm design, the block is read; every other line of it is a comment."""
    text = map_prior_forms.yaml_text(made())
    assert all(line.startswith(("#", " ")) for line in text.splitlines())
    settings = YAML(typ="safe", pure=True).load("method:\n  kind: blrm\n" + text)["method"]
    assert settings["reference_amount"] == 1234567.5
    design = Design.from_dict(
        {
            "title": "pasted",
            "doses": {"unit": "mg", "levels": [1.0e6, 2.0e6]},
            "target": 0.3,
            "max_patients": 12,
            "method": settings,
        }
    )
    prior = design.to_dict()["method"]["prior"]
    assert [part["weight"] for part in prior["mixture"]] == [0.8, 0.2]


def test_the_yaml_says_how_it_was_made() -> None:
    """Version, file, hash, seed, diagnostics and every note are in the comments."""
    text = map_prior_forms.yaml_text(made())
    for part in ("escalate 0.", "PyMC", "seed 7", "s.csv", "0" * 64, "R-hat", "20 patients, 1 DLT.", "Note: a\\nnote."):
        assert part in text


def test_notes_on_few_studies(tmp_path: Path) -> None:
    """One study or two do not identify the heterogeneity; without a robust component a note says what that means."""
    for n, said in ((1, "one study only"), (2, "two studies"), (3, None)):
        (tmp_path / "s.csv").write_text(HEADER + "".join(f"S{k},10,3,0\n" for k in range(n)))
        notes = " ".join(historical._notes(read_studies(tmp_path / "s.csv").studies, 0.2))
        assert notes == "" if said is None else said in notes
    assert "no robust component" in " ".join(historical._notes(read_studies(EXAMPLE).studies, None))


def test_the_page_shows_this_file() -> None:
    """The hash in the how-to page is that of the example, and the page says that its counts are synthetic."""
    page = (ROOT / "docs" / "how-to" / "build-a-prior.md").read_text()
    assert read_studies(EXAMPLE).sha256 in page
    assert "synthetic" in page


@pytest.mark.slow
def test_from_a_file_to_a_prior() -> None:
    """The example: the mixture reproduces quantiles of the draws, robustness costs worth, and the answer is as told."""
    found = historical.map_prior(read_studies(EXAMPLE), MapModel(4e8, (-1.0986, 0.0)), robust=0.2)
    assert found.largest_difference < 0.01
    assert found.prior.mixture[-1].weight == 0.2
    assert sum(part.weight for part in found.prior.mixture) == pytest.approx(1.0, abs=1e-12)
    assert found.notes == ()
    for row in found.rows:
        assert row.robust_worth is not None
        assert 0 < row.robust_worth < row.patients_worth
    # 4 DLTs in 58 patients at the reference amount: the median is not far from 7%.
    assert found.rows[-1].drawn[1] == pytest.approx(4 / 58, abs=0.02)
    assert np.all(np.diff([row.drawn[1] for row in found.rows]) > 0)
