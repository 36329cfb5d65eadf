"""The numbers of a model's sentences, put into an integral of the test's own, give its estimates and its choice."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import special, stats

import escalate as esc
from escalate.core.arrays import NONE
from escalate.core.method import ModelMethod
from escalate.core.tally import Tally
from tests.helpers import make
from tests.methods.pending_patients import tally_of
from tests.methods.reading import found, words
from tests.methods.reading_models import TALLIES, Nodes, following


def of_crm(text: str) -> Nodes:
    """Return the prior of a one-parameter model as the text has it, with a normal prior of log theta."""
    (listed,) = found(
        r"(?:is|2009\): ?)((?: ?\d+(?:\.\d+)? at level \d(?:,| and|\.))+)", text.split("\n", maxsplit=1)[0]
    )
    skeleton = np.array([float(x) for x in re.findall(r"(\d+(?:\.\d+)?) at level", listed)])
    (sd,) = found(r"log theta is normal with mean 0 and standard deviation (\d+(?:\.\d+)?)", text)
    beta = np.linspace(-8, 8, 8001) * float(sd)
    theta = np.exp(beta)[:, None]
    if "logistic model" in text:
        (a,) = found(r"logit p_j = (\d+(?:\.\d+)?) \+ theta x_j", text)
        x = np.log(skeleton / (1 - skeleton)) - float(a)
        p = special.expit(float(a) + theta * x)
    else:
        found(r"modelled as s_j to the power (theta)", text)
        p = skeleton**theta
    return Nodes(stats.norm.pdf(beta / float(sd)), np.clip(p, 1e-300, 1 - 1e-16))


@pytest.mark.parametrize("estimate", ["mean", "plug_in"])
@pytest.mark.parametrize("model", ["power", "logistic"])
def test_estimates_of_the_crm(model: str, estimate: str) -> None:
    """Skeleton, curve, prior and kind of estimate are as described, to 1e-5; the level is the one nearest to the target."""
    design = make(
        {"kind": "crm", "model": model, "skeleton": [0.08, 0.2, 0.38], "estimate": estimate, "prior_sd": 0.9},
        3,
        rules=(),
    )
    text = words(design)
    nodes = of_crm(text)
    (target,) = found(r"nearest to the target of (\d+(?:\.\d+)?);", text)
    for n, dlt in TALLIES:
        weight = nodes.posterior(np.array(n), np.array(dlt))
        if "by its posterior mean." in text:
            p = weight @ nodes.p
        else:
            found(r"its value at the posterior mean of (log theta)", text)
            sd = 0.9
            beta = weight @ (np.linspace(-8, 8, 8001) * sd)
            skeleton = np.array([0.08, 0.2, 0.38])
            x = np.log(skeleton / (1 - skeleton)) - 3
            p = skeleton ** np.exp(beta) if model == "power" else 1 / (1 + np.exp(-(3 + np.exp(beta) * x)))
        tally = Tally.of([n], [dlt])
        assert isinstance(design.method, ModelMethod)
        assert design.method.estimate_doses(design, tally)[0] == pytest.approx(p, abs=1e-5)
        wanted = int(np.argmin(np.abs(p - float(target))))
        assert following(design, n, dlt) == wanted


def test_other_choices_of_the_crm() -> None:
    """CIBP and highest below the target, by the formula and the words of the text."""
    base = {"kind": "crm", "skeleton": [0.08, 0.2, 0.38], "estimate": "mean"}
    cibp = make({**base, "choose": "cibp", "asymmetry": 0.5}, 3, rules=())
    target, a, b = (
        float(x)
        for x in found(
            r"smallest \(p - (\d+(?:\.\d+)?)\)\^2 / \(p\^(\d+(?:\.\d+)?) \(1 - p\)\^(\d+(?:\.\d+)?)\)", words(cibp)
        )
    )
    below = make({**base, "choose": "highest_below"}, 3, rules=())
    (limit,) = found(
        r"the highest level whose estimate is at most the target of (\d+(?:\.\d+)?), or level 1", words(below)
    )
    for n, dlt in TALLIES:
        assert isinstance(cibp.method, ModelMethod)
        p = cibp.method.estimate_doses(cibp, Tally.of([n], [dlt]))[0]
        assert following(cibp, n, dlt) == int(np.argmin((p - target) ** 2 / (p**a * (1 - p) ** b)))
        assert following(below, n, dlt) == max([0, *np.flatnonzero(p <= float(limit))])


def test_initial_sequence_of_the_crm() -> None:
    """Every patient's level until the first DLT is the one that the text gives."""
    design = make({"kind": "crm", "skeleton": [0.08, 0.2, 0.38], "inference": "mle", "initial_levels": [1, 1, 2, 2, 2, 3]},
                  3, rules=(), cohort_size=1)  # fmt: skip
    text = words(design)
    levels = {}
    for first, last, level in re.findall(r"patients? (\d)(?: to (\d))? at level (\d)", text):
        levels.update(dict.fromkeys(range(int(first), int(last or first) + 1), int(level)))
    (end,) = found(r"or after patient (\d)", text)
    assert list(levels) == list(range(1, int(end) + 1))
    outcomes: list[str] = []
    for patient in range(1, int(end) + 1):
        if patient > 1:
            assert esc.recommend(design, " ".join(outcomes)).next_level == levels[patient]
        outcomes.append(f"{levels[patient]}N")
    found_after = esc.recommend(design, "1N 1T")
    assert "initial sequence" not in found_after.reasons[0].text


def of_blrm(text: str) -> Nodes:
    """Return the prior of the two-parameter model as the text has it."""
    (reference,) = found(r"reference dose d\* = (\d+(?:\.\d+)?) mg", text)
    m1, m2, s1, s2, r = (
        float(x)
        for x in found(
            r"means (-?\d+(?:\.\d+)?) and (-?\d+(?:\.\d+)?), standard deviations (\d+(?:\.\d+)?) and (\d+(?:\.\d+)?), "
            r"and correlation (-?\d+(?:\.\d+)?)",
            text,
        )
    )
    z = np.linspace(-5.5, 5.5, 301)
    u, v = np.meshgrid(z, z, indexing="ij")
    a = (m1 + s1 * u).ravel()
    b = (m2 + s2 * (r * u + np.sqrt(1 - r**2) * v)).ravel()
    weight = (stats.norm.pdf(u) * stats.norm.pdf(v)).ravel()
    eta = a[:, None] + np.exp(b)[:, None] * np.log(np.array([1.0, 2.0, 3.0]) / float(reference))
    return Nodes(weight, np.clip(1 / (1 + np.exp(-eta)), 1e-15, 1 - 1e-15))


BLRM = {"reference_amount": 2.0, "prior": {"mean": [-1.0, 0.1], "sd": [1.2, 0.7], "correlation": -0.3}}


@pytest.mark.parametrize("choose", ["target", "highest", "loss"])
@pytest.mark.parametrize("kind", ["blrm", "tite_blrm"])
def test_choices_of_the_blrm(kind: str, choose: str) -> None:
    """Overdose probabilities agree with an integral over the prior of the text, and the choice with its words."""
    design = make({"kind": kind, **BLRM, "choose": choose}, 3, rules=())
    text = words(design)
    nodes = of_blrm(text)
    low, high = (float(x) for x in found(r"target \(p above (\d+(?:\.\d+)?) and at most (\d+(?:\.\d+)?)\)", text))
    (cutoff,) = found(r"Pr\(p > \d+(?:\.\d+)? \| data\), is at most (\d+(?:\.\d+)?)\.", text)
    (enough,) = found(r"probability is at most (\d+(?:\.\d+)?) at each", text) if choose == "target" else ("0",)
    losses = [float(x) for x in re.findall(r"(\d+(?:\.\d+)?) for (?:underdosing|target|overdosing)", text)]
    assert isinstance(design.method, ModelMethod)
    for n, dlt in TALLIES:
        weight = nodes.posterior(np.array(n), np.array(dlt))
        over, on = weight @ (nodes.p > high), weight @ ((nodes.p > low) & (nodes.p <= high))
        belief = design.method.belief(design, Tally.of([n], [dlt]))
        # A bare indicator on a grid: good in the second digit.
        assert belief.prob_above(high)[0] == pytest.approx(over, abs=0.01)
        over, below = belief.prob_above(high)[0], 1 - belief.prob_above(low)[0]
        on = 1 - over - below
        admissible = np.flatnonzero(over <= float(cutoff))
        if not len(admissible):
            assert "Where no level is admissible, the trial stops" in text
            wanted = NONE
        elif choose == "highest" or (choose == "target" and (on[admissible] <= float(enough)).all()):
            wanted = int(admissible[-1])
        elif choose == "loss":
            wanted = int(admissible[np.argmin((np.stack([below, on, over], axis=1) @ losses)[admissible])])
        else:
            wanted = int(admissible[np.argmax(on[admissible])])
        assert following(design, n, dlt) == wanted, (n, dlt)


def test_lowest_level_instead_of_a_stop() -> None:
    """With nothing admissible the text says which of the two happens."""
    for none, said in (("stop", "the trial stops"), ("lowest", "level 1 is given")):
        design = make({"kind": "blrm", **BLRM, "if_none_admissible": none}, 3, rules=())
        assert f"Where no level is admissible, {said}" in words(design)
        assert following(design, [3, 0, 0], [3, 0, 0]) == (NONE if none == "stop" else 0)


def test_weights_of_pending_patients() -> None:
    """The likelihood of the text, w p and 1 - w p, with linear weights, gives the estimates of the time-to-event CRM."""
    design = make({"kind": "tite_crm", "skeleton": [0.08, 0.2, 0.38], "estimate": "mean", "prior_sd": 0.9}, 3, rules=())
    text = words(design)
    found(r"w p for a DLT and (1 - w p) for none so far, where w is 1 for a known outcome", text)
    nodes = of_crm(text)
    patients = [(1, 0, 1.0), (1, 1, 0.4), (2, 0, 0.3), (2, 0, 0.75), (2, 1, 0.9), (1, 0, 1.0)]
    log = np.log(nodes.weight)
    for level, dlt, share in patients:
        p = nodes.p[:, level - 1]
        log = log + (np.log(p) if dlt else np.log1p(-min(share, 1.0) * p))
    weight = np.exp(log - log.max())
    assert isinstance(design.method, ModelMethod)
    p = weight @ nodes.p / weight.sum()
    assert design.method.estimate_doses(design, tally_of(patients, 3))[0] == pytest.approx(p, abs=1e-5)


def test_fractions_of_pending_patients() -> None:
    """Before the first DLT a pending patient counts as none; after, as 1 - S(1) / S(t) of the Kaplan-Meier curve."""
    design = make(
        {"kind": "fractional_crm", "skeleton": [0.08, 0.2, 0.38], "estimate": "mean", "prior_sd": 0.9}, 3, rules=()
    )
    text = words(design)
    found(r"(y = 1 - S\(1\) / S\(t\)) of a DLT and as 1 - y of a patient without", text)
    nodes = of_crm(text)
    assert isinstance(design.method, ModelMethod)
    for patients, y in (
        ([(1, 0, 1.0), (1, 0, 0.5), (1, 0, 1.0)], 0.0),
        # At risk at 0.6: the DLT and the two with known outcomes; the pending one left at 0.5. S falls to 2/3.
        ([(1, 0, 1.0), (1, 0, 0.5), (1, 0, 1.0), (1, 1, 0.6)], 1 / 3),
    ):
        n, dlts = len(patients), sum(dlt for _, dlt, _ in patients)
        p = nodes.p[:, 0]
        log = np.log(nodes.weight) + (dlts + y) * np.log(p) + (n - dlts - y) * np.log1p(-p)
        weight = np.exp(log - log.max())
        wanted = weight @ nodes.p / weight.sum()
        assert design.method.estimate_doses(design, tally_of(patients, 3))[0] == pytest.approx(wanted, abs=1e-5)
