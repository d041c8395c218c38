"""Have texts scored in this process: the memory twin of `texts_client`."""

from collections.abc import Sequence

from functions.adapters.texts import TextScorer
from functions.domain.market import ModelOutput


class MemoryTexts:
    """Port `TextInference` over scorers in this process; it answers as the service would, without a deadline."""

    def __init__(self, models: Sequence[TextScorer]) -> None:
        """Take the scorers."""
        self._models = tuple(models)

    async def score_texts(self, texts: Sequence[str]) -> tuple[ModelOutput, ...]:
        """Score texts; outputs come in model name order."""
        return tuple(sorted((model.score(texts) for model in self._models), key=lambda output: output.model))
