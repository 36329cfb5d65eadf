"""The BLRM and the ordinal CRM: posteriors by quadrature, and the next dose as crmPack has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, by_quadrature, cases, design, peer, reference, tallied, vector

VERSION = "2.2.1.9000"
SLOW = {
    "crmpack_vignette", "decider_comp1_A", "edge_all_dlt", "jss_placebo", "nbg2008_indep", "oncobayes2_hist_SA", "sas_sc1_sit2",
    "sas_sc3_sit1", "synth_00", "synth_01", "synth_02", "synth_03", "synth_09", "synth_11", "synth_13",
}  # fmt: skip


def posteriors() -> Iterator[Vector]:
    """Make one vector of each posterior of the BLRM but the slowest, which the test suite holds."""
    for case in cases("blrm_single"):
        inputs, name = case["inputs"], case["id"]
        if name in SLOW:
            continue
        (v1, cov), (_, v2) = inputs["Sigma"]
        s1, s2 = v1**0.5, v2**0.5
        grid = inputs["dose_grid"]
        n, dlt = [0] * len(grid), [0] * len(grid)
        for seen in inputs["observations"]:
            at = min(range(len(grid)), key=lambda j, dose=seen["dose"]: abs(grid[j] - dose))
            n[at] += seen["n"]
            dlt[at] += seen["dlt"]
        method = {
            "kind": "blrm",
            "reference_amount": inputs["ref_dose"],
            "prior": {"mean": inputs["mu"], "sd": [s1, s2], "correlation": cov / (s1 * s2)},
            "intervals": [0.16, 0.33],
        }
        question = {
            "kind": "recommend",
            "design": design(method, grid, max_patients=max(60, sum(n))),
            "outcomes": tallied(n, dlt),
        }
        doses = case["expected"]["doses"]
        expect = {
            "estimate": [dose["mean"] for dose in doses],
            "lower": [dose["quantiles"]["q2.5"] for dose in doses],
            "upper": [dose["quantiles"]["q97.5"] for dose in doses],
            "prob_overdose": [1 - dose["cdf"]["0.33"] for dose in doses],
        }
        tolerance = {"estimate": 1e-6, "lower": 2e-5, "upper": 2e-5, "prob_overdose": 1e-6}
        checked = ", ".join(sorted(case.get("peers", {})))
        yield vector(
            f"blrm/{name}", "BLRM-1", question, expect, by_quadrature("blrm_single", name, checked=checked), tolerance
        )


def _ncrm(name: str, **changes: Any) -> dict[str, Any]:
    said = reference("crmpack_designs")["designs"][name]
    (v1, cov), (_, v2) = said["Sigma"]
    s1, s2 = v1**0.5, v2**0.5
    pairs = zip(said["increments"]["intervals"], said["increments"]["increments"], strict=True)
    bands = [{"from_amount": start, "relative": cap} for start, cap in pairs]
    method = {
        "kind": "blrm",
        "reference_amount": said["ref_dose"],
        "prior": {"mean": said["mu"], "sd": [s1, s2], "correlation": cov / (s1 * s2)},
        "intervals": said["target"],
        "overdose_cutoff": said["max_overdose_prob"],
        "mtd_among": "all",
        **changes,
    }
    return design(
        method,
        said["dose_grid"],
        target=None,
        rules=[{"kind": "cap_increment", "bands": bands}],
        cohort_size=3,
        start_level=said["dose_grid"].index(said["start"]) + 1,
    )


def next_doses() -> Iterator[Vector]:
    """Make vectors of every second recommendation with capped increments, half of them also with the highest admissible dose.

    Designs with a placebo have no counterpart.
    """
    for k, case in enumerate(cases("crmpack_ncrm")):
        name, expected = case["id"], case["expected"]
        if case["design"] == "jss" or k % 2:
            continue
        history = case["inputs"]["history"]
        grid = reference("crmpack_designs")["designs"][case["design"]]["dose_grid"]
        text = " ".join(
            f"{grid.index(cohort['dose']) + 1}{'T' * cohort['dlt']}{'N' * (cohort['n'] - cohort['dlt'])}"
            for cohort in history
        )
        source = peer("crmPack", VERSION, "nextBest (NextBestNCRM)", name, "crmpack_ncrm")
        choices = [("BLRM-2", "target", "next_dose"), ("BLRM-3", "highest", "ewoc_next_dose")]
        for requirement, choose, key in choices if k % 4 == 0 else choices[:1]:
            wanted = expected[key]
            expect: dict[str, Any] = {"next_level": None if wanted is None else grid.index(wanted) + 1}
            tolerance = {}
            if choose == "target":
                expect |= {"estimate": expected["posterior_mean"], "prob_overdose": expected["p_overdose"]}
                tolerance = {"estimate": 1e-6, "prob_overdose": 1e-6}
            question = {"kind": "recommend", "design": _ncrm(case["design"], choose=choose), "outcomes": text}
            yield vector(f"blrm/{name}-{choose}", requirement, question, expect, source, tolerance)


def ordinal() -> Iterator[Vector]:
    """Make vectors of the ordinal CRM under crmPack's likelihood, and of the proper one."""
    for case in cases("ordinal"):
        if case["kind"] != "ordinal_crm" or not case["inputs"]["history"]:
            continue
        inputs, name = case["inputs"], case["id"]
        grid, mean, sd = inputs["dose_grid"], inputs["mean"], [v**0.5 for v in inputs["variances"]]
        text = " ".join(
            f"{grid.index(cohort['dose']) + 1}{''.join('NMT'[grade] for grade in cohort['y'])}"
            for cohort in inputs["history"]
        )
        method = {
            "kind": "ordinal_crm",
            "reference_amount": inputs["ref_dose"],
            "prior": {"mean": mean[:-1], "sd": sd[:-1], "log_slope": {"mean": mean[-1], "sd": sd[-1]}},
            "intervals": [0.2, 0.35],
            "overdose_cutoff": 0.25,
            "coherent_grades": False,
        }
        capped = [{"kind": "cap_increment", "relative": 0.5}]
        likelihoods = (
            ("bernoulli_products", case["expected"]["grades"][1], case["expected"]["conv"]),
            (
                "cumulative",
                case["alternative_proper_cumulative_logit"]["grades"][1],
                case["alternative_proper_cumulative_logit"]["conv"],
            ),
        )
        for likelihood, values, error in likelihoods:
            made = design({**method, "likelihood": likelihood}, grid, rules=capped)
            question = {"kind": "recommend", "design": made, "outcomes": text}
            expect = {"estimate": values["mean"]}
            if "p_over_035" in values:
                expect["prob_overdose"] = values["p_over_035"]
            tolerance = dict.fromkeys(expect, max(1e-8, 2 * error))
            source = by_quadrature("ordinal", name)
            yield vector(f"ordinal/{name}-{likelihood}", "ORD-1", question, expect, source, tolerance)
            if likelihood == "bernoulli_products":
                dose = {"next_level": grid.index(case["peers"]["crmPack"]["grades"][1]["next_dose"]) + 1}
                theirs = peer("crmPack", VERSION, "nextBest (NextBestNCRM)", name, "ordinal")
                yield vector(f"ordinal/{name}-dose", "ORD-2", question, dose, theirs)
