"""The design as locked: byte for byte, and never another one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from escalate.conduct import design_lock
from escalate.conduct.bodies import LockedDesign
from escalate.conduct.design_lock import design_of, lock, lock_text
from escalate.conduct.errors import RecordError, TamperedError
from escalate.core.errors import EscalateError
from escalate.core.files import read_design
from tests.conduct.acting import BOIN
from tests.helpers import ROOT

CODE = {"own-model/emax.yaml", "own-model/weibull.yaml", "pymc.yaml"}
DESIGNS = [path for path in sorted((ROOT / "designs").rglob("*.yaml")) if "data" not in path.parts]
TABLE = ROOT / "designs" / "decision_table.yaml"


def _runs_code(path: Path) -> bool:
    return isinstance(yaml.safe_load(path.read_text())["method"].get("model"), str) and "own-model" in path.parts


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_every_design_is_kept_byte_for_byte(path: Path) -> None:
    """Each design of the repository is kept as its file is and read again as the same design, or refused for its code."""
    if _runs_code(path):
        with pytest.raises(EscalateError, match=r"(?i)code"):
            lock(str(path))
        return
    kept = lock(str(path))
    assert kept.text.encode() == path.read_bytes()
    assert kept.sha256 == read_design(path).sha256
    assert design_of(kept) == read_design(path).design


def test_the_hash_is_that_of_the_file() -> None:
    """The hash of a design alone is what `sha256sum` prints of its file."""
    assert lock(str(BOIN)).sha256 == hashlib.sha256(BOIN.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw + b"# \xc3\xa9nd\n\n\n",
        lambda raw: raw.rstrip(b"\n"),
    ],
    ids=["byte-order mark", "CRLF", "comment", "no end of line"],
)
def test_bytes_that_are_not_seen_are_kept(tmp_path: Path, change: object) -> None:
    """Marks, line ends and comments are kept: the hash stays that of the file."""
    path = tmp_path / "d.yaml"
    path.write_bytes(change(BOIN.read_bytes()))  # type: ignore[operator]
    kept = lock(str(path))
    assert kept.text.encode() == path.read_bytes()
    assert kept.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert design_of(kept) == read_design(path).design


def test_a_decision_table_is_kept_with_its_design() -> None:
    """The file that a method reads is in the record, and the hash covers both."""
    kept = lock(str(TABLE))
    beside = TABLE.parent / "data" / "decision-table-mtpi2-030.csv"
    assert kept.attached_name == "data/decision-table-mtpi2-030.csv"
    assert kept.attached is not None
    assert kept.attached.encode() == beside.read_bytes()
    other = kept.model_copy(update={"attached": kept.attached.replace("1,0,E", "1,0,S")})
    with pytest.raises(TamperedError, match="not the one that was locked"):
        design_of(other)


def test_the_table_on_disk_can_change_after(tmp_path: Path) -> None:
    """What is read is what the record holds, whatever became of the files."""
    (tmp_path / "data").mkdir()
    table = tmp_path / "data" / "decision-table-mtpi2-030.csv"
    table.write_bytes((TABLE.parent / "data" / table.name).read_bytes())
    path = tmp_path / TABLE.name
    path.write_bytes(TABLE.read_bytes())
    kept = lock(str(path))
    table.write_text("nonsense")
    path.unlink()
    assert design_of(kept).method.kind == "decision_table"


def test_a_table_outside_the_folder_is_refused(tmp_path: Path) -> None:
    """A file above the design cannot be laid beside it again."""
    (tmp_path / "below").mkdir()
    (tmp_path / "table.csv").write_bytes((TABLE.parent / "data" / "decision-table-mtpi2-030.csv").read_bytes())
    path = tmp_path / "below" / "d.yaml"
    path.write_text(TABLE.read_text().replace("data/decision-table-mtpi2-030.csv", "../table.csv"))
    with pytest.raises(RecordError, match="not beside it or below"):
        lock(str(path))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../x.csv", "a/../../x.csv", "", ".", "design.yaml", "x" * 3000, "a\0b", "\ud800"]
)
def test_attached_names_stay_in_the_folder(name: str) -> None:
    """A table sent with a design is never laid elsewhere, and a name that is none is refused in a sentence."""
    text = TABLE.read_text().replace(
        "data/decision-table-mtpi2-030.csv", name.encode("ascii", "replace").decode().replace("\0", "")
    )
    table = (TABLE.parent / "data" / "decision-table-mtpi2-030.csv").read_text()
    with pytest.raises(EscalateError):
        lock_text(text, "d.yaml", table, name)


@pytest.mark.parametrize("text", ["", "\ud800", "\0", "{", "a: &a [*a]", "x" * 3_000_000, "schema: escalate/design/1"])
def test_texts_that_are_no_design(text: str) -> None:
    """Whatever is sent as a design is refused in a sentence that names it."""
    with pytest.raises(EscalateError):
        lock_text(text, "d.yaml")


def test_another_text_is_found() -> None:
    """A design whose text is not that of its hash is not used."""
    kept = lock(str(BOIN))
    with pytest.raises(TamperedError, match="not the one that was locked"):
        design_of(LockedDesign(**{**kept.model_dump(), "text": kept.text.replace("target: 0.30", "target: 0.33")}))


def test_faults_name_the_file_as_given() -> None:
    """A fault names the design by its own name, never a folder of this machine."""
    with pytest.raises(EscalateError) as error:
        lock_text(BOIN.read_text().replace("kind: boin", "kind: bion"), "my.yaml")
    assert str(error.value).startswith("my.yaml:")
    assert "/tmp" not in str(error.value)


@pytest.mark.parametrize(
    "file",
    [
        "/etc/passwd",
        "/dev/zero",
        "/nonexistent/x",
        "../secret.csv",
        "data/decision-table-mtpi2-030.csv",
        ".",
        "/proc/self/environ",
    ],
)
@pytest.mark.parametrize("attached", [None, "other.csv", "same"])
def test_no_file_of_this_machine_is_read(monkeypatch: pytest.MonkeyPatch, file: str, attached: str | None) -> None:
    """A design that is sent has no file of the server read, whatever it names: it comes with it, or is refused before that."""
    text = TABLE.read_text().replace("data/decision-table-mtpi2-030.csv", file)
    # A name without its content is no file that was given.
    name, content = (file, None) if attached == "same" else (attached, attached and "patients,dlts,action\n")
    monkeypatch.setattr(design_lock, "read_design", lambda path: pytest.fail("something was read"))
    with pytest.raises(RecordError, match=r"^d\.yaml:\d+ method\.file: '.*' is not kept with it; give both"):
        lock_text(text, "d.yaml", content, name)


@pytest.mark.parametrize("model", ["/etc/passwd:build", "emax.py:build", "../x.py:f"])
def test_no_code_is_read(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """A design whose model is a file of code is refused before the file is looked for."""
    monkeypatch.setattr(design_lock, "read_design", lambda path: pytest.fail("something was read"))
    text = (ROOT / "designs" / "own-model" / "emax.yaml").read_text().replace("emax.py:build", model)
    assert model in text
    with pytest.raises(RecordError, match=r"^d\.yaml:\d+ method\.model: '.*' is Python code, which no record keeps"):
        lock_text(text, "d.yaml")


def test_many_faults_are_told_in_part() -> None:
    """Of a file with thousands of faults some are told, and soon."""
    with pytest.raises(EscalateError) as error:
        lock_text(BOIN.read_text() + "".join(f"k{k}: 1\n" for k in range(3000)), "d.yaml")
    assert "k1: unknown setting" in str(error.value)
    assert "k2999" not in str(error.value)
