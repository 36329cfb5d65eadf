"""The file of a chosen design: it reads as that design, and keeps what people wrote where it can."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from escalate import Design
from escalate.core import design as design_module
from escalate.core.files import read_design
from escalate.core.yaml_reader import parse
from escalate.report.chosen_design import Change, chosen_file, wrapped_notes, written_out
from escalate.study.calibration_grid import put, take
from tests.cli.run import DESIGNS
from tests.helpers import ROOT

NOTES = wrapped_notes(["Calibrated: 'a', \"b\" # no comment.", "word " * 40])
CRM = ROOT / "designs" / "crm.yaml"


def _read(text: str) -> Design:
    design, problems = design_module.build(parse(text, "chosen").data)
    assert design is not None, problems
    return design


def _chosen(path: Path, new: dict[str, Any]) -> tuple[str, Design]:
    """Return the file of a design with some settings changed, and the design."""
    file = read_design(path)
    data = copy.deepcopy(file.design.to_dict())
    changes = []
    for field, value in new.items():
        changes.append(Change(field, take(data, field), value))
        put(data, field, value)
    design = Design.from_dict(data)
    return chosen_file(file.document.raw.decode(), design, tuple(changes), NOTES), design


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_every_design_reads_as_what_was_chosen(path: Path) -> None:
    """For each design file that comes with the package: the file written reads as the design with the notes added."""
    text, design = _chosen(path, {"max_patients": read_design(path).design.max_patients + 3})
    notes = f"{design.notes.rstrip()}\n{NOTES}" if design.notes else NOTES
    assert _read(text).to_dict() == {**design.to_dict(), "notes": notes}


def test_comments_are_kept() -> None:
    """Lines that did not change stay as they are; a changed one says what stood there, its old comment included."""
    text, design = _chosen(CRM, {"method.prior_sd": 0.5, "method.skeleton.half_width": 0.07})
    old, new = CRM.read_text().splitlines(), text.splitlines()
    changed = [line for line in new if line not in old and not line.startswith(("notes", "  Cal", "  word"))]
    assert changed == [
        "  skeleton: {half_width: 0.07, prior_mtd: 3}     # calibrated: half_width was 0.05",
        "  prior_sd: 0.5     # calibrated: was 1.1575836902790225 (sqrt(1.34))",
    ]
    assert len([line for line in old if line not in new]) == 2
    assert _read(text).to_dict() == {**design.to_dict(), "notes": NOTES}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  estimate: plug_in\n", "  estimate: plug_in\n  # end\n"),
        ("  prior_sd: 1.1575836902790225     # sqrt(1.34)\n", ""),
        ("title: CRM, five doses, target 30%\n", "title: CRM, five doses, target 30%\nnotes: mine\n"),
        ("title: CRM, five doses, target 30%\n", "title: CRM, five doses, target 30%\nnotes: |\n  mine\n  too\n"),
        ("target: 0.30\n", "notes: >-\n  folded\n  text\ntarget: 0.30\n"),
        (
            "  skeleton: {half_width: 0.05, prior_mtd: 3}\n",
            "  skeleton:\n    half_width: 0.05\n    prior_mtd: 3\n",
        ),
        (
            "  skeleton: {half_width: 0.05, prior_mtd: 3}\n",
            "  skeleton: {half_width: 0.05, # one\n    prior_mtd: 3} # two\n",
        ),
        ("method:\n", "method:   # the method\n"),
        ("rules:\n", "rules: # those of the protocol\n"),
    ],
)
def test_layouts(old: str, new: str, tmp_path: Path) -> None:
    """However the file is laid out, what is written reads as the chosen design, its notes kept."""
    path = tmp_path / "d.yaml"
    before = CRM.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    text, design = _chosen(path, {"method.prior_sd": 0.5, "method.skeleton.half_width": 0.07})
    found = _read(text)
    assert {**found.to_dict(), "notes": None} == {**design.to_dict(), "notes": None}
    assert found.notes == (f"{design.notes.rstrip()}\n{NOTES}" if design.notes else NOTES)
    assert "# CRM with a power model" in text


def test_written_out_where_the_text_cannot_be_edited(tmp_path: Path) -> None:
    """A file in one line, or one that leaves out its rules, is written out anew where one of them changes."""
    path = tmp_path / "d.yaml"
    path.write_text(
        "schema: escalate/design/1\ntitle: b\ndoses: {unit: mg, levels: [1, 2]}\ntarget: 0.3\n"
        "max_patients: 12\nmethod: {kind: boin}\n"
    )
    text, design = _chosen(path, {"rules[1].cutoff": 0.9})
    assert "rules:\n  - {kind: eliminate, cutoff: 0.9" in text
    assert _read(text).to_dict() == {**design.to_dict(), "notes": NOTES}


def test_written_out_reads_back() -> None:
    """Words that YAML would take for something else are quoted."""
    design = read_design(CRM).design
    data = {**design.to_dict(), "title": "yes: no # 'x'", "notes": "a\n\nb: c"}
    assert _read(written_out(data)).to_dict() == data
