"""Model files give a row the same bits in the service as alone, whoever else asks at the time."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from modelled import matrix, write_model
from scored import Row, columns_of

from functions.adapters.onnx import load_model
from functions.models.anomaly import FOLDER
from functions.ports.models import Lineup
from functions.services.inference.asking import Asking
from functions.services.inference.scoring import Scoring


@pytest.mark.parametrize("padded", [False, True])
async def test_joined_bits(tmp_path: Path, padded: bool) -> None:  # noqa: FBT001 - a pytest parameter
    """What is joined has the bits it has alone: of the shipped forest at any size, of a network at its one shape."""
    model = load_model(write_model(tmp_path / "m", matrix, batch=16) if padded else FOLDER)
    rng = np.random.default_rng(11)
    requests = [
        columns_of([Row(features=dict.fromkeys(model.spec.features, one)) for one in rng.uniform(1, 90, rows)])
        for rows in (1, 50, 3, 17, 1)
    ]
    scoring = Scoring(Asking(bound_s=0))
    scoring.serve([Lineup("m", model)])
    together = await asyncio.gather(*(scoring.score([columns]) for columns in requests))
    alone = [model.score(columns) for columns in requests]
    assert [answer.scores.tobytes() for ((answer,),) in together] == [answer.scores.tobytes() for answer in alone]
    assert not any(answer.degraded for answer in alone)
