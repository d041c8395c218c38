"""Write model answers as `tickloom.inference.v1` messages and read them back; scores are checked here."""

from collections.abc import Iterable
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import numpy as np
from tickloom.inference.v1 import prediction_pb2

from functions.domain.market import STATE_VALID, FeatureColumns, ModelOutput, PredictionBatch
from functions.wire.codecs.columns import F8, U1, unpack
from functions.wire.codecs.features import COLUMNS, columns_bytes, columns_value, feature_bytes
from functions.wire.codecs.messages import parse_named, refuse, varint
from functions.wire.codecs.once import Once

PREDICTION_BATCH: Final = "tickloom.inference.v1.PredictionBatch"
_FIRST: Final = b"\x0a"
"""Tag of field 1, where it is a message."""

NAMES_MAX: Final = 256
"""Sets of figures' names that are known to be good; a process sees one for each model."""


def encode_prediction_batch(value: PredictionBatch) -> bytes:
    """Write a batch; equal batches give equal bytes."""
    columns = columns_bytes(value.columns)
    head = prediction_pb2.PredictionBatch(shard=value.shard).SerializeToString()
    rest = prediction_pb2.PredictionBatch(
        outputs=[output_fields(output) for output in value.outputs], end_of_tape=value.end_of_tape
    )
    return b"".join((head, COLUMNS, varint(len(columns)), columns, rest.SerializeToString()))


def decode_prediction_batch(data: bytes) -> PredictionBatch:
    """Read a batch.

    Raises:
        Malformed: The bytes are no PredictionBatch, name no shard, or the columns do not fit each other.
    """
    message = parse_named(prediction_pb2.PredictionBatch, data)
    columns = columns_value(message.columns)
    return PredictionBatch(
        shard=message.shard,
        columns=columns,
        outputs=tuple(output_values(message.outputs, columns.row_count)),
        end_of_tape=message.end_of_tape,
    )


read_prediction_batch: Final = Once(decode_prediction_batch)
"""Read a batch that this process may have written."""


def encode_predict_each(asked: Iterable[FeatureColumns]) -> bytes:
    """Write a PredictEachRequest: for each columns a PredictRequest that has nothing else."""
    written = map(feature_bytes, asked)
    requests = [b"".join((_FIRST, varint(len(columns)), columns)) for columns in written]
    return b"".join([part for one in requests for part in (_FIRST, varint(len(one)), one)])


def output_fields(value: ModelOutput) -> dict[str, Any]:
    """Write one model's answer as fields by name, for the message that carries it."""
    return {
        "model": value.model,
        "version": value.version,
        "scores": value.scores.astype(F8, copy=False).tobytes(),
        "states": value.states.astype(U1, copy=False).tobytes(),
        "threshold": value.threshold,
        "degraded": value.degraded,
        "degraded_reason": value.degraded_reason,
        "names": value.names,
        "values": value.values.astype(F8, copy=False).tobytes(),
        "shadow": value.shadow,
    }


def output_values(messages: Iterable[prediction_pb2.ModelOutput], rows: int) -> list[ModelOutput]:
    """Read the answers of models for `rows` rows.

    Raises:
        Malformed: A column's length, a state or a number is impossible, a figure has no name or another's, or figures
            stand where nothing was scored.
    """
    outputs = [_output(message, rows) for message in messages]
    numbers = b"".join([column for output in outputs for column in (output.scores.data, output.values.data)])
    finite = False not in np.isfinite(np.frombuffer(numbers, F8)).tobytes()
    for output in outputs:
        if not (finite and _is_plain(output)):
            _check(output)
    return outputs


def _output(message: prediction_pb2.ModelOutput, rows: int) -> ModelOutput:
    names = tuple(message.names[:])
    return ModelOutput(
        message.model,
        message.version,
        unpack("scores", message.scores, F8, rows),
        unpack("states", message.states, U1, rows),
        message.threshold,
        message.degraded,
        message.degraded_reason,
        names,
        unpack("values", message.values, F8, rows * len(names)).reshape(rows, len(names)),
        message.shadow,
    )


def _is_plain(output: ModelOutput) -> bool:
    """Say at once that nothing but its numbers can be wrong with an answer that has scores for all rows."""
    states = output.states.tobytes()
    whole = states.count(STATE_VALID) == len(states)
    return whole and not output.degraded and isfinite(output.threshold) and _are_named(output.names)


def _check(output: ModelOutput) -> None:
    """Raise Malformed for whatever no model answer can be."""
    scores, states = output.scores.tolist(), output.states.tobytes()
    whole = states.count(STATE_VALID) == len(states)
    faults = {
        "a state is unknown": max(states, default=0) > STATE_VALID,
        "a score is not finite": not all(map(isfinite, scores)),
        "the threshold is not finite": not isfinite(output.threshold),
        "a score stands where none exists": not whole
        and any(score for score, state in zip(scores, states, strict=True) if state != STATE_VALID),
        "a degraded answer carries scores": output.degraded and any(states),
        "figures share a name or have none": not _are_named(output.names),
        "a figure is not finite": not np.isfinite(output.values).all(),
        "a figure stands where none exists": not whole and bool(output.values[output.states != STATE_VALID].any()),
    }
    refuse(f"the answer of model {output.model!r}", faults)


@lru_cache(maxsize=NAMES_MAX)
def _are_named(names: tuple[str, ...]) -> bool:
    """Tell whether all figures have names of their own."""
    return len({*names} - {""}) == len(names)
