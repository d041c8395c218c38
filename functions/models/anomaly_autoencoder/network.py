"""Fit a small dense autoencoder with JAX, and run it in numpy with the operations of the model file.

The activation is softsign, x / (1 + |x|): additions and one division, which are exact in any vector width, where a
library's tanh depends on a value's place in the batch. All is float64.

Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, for
the activation and the initial weights; Kingma, Ba, "Adam", ICLR 2015, algorithm 1, for the steps.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from functions.domain.market import Float64

Weights: TypeAlias = tuple[tuple[Float64, Float64], ...]
"""(weights (in, out), offsets (out,)) of each layer."""
_Traced: TypeAlias = tuple[tuple[jax.Array, jax.Array], ...]
_Carry: TypeAlias = tuple[_Traced, _Traced, _Traced]

WIDTHS: Final = (6, 8, 2, 8, 6)
"""Of inputs and layers; chosen on the validation hours, as was the form of the error."""
STEPS: Final = 4000
BATCH: Final = 256
RATE: Final = 3e-3
"""Of the first step; it falls to nothing along half a cosine."""
KEPT: Final = (0.9, 0.999)
SMALL: Final = 1e-8
"""Adam's defaults."""
RIDGE: Final = 1e-6
"""Added to the variance of each residual, so that one that never moves has an inverse."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Hold a scaler, the layers behind it, and the usual error.

    The error of a row is the squared length of its residual, each direction in units of how far residuals of training
    rows spread along it, over their number: 1 on average there.

    Source: Malhotra et al., "LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection", ICML workshop 2016, for
    the error (equation in section 3.1).

    Attributes:
        mean: Means of the training inputs (6,).
        deviation: Their standard deviations (6,), 1 where an input never moves.
        layers: Weights and offsets; softsign stands behind all but the last.
        residual: Mean residual of training rows (6,).
        whitening: (6, 6), by which residuals are multiplied: its square is the inverse of their covariance.
        usual: Median error of training rows: what scores 0.5.
    """

    mean: Float64
    deviation: Float64
    layers: Weights
    residual: Float64
    whitening: Float64
    usual: float

    def scores(self, inputs: Float64) -> Float64:
        """Score inputs (n, 6): e / (e + usual) of a row's error e; 0 is put together exactly, 1 not at all."""
        error = self.errors(inputs)
        return error / (error + self.usual)

    def errors(self, inputs: Float64) -> Float64:
        """Compute each row's error (n,), not below 0."""
        return _errors(self.residuals((inputs - self.mean) / self.deviation) - self.residual, self.whitening)

    def residuals(self, scaled: Float64) -> Float64:
        """Take what the layers make of scaled inputs (n, 6) from them."""
        return _residuals(scaled, self.layers)


def fit(inputs: Float64, *, seed: int, steps: int = STEPS) -> Network:
    """Fit scaler, weights and error on inputs (n, 6) of training time; no steps leave the weights as they were drawn.

    The same inputs, seed and versions give the same weights on the same kind of processor.
    """
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    deviation = np.where(deviation > 0.0, deviation, 1.0)
    scaled = (inputs - mean) / deviation
    rng = np.random.default_rng(seed)
    layers = _draw(rng)
    if steps:
        picked = rng.integers(len(scaled), size=(steps, BATCH))
        with jax.enable_x64(True):  # noqa: FBT003 - its only argument
            fitted = _descend(jax.tree.map(jnp.asarray, layers), jnp.asarray(scaled), jnp.asarray(picked))
        layers = tuple((np.asarray(weights), np.asarray(offsets)) for weights, offsets in fitted)
    residuals = _residuals(scaled, layers)
    centred = residuals - residuals.mean(axis=0)
    covariance = centred.T @ centred / len(centred) + RIDGE * np.eye(len(mean))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    usual = float(np.median(_errors(centred, whitening)))
    return Network(mean, deviation, layers, residuals.mean(axis=0), whitening, usual)


def _residuals(scaled: Float64, layers: Weights) -> Float64:
    """Take what the layers make of scaled inputs (n, 6) from them."""
    x = scaled
    for weights, offsets in layers[:-1]:
        x = x @ weights + offsets
        x = x / (1.0 + np.abs(x))
    weights, offsets = layers[-1]
    return scaled - (x @ weights + offsets)


def _errors(centred: Float64, whitening: Float64) -> Float64:
    whitened = centred @ whitening
    return np.asarray((whitened * whitened).mean(axis=1))


def _draw(rng: np.random.Generator) -> Weights:
    """Draw the weights a training begins with."""
    layers = []
    for wide, narrow in pairwise(WIDTHS):
        bound = np.sqrt(6.0 / (wide + narrow))
        layers.append((rng.uniform(-bound, bound, size=(wide, narrow)), np.zeros(narrow)))
    return tuple(layers)


def _loss(layers: _Traced, scaled: jax.Array) -> jax.Array:
    x = scaled
    for weights, offsets in layers[:-1]:
        x = jax.nn.soft_sign(x @ weights + offsets)
    weights, offsets = layers[-1]
    return jnp.mean(jnp.square(scaled - (x @ weights + offsets)))


@jax.jit
def _descend(layers: _Traced, scaled: jax.Array, picked: jax.Array) -> _Traced:
    """Take one step of Adam for each row of `picked` (steps, batch), the rows of a batch."""

    def step(carry: _Carry, rows: tuple[jax.Array, jax.Array]) -> tuple[_Carry, None]:
        layers, first, second = carry
        count, batch = rows
        slope = jax.grad(_loss)(layers, scaled[batch])
        first = jax.tree.map(lambda m, g: KEPT[0] * m + (1 - KEPT[0]) * g, first, slope)
        second = jax.tree.map(lambda v, g: KEPT[1] * v + (1 - KEPT[1]) * g * g, second, slope)
        rate = RATE * 0.5 * (1.0 + jnp.cos(jnp.pi * count / len(picked)))
        rate = rate * jnp.sqrt(1 - KEPT[1] ** count) / (1 - KEPT[0] ** count)
        layers = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + SMALL), layers, first, second)
        return (layers, first, second), None

    nothing = jax.tree.map(jnp.zeros_like, layers)
    counts = jnp.arange(1.0, len(picked) + 1.0)
    (layers, _, _), _ = jax.lax.scan(step, (layers, nothing, nothing), (counts, picked))
    return layers
