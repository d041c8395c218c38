"""`infer` answers every feature batch, with or without models, and equal events get equal bytes."""

import numpy as np
import pytest
from scored import Row, features_of

from functions.adapters.inference_client import InferenceClient
from functions.adapters.inference_memory import MemoryInference
from functions.domain.market import FeatureBatch, FeatureColumns, ModelOutput
from functions.domain.strategy import Strategy
from functions.handlers.infer.handler import Deps, handle
from functions.handlers.infer.main import Settings, compose
from functions.wire import facts
from functions.wire.codecs.features import FEATURE_BATCH, encode_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, decode_prediction_batch
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

ROWS = [Row(features={"rsi_14": 25.0, "vwap": 6.0, "atr_14": 3.0}), Row(bar=101, features={"rsi_14": 30.0})]


class Constant:
    """Score every row the same."""

    def score(self, columns: FeatureColumns) -> ModelOutput:
        """Answer 0.5."""
        rows = columns.row_count
        return ModelOutput("anomaly", "1", np.full(rows, 0.5), np.ones(rows, np.uint8), 0.6)


DEPS = Deps(inference=MemoryInference([Constant()]), features=("atr_14", "rsi_14", "no_such_feature"))


def event_of(batch: FeatureBatch, number: int = 3) -> Event:
    """Make what the features table would emit."""
    source = facts.source_of("tables", "features", "BINANCE-0.replay")
    return Event(
        id=facts.batch_id(source, number),
        source=source,
        type=FEATURE_BATCH,
        data=encode_feature_batch(batch),
        time_ns=42,
        extensions={"sequence": facts.sequence_text(number), "partitionkey": "BINANCE-0"},
    )


async def test_reply() -> None:
    """The reply copies sequence and stream of its cause and carries rows, chosen features and scores."""
    cause = event_of(features_of(ROWS))
    event = await handle(cause, deps=DEPS)
    assert event is not None
    assert (event.source, event.type) == ("/tickloom/handlers/infer/BINANCE-0.replay", PREDICTION_BATCH)
    assert (event.id, event.time_ns) == (facts.batch_id(event.source, 3), 42)
    assert event.extensions["causationid"] == cause.id
    batch = decode_prediction_batch(event.data or b"")
    assert batch.columns.names == ("atr_14", "rsi_14")
    assert batch.columns.values.tolist() == [[3.0, 25.0], [0.0, 30.0]]
    assert batch.columns.states.tolist() == [[1, 1], [0, 1]]
    assert batch.outputs[0].scores.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("end_of_tape", [True, False])
async def test_empty_batch_is_answered(end_of_tape: bool) -> None:  # noqa: FBT001 - a pytest parameter
    """A batch without rows, also the end of the tape, gets its reply: the sequence has no hole."""
    event = await handle(event_of(features_of([], end_of_tape=end_of_tape)), deps=DEPS)
    assert event is not None
    batch = decode_prediction_batch(event.data or b"")
    assert (batch.end_of_tape, batch.columns.row_count, batch.shard) == (end_of_tape, 0, "BINANCE-0")


async def test_same_event_twice() -> None:
    """The same event gives the same reply, byte for byte."""
    cause = event_of(features_of(ROWS))
    assert await handle(cause, deps=DEPS) == await handle(cause, deps=DEPS)


async def test_degraded_is_no_error() -> None:
    """With the service down the reply comes, says so, and is the same when asked again."""
    deps = Deps(InferenceClient("127.0.0.1:1", ("anomaly",), deadline_ms=50), Settings().infer_features)
    cause = event_of(features_of(ROWS))
    event, again = await handle(cause, deps=deps), await handle(cause, deps=deps)
    await deps.inference.close()  # type: ignore[attr-defined]
    assert event == again
    assert event is not None
    (output,) = decode_prediction_batch(event.data or b"").outputs
    assert (output.model, output.degraded, output.degraded_reason) == ("anomaly", True, "no answer within 50 ms")


@pytest.mark.parametrize("data", [None, b"", b"\xff\xff"])
async def test_unreadable(data: bytes | None) -> None:
    """An event without readable bytes is malformed."""
    with pytest.raises(Malformed):
        await handle(Event("1", "/a/b", FEATURE_BATCH, data=data), deps=DEPS)


def test_features_cover_the_rules() -> None:
    """What travels on by default is what the default strategy weighs, and more only for models."""
    assert set(Strategy().features) <= set(Settings().infer_features)


async def test_compose_opens_nothing() -> None:
    """Composing and closing needs no service."""
    hosted = compose(Settings(inference_target="127.0.0.1:1"))
    await hosted.close()
    assert hosted.card.calls == ("inference",)


@pytest.mark.parametrize("deadline_ms", [0, -5])
def test_no_time_to_answer(deadline_ms: int) -> None:
    """A deadline that no answer meets stops the start: every answer would be degraded, and nothing heard."""
    with pytest.raises(ValueError, match="inference_deadline_ms must be at least 1"):
        Settings(inference_deadline_ms=deadline_ms)
