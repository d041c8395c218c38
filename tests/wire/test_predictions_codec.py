"""Model answers survive the wire bit for bit, and impossible ones are refused."""

import numpy as np
import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scored import Row, output_of, predictions_of
from tickloom.inference.v1 import prediction_pb2

from functions.domain.market import ModelOutput
from functions.wire.codecs.predictions import decode_prediction_batch, encode_prediction_batch
from functions.wire.errors import Malformed

ROW = Row(features={"rsi_14": 30.0})


@st.composite
def model_outputs(draw: st.DrawFn) -> ModelOutput:
    """Draw any answer for three rows."""
    is_degraded = draw(st.booleans())
    states = np.zeros(3, np.uint8) if is_degraded else draw(hnp.arrays(np.uint8, 3, elements=st.integers(0, 1)))
    finite = st.floats(allow_nan=False, allow_infinity=False)
    names = tuple(draw(st.lists(st.text(min_size=1, max_size=4), max_size=2, unique=True)))
    figures = draw(hnp.arrays(np.float64, (3, len(names)), elements=finite))
    return ModelOutput(
        model=draw(st.text(max_size=8)),
        version=draw(st.text(max_size=8)),
        scores=np.where(states == 1, draw(hnp.arrays(np.float64, 3, elements=finite)), 0.0),
        states=states,
        threshold=draw(finite),
        degraded=is_degraded,
        degraded_reason=draw(st.text(max_size=20)),
        names=names,
        values=np.where(states[:, None] == 1, figures, 0.0),
        shadow=draw(st.booleans()),
    )


@given(st.lists(model_outputs(), max_size=3))
@settings(max_examples=examples(500), deadline=None)
def test_round_trip(outputs: list[ModelOutput]) -> None:
    """What is decoded is what was encoded, and encodes to the same bytes."""
    data = encode_prediction_batch(predictions_of([ROW] * 3, tuple(outputs)))
    read = decode_prediction_batch(data)
    assert [(o.model, o.version, o.threshold, o.degraded, o.degraded_reason) for o in read.outputs] == [
        (o.model, o.version, o.threshold, o.degraded, o.degraded_reason) for o in outputs
    ]
    assert [(o.names, o.shadow) for o in read.outputs] == [(o.names, o.shadow) for o in outputs]
    assert [o.scores.tobytes() + o.states.tobytes() + o.values.tobytes() for o in read.outputs] == [
        o.scores.tobytes() + o.states.tobytes() + o.values.tobytes() for o in outputs
    ]
    assert encode_prediction_batch(read) == data


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"scores": b""}, "column scores has 0 bytes"),
        ({"states": b"\x02"}, "a state is unknown"),
        ({"scores": np.array([np.nan]).tobytes()}, "a score is not finite"),
        ({"threshold": np.inf}, "the threshold is not finite"),
        ({"states": b"\x00"}, "a score stands where none exists"),
        ({"degraded": True}, "a degraded answer carries scores"),
        ({"values": bytes(4)}, "column values has 4 bytes"),
        ({"names": ["up", "up"], "values": bytes(16)}, "figures share a name or have none"),
        ({"names": [""], "values": bytes(8)}, "figures share a name or have none"),
        ({"names": ["up"], "values": np.array([np.inf]).tobytes()}, "a figure is not finite"),
        (
            {"names": ["up"], "values": np.array([1.0]).tobytes(), "states": b"\0", "scores": bytes(8)},
            "a figure stands",
        ),
    ],
)
def test_impossible_answers(change: dict[str, object], found: str) -> None:
    """An answer that cannot be is refused, and the message says what was found."""
    data = encode_prediction_batch(predictions_of([ROW], (output_of(0.5),)))
    message = prediction_pb2.PredictionBatch.FromString(data)
    for name, value in change.items():
        if isinstance(value, list):
            message.outputs[0].names.extend(value)
        else:
            setattr(message.outputs[0], name, value)
    with pytest.raises(Malformed, match=found):
        decode_prediction_batch(message.SerializeToString())


@given(st.binary(max_size=200))
@settings(max_examples=examples(2000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or refused as malformed, and nothing else happens."""
    try:
        decode_prediction_batch(data)
    except Malformed:
        return
