"""A hidden Markov model with Gaussian emissions: its forward filter, and Baum-Welch; pure numpy, k states.

Only the forward filter may be used on a live row. Smoothed probabilities, which also look at what came later, exist
here for fitting alone. Sequences are rows of equal length; densities are normalised at each step (Rabiner 1989, section
V.A), so nothing underflows.

Source: Rabiner, "A Tutorial on Hidden Markov Models", Proceedings of the IEEE 77 (2), 1989.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from functions.domain.market import Float64, Int64

DEVIATION_MIN: Final = 0.02
"""Least deviation of a state, of standardised values: a state on one repeated value has infinite likelihood."""
MOVE_MIN: Final = 1e-6
"""Least probability of a move, so that no state is ever ruled out."""
_TINY: Final = float(np.finfo(np.float64).tiny)
_HALF_LOG_2PI: Final = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Hmm:
    """Hold k states.

    Args:
        first: Probability of each state before the first value, (k,).
        moves: Probability of the next state (column) by state (row), (k, k).
        mean: Mean of the values by state, (k,).
        deviation: Standard deviation by state, (k,), positive.
    """

    first: Float64
    moves: Float64
    mean: Float64
    deviation: Float64

    @property
    def stationary(self) -> Float64:
        """Give the share of time in each state, (k,), in the long run."""
        k = len(self.first)
        rows = np.vstack([self.moves.T - np.eye(k), np.ones(k)])
        shares = np.linalg.lstsq(rows, np.append(np.zeros(k), 1.0), rcond=None)[0]
        found: Float64 = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
        return found

    @property
    def dwell(self) -> Float64:
        """Give how many steps a state lasts on average, (k,)."""
        found: Float64 = 1.0 / (1.0 - np.diag(self.moves))
        return found

    def take(self, order: Int64) -> "Hmm":
        """Name the states anew: state `order[i]` becomes state i; the model stays the same."""
        moves = self.moves[np.ix_(order, order)]
        return Hmm(self.first[order], moves, self.mean[order], self.deviation[order])

    @property
    def sorted(self) -> "Hmm":
        """Order the states by rising deviation, which makes the fit's arbitrary labels mean something."""
        return self.take(np.argsort(self.deviation, kind="stable"))


def log_densities(model: Hmm, values: Float64) -> Float64:
    """Give the log density of each value (...,) in each state, (..., k)."""
    away = (values[..., None] - model.mean) / model.deviation
    found: Float64 = -0.5 * away * away - (np.log(model.deviation) + _HALF_LOG_2PI)
    return found


def forward(model: Hmm, values: Float64) -> tuple[Float64, Float64]:
    """Filter sequences: what is known of the state from the values so far, and none behind them.

    Args:
        model: The model; `first` is what is believed before the first value.
        values: Sequences (n, t).

    Returns:
        Probabilities (n, t, k), and the log density of each value given those before it, (n, t).
    """
    logs = log_densities(model, values)
    peak = logs.max(axis=2, keepdims=True)
    likely = np.exp(logs - peak)
    known, surprise = np.empty_like(likely), np.empty(values.shape)
    belief = np.broadcast_to(model.first, (len(values), len(model.first)))
    for step in range(values.shape[1]):
        joint = belief * likely[:, step]
        total = joint.sum(axis=1, keepdims=True)
        known[:, step] = joint / total
        surprise[:, step] = np.log(total[:, 0]) + peak[:, step, 0]
        belief = known[:, step] @ model.moves
    return known, surprise


def fit(values: Float64, begin: Hmm, *, rounds: int, tolerance: float) -> tuple[Hmm, Float64]:
    """Climb by Baum-Welch from one start until a round gains less than `tolerance` nats a value, or `rounds` are done.

    Args:
        values: Sequences (n, t), each long enough that where it begins hardly matters.
        begin: Where to start.
        rounds: Most rounds.
        tolerance: Least gain of log likelihood a value.

    Returns:
        The model, states as they came, and the mean log likelihood a value before each round and of the model, (r,).
    """
    model, told = begin, []
    for _ in range(rounds):
        found, likelihood = _round(model, values)
        told.append(likelihood)
        if len(told) > 1 and told[-1] - told[-2] < tolerance:
            return model, np.array(told)
        model = found
    told.append(float(forward(model, values)[1].mean()))
    return model, np.array(told)


def smooth(model: Hmm, values: Float64) -> tuple[Float64, Float64, float]:
    """Say where each sequence (n, t) was, knowing all of it: for fitting, never for a live row.

    Returns:
        Probabilities (n, t, k), expected counts of moves over all sequences (k, k), and the mean log density a value.
    """
    known, surprise = forward(model, values)
    logs = log_densities(model, values)
    likely = np.exp(logs - surprise[:, :, None])
    after = np.ones((len(values), len(model.first)))
    found, counts = known.copy(), np.zeros_like(model.moves)
    for step in range(values.shape[1] - 1, 0, -1):
        weighed = likely[:, step] * after
        counts += model.moves * (known[:, step - 1].T @ weighed)
        after = weighed @ model.moves.T
        found[:, step - 1] *= after
    return found, counts, float(surprise.mean())


def _round(model: Hmm, values: Float64) -> tuple[Hmm, float]:
    """Take one step of expectation and maximisation; also gives the likelihood of the model that came in."""
    shares, counts, likelihood = smooth(model, values)
    weight = shares.sum(axis=(0, 1))
    mean = np.einsum("ntk,nt->k", shares, values) / weight
    square = np.einsum("ntk,ntk->k", shares, (values[:, :, None] - mean) ** 2) / weight
    left = counts.sum(axis=1, keepdims=True)  # none where sequences have one value
    moves = np.maximum(np.where(left > 0.0, counts / np.maximum(left, _TINY), model.moves), MOVE_MIN)
    first = shares[:, 0].mean(axis=0)
    deviation = np.maximum(np.sqrt(square), DEVIATION_MIN)
    return Hmm(first, moves / moves.sum(axis=1, keepdims=True), mean, deviation), likelihood
