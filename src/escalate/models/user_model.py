"""A PyMC model of a user's own: built, checked, drawn from, and evaluated at many parameters at once."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from escalate.core.arrays import FloatArray, IntArray
from escalate.core.errors import DesignError, harmless
from escalate.core.model_code import ModelCode

LOGGERS = ("pymc", "pytensor", "arviz", "pymc.stats.convergence")
IN_PYMC = "p"
"""Name of the deterministic that holds the DLT probabilities."""
ROUNDING = 1e-9
"""A rate may lie so far outside 0 to 1."""
Source = str | ModelCode
"""What a model is built by: the name of one of `models/ready`, or code of the user's own that may be run."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep PyMC's notes and warnings, and what a model prints, from the screen."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def load(name: str) -> Any:
    """Return PyMC, or a library that it rests on, without the notes printed at import, which takes seconds."""
    with quiet():
        return importlib.import_module(name)


def build(source: Source, amounts: tuple[float, ...]) -> Any:
    """Return the `pymc.Model` that a source builds for these amounts: no data, and `p` of shape (J,).

    Raises
    ------
    DesignError
        With one sentence on what is wrong with the code or its model.
    """
    load("pymc")
    if isinstance(source, str):
        return importlib.import_module(f"escalate.models.ready.{source}").build(np.array(amounts))
    model = _run(source, amounts)
    fault = _fault(model, len(amounts))
    if fault:
        raise _error(source, f"the model of {source.function} {fault}")
    return model


def with_data(source: Source, amounts: tuple[float, ...], counts: IntArray) -> Any:
    """Return the model with the outcomes of a trial, shape (J, 2), as observed data `dlt`."""
    model = build(source, amounts)
    n = counts.sum(axis=1)
    given = np.flatnonzero(n)
    if len(given):
        with model:
            load("pymc").Binomial("escalate_dlt", n=n[given], p=model[IN_PYMC][given], observed=counts[given, 1])
    return model


def _error(source: Source, text: str, line: int | None = None) -> DesignError:
    where = source if isinstance(source, str) else source.path + (f":{line}" if line else "")
    return DesignError(f"{harmless(where)}: {harmless(text)}")


def _run(code: ModelCode, amounts: tuple[float, ...]) -> Any:
    names: dict[str, Any] = {"__name__": "escalate_user_model", "__file__": code.path}
    try:
        with quiet():
            exec(compile(code.text, code.path, "exec"), names)
            function = names.get(code.function)
            if callable(function):
                return function(np.array(amounts))
    except SyntaxError as fault:
        raise _error(code, f"is not Python ({fault.msg})", fault.lineno) from None
    except (Exception, SystemExit) as fault:
        # The last line of the user's own on the way to the fault.
        lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == code.path]
        said = f"{type(fault).__name__}: {_first_line(fault)}"
        raise _error(code, f"{code.function}(doses) raised {said}", lines[-1] if lines else None) from None
    if function is None:
        raise _error(code, f"has no function '{code.function}'; write 'def {code.function}(doses):'")
    raise _error(code, f"'{code.function}' is not a function; write 'def {code.function}(doses):'")


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or ["no reason given"])[0][:200]


def _fault(model: Any, n_doses: int) -> str | None:
    """Return what is wrong with a model, before anything is computed from it."""
    if not isinstance(model, load("pymc").Model):
        return f"is not a pymc.Model but {type(model).__name__}; end with 'return model'"
    if model.observed_RVs:
        named = ", ".join(f"'{variable.name}'" for variable in model.observed_RVs)
        return f"has observed data ({named}); leave them out: escalate adds the trial's"
    deterministics = {variable.name: variable for variable in model.deterministics}
    if IN_PYMC not in deterministics:
        return f"has no deterministic '{IN_PYMC}'; add pm.Deterministic('{IN_PYMC}', the DLT probability of each dose)"
    dimensions = deterministics[IN_PYMC].type.ndim
    if dimensions != 1:
        return f"has a '{IN_PYMC}' with {dimensions} dimensions; it needs shape ({n_doses},), one probability a dose"
    if not model.free_RVs:
        return "has no parameter; it needs a prior"
    return None


@dataclass(frozen=True, eq=False)
class PriorDraws:
    """Draws of the prior.

    Parameters
    ----------
    p
        DLT probabilities, shape (K, J).
    z
        Parameters on the scale where PyMC samples them, flat, shape (K, D); D = 0 where some parameter is discrete.
    log_weight
        What potentials of the model add to the log prior density, shape (K,).
    """

    p: FloatArray
    z: FloatArray
    log_weight: FloatArray


def draw_prior(source: Source, amounts: tuple[float, ...], draws: int, seed: int) -> PriorDraws:
    """Draw from the prior of a model.

    Raises
    ------
    DesignError
        Where the model cannot be drawn from, or a draw of `p` is no probability.
    """
    pm, pt = load("pymc"), load("pytensor.tensor")
    model = build(source, amounts)
    try:
        with quiet():
            free = [] if model.discrete_value_vars else [_unconstrained(model, variable) for variable in model.free_RVs]
            flat = [pt.flatten(variable).astype("float64") for variable in free]
            z = pt.concatenate(flat) if flat else pt.zeros(0)
            extra = [pt.sum(potential).astype("float64") for potential in model.potentials]
            weight = sum(extra) if extra else pt.as_tensor_variable(0.0)
            found = pm.draw([model[IN_PYMC].astype("float64"), z, weight], draws=draws, random_seed=seed)
    except Exception as fault:
        raise _error(source, f"its prior cannot be drawn from ({_first_line(fault)})") from None
    p, z_drawn, log_weight = (np.asarray(each, dtype=np.float64) for each in found)
    if p.shape[1] != len(amounts):
        raise _error(
            source, f"'{IN_PYMC}' has {p.shape[1]} entries for {len(amounts)} dose levels; it needs one a dose"
        )
    bad = np.argwhere(~((p >= -ROUNDING) & (p <= 1 + ROUNDING)))
    if len(bad):
        value, level = p[tuple(bad[0])], bad[0][1] + 1
        raise _error(source, f"'{IN_PYMC}' is {value:g} at level {level} in {len(np.unique(bad[:, 0]))} of {draws} prior draws; "
                     "a probability lies in 0 to 1")  # fmt: skip
    if np.isnan(log_weight).any() or not np.isfinite(log_weight).any():
        raise _error(source, "a potential of the model is not a number at draws of the prior")
    return PriorDraws(np.clip(p, 0.0, 1.0), z_drawn.reshape(draws, -1), log_weight)


def _unconstrained(model: Any, variable: Any) -> Any:
    transform = model.rvs_to_transforms[variable]
    return variable if transform is None else transform.forward(variable, *variable.owner.inputs)


def _plain(outputs: list[Any], inputs: list[Any]) -> list[Any]:
    """Return the graph without the nodes that only pass on a deterministic: over many draws each would be a loop in Python."""
    graph = load("pytensor.graph.fg").FunctionGraph(inputs, outputs, clone=True, copy_inputs=False)
    for node in graph.toposort():
        if type(node.op).__name__ == "ViewOp":
            graph.replace(node.outputs[0], node.inputs[0])
    return list(graph.outputs)


Evaluator = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def evaluator(source: Source, amounts: tuple[float, ...]) -> Evaluator:
    """Return a function of parameters z, shape (N, D), that gives their log prior density (N,) and p (N, J).

    The density is that of z: potentials and the Jacobians of the transforms are in it.

    Raises
    ------
    DesignError
        Where the model has discrete parameters, or its density cannot be had.
    """
    pytensor, pt = load("pytensor"), load("pytensor.tensor")
    vectorize_graph = load("pytensor.graph.replace").vectorize_graph
    model = build(source, amounts)
    if model.discrete_value_vars:
        raise _error(source, "has a discrete parameter, so that its posterior cannot be refined")
    try:
        with quiet():
            start = model.initial_point()
            values = [model.rvs_to_values[variable] for variable in model.free_RVs]
            outputs = _plain([model.logp(), model.replace_rvs_by_values([model[IN_PYMC]])[0]], values)
            z = pt.dmatrix("z")
            replace, at = {}, 0
            for value in values:
                shape = np.shape(start[value.name])
                size = int(np.prod(shape))
                replace[value] = z[:, at : at + size].reshape((-1, *shape)).astype(value.dtype)
                at += size
            compiled = pytensor.function([z], vectorize_graph(outputs, replace=replace))
    except Exception as fault:
        raise _error(source, f"its density cannot be evaluated ({_first_line(fault)})") from None

    def evaluate(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        with quiet():
            logp, p = compiled(z)
        rows = len(z)
        return np.broadcast_to(logp, (rows,)).astype(np.float64), np.broadcast_to(p, (rows, len(amounts))).astype(
            np.float64
        )

    return evaluate
