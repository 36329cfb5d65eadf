"""The CRM: posteriors, next doses, skeletons, other priors, published sequences, simulated characteristics, follow-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from making.common import Vector, by_quadrature, cases, design, outcomes, paper, peer, tallied, vector

VERSION = "0.2-2.1"
FORMS = {"empiric": "power", "logistic": "logistic"}
BCRM_FORMS = {"power": "power", "ht": "tanh", "logit1": "logistic"}
QUICK = ("A_empiric_c3", "B_logistic_c3", "C_empiric_c3", "A_empiric_c3_unrestricted")


def asked_of(
    inputs: dict[str, Any], *, kind: str = "crm", method: dict[str, Any] | None = None, **settings: Any
) -> dict[str, Any]:
    """Return the design that a case of dfcrm stands for."""
    found = {
        "kind": kind,
        "model": FORMS[inputs["model"]],
        "skeleton": inputs["prior"],
        "prior_sd": inputs["scale"],
        "intercept": inputs["intcpt"],
        "inference": inputs["method"],
        "estimate": "plug_in",
        **(method or {}),
    }
    return design(found, len(inputs["prior"]), target=inputs["target"], **{"max_patients": 100, **settings})


def fits() -> Iterator[Vector]:
    """Make vectors of estimates against quadrature (or maximisation) and of the dose that dfcrm gives."""
    for case in cases("crm_fit"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if "error" in outputs:
            continue
        keep = [i - 1 for i in inputs["include"] or range(1, len(inputs["tox"]) + 1)]
        text = outcomes([inputs["level"][i] for i in keep], [inputs["tox"][i] for i in keep])
        question = {"kind": "recommend", "design": asked_of(inputs), "outcomes": text}
        dose = {"next_level": outputs["mtd"]}
        if inputs["method"] == "bayes":
            expect, source = {"estimate": outputs["check_quadrature"]["ptox"]}, by_quadrature("crm_fit", name)
            yield vector(f"crm/{name}", "CRM-1", question, expect, source, {"estimate": 1e-6})
            if inputs["scale"] < 5:
                # With a prior as wide as that the package's own integration is not exact.
                yield vector(
                    f"crm/{name}-dose", "CRM-2", question, dose, peer("dfcrm", VERSION, "crm", name, "crm_fit")
                )
        else:
            source = peer("dfcrm", VERSION, "crm", name, "crm_fit")
            yield vector(
                f"crm/{name}", "CRM-3", question, {"estimate": outputs["ptox"], **dose}, source, {"estimate": 1e-4}
            )


def other_priors() -> Iterator[Vector]:
    """Make vectors of posteriors under lognormal, gamma and uniform priors, and of the dose that bcrm gives."""
    for case in cases("bcrm_posterior"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if inputs["kind"] != "one_parameter" or not any(inputs["tox"] + inputs["notox"]):
            continue
        first, second = inputs["prior_par1"], inputs["prior_par2"]
        prior = {
            "gamma": {"gamma": {"shape": first, "scale": second}},
            "lognormal": {"lognormal": {"meanlog": first, "sdlog": second**0.5}},
            "uniform": {"uniform": {"low": first, "high": second}},
        }[inputs["prior_type"]]
        method = {
            "kind": "crm",
            "model": BCRM_FORMS[inputs["ff"]],
            "skeleton": inputs["p_tox0"],
            "prior": prior,
            "labels_at": inputs["sdose_calculate"],
            "estimate": "mean",
        }
        made = design(method, len(inputs["p_tox0"]), target=inputs["target"])
        n = [t + o for t, o in zip(inputs["tox"], inputs["notox"], strict=True)]
        question = {"kind": "recommend", "design": made, "outcomes": tallied(n, inputs["tox"])}
        check = outputs["check_quadrature"]
        expect = {
            "estimate": check["dose_mean"],
            "lower": check["dose_quantiles"][0],
            "upper": check["dose_quantiles"][-1],
        }
        tolerance = {"estimate": 1e-6, "lower": 1e-5, "upper": 1e-5}
        yield vector(f"crm/{name}", "CRM-4", question, expect, by_quadrature("bcrm_posterior", name), tolerance)
        dose = {"next_level": outputs["next_dose"]["mean_unconstrained"]}
        source = peer("bcrm", "0.5.4", "nextdose.exact", name, "bcrm_posterior")
        yield vector(f"crm/{name}-dose", "CRM-2", question, dose, source)


def skeletons() -> Iterator[Vector]:
    """Make vectors of every second skeleton from a half-width: before any patient the plug-in estimates are the skeleton."""
    for case in cases("crm_skeleton")[::2]:
        inputs, name = case["inputs"], case["id"]
        if inputs["fun"] != "getprior":
            continue
        expected = case["outputs"]["prior"]
        if any(value is None or not 1e-12 < value < 1 for value in expected) or expected != sorted(set(expected)):
            # What is 0 or 1 to the last digit is no skeleton that a posterior can be computed from.
            continue
        method = {
            "kind": "crm",
            "model": FORMS[inputs["model"]],
            "skeleton": {"half_width": inputs["halfwidth"], "prior_mtd": inputs["nu"]},
            "intercept": inputs["intcpt"],
            "estimate": "plug_in",
        }
        question = {
            "kind": "recommend",
            "design": design(method, inputs["nlevel"], target=inputs["target"]),
            "outcomes": "",
        }
        source = peer("dfcrm", VERSION, "getprior", name, "crm_skeleton")
        yield vector(f"crm/{name}", "CRM-5", question, {"estimate": expected}, source, {"estimate": 1e-9})


def sequences() -> Iterator[Vector]:
    """Make vectors of a printed trial: each dose of Cheung (2011), table 3.2."""
    case = next(case for case in cases("published_examples") if case["id"] == "cheung_table3_2")
    inputs, doses = case["inputs"], case["outputs"]["dose"]
    method = {"kind": "crm", "model": "logistic", "skeleton": inputs["skeleton"], "estimate": "plug_in"}
    made = design(method, len(inputs["skeleton"]), target=inputs["target"], start_level=3)
    dlts = case["outputs"]["tox"]
    question = {
        "kind": "recommend_each",
        "design": made,
        "outcomes": [outcomes(doses[:k], dlts[:k]) for k in range(1, len(doses))],
    }
    source = paper(case["citation"], "published_examples", case["id"])
    yield vector("crm/cheung_table3_2", "CRM-2", question, {"next_level": doses[1:]}, source)
    printed = next(case for case in cases("published_tables") if case["id"] == "nbg2008_table1_original_skeleton")
    inputs = printed["inputs"]
    method = {"kind": "crm", "skeleton": inputs["skeleton"], "prior_sd": 1.34, "estimate": "mean"}
    question = {
        "kind": "recommend",
        "design": design(method, len(inputs["skeleton"])),
        "outcomes": tallied(inputs["n"], inputs["dlt"]),
    }
    source = {
        **paper(printed["citation"], "published_tables", printed["id"]),
        "sampled": "third decimal off by up to 0.0027",
    }
    expect = {"estimate": printed["values"]["posterior_mean"]}
    yield vector("crm/nbg2008_table1", "CRM-1", question, expect, source, {"estimate": 0.003})


def characteristics() -> Iterator[Vector]:
    """Make vectors of the quicker simulations of dfcrm: within four standard errors of 5,000 trials."""
    floor = 4 * 10**0.5 / 5000
    for case in cases("crm_sim"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if name.removeprefix("crm_sim-") not in QUICK:
            continue
        rules = [{"kind": "no_skipping", "from": "last"}, {"kind": "coherence"}] if inputs["restrict"] else []
        made = asked_of(
            inputs,
            method={"mtd_among": "all"},
            max_patients=inputs["n"],
            cohort_size=inputs["mcohort"],
            start_level=inputs["x0"][0],
            rules=rules,
        )
        question = {"kind": "simulate", "design": made, "scenario": {"dlt": inputs["PI"]}}
        names = {"selected": "sel_prob", "patients": "n_per_dose", "dlts": "tox_per_dose"}
        expect = {ours: outputs[theirs] for ours, theirs in names.items()}
        tolerance = {ours: [max(4 * e, floor) for e in outputs[f"{theirs}_se"]] for ours, theirs in names.items()}
        source = {
            **peer("dfcrm", VERSION, "crmsim", name, "crm_sim"),
            "sampled": "5,000 trials; within 4 standard errors",
        }
        yield vector(f"crm/{name}", "CRM-6", question, expect, source, tolerance)


def follow_up() -> Iterator[Vector]:
    """Make vectors of the TITE-CRM: patients with the share of the window that they were followed for."""
    for case in cases("titecrm_fit"):
        inputs, outputs, name = case["inputs"], case["outputs"], case["id"]
        if "error" in outputs:
            continue
        if inputs["weights"] is not None:
            shares = inputs["weights"]
        elif inputs["followup"] is not None:
            shares = [days / inputs["obswin"] for days in inputs["followup"]]
        else:
            pairs = zip(inputs["entry"], inputs["exit"], strict=True)
            shares = [(out - into) / inputs["obswin"] for into, out in pairs]
        patients = [
            {"level": level, "dlt": bool(dlt), "follow_up": min(float(share), 1.0) if not dlt else float(share)}
            for level, dlt, share in zip(inputs["level"], inputs["tox"], shares, strict=True)
        ]
        made = asked_of(inputs, kind="tite_crm", method={"weights": inputs["scheme"], "mtd_among": "all"})
        question = {"kind": "follow_up", "design": made, "patients": patients}
        tolerance = {"estimate": 1e-6}
        if inputs["method"] == "bayes":
            expect, source = {"estimate": outputs["check_quadrature"]["ptox"]}, by_quadrature("titecrm_fit", name)
            yield vector(f"tite/{name}", "TITE-1", question, expect, source, tolerance)
        expect = {"estimate": outputs["ptox"], "next_level": outputs["mtd"]}
        source = peer("dfcrm", VERSION, "titecrm", name, "titecrm_fit")
        yield vector(f"tite/{name}-dfcrm", "TITE-1", question, expect, source, {"estimate": 1e-4})
