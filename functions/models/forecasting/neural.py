"""Fit a small network by Adam on mean squared error, in JAX, on the processor; the network is a function of parameters.

Parameters are named float32 arrays. The same library versions on the same processor give the same parameters.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from functions.domain.market import Float64

Parameters: TypeAlias = dict[str, jax.Array]
Network: TypeAlias = Callable[[Parameters, jax.Array], jax.Array]
"""Forecast (n, 3) from parameters and scaled returns (n, 32), float32."""
Shapes: TypeAlias = dict[str, tuple[int, ...]]
_State: TypeAlias = tuple[Parameters, Parameters, Parameters]
"""Parameters, and the decayed means of their slopes and squared slopes."""

RATE: Final = 2e-3
DECAY: Final = 1e-3
"""Weight decay, apart from the gradient as Loshchilov and Hutter (ICLR 2019) have it."""
BATCH_ROWS: Final = 256
STEPS: Final = 800
PREDICT_ROWS: Final = 2048
_MOMENTS: Final = (0.9, 0.999, 1e-8)
"""Decay of both moments and what keeps the divisor above 0. Source: Kingma, Ba, Adam, ICLR 2015."""


def start(shapes: Shapes, *, seed: int) -> Parameters:
    """Draw parameters: matrices normal with deviation 1 / root of their rows, everything else 0."""
    rng = np.random.default_rng(seed)
    drawn = {
        name: rng.standard_normal(shape) / np.sqrt(shape[0]) if len(shape) > 1 else np.zeros(shape)
        for name, shape in shapes.items()
    }
    return {name: jnp.asarray(value, dtype=jnp.float32) for name, value in drawn.items()}


def fit(network: Network, shapes: Shapes, data: tuple[Float64, Float64], *, seed: int, steps: int) -> Parameters:
    """Take `steps` steps of Adam from drawn parameters; the rate falls to 0 along a half cosine.

    Args:
        network: What to fit.
        shapes: Its parameters.
        data: Scaled returns (n, 32) and outcomes (n, 3); each step takes random rows of them.
        seed: Of parameters and rows.
        steps: How many.
    """
    rng = np.random.default_rng(seed)
    x, y = (jnp.asarray(column, dtype=jnp.float32) for column in data)
    parameters = start(shapes, seed=seed)
    state = (parameters, *({name: jnp.zeros_like(value) for name, value in parameters.items()} for _ in "12"))
    step = _stepper(network)
    for number in range(steps):
        rate = RATE * 0.5 * (1.0 + np.cos(np.pi * number / steps))
        rows = rng.integers(len(x), size=BATCH_ROWS)
        state = step(state, (x[rows], y[rows]), rate, number + 1)
    return state[0]


def predict(network: Network, parameters: Parameters, inputs: Float64) -> Float64:
    """Forecast (n, 3) from scaled returns (n, 32), as many at a time as are compiled for."""
    compiled = jax.jit(network)
    padded = np.zeros((-(-len(inputs) // PREDICT_ROWS) * PREDICT_ROWS, inputs.shape[1]), dtype=np.float32)
    padded[: len(inputs)] = inputs
    parts = [compiled(parameters, part) for part in padded.reshape(-1, PREDICT_ROWS, inputs.shape[1])]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])[: len(inputs)]


def weights(parameters: Parameters) -> dict[str, NDArray[np.float32]]:
    """Give parameters as numpy has them."""
    return {name: np.asarray(value, dtype=np.float32) for name, value in parameters.items()}


def _stepper(network: Network) -> Callable[..., _State]:
    """Compile one step of Adam."""
    keep, keep_square, tiny = _MOMENTS

    def loss(parameters: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(network(parameters, x) - y).mean()

    def step(state: _State, rows: tuple[jax.Array, jax.Array], rate: float, number: int) -> _State:
        parameters, first, second = state
        slope = jax.grad(loss)(parameters, *rows)
        first = {name: keep * first[name] + (1.0 - keep) * slope[name] for name in slope}
        second = {name: keep_square * second[name] + (1.0 - keep_square) * slope[name] ** 2 for name in slope}
        moved = {}
        for name, value in parameters.items():
            mean = first[name] / (1.0 - keep**number)
            square = second[name] / (1.0 - keep_square**number)
            moved[name] = value - rate * (mean / (jnp.sqrt(square) + tiny) + DECAY * value)
        return moved, first, second

    compiled: Callable[..., _State] = jax.jit(step)
    return compiled
