"""Settings to vary and the candidates made of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalate.core.errors import EscalateError
from escalate.models.skeleton import least_informative_sd
from escalate.study.calibration_axes import Axis, axis_of, parse_axis
from escalate.study.calibration_grid import Candidate, Workshop
from tests.helpers import make

CRM = {"kind": "crm", "skeleton": {"half_width": 0.05, "prior_mtd": 3}, "estimate": "plug_in"}


def _grid(vary: dict[str, Any], **settings: Any) -> list[Candidate]:
    design = make(CRM, rules=({"kind": "no_skipping"}, {"kind": "lowest_dose_too_toxic", "cutoff": 0.9}), **settings)
    return Workshop(design, [axis_of(field, values) for field, values in vary.items()]).grid()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("method.prior_sd=0.4:1.6:0.4", (0.4, 0.8, 1.2, 1.6)),
        ("method.prior_sd=0.4:1.5:0.4", (0.4, 0.8, 1.2)),
        ("cohort_size=1:3:1", (1, 2, 3)),
        ("cohort_size=1,3", (1, 3)),
        ("method.prior_sd=least_informative,0.5:1:0.25", ("least_informative", 0.5, 0.75, 1.0)),
        ("method.estimate=plug_in,mean", ("plug_in", "mean")),
        ("rules[2].only_if_staying=true,false", (True, False)),
        ("method.skeleton=[0.1, 0.3],[0.2, 0.3]", ((0.1, 0.3), (0.2, 0.3))),
        ("rules[1].cutoff = .9, .95", (0.9, 0.95)),
    ],
)
def test_parse_axis(text: str, values: tuple[Any, ...]) -> None:
    """Lists, ranges and words, as a command line has them."""
    found = parse_axis(text).values
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


@given(start=st.integers(0, 99), step=st.integers(1, 50), count=st.integers(1, 40))
def test_ranges_are_decimals(start: int, step: int, count: int) -> None:
    """A range in hundredths has exactly the numbers that a person would write: 0.3, never 0.30000000000000004."""
    stop = start + (count - 1) * step
    found = axis_of("method.prior_sd", f"{start / 100:.2f}:{stop / 100:.2f}:{step / 100:.2f}").values
    assert [Fraction(repr(value)) for value in found] == [Fraction(start + k * step, 100) for k in range(count)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("target=0.2,0.3", "the target is the question"),
        ("doses.levels=[1]", "the doses are the question"),
        ("title=a,b", "changes nothing"),
        ("method.kind=crm", "name one setting"),
        ("rules[1].kind=coherence", "name one setting"),
        ("rules[1]=a", "name one setting"),
        ("cohort_size", "write field=value,value"),
        ("cohort_size=", "write field=value,value"),
        ("cohort size=1", "is not a field"),
        ("=1", "is not a field"),
        ("cohort_size=1,1", "1 is given twice"),
        ("method.prior_sd=1:2", "is not start:stop:step"),
        ("method.prior_sd=2:1:0.1", "goes nowhere"),
        ("method.prior_sd=1:2:0", "goes nowhere"),
        ("method.prior_sd=0.001:2:0.001", "has 2,000 values"),
        ("cohort_size=least_informative", "is for method.prior_sd"),
        ("cohort_size=1,}", "is not a list of values"),
        ("cohort_size=1]\nb: [2", "is not a list of values"),
    ],
)
def test_axis_refused(text: str, says: str) -> None:
    """Each fault of a setting to vary in one sentence."""
    with pytest.raises(EscalateError) as refused:
        parse_axis(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ({"cohort_sise": [1]}, "vary cohort_sise: unknown setting; did you mean 'cohort_size'?"),
        ({"method.prior_sdd": [1]}, "vary method.prior_sdd: unknown setting; did you mean 'prior_sd'?"),
        ({"method.skelton.half_width": [0.1]}, "there is no 'skelton'; did you mean 'skeleton'?"),
        ({"rules[3].cutoff": [0.9]}, "rules has 2 entries"),
        ({"rules[2].cutof": [0.9]}, "did you mean 'cutoff'?"),
        (
            {"method.prior_sd": [0.5, -1.0]},
            "the candidate with method.prior_sd -1 is no design: method.prior_sd: -1.0 is not above 0",
        ),
        ({"method.skeleton.half_width": [0.4]}, "half_width 0.4 is not between 0 and 0.3"),
        ({"method.prior_sd.x": [1]}, "method.prior_sd is 1.15758, which has no 'x'"),
        ({"method.skeleton": [[0.1, 0.3, 0.2, 0.4, 0.5]]}, "does not increase"),
        ({}, "name at least one setting"),
    ],
)
def test_candidates_refused(vary: dict[str, Any], says: str) -> None:
    """Unknown fields and values that are no design are refused before any work, in the design file's own words."""
    with pytest.raises(EscalateError) as refused:
        _grid(vary)
    assert says in str(refused.value)


def test_grid() -> None:
    """Every combination once, the last setting fastest; what equals the given design is left out."""
    found = _grid({"method.prior_sd": [0.5, 1.0], "cohort_size": [1, 3]})
    assert [one.settings for one in found] == [(0.5, 1), (0.5, 3), (1.0, 1), (1.0, 3)]
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert [one.design.cohort_size for one in found] == [1, 3, 1, 3]
    same = _grid({"cohort_size": [3, 1], "rules[2].cutoff": [0.9]})
    assert [(one.number, one.settings) for one in same] == [(1, (1, 0.9))]


def test_published_rules_follow_the_method() -> None:
    """Rules that the file left out stay out, unless one of their settings is varied."""
    workshop = Workshop(make({"kind": "boin"}), [Axis("rules[1].cutoff", (0.9,))])
    assert workshop.grid()[0].design.to_dict()["rules"][0]["cutoff"] == 0.9
    other = Workshop(make({"kind": "boin"}), [Axis("method.p_saf", (0.2,))]).grid()[0].design
    assert other.published_rules


def test_least_informative() -> None:
    """The word becomes the least informative sd of each candidate's own skeleton."""
    found = _grid({"method.skeleton.half_width": [0.04, 0.08], "method.prior_sd": ["least_informative", 0.5]})
    assert [one.choices[1] for one in found] == ["least_informative", 0.5] * 2
    for one in found[::2]:
        method: Any = one.design.method
        assert one.settings[1] == method.prior_sd
        assert method.prior_sd == least_informative_sd(method.working_model(one.design), 0.3)
    assert found[0].settings[1] < found[2].settings[1]


@pytest.mark.parametrize(
    ("design", "says"),
    [
        (make({**CRM, "skeleton": {"half_width": 0.05, "prior_mtd": 1}}, n_doses=2), "three dose levels"),
        (
            make({**CRM, "estimate": "plug_in", "inference": "mle", "initial_levels": [1, 2]}),
            "crm with inference: bayes",
        ),
    ],
)
def test_least_informative_refused(design: Any, says: str) -> None:
    """It is refused where it means nothing."""
    with pytest.raises(EscalateError, match=says):
        Workshop(design, [Axis("method.prior_sd", ("least_informative",))]).grid()
