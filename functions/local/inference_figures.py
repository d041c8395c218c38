"""Time the shipped anomaly model: a plain onnxruntime session, our scoring around it in process, and both over gRPC."""

import itertools
import pathlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec
import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # it ships no types

from functions.adapters.inference_client import InferenceClient
from functions.adapters.model_registry import Serving, promote, register
from functions.adapters.onnx import load_model
from functions.domain.market import STATE_VALID, FeatureColumns, InstrumentRef
from functions.local.figures import Figure, quantiles
from functions.local.window_samples import CROWD
from functions.models.anomaly import FOLDER, GOLDEN, Golden

ROWS: Final = (1, CROWD)
ANSWER_MS: Final = 30_000

_US: Final = 1e6


def in_process(calls: int) -> Iterator[Figure]:
    """Time a plain session and our model on the same rows, call by call, in turns of a whole round each."""
    model = load_model(FOLDER)
    plain = onnxruntime.InferenceSession(str(FOLDER / model.manifest.file), _one_thread())
    for rows in ROWS:
        columns = golden_columns(rows)
        assert model.score(columns).states.all()  # noqa: S101 - else the model would not have been asked
        bare = partial(plain.run, ["scores"], {"features": columns.values})
        bars = ("1000", "200") if rows == CROWD else ("", "")
        yield from _figures(f"inference: {_said(rows)}, plain onnxruntime", _each(calls, bare))
        yield from _figures(f"inference: {_said(rows)} in process", _each(calls, partial(model.score, columns)), *bars)


async def over_grpc(target: str, calls: int) -> list[Figure]:
    """Time calls of a service that has the same model, one after the other.

    Args:
        target: Its address, `host:port`.
        calls: Calls of each size; a tenth as many go before.
    """
    client = InferenceClient(target, (FOLDER.name,), deadline_ms=ANSWER_MS)
    found: list[Figure] = []
    try:
        for rows in ROWS:
            columns = golden_columns(rows)
            taken = []
            for number in range(calls + calls // 10 + 1):
                began = time.perf_counter()
                (output,) = await client.predict(columns)
                assert not output.degraded, output.degraded_reason  # noqa: S101 - else nothing was scored
                if number > calls // 10:
                    taken.append(time.perf_counter() - began)
            found += _figures(f"inference: {_said(rows)} over gRPC", taken)
    finally:
        await client.close()
    return found


def registry(root: pathlib.Path) -> pathlib.Path:
    """Make a registry in which nothing but this model is asked; give its folder."""
    place = register(FOLDER, root)
    promote(root, FOLDER.name, Serving(champion=place.name))
    return root


def golden_columns(rows: int) -> FeatureColumns:
    """Lay the model's golden rows out as features, over and over."""
    golden = msgspec.json.decode((FOLDER / GOLDEN).read_bytes(), type=Golden)
    values = np.array(list(itertools.islice(itertools.cycle(golden.rows), rows)))
    number, flags = np.zeros(rows, np.int64), np.zeros(rows, np.uint8)
    small, minute = np.zeros(rows, np.int32), np.full(rows, 60, np.int32)
    return FeatureColumns(
        instruments=(InstrumentRef("ETH-USDT.BINANCE", -2, -4),),
        instrument=np.zeros(rows, np.uint16),
        interval_s=minute,
        start_ns=number,
        bar_revision=small,
        close=number,
        bid_price=number,
        bid_size=number,
        ask_price=number,
        ask_size=number,
        flags=flags,
        names=golden.features,
        values=values,
        states=np.full(values.shape, STATE_VALID, np.uint8),
    )


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


def _said(rows: int) -> str:
    return f"{rows} row{'s' * (rows > 1)}"


def _figures(name: str, taken: list[float], must: str = "", goal: str = "") -> list[Figure]:
    p50, p99 = quantiles(taken)
    return [Figure(f"{name}, p50", p50 * _US, "us"), Figure(f"{name}, p99", p99 * _US, "us", must, goal)]


def _each(calls: int, work: Callable[[], object]) -> list[float]:
    """Time every one of many calls, seconds; a tenth as many go before."""
    for _ in range(calls // 10 + 1):
        work()
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken
