"""The section of a protocol: whole for every design, its decisions those of the design."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import escalate as esc
from escalate.core.files import read_design
from escalate.report.documents.blocks import Document, Heading
from escalate.report.protocol import Part, build
from escalate.report.protocol.frame import rule_said
from escalate.report.protocol.part import amount
from escalate.report.references import references
from tests.helpers import ROOT
from tests.report.protocol.parts import tables, text_of

SLOW = {"tvec-liver-ordinal", "ordinal_crm", "blrm", "tite_blrm", "ewoc"}
DESIGNS = sorted(
    path for path in (*(ROOT / "designs").glob("*.yaml"), *(ROOT / "designs" / "late-onset").glob("*.yaml"))
)
by_design = pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=f"{path.parent.name}/{path.stem}")
        for path in DESIGNS
    ],
)


@cache
def _document(path: Path) -> Document:
    file = read_design(str(path))
    return build([Part(file.design, file.sha256, path.name)])


def _headings(document: Document) -> list[str]:
    return [block.text for block in document.blocks if isinstance(block, Heading)]


@by_design
def test_every_design_has_a_whole_section(path: Path) -> None:
    """Every sentence of method and rules, every level and every reference is in it, and nothing of Python shows."""
    document = _document(path)
    design = read_design(str(path)).design
    texts = list(document.texts())
    method = design.method
    for sentence in (
        *method.describe_model(design),
        *method.describe(design),
        *method.describe_selection(design),
        *(rule_said(design, rule) for rule in design.rules),
        *(str(each) for each in references(design)),
    ):
        assert sentence in texts
    headings = _headings(document)
    for wanted in (
        "Study design in brief",
        "Dose levels",
        "Dose-limiting toxicity and evaluation period",
        "Choosing the dose of the next cohort",
        "Rules on safety, dose steps and stopping",
        "End of the trial and selection of the MTD",
        "Statistical software and reproducibility",
        "References",
    ):
        assert wanted in headings
    levels = [text_of(row[1]) for row in tables(document)["doses"].rows]
    assert levels == [amount(design, j) for j in range(design.n_doses)]
    for text in texts:
        assert (
            not re.search(r"\bNone\b(?!,)|\bnan\b|<[a-z]+\.|Fraction\(|e[+]\d\d|  ", text)
            or "Figure" in text
            or "path" in text
        ), text
    assert document.footer.endswith(read_design(str(path)).sha256[:12])


@by_design
def test_paths_are_what_recommend_says(path: Path) -> None:
    """Each row of the table of paths, asked again cohort by cohort."""
    document, design = _document(path), read_design(str(path)).design
    printed = tables(document).get("paths")
    if printed is None or len(design.outcomes) > 2:
        return
    chain: list[tuple[str, str]] = []
    for line in printed.rows[:12]:
        cells = [text_of(cell) for cell in line]
        pairs = [(cells[k], cells[k + 1]) for k in range(0, len(cells), 2)]
        chain = [
            pair if pair[0] else before for pair, before in zip(pairs, [*chain, *pairs[len(chain) :]], strict=True)
        ]
        outcomes = ""
        for seen, then in chain:
            if seen == "-":
                break
            dlts, n, level = (int(x) for x in re.findall(r"\d+", seen))
            outcomes = f"{outcomes} {level}{'N' * (n - dlts)}{'T' * dlts}".strip()
            found = esc.recommend(design, outcomes)
            if found.next_level is None:
                assert then.startswith("Stop")
                assert (f"MTD level {found.mtd_level}" if found.mtd_level else "no MTD") in then
            else:
                assert re.match(rf"\w[\w-]* (to|at) level {found.next_level}\b", then), (outcomes, then)
