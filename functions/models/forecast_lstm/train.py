"""Train the LSTM forecast, then what all forecasts do.

Run as `tickloom train forecast_lstm`, with the extra `train` installed. What the figures mean, and what they do not,
stands in `card.md`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jax
import jax.numpy as jnp

from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.forecast_lstm import BATCH, FOLDER, NAME
from functions.models.forecast_lstm.export import HIDDEN, body
from functions.models.forecasting import HORIZONS, neural
from functions.models.forecasting.evaluating import evaluate_file
from functions.models.forecasting.graph import Body
from functions.models.forecasting.series import market
from functions.models.forecasting.training import walk, write

SEED: Final = 20240104
SHAPES: Final[neural.Shapes] = {
    "into": (1, 4 * HIDDEN),
    "again": (HIDDEN, 4 * HIDDEN),
    "bias": (4 * HIDDEN,),
    "out": (HIDDEN, len(HORIZONS)),
    "offset": (len(HORIZONS),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Recurrent:
    """Hold a fitted network."""

    parameters: neural.Parameters

    def predict(self, inputs: Float64) -> Float64:
        """Forecast (n, 3) as JAX does."""
        return neural.predict(network, self.parameters, inputs)

    def body(self) -> Body:
        """Write the network as a graph."""
        return body(neural.weights(self.parameters))


def network(parameters: neural.Parameters, inputs: jax.Array) -> jax.Array:
    """Run the cell over 32 steps and read its last state.

    Source:
        Hochreiter, Schmidhuber, Neural Computation 9 (1997); with the forget gate of Gers et al. (2000).
    """

    def cell(state: tuple[jax.Array, jax.Array], step: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
        hidden, memory = state
        gates = step[:, None] @ parameters["into"] + hidden @ parameters["again"] + parameters["bias"]
        let_in, let_out, keep, new = jnp.split(gates, 4, axis=1)
        memory = jax.nn.sigmoid(keep) * memory + jax.nn.sigmoid(let_in) * jnp.tanh(new)
        return (jax.nn.sigmoid(let_out) * jnp.tanh(memory), memory), None

    zero = jnp.zeros((inputs.shape[0], HIDDEN), dtype=jnp.float32)
    (hidden, _), _ = jax.lax.scan(cell, (zero, zero), inputs.T)
    return hidden @ parameters["out"] + parameters["offset"]


def fit(inputs: Float64, outcomes: Float64, *, steps: int = neural.STEPS) -> Recurrent:
    """Fit on scaled returns (n, 32) and outcomes (n, 3)."""
    return Recurrent(neural.fit(network, SHAPES, (inputs, outcomes), seed=SEED, steps=steps))


def train(data: Path | None, out: Path) -> None:
    """Train on simulated bars or those of a file, walking forward, and write everything but the card."""
    bars = market(data)
    write(NAME, out, bars, walk(NAME, fit, bars), batch=BATCH)


def evaluate(data: Path | None, folder: Path = FOLDER) -> tuple[Line, ...]:
    """Measure the model file in a folder on rows it was not trained on."""
    return evaluate_file(folder, data)
