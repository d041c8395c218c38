"""Answer a FeatureBatch with the PredictionBatch of its rows."""

from dataclasses import dataclass

from functions.domain.predictions import predict_batch
from functions.handlers.infer import CARD
from functions.ports.inference import Inference
from functions.wire import facts
from functions.wire.codecs.features import read_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch, read_prediction_batch
from functions.wire.envelope import Event


@dataclass(frozen=True, slots=True)
class Deps:
    """What the handler needs: who scores, and which features travel on to those who decide."""

    inference: Inference
    features: tuple[str, ...]


async def handle(event: Event, *, deps: Deps) -> Event | None:
    """Score every row; an empty batch and the end of a tape are answered too.

    Raises:
        Malformed: The event is no readable FeatureBatch.
    """
    batch = read_feature_batch(event.data or b"")
    outputs = await deps.inference.predict(batch.columns)
    answer = predict_batch(batch, outputs, deps.features)
    return facts.reply(
        event,
        name=CARD.name,
        version=CARD.version,
        message_type=PREDICTION_BATCH,
        data=read_prediction_batch.remember(encode_prediction_batch(answer), answer),
        time_ns=None,
    )
