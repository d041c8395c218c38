"""Train the Transformer forecast, then what all forecasts do.

Run as `tickloom train forecast_transformer`, with the extra `train` installed. What the figures mean, and what they do
not, stands in `card.md`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jax
import jax.numpy as jnp

from functions.domain.evaluation import Line
from functions.domain.market import Float64
from functions.models.forecast_transformer import BATCH, FOLDER, NAME
from functions.models.forecast_transformer.export import EPSILON, HEADS, INNER, PATCH, TOKENS, WIDTH, body
from functions.models.forecasting import HORIZONS, neural
from functions.models.forecasting.evaluating import evaluate_file
from functions.models.forecasting.graph import Body
from functions.models.forecasting.series import market
from functions.models.forecasting.training import walk, write

SEED: Final = 20240105
SHAPES: Final[neural.Shapes] = {
    "embed": (PATCH, WIDTH),
    "place": (TOKENS, WIDTH),
    **dict.fromkeys(("query", "key", "value", "join"), (WIDTH, WIDTH)),
    "inner": (WIDTH, INNER),
    "inner_bias": (INNER,),
    "outer": (INNER, WIDTH),
    "outer_bias": (WIDTH,),
    **{f"{name}{number}": (WIDTH,) for number in (1, 2, 3) for name in ("norm", "shift")},
    "out": (WIDTH, len(HORIZONS)),
    "offset": (len(HORIZONS),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Attentive:
    """Hold a fitted network."""

    parameters: neural.Parameters

    def predict(self, inputs: Float64) -> Float64:
        """Forecast (n, 3) as JAX does."""
        return neural.predict(network, self.parameters, inputs)

    def body(self) -> Body:
        """Write the network as a graph."""
        return body(neural.weights(self.parameters))


def network(parameters: neural.Parameters, inputs: jax.Array) -> jax.Array:
    """Embed eight patches of four returns, attend, and read the mean of what comes out.

    Source:
        Vaswani et al., NeurIPS 2017, norms first (Xiong et al., ICML 2020); patches as Nie et al., ICLR 2023.
    """
    tokens = inputs.reshape(-1, TOKENS, PATCH) @ parameters["embed"] + parameters["place"]
    tokens = tokens + _attend(parameters, _norm(parameters, tokens, 1))
    inner = jax.nn.relu(_norm(parameters, tokens, 2) @ parameters["inner"] + parameters["inner_bias"])
    tokens = tokens + inner @ parameters["outer"] + parameters["outer_bias"]
    return _norm(parameters, tokens, 3).mean(axis=1) @ parameters["out"] + parameters["offset"]


def fit(inputs: Float64, outcomes: Float64, *, steps: int = neural.STEPS) -> Attentive:
    """Fit on scaled returns (n, 32) and outcomes (n, 3)."""
    return Attentive(neural.fit(network, SHAPES, (inputs, outcomes), seed=SEED, steps=steps))


def train(data: Path | None, out: Path) -> None:
    """Train on simulated bars or those of a file, walking forward, and write everything but the card."""
    bars = market(data)
    write(NAME, out, bars, walk(NAME, fit, bars), batch=BATCH)


def evaluate(data: Path | None, folder: Path = FOLDER) -> tuple[Line, ...]:
    """Measure the model file in a folder on rows it was not trained on."""
    return evaluate_file(folder, data)


def _attend(parameters: neural.Parameters, tokens: jax.Array) -> jax.Array:
    query, key, value = (
        (tokens @ parameters[name]).reshape(-1, TOKENS, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
        for name in ("query", "key", "value")
    )
    attention = jax.nn.softmax(query @ key.transpose(0, 1, 3, 2) / jnp.sqrt(WIDTH // HEADS), axis=-1)
    return (attention @ value).transpose(0, 2, 1, 3).reshape(-1, TOKENS, WIDTH) @ parameters["join"]


def _norm(parameters: neural.Parameters, tokens: jax.Array, number: int) -> jax.Array:
    """Scale tokens to mean 0 and variance 1, then by a scale held as its distance from 1, and shift them."""
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    unit = centred / jnp.sqrt(jnp.square(centred).mean(axis=-1, keepdims=True) + EPSILON)
    return unit * (1.0 + parameters[f"norm{number}"]) + parameters[f"shift{number}"]
