"""Say how texts are scored by models."""

from collections.abc import Sequence
from typing import Protocol

from functions.domain.market import ModelOutput


class TextInference(Protocol):
    """Score texts."""

    async def score_texts(self, texts: Sequence[str]) -> tuple[ModelOutput, ...]:
        """Score every text with every model; never raises: an answer that did not come in time is degraded.

        The figures of an answer are the probabilities of bearish, neutral and bullish. Without texts nobody is asked,
        and every model that should be heard answers with no rows.
        """
        ...
