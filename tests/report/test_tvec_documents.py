"""The meeting pack and the checklist of the T-VEC trial, as they lie in `simulations`, are those of the files beside them."""

from __future__ import annotations

import html
import re

import pytest

from escalate.core.files import load_scenarios, read_design
from escalate.core.patients import read_patients
from escalate.report.checklist import Known
from escalate.report.checklist import build as checklist
from escalate.report.documents.blocks import Document, Items, Paragraph, Table, plain
from escalate.report.documents.cleaning import cleaned
from escalate.report.meeting import build as meeting
from escalate.study.simulate import simulate
from tests.helpers import ROOT

FOLDER = ROOT / "simulations" / "tvec-liver"
DESIGN = ROOT / "designs" / "tvec-liver-crm.yaml"
DATA = ROOT / "designs" / "data" / "tvec-liver-synthetic.csv"


def words(text: str) -> str:
    return re.sub(r"[\s\N{NO-BREAK SPACE}]+", " ", text)


def texts(document: Document) -> set[str]:
    """Return every sentence and every cell."""
    numbers, document = document.numbers(), cleaned(document)
    found = set()
    for block in document.blocks:
        if isinstance(block, Paragraph):
            found.add(plain(block.words, numbers))
        elif isinstance(block, Items):
            found |= {plain(item, numbers) for item in block.items}
        elif isinstance(block, Table):
            found |= {plain(cell, numbers) for row in block.rows for cell in row}
    return {words(text).strip() for text in found}


def made(name: str) -> Document:
    file = read_design(str(DESIGN))
    if name == "meeting-pack":
        data = read_patients(str(DATA), file.design)
        return meeting(file.design, data, design_sha256=file.sha256, text=DATA.read_text())
    scenarios = load_scenarios(ROOT / "simulations" / "scenarios" / "tvec-liver.yaml", [file.design])
    study = simulate([file.design], scenarios, exact=True)
    return checklist("spirit", Known(file.design, study=study), design_sha256=file.sha256)


@pytest.mark.parametrize("name", ["meeting-pack", "spirit-define"])
def test_the_documents_are_those_of_their_files(name: str) -> None:
    """Every sentence and every number of the document made now stands in the file; `make.sh` makes it anew."""
    page = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    shown = words(html.unescape(re.sub(r"<[^>]+>", "", page)))
    document = made(name)
    missing = sorted(text for text in texts(document) if text not in shown)
    assert not missing
    assert dict(document.facts)["Design SHA-256"] in shown
    assert "synthetic" in shown
