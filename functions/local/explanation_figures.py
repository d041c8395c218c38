"""Time explanations of what a run decided, as the explain service makes them: from the folder's logs."""

import pathlib
import random
import time
from collections.abc import Mapping
from typing import Final

from functions.local.figures import quantiles
from functions.local.log import find
from functions.runtime import settings
from functions.services.explain import main as explain
from functions.wire.codecs.signals import SIGNAL

SEED: Final = 20261122
ANSWERS_MAX: Final = 200


async def measured(folder: pathlib.Path, environ: Mapping[str, str]) -> dict[str, float]:
    """Have signals explained, drawn evenly, each once; give their number, p50 and p99, milliseconds on the clock.

    The newest is asked for before, and is not counted: the first question folds all that the run had stored, later ones
    what came since.

    Args:
        folder: A platform's folder; the platform has ended.
        environ: Settings that it ran with.

    Returns:
        `count`, `p50_ms` and `p99_ms`; a count of 0 where nothing was decided.
    """
    ids = [event.id for _, _, event in find(folder / "log" / "desk.sqlite", where="type=?", values=(SIGNAL,))]
    if not ids:
        return {"count": 0, "p50_ms": 0.0, "p99_ms": 0.0}
    told = {**environ, "TICKLOOM_EXPLAIN_HISTORY": explain.FOLDER, "TICKLOOM_EXPLAIN_FOLDER": str(folder)}
    explaining = explain.explaining(settings.load(explain.Settings, settings.share(explain.Settings, told)))
    draw = random.Random(SEED)  # noqa: S311 - which are asked for, the same each time
    taken = []
    try:
        await explaining.explain(ids[-1])
        for one in draw.sample(ids, min(ANSWERS_MAX, len(ids))):
            began = time.perf_counter()
            await explaining.explain(one)
            taken.append((time.perf_counter() - began) * 1e3)
    finally:
        await explaining.close()
    p50, p99 = quantiles(taken)
    return {"count": len(taken), "p50_ms": p50, "p99_ms": p99}
