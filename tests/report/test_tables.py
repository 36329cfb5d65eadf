"""What tables on the terminal say: true values, plain words, and where there is no MTD."""

from __future__ import annotations

from rich.console import Console, RenderableType

import escalate as esc
from escalate.report import atlas_tables, prior_tables, tables
from tests.helpers import ROOT, make, scenarios_for


def _shown(content: RenderableType, width: int = 120) -> str:
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as printed:
        console.print(content, crop=False)
    return printed.get()


def _simulated(design: esc.Design, scenarios: tuple[esc.Scenario, ...], trials: int | None = None) -> str:
    return _shown(tables.simulation(esc.simulate([design], scenarios, exact=trials is None, trials=trials)))


def _row(text: str, label: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(label)).replace(label, "").split()


def test_true_values_have_four_digits() -> None:
    """A true probability is rounded to four significant digits, and a DLT rate has no second row."""
    text = _simulated(make({"kind": "boin"}, 2, max_patients=6), (esc.Scenario(name="a", dlt=(0.0123456, 6 / 13)),))
    assert _row(text, "true DLT probability") == ["0.01235", "0.4615"]
    assert "true mean score" not in text


def test_mean_scores_are_shown() -> None:
    """A design with scores is shown its mean scores below the DLT probabilities."""
    scenarios = esc.load_scenarios(ROOT / "simulations" / "scenarios" / "five-doses-graded.yaml")
    text = _simulated(esc.load_design(ROOT / "designs" / "gboin.yaml"), scenarios[1:2])
    assert _row(text, "true DLT probability") == ["0.03", "0.09", "0.18", "0.3", "0.44"]
    assert _row(text, "true mean score") == ["0.07", "0.165", "0.3", "0.45", "0.6"]


def test_no_mtd_is_said() -> None:
    """The name of a scenario in which all levels are toxic says that there is no MTD, and no other name does."""
    scenarios = (esc.Scenario(name="toxic", dlt=(0.5, 0.6)), esc.Scenario(name="fair", dlt=(0.3, 0.6)))
    text = _simulated(make({"kind": "boin"}, 2, max_patients=6), scenarios)
    assert "toxic (no MTD)" in text
    assert text.count("(no MTD)") == 1


def test_reasons_for_stopping_in_words() -> None:
    """The end that a method comes to is told in words, and once that reasons are not exclusive."""
    design = esc.load_design(ROOT / "designs" / "accelerated_titration.yaml")
    text = _simulated(design, scenarios_for(design))
    assert "the method's own end (method_complete)" in text
    assert text.count("A trial can stop for several reasons at once") == 1


def test_one_trial() -> None:
    """One trial is one trial."""
    scenarios = (esc.Scenario(name="a", dlt=(0.3, 0.6)),)
    assert "(1 trial each" in _simulated(make({"kind": "boin"}, 2, max_patients=6), scenarios, 1)
    assert "(2 trials each" in _simulated(make({"kind": "boin"}, 2, max_patients=6), scenarios, 2)


def test_estimates_are_called_what_they_are() -> None:
    """A mean score where an outcome counts as a part of a DLT; an estimate of the DLT rate elsewhere."""
    for name, heads in (
        ("gboin", ("mean score", "Pr(score > 0.3)")),
        ("accelerated_titration", ("estimate", "Pr(p > 0.3)")),
    ):
        text = _shown(tables.recommendation(esc.recommend(esc.load_design(ROOT / "designs" / f"{name}.yaml"))))
        assert all(head in text for head in heads)


def test_long_names_fold_and_numbers_do_not() -> None:
    """A name without spaces is broken; the table is no wider than its numbers need."""
    scenarios = (esc.Scenario(name="x" * 87, dlt=(0.3, 0.6)),)
    oc = esc.simulate([make({"kind": "boin"}, 2, max_patients=6)], scenarios, exact=True)
    text = _shown(tables.simulation(oc), 60)
    assert max(map(len, text.splitlines())) <= 60
    assert "".join(text.split()).count("x" * 20) >= 1


def test_a_column_has_one_notation() -> None:
    """Small and large numbers of a column of the atlas have the same number of decimals."""
    assert atlas_tables.alike([0.5, 0.000123]) == ["0.50000", "0.00012"]
    assert atlas_tables.alike([0.5, 1e-9, 0.0, None]) == ["5.0e-01", "1.0e-09", "0", "-"]


def test_a_power_of_ten_is_one_number() -> None:
    """However narrow the terminal, an amount such as 4 x 10^7 stands on one line, whole."""
    design = esc.load_design(ROOT / "designs" / "tvec-liver-blrm.yaml")
    for width in (40, 80, 120):
        text = _shown(prior_tables.priors([esc.prior(design)]), width)
        assert all(amount in text for amount in ("4 x 10^7 ", "4 x 10^8 ", "8 x 10^8 "))
