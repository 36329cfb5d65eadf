"""References: read from docstrings, all of them, with the settings they hold for."""

from __future__ import annotations

import re

import pytest

from escalate.core import registry
from escalate.core.files import load_design
from escalate.report import citation_forms
from escalate.report.references import SOFTWARE, Citation, citations, references
from tests.helpers import ROOT, make

DESIGNS = sorted((ROOT / "designs").glob("*.yaml"))
KINDS = [cls for kinds in (registry.methods(), registry.rules(), registry.generators()) for cls in kinds.all()]
# What is not published as such.
UNPUBLISHED = {
    "Constant",
    "DecisionTable",
    "Random",
    "AnyOf",
    "EliminateByTable",
    "MaxDlts",
    "MinPatientsAtSelected",
    "StopAtPatientsAtDose",
    "MinPatientsBeforeStop",
    "StickOnDlts",
    "StopAtPatients",
    "StopWhenStable",
}


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_reference_is_read(cls: type) -> None:
    """The references of every method, rule and generator have authors, year, title and place; and there is one."""
    found = citations(cls)
    assert bool(found) or cls.__name__ in UNPUBLISHED or not registry.summary_line(cls)
    for citation, only in found:
        assert re.fullmatch(r"[A-Z].*\S", citation.authors)
        assert 1980 < citation.year < 2030
        assert len(citation.title) > 15
        assert citation.volume is not None or "/" in citation.journal
        if only is not None:
            field = re.split(r"[.:]", only)[0]
            assert field in getattr(cls, "model_fields", {})


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_formats_hold_every_reference(path: object) -> None:
    """Text, BibTeX and RIS hold each reference of a design once, and the software; keys are unique."""
    found = references(load_design(str(path)))
    assert len({str(each) for each in found}) == len(found)
    text = citation_forms.as_text(found)
    assert text.count("\n") == len(found)
    assert text.endswith(SOFTWARE)
    bibtex, ris = citation_forms.as_bibtex(found), citation_forms.as_ris(found)
    keys = re.findall(r"^@\w+\{(\w+),$", bibtex, flags=re.MULTILINE)
    assert len(set(keys)) == len(keys) == len(found) + 1
    assert bibtex.count("{") == bibtex.count("}")
    assert ris.count("TY  - ") == ris.count("ER  -") == len(found) + 1
    for each in found:
        assert str(each) in text
        assert each.title in ris


def test_of_the_t_vec_crm() -> None:
    """The T-VEC CRM rests on the papers of its method with these settings and of its rules, and not on those of others."""
    years = {
        (each.names[0][0], each.year) for each in references(load_design(ROOT / "designs" / "tvec-liver-crm.yaml"))
    }
    assert {("O'Quigley", 1990), ("Lee", 2009), ("Cheung", 2005), ("Goodman", 1995), ("Yap", 2017)} <= years
    assert not {("Yin", 2009), ("O'Quigley", 1996), ("Mozgunov", 2020)} & years


def test_parts_of_a_citation() -> None:
    """Authors are taken apart, and what is not listed is said; special letters of LaTeX are escaped."""
    each = Citation("Yan F et al.", 2020, "A & B: 50%_of", "J Stat Softw", "94", "13", "1-32")
    assert str(each) == "Yan F et al. (2020). A & B: 50%_of. J Stat Softw 94(13):1-32."
    assert each.names == (("Yan", "F"),)
    bibtex = citation_forms.as_bibtex((each,))
    assert "author = {Yan, F. and others}" in bibtex
    assert r"A \& B: 50\%\_of" in bibtex
    assert "pages = {1--32}" in bibtex
    assert citation_forms.as_bibtex((each, each)).count("Yan2020b") == 1


def test_a_reference_that_is_not_one() -> None:
    """A class whose reference cannot be read is refused, with the text."""

    class Wrong:
        """Do something.

        References
        ----------
        Somebody, some time ago.
        """

    with pytest.raises(ValueError, match="Somebody"):
        citations(Wrong)


def test_all_authors_are_named() -> None:
    """No reference of a method or a rule stands with `et al.`: reference managers cannot fill them in."""
    assert [str(each) for cls in KINDS for each, _ in citations(cls) if each.more_authors] == []


def test_a_rule_cites_what_it_is_from() -> None:
    """A stopping rule that many designs have brings no paper on BOIN into a CRM design's list."""
    design = make(
        {"kind": "crm", "skeleton": [0.1, 0.2, 0.3], "estimate": "mean"},
        3,
        rules=({"kind": "stop_at_patients_at_dose", "patients": 12},),
    )
    assert not any("BOIN" in each.title for each in references(design))


@pytest.mark.parametrize(
    ("authors", "short"),
    [("Storer BE", "Storer 1999"), ("Liu S, Yuan Y", "Liu and Yuan 1999"), ("Ji Y, Liu P, Li Y", "Ji et al. 1999"),
     ("Yap C, et al.", "Yap et al. 1999")],
)  # fmt: skip
def test_short_form(authors: str, short: str) -> None:
    """One or two authors by name, more as `et al.`."""
    assert Citation(authors, 1999, "a", "b").short == short
