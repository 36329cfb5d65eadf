"""What keeps patients from high doses: elimination for good, no skipping, and all that counts as overdosing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import exp, log, log1p, sqrt

from making.common import RATIONAL, Vector, by_quadrature, cases, design, outcomes, peer, tallied, vector
from making.crm import VERSION, asked_of
from making.rational import eliminated_from

DFCRM_AND_RULE = (
    "the package's dose, or one level above the highest dose tried, or above the last dose given, if that is lower"
)


def eliminated_for_good() -> Iterator[Vector]:
    """Make vectors of BOIN trials in which later patients without a DLT would, by counts alone, lift the bar again."""
    # 3 of 3 bar a dose, 3 of 6 and 3 of 9 would not.
    assert [eliminated_from(Fraction(3, 10), Fraction(19, 20), n) for n in (3, 6, 9)] == [3, 4, 5]
    asked = (
        ("1NNN 2NNN 3TTT", 2), ("1NNN 2NNN 3TTT 3NNN", 2), ("1NNN 2NNN 3TTT 3NNN 3NNN", 2),
        ("1NNN 2NNN 3TTT 3NNN 3NNN 2NNN", 2), ("1NNN 2TTT 2NNN 2NNN 1NNN", 1), ("1TTT 1NNN 1NNN", None),
        ("1NNN 2NNN 3NNN 4TTT 4NNN 4NNN", 3), ("1NNN 2NNN 3NNN 4TTT 4NNN 4NNN 3NNN", 3),
    )  # fmt: skip
    made = design({"kind": "boin"}, 5, rules=[{"kind": "eliminate"}], max_patients=60, cohort_size=3)
    question = {"kind": "recommend_each", "design": made, "outcomes": [text for text, _ in asked]}
    source = {**RATIONAL, "citation": "Liu S, Yuan Y (2015). J R Stat Soc Ser C Appl Stat 64:507-523"}
    yield vector("safety/eliminated", "ELIM-3", question, {"next_level": [level for _, level in asked]}, source)


def no_skipping() -> Iterator[Vector]:
    """Make vectors of the CRM's dose with the patients told from the highest level down: the last dose is the lowest."""
    for case in cases("crm_fit"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if "error" in outputs or inputs["method"] != "bayes" or inputs["scale"] >= 5 or inputs["include"]:
            continue
        order = sorted(range(len(inputs["tox"])), key=lambda i, levels=inputs["level"]: -levels[i])
        levels = [inputs["level"][i] for i in order]
        wanted, highest, last = outputs["mtd"], levels[0], levels[-1]
        if wanted <= last + 1:
            continue
        text = outcomes(levels, [inputs["tox"][i] for i in order])
        source = {**peer("dfcrm", VERSION, "crm", name, "crm_fit"), "method": DFCRM_AND_RULE}
        for basis, reference in (("highest", highest), ("last", last)):
            made = asked_of(inputs, rules=[{"kind": "no_skipping", "from": basis}])
            question = {"kind": "recommend", "design": made, "outcomes": text}
            expect = {"next_level": min(wanted, reference + 1)}
            yield vector(f"safety/{name}-{basis}", "SKIP-1", question, expect, source)


def overdosing() -> Iterator[Vector]:
    """Make vectors of four intervals: what is excessive and what is unacceptable both count as overdosing."""
    for name in ("synth_04", "synth_07"):
        (case,) = (each for each in cases("blrm_single") if each["id"] == name)
        inputs, doses = case["inputs"], case["expected"]["doses"]
        grid = inputs["dose_grid"]
        n, dlt = [0] * len(grid), [0] * len(grid)
        for seen in inputs["observations"]:
            at = min(range(len(grid)), key=lambda j, dose=seen["dose"]: abs(grid[j] - dose))
            n[at], dlt[at] = n[at] + seen["n"], dlt[at] + seen["dlt"]
        (v1, cov), (_, v2) = inputs["Sigma"]
        prior = {"mean": inputs["mu"], "sd": [sqrt(v1), sqrt(v2)], "correlation": cov / sqrt(v1 * v2)}
        over = [1 - dose["cdf"]["0.35"] for dose in doses]
        on = [dose["cdf"]["0.35"] - dose["cdf"]["0.2"] for dose in doses]
        made = _blrm(inputs["ref_dose"], prior, grid)
        question = {"kind": "recommend", "design": made, "outcomes": tallied(n, dlt)}
        expect = {"prob_overdose": over, "next_level": _most_on_target(on, over)}
        source = by_quadrature("blrm_single", name)
        yield vector(f"safety/four-{name}", "BLRM-4", question, expect, source, {"prob_overdose": 1e-6})
    yield from _as_published()


def _blrm(reference: float, prior: dict[str, object], grid: list[float]) -> dict[str, object]:
    method = {"kind": "blrm", "reference_amount": reference, "prior": prior, "intervals": [0.2, 0.35, 0.6]}
    return design(method, grid, target=None, max_patients=60)


def _most_on_target(on: list[float], over: list[float]) -> int | None:
    admissible = [j for j, share in enumerate(over) if share <= 0.25]
    return max(admissible, key=lambda j: on[j]) + 1 if admissible else None


def _as_published() -> Iterator[Vector]:
    """Make a vector of the start of a trial under the published prior: one DLT among three at the second level."""
    grid = [1, 2.5, 5, 10, 15, 20, 25]
    n, dlt = [3, 3, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0]
    mean, sd, rho = (2.15, 0.52), (0.84, 0.80), 0.2
    above = [[0.0, 0.0] for _ in grid]
    mass, step = 0.0, 0.02
    logs = [log(amount / 250) for amount in grid]
    nodes = [step * k for k in range(-325, 326)]
    for z in nodes:
        slope = exp(mean[1] + sd[1] * z)
        at = [slope * x for x in logs]
        for u in nodes:
            a = mean[0] + sd[0] * (rho * z + sqrt(1 - rho * rho) * u)
            # log p and log(1 - p) of the two levels given.
            weight = -(z * z + u * u) / 2
            for j in (0, 1):
                t = a + at[j]
                no = -t - log1p(exp(-t)) if t > 0 else -log1p(exp(t))
                weight += (n[j] - dlt[j]) * no + dlt[j] * (t + no)
            w = exp(weight)
            mass += w
            for j, x in enumerate(at):
                for k, limit in enumerate((LOW, HIGH)):
                    if a + x > limit:
                        above[j][k] += w
    over = [each[1] / mass for each in above]
    on = [(each[0] - each[1]) / mass for each in above]
    prior = {"mean": list(mean), "sd": list(sd), "correlation": rho}
    question = {"kind": "recommend", "design": _blrm(250, prior, grid), "outcomes": "1NNN 2NNT"}
    source = {
        "kind": "quadrature",
        "method": "sum over a grid of 651 x 651 points, written for this suite (conformance/making)",
        "citation": "prior and intervals: Neuenschwander B, Branson M, Gsponer T (2008). Stat Med 27:2420-2439",
    }
    # Eight decimals: what another machine's exp and log could change is not written.
    expect = {"prob_overdose": [round(share, 8) for share in over], "next_level": _most_on_target(on, over)}
    yield vector("safety/four-nbg2008-start", "BLRM-4", question, expect, source, {"prob_overdose": 2e-3})


LOW, HIGH = log(0.2 / 0.8), log(0.35 / 0.65)
