"""Make the logs of a run whose signals can be explained, and explain them in process."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scored import SHARD, Row, features_of

from functions.adapters.onnx import load_model
from functions.domain.decisions import Signal
from functions.domain.explain import alone
from functions.domain.explanation import Explanation
from functions.domain.market import FeatureBatch
from functions.domain.predictions import predict_batch
from functions.handlers.infer.main import Settings as InferSettings
from functions.local.log import DiskLog, find
from functions.models import anomaly
from functions.runtime import settings
from functions.services.explain.main import Settings, explaining
from functions.tables.signals.main import Settings as TableSettings
from functions.tables.signals.main import compose
from functions.wire.codecs.features import FEATURE_BATCH, encode_feature_batch
from functions.wire.codecs.predictions import PREDICTION_BATCH, encode_prediction_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.facts import sequence_text

ROWS = 60
ENVIRON: Mapping[str, str] = {"TICKLOOM_SIGNALS_COOLDOWN_BARS": "2"}
"""The settings by which a run was decided."""


def features(seed: int, rows: int) -> FeatureBatch:
    """Make up rows with all features that decide, some of them far out."""
    rng = np.random.default_rng(seed)
    made = []
    for bar in range(rows):
        z = rng.normal(0, 1.8)
        made.append(
            Row(
                bar + 100,
                {
                    "return_1": rng.normal(0, 1e-3),
                    "range_bps": abs(rng.normal(8, 6)),
                    "rsi_14": float(np.clip(50 + 13 * z + rng.normal(0, 5), 1, 99)),
                    "bb_percent": 0.5 + z / 4 + rng.normal(0, 0.1),
                    "zscore_20": z,
                    "volume_zscore_20": rng.normal(0, 2),
                    "macd_hist": rng.normal(0, 20),
                    "sma_20": 60_000.0,
                    "atr_14": 40 + abs(rng.normal(0, 20)),
                },
            )
        )
    return features_of(made)


def event(type_: str, source: str, number: int, data: bytes, *, cause: str = "") -> Event:
    """Make an event of the shard, named by its source's name and its number."""
    more = {"causationid": cause} if cause else {}
    id_ = f"{source.split('/')[3]}-{number}"
    return Event(
        id_, source, type_, data, extensions={"sequence": sequence_text(number), "partitionkey": SHARD, **more}
    )


def make_run(folder: Path) -> None:
    """Write the logs of a run: features, the shipped model's predictions, and the table's signals."""
    batch, model = features(7, ROWS), load_model(anomaly.FOLDER)
    table = compose(TableSettings(signals_cooldown_bars=2)).fold
    state = table.start("desk")
    with (
        contextlib.closing(DiskLog(folder / "log" / "market.sqlite")) as market,
        contextlib.closing(DiskLog(folder / "log" / "desk.sqlite")) as desk,
    ):
        for number in range(ROWS):
            one = FeatureBatch(SHARD, alone(batch.columns, number))
            known = event(FEATURE_BATCH, f"/tickloom/tables/features/{SHARD}", number, encode_feature_batch(one))
            market.append(known)
            answer = predict_batch(one, (model.score(one.columns),), InferSettings().infer_features)
            data, source = encode_prediction_batch(answer), f"/tickloom/handlers/infer/{SHARD}"
            scored = event(PREDICTION_BATCH, source, number, data, cause=known.id)
            desk.append(scored)
            state, told = table.fold(state, scored)
            for signal in told:
                desk.append(signal)


def signals(folder: Path) -> list[Signal]:
    """Read the signals of a folder, oldest first."""
    found = find(folder / "log" / "desk.sqlite", where="type = ?", values=(SIGNAL,))
    return [decode_signal(one.data or b"") for _, _, one in found]


def own_settings(folder: Path, environ: Mapping[str, str] = ENVIRON) -> Settings:
    """Read the service's settings from an environment, over a folder's logs."""
    place = {"TICKLOOM_EXPLAIN_HISTORY": "folder", "TICKLOOM_EXPLAIN_FOLDER": str(folder)}
    return settings.load(Settings, {**environ, **place})


def explain_all(folder: Path, ids: Sequence[str], environ: Mapping[str, str] = ENVIRON) -> list[Explanation]:
    """Explain signals one after the other, as one warm service does."""

    async def ask() -> list[Explanation]:
        asked = explaining(own_settings(folder, environ))
        try:
            return [await asked.explain(id_) for id_ in ids]
        finally:
            await asked.close()

    return asyncio.run(ask())


def explain(folder: Path, id_: str, environ: Mapping[str, str] = ENVIRON) -> Explanation:
    """Explain one signal, from nothing."""
    (told,) = explain_all(folder, [id_], environ)
    return told
