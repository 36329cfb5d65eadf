"""Parts and single trials: the figures of `simulate`, to the bit; what is read elsewhere is what was computed."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from escalate.core.files import read_design
from escalate.study.grid.designs import DesignGrid, Source
from escalate.study.grid.job import run_job
from escalate.study.grid.parts import decoded, name_of
from escalate.study.grid.study import Study
from escalate.study.grid.study_file import load_study
from escalate.study.grid.trials import run_kept
from escalate.study.simulate import simulate
from tests.cli.run import DESIGN
from tests.helpers import ROOT, graded, scenarios_for
from tests.study.grid.studies import STUDY, TRIALS, finished, loaded

KEPT = TRIALS + "outputs: {per_trial: true}\n"


def table(content: bytes | None) -> Any:
    assert content is not None
    return pq.read_table(io.BytesIO(content))


@pytest.mark.parametrize("text", [STUDY, TRIALS], ids=["exact", "trials"])
def test_figures_are_those_of_simulate(text: str, tmp_path: Path) -> None:
    """Every column of a part is what `simulate` gives for the design and the scenarios, bit for bit."""
    study = loaded(tmp_path, text)
    done = run_job(study, 3)
    found = simulate([study.designs[3].design], study.scenarios, trials=study.trials, seed=1).designs[0]
    part = table(done.content)
    assert part["scenario"].to_pylist() == [scenario.name for scenario in study.scenarios]
    assert (done.rows, done.sha256) == (20, hashlib.sha256(done.content or b"").hexdigest())
    for k, column in enumerate(found.characteristics.columns):
        assert part[name_of(column)].to_numpy().tobytes() == found.characteristics.values[:, k].tobytes()
        if study.trials:
            assert part[f"se_{name_of(column)}"].to_numpy().tobytes() == found.characteristics.errors[:, k].tobytes()
    assert part["reachable_states"].to_pylist() == [found.n_states] * 20


def test_only_the_metrics_asked_for(tmp_path: Path) -> None:
    """A study of some metrics keeps these; the benchmark's where it is asked for."""
    part = table(run_job(loaded(tmp_path, STUDY + "metrics: [pcs, selected, efficiency]\n"), 0).content)
    assert part.column_names == ["scenario", "family", "reachable_states", "selected_1", "selected_2", "selected_3", "pcs",
                                 "efficiency"]  # fmt: skip
    assert np.isfinite(part["efficiency"].to_numpy()).all()


def test_what_is_no_parquet_file() -> None:
    """Bytes that are none are refused with a reason."""
    with pytest.raises(ValueError, match="is no Parquet file"):
        decoded(b"noise")


# --- single trials ---------------------------------------------------------------------------------------------------


def kept(folder: Path, design: str, trials: int, doses: int = 3) -> Study:
    """Return a study of one design whose single trials are kept."""
    text = (
        "schema: escalate/study/1\ntitle: kept\ndesigns: [d.yaml]\nscenarios:\n"
        f"  - generate: [{{kind: paoletti, doses: {doses}, target: 0.3, gap: 0.1, count: 4, seed: 1}}]\n"
        f"trials: {trials}\noutputs: {{per_trial: true}}\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    loaded(folder)
    (folder / "d.yaml").write_text(design)
    (folder / "k.yaml").write_text(text)
    return load_study(folder / "k.yaml")


CRM = "crm, estimate: mean, skeleton: [0.1, 0.3, 0.5]"
SOURCES = {
    "walked": DESIGN,
    "with rules": DESIGN + "rules:\n  - {kind: eliminate, cutoff: 0.9}\n",
    "decided as they go": DESIGN.replace("12", "30").replace("size: 3", "size: 1").replace("boin", CRM),
}


def agree(figure: Any, of_trials: Any) -> None:
    """Assert that a figure is the mean over trials: the same whole number of 2,000, and the same mean but for the last bit."""
    assert round(figure.as_py() * 2000) == of_trials.sum()
    assert figure.as_py() == pytest.approx(of_trials.sum() / 2000, rel=1e-14, abs=0)


@pytest.mark.parametrize("source", SOURCES)
def test_single_trials_agree_with_the_part(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted over its trials, every figure of the part comes out, as the same whole number."""
    study = kept(tmp_path, SOURCES[source], 2000)
    if source == "decided as they go":
        monkeypatch.setattr("escalate.study.grid.trials.SIMULATION_STATES", 100)
    # More than one chunk.
    monkeypatch.setattr("escalate.study.grid.trials.CHUNK", 700)
    done = run_job(study, 0)
    part, trials = table(done.content), table(done.trials)
    assert ("reachable_states" in part.column_names) == (source != "decided as they go")
    assert trials.column_names == ["scenario", "trial", "selected", "patients", "dlts", "stopped"]
    assert trials.num_rows == 8000
    assert done.trials_sha256 == hashlib.sha256(done.trials or b"").hexdigest()
    names = np.array(trials["scenario"].to_pylist())
    level = np.array([level or 0 for level in trials["selected"].to_pylist()])
    ended = [set(said.split(",")) for said in trials["stopped"].to_pylist()]
    for v, name in enumerate(part["scenario"].to_pylist()):
        rows = np.flatnonzero(names == name)
        assert trials["trial"].to_numpy()[rows].tolist() == list(range(1, 2001))
        for dose in (1, 2, 3):
            agree(part[f"selected_{dose}"][v], level[rows] == dose)
        agree(part["selected_none"][v], level[rows] == 0)
        for column, figure in (("patients", "mean_patients"), ("dlts", "mean_dlts")):
            agree(part[figure][v], trials[column].to_numpy()[rows])
        codes = [column.removeprefix("stopped_") for column in part.column_names if column.startswith("stopped_")]
        for code in set(codes) - {"early"}:
            agree(part[f"stopped_{code}"][v], np.array([code in ended[row] for row in rows]))


def test_keeping_trials_changes_no_figure(tmp_path: Path) -> None:
    """The part is the same, byte for byte, whether the single trials are kept or not."""
    plain, with_trials = (run_job(loaded(tmp_path / name, text), 2) for name, text in (("a", TRIALS), ("b", KEPT)))
    assert plain.content == with_trials.content
    assert plain.trials is None
    assert with_trials.trials is not None


def test_walked_and_decided_are_the_same_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along an automaton or decided as they go: trial i is the same trial, to the byte of the file."""
    study = kept(tmp_path, SOURCES["with rules"], 1000)
    design = study.designs[0].design
    walked = run_kept(study, design, study.scenarios)[1]
    monkeypatch.setattr("escalate.study.grid.trials.SIMULATION_STATES", 1)
    assert run_kept(study, design, study.scenarios)[1] == walked


@pytest.mark.parametrize("chunk", [1, 999, 1000])
def test_chunks_change_nothing(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many trials are run together, the file is the same."""
    study = kept(tmp_path, DESIGN, 40 if chunk == 1 else 1000)
    expected = run_job(study, 0)
    monkeypatch.setattr("escalate.study.grid.trials.CHUNK", chunk)
    again = run_job(study, 0)
    assert (again.content, again.trials) == (expected.content, expected.trials)


def test_graded_outcomes(tmp_path: Path) -> None:
    """A design that grades outcomes has its single trials too; DLTs are counted as in the part."""
    design = read_design(ROOT / "designs" / "gboin.yaml").design
    scenarios = tuple(graded(scenario, design) for scenario in scenarios_for(design)[:2])
    study = kept(tmp_path, DESIGN, 2000)
    study = replace(study, designs=DesignGrid((Source(design),)), scenarios=scenarios)
    done = run_job(study, 0)
    assert done.error is None
    part, trials = table(done.content), table(done.trials)
    agree(part["mean_dlts"][1], trials["dlts"].to_numpy()[2000:])


def test_trials_are_written_and_swept(tmp_path: Path) -> None:
    """Single trials are beside the parts under the same names, hashed in the list of jobs; without them they go."""
    study = loaded(tmp_path, KEPT)
    finished(study)
    names = {str(path.relative_to(study.folder / "parts")) for path in study.folder.glob("parts/*/*")}
    assert names == {str(path.relative_to(study.folder / "trials")) for path in study.folder.glob("trials/*/*")}
    assert len(names) == 6
    finished(loaded(tmp_path, TRIALS))
    assert not (study.folder / "trials").exists()
