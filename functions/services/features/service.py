"""Serve `FeaturesService`: request, read, response."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeAlias

import grpc.aio
import numpy as np
from tickloom.features.v1 import service_pb2, service_pb2_grpc

from functions.domain import verdicts
from functions.domain.features import FeatureRow, PointInTime, all_names
from functions.domain.money import scaled
from functions.services.features.registry import listed
from functions.services.features.store import Answer, FeatureStore, Moved, Wanted
from functions.wire.codecs import feature_store as codec
from functions.wire.codecs.columns import I4
from functions.wire.errors import Malformed

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # a servicer's methods share what they do with it

INDICATORS: Final = ("rsi", "macd", "bb", "sma", "ema")


class FeaturesServicer(service_pb2_grpc.FeaturesServiceServicer):
    """Answer from a store; who gives no time is given the service's."""

    def __init__(self, store: FeatureStore, *, now_ns: Callable[[], int]) -> None:
        """Answer from this store; `now_ns` is read where a request has no time."""
        self._store = store
        self._now_ns = now_ns

    async def GetFeatures(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetFeaturesRequest, context: Context
    ) -> service_pb2.GetFeaturesResponse:
        """Give the newest features."""
        del context
        keys = codec.keys_value(request.instrument_ids, request.intervals_s)
        names, told_ns = codec.names_value(request.names), codec.told_against_value(request.as_of_ns)
        as_of_ns = told_ns or self._now_ns()
        answers = await self._store.latest(
            keys, known_by_ns=told_ns, fall_back_ns=as_of_ns if request.offline_fallback else 0
        )
        names = names or all_names([one.row for one in answers])
        return service_pb2.GetFeaturesResponse(
            names=names, vectors=_vectors(answers, names, as_of_ns), as_of_ns=as_of_ns
        )

    async def GetFeaturesAsOf(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetFeaturesAsOfRequest, context: Context
    ) -> service_pb2.GetFeaturesAsOfResponse:
        """Give what was known at a time."""
        del context
        keys = codec.keys_value(request.instrument_ids, request.intervals_s)
        names, as_of_ns = codec.names_value(request.names), codec.as_of_value(request.as_of_ns)
        answers = await self._store.as_of([PointInTime(key, as_of_ns) for key in keys])
        names = names or all_names([one.row for one in answers])
        return service_pb2.GetFeaturesAsOfResponse(names=names, vectors=_vectors(answers, names, as_of_ns))

    async def GetTrainingSet(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetTrainingSetRequest, context: Context
    ) -> service_pb2.GetTrainingSetResponse:
        """Give what was known at each of many points."""
        del context
        points, names = codec.points_value(request), codec.names_value(request.names)
        codec.check_cells(len(points), names or [one.name for _, one in listed()])  # before many rows are read
        rows = [one.row for one in await self._store.as_of(points)]
        names = names or all_names(rows)
        codec.check_cells(len(rows), names)
        return codec.training_set_message(rows, names)

    async def StreamFeatures(  # noqa: N802 - the name of the contract
        self, request: service_pb2.StreamFeaturesRequest, context: Context
    ) -> AsyncIterator[service_pb2.StreamFeaturesResponse]:
        """Send features as they move."""
        del context
        wanted = Wanted(*codec.series_value(request.instrument_ids, request.intervals_s))
        names, cursor = codec.names_value(request.names), codec.cursor_value(request.cursor)
        async for moved in self._store.follow(wanted, cursor):
            yield _moved_message(moved, names)

    async def ListFeatures(  # noqa: N802 - the name of the contract
        self, request: service_pb2.ListFeaturesRequest, context: Context
    ) -> service_pb2.ListFeaturesResponse:
        """Tell what features there are."""
        del context
        features = [codec.feature_message(family, one) for family, one in listed(request.family)]
        return service_pb2.ListFeaturesResponse(features=features)

    async def GetIndicators(  # noqa: N802 - the name of the contract
        self, request: service_pb2.GetIndicatorsRequest, context: Context
    ) -> service_pb2.GetIndicatorsResponse:
        """Give indicators with their verdicts."""
        del context
        (key,) = codec.keys_value([request.instrument_id], [request.interval_s])
        if unknown := sorted(set(request.indicators).difference(INDICATORS)):
            detail = f"indicators {unknown[:8]} are unknown; there are {', '.join(INDICATORS)}"
            raise Malformed(detail)
        told_ns = codec.told_against_value(request.as_of_ns)
        (answer,) = await self._store.latest([key], known_by_ns=told_ns, fall_back_ns=0)
        as_of_ns = told_ns or self._now_ns()
        message = codec.indicators_message(key, answer.presence, answer.row, as_of_ns=as_of_ns)
        if answer.row is not None:
            _fill(message, answer.row, request.indicators or INDICATORS)
        return message


def _vectors(answers: Sequence[Answer], names: tuple[str, ...], as_of_ns: int) -> list[service_pb2.FeatureVector]:
    codec.check_cells(len(answers), names)
    return [
        codec.vector_message(one.key, one.presence, one.row, names=names, as_of_ns=as_of_ns, offline=one.offline)
        for one in answers
    ]


def _moved_message(moved: Moved, names: tuple[str, ...]) -> service_pb2.StreamFeaturesResponse:
    names = names or all_names([one.row for one in moved.answers])
    return service_pb2.StreamFeaturesResponse(
        names=names,
        vectors=_vectors(moved.answers, names, 0),
        conflated=np.array(moved.conflated, I4).tobytes(),
        cursor=moved.cursor,
        snapshot=moved.snapshot,
    )


def _fill(message: service_pb2.GetIndicatorsResponse, row: FeatureRow, wanted: Sequence[str]) -> None:
    close = float(scaled(row.close, row.price_exponent))
    if "rsi" in wanted:
        message.rsi.CopyFrom(codec.rsi_message(verdicts.rsi(row)))
    if "macd" in wanted:
        message.macd.CopyFrom(codec.macd_message(verdicts.macd(row, close)))
    if "bb" in wanted:
        message.bb.CopyFrom(codec.bollinger_message(verdicts.bollinger(row, close)))
    if "sma" in wanted:
        message.sma.CopyFrom(codec.average_message(verdicts.sma(row, close)))
    if "ema" in wanted:
        message.ema.CopyFrom(codec.average_message(verdicts.ema(row, close)))
