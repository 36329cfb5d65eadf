"""A calibration as JSON, as CSV, and as a page of evidence; documented in docs/reference/json.md."""

from __future__ import annotations

import csv
import io
from math import isnan
from typing import TYPE_CHECKING, Any

from escalate.report.calibration_tables import KEY, by_value, candidates, effect, markdown
from escalate.report.calibration_words import Sources, checked, compared, headline, judged_by, on_the_edge

if TYPE_CHECKING:
    from escalate.study.calibration_results import Calibration, Gap, Judged
    from escalate.study.provenance import Provenance


def calibration(found: Calibration, sources: Sources, chosen_yaml: str, provenance: Provenance) -> dict[str, Any]:
    """Return a calibration as JSON."""
    return {
        "schema": "escalate/calibration/1",
        "design": {"title": found.given.design.title, "sha256": sources.design_sha256},
        "scenarios": {
            "sha256": sources.scenarios_sha256,
            "scenarios": len(found.scenarios),
            "drawn": int((found.strata >= 0).sum()),
        },
        "vary": {axis.field: [_plain(value) for value in axis.values] for axis in found.axes},
        "loss": {"text": found.loss.text, "words": found.loss.in_words()},
        "limits": [
            {"text": limit.text, "how": limit.how, "at_most": limit.at_most, "bound": limit.bound}
            for limit in found.limits
        ],
        "chosen": {
            "number": found.chosen.candidate.number,
            "settings": _settings(found, found.chosen),
            "design": found.chosen.candidate.design.to_dict(),
            "yaml": chosen_yaml,
        },
        "as_good": [one.candidate.number for one in found.as_good],
        "candidates": [_candidate(found, one) for one in found.judged],
        "skipped": [
            {"number": one.candidate.number, "settings": _settings(found, one), "why": one.why} for one in found.skipped
        ],
        "fresh": _fresh(found, sources),
        "notes": on_the_edge(found),
        "provenance": {"version": provenance.version, "time": provenance.time},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _settings(found: Calibration, one: Any) -> dict[str, Any]:
    return {axis.field: _plain(value) for axis, value in zip(found.axes, one.candidate.settings, strict=True)}


def _candidate(found: Calibration, one: Judged) -> dict[str, Any]:
    return {
        "number": one.candidate.number,
        "settings": _settings(found, one),
        "refined": one.candidate.step,
        **_worth(one),
        "within_limits": one.kept,
        "difference": _gap(found.gap(one)),
        "as_good": found.alike(one),
        "states": one.n_states,
    }


def _worth(one: Judged) -> dict[str, Any]:
    return {
        "loss": one.mean,
        "loss_se": one.se,
        "worst_tenth": one.worst,
        "limits": list(one.limits),
        "metrics": {name: None if isnan(value) else value for name, value in one.metrics.items()},
    }


def _gap(gap: Gap | None) -> dict[str, float] | None:
    return None if gap is None else {"mean": gap.mean, "se": gap.se}


def _fresh(found: Calibration, sources: Sources) -> dict[str, Any] | None:
    fresh = found.fresh
    if fresh is None:
        return None
    return {
        "scenarios": fresh.scenarios,
        "seeds_moved_by": sources.further,
        "chosen": _worth(fresh.chosen),
        "start": None if fresh.start is None else _worth(fresh.start),
        "difference": _gap(fresh.gap),
    }


def candidates_csv(found: Calibration) -> str:
    """Return every candidate, one a line, in the order they were made."""
    rows = sorted(found.rows(), key=lambda row: int(row["number"]))
    head = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, head, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if isnan(value) else repr(value)
    return "" if value is None else str(_plain(value)) if isinstance(value, (tuple, list, dict)) else value


def page(found: Calibration, sources: Sources, command: str | None, files: dict[str, str]) -> str:
    """Return the evidence as a page.

    Parameters
    ----------
    command
        What was typed, if it is known.
    files
        Names of the files beside it and what they are; `picture`, where there is one.
    """
    title = found.given.design.title
    picture = files.get("picture")
    parts = [f"# Calibration of '{title}'", f"**{headline(found)}**", " ".join(judged_by(found))]
    parts.append(" ".join((*compared(found), *checked(found), *on_the_edge(found))))
    if command:
        parts.append(f"```sh\n{command}\n```")
    if picture:
        parts.append(f"![Loss by setting]({picture})")
    parts += ["## What the chosen design does", markdown(effect(found))]
    parts += ["## What each value costs", "The best candidate at each value of a setting.", markdown(by_value(found))]
    parts += [
        "## Candidates",
        f"{KEY} `candidates.csv` has all of them, with their metrics.",
        markdown(candidates(found, 20)),
    ]
    parts.append("## Sources")
    moved = (
        ""
        if sources.further is None
        else f" Fresh scenarios: the same file with {sources.further:,} added to each seed."
    )
    parts.append(
        f"Design: {sources.design}, sha256 {sources.design_sha256}. Scenarios: {sources.scenarios}, sha256 "
        f"{sources.scenarios_sha256}.{moved}"
    )
    listed = [f"* `{name}`: {what}" for name, what in files.items() if name != "picture"]
    parts += ["\n".join(listed)] if listed else []
    return "\n\n".join(parts) + "\n"
