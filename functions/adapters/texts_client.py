"""Have texts scored by the inference service over gRPC; the deadline and the degraded answers live here."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import grpc
import grpc.aio
import numpy as np
from tickloom.inference.v1 import service_pb2, service_pb2_grpc

from functions.adapters.channels import open_channel
from functions.domain.market import ModelOutput
from functions.domain.predictions import degraded
from functions.ports.errors import Unavailable
from functions.wire.codecs.predictions import output_values
from functions.wire.errors import Malformed

DEADLINE_MS: Final = 2000
"""Live default for all texts of a batch; a replay sets minutes, so that only the tape degrades answers."""

TEXTS_MAX: Final = 512
TEXT_CHARS_MAX: Final = 32_768
CALL_CHARS_MAX: Final = 512 * 1024
"""Characters of one call: at four bytes each they stay below what a service takes."""


class TextsClient:
    """Port `TextInference` over gRPC. The channel opens on first use; no failure leaves it as an exception."""

    def __init__(self, target: str, models: Sequence[str], *, deadline_ms: int = DEADLINE_MS) -> None:
        """Name the service's address, the models that should be heard, and how long an answer may take."""
        self._target = target
        self._models = tuple(sorted(models))
        self._deadline_ms = deadline_ms
        self._channel: grpc.aio.Channel | None = None
        self._stub: service_pb2_grpc.InferenceServiceAsyncStub | None = None  # only the typed view has this class

    async def score_texts(self, texts: Sequence[str]) -> tuple[ModelOutput, ...]:
        """Score texts in as few calls as their bounds allow; a model with a part that is degraded is so as a whole."""
        due_s = asyncio.get_running_loop().time() + self._deadline_ms / 1000
        parts = [await self._call(part, due_s) for part in cut(texts)]
        if not parts:
            return tuple(map(_silent, self._models))
        names = sorted({output.model for part in parts for output in part})
        return tuple(whole for name in names for whole in _joined(name, parts, len(texts)))

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = self._stub = None

    async def _call(self, texts: Sequence[str], due_s: float) -> tuple[ModelOutput, ...]:
        left_s = max(due_s - asyncio.get_running_loop().time(), 0.0)
        try:
            response = await self._service().ScoreTexts(
                service_pb2.ScoreTextsRequest(texts=texts), timeout=left_s, wait_for_ready=True
            )
            outputs = output_values(response.outputs, len(texts))
        except grpc.aio.AioRpcError as error:
            return self._degraded(len(texts), _reason(error.code(), self._deadline_ms))
        except Unavailable as error:
            return self._degraded(len(texts), str(error))
        except Malformed as error:
            return self._degraded(len(texts), f"the answer cannot be read: {error}")
        heard = {output.model for output in outputs if not output.shadow}
        missing = [name for name in self._models if name not in heard]
        return (*outputs, *(degraded(name, len(texts), "the service has no such model") for name in missing))

    def _service(self) -> "service_pb2_grpc.InferenceServiceAsyncStub":
        if self._stub is None:
            self._channel = open_channel(self._target)
            self._stub = service_pb2_grpc.InferenceServiceStub(self._channel)
        return self._stub

    def _degraded(self, rows: int, reason: str) -> tuple[ModelOutput, ...]:
        return tuple(degraded(name, rows, reason) for name in self._models)


def cut(texts: Sequence[str]) -> Iterator[list[str]]:
    """Part texts into calls, in order; a text's end beyond its bound is cut off, as is half a surrogate pair."""
    part: list[str] = []
    chars = 0
    for text in texts:
        kept = text[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()
        if part and (len(part) == TEXTS_MAX or chars + len(kept) > CALL_CHARS_MAX):
            yield part
            part, chars = [], 0
        part.append(kept)
        chars += len(kept)
    if part:
        yield part


def _silent(name: str) -> ModelOutput:
    """Make the answer of a model that was not asked, because there was no text."""
    return ModelOutput(model=name, version="", scores=np.zeros(0), states=np.zeros(0, dtype=np.uint8), threshold=0.0)


def _joined(name: str, parts: Sequence[tuple[ModelOutput, ...]], rows: int) -> list[ModelOutput]:
    """Put the answers of all calls behind each other, for each of a model's versions.

    A shadow that does not stand beside each part alike is left out: it must not spoil what decides.
    """
    found = [[output for output in part if output.model == name and not output.shadow] for part in parts]
    faults = [output.degraded_reason for part in found for output in part if output.degraded]
    if faults or not _alike(found):
        return [degraded(name, rows, faults[0] if faults else "the model changed between two calls")]
    beside = [[output for output in part if output.model == name and output.shadow] for part in parts]
    return [_whole(one) for kept in (found, beside if _alike(beside) else ()) for one in zip(*kept, strict=True)]


def _alike(parts: Sequence[Sequence[ModelOutput]]) -> bool:
    kinds = [[(one.version, one.names, one.degraded) for one in part] for part in parts]
    return all(kind == kinds[0] for kind in kinds)


def _whole(parts: Sequence[ModelOutput]) -> ModelOutput:
    return replace(
        parts[0],
        scores=np.concatenate([one.scores for one in parts]),
        states=np.concatenate([one.states for one in parts]),
        values=np.concatenate([one.values for one in parts]),
    )


def _reason(code: grpc.StatusCode, deadline_ms: int) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {deadline_ms} ms"
    return f"the service answered {code.name}"
