"""Score texts as rows are scored: joined, guarded, by the versions that a registry names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.domain.market import ModelOutput
from functions.domain.news import syndication_key
from functions.domain.serving import Selected, draw, select_texts
from functions.ports.errors import Unavailable
from functions.ports.models import Model
from functions.services.inference.scoring import Joining
from functions.wire.errors import Malformed

TEXTS_MAX: Final = 512
TEXT_CHARS_MAX: Final = 32_768
"""What the contract takes in a request."""
WAITING_MAX: Final = 64
"""Requests that wait for those before them; one more is refused."""
ALWAYS: Final = 0
"""Day of every draw: a story stays with one version for good, for it comes again on other days."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Hold the texts of one request."""

    texts: tuple[str, ...]

    @property
    def row_count(self) -> int:
        """Count them."""
        return len(self.texts)


class TextScoring(Joining[Texts]):
    """Score texts; a challenger gets a share of stories, syndicated ones being one."""

    def select(self, request: Texts, model: Model) -> Selected:
        """Take the texts that have a word."""
        del model
        return select_texts(request.texts)

    def assigned(self, request: Texts, model: str, share: float) -> NDArray[np.bool_]:
        """Draw by syndication key."""
        if not 0.0 < share < 1.0:
            return np.full(len(request.texts), share >= 1.0)
        return np.array([draw(model, syndication_key(text, ""), ALWAYS) < share for text in request.texts], np.bool_)

    async def score_texts(self, texts: Sequence[str]) -> tuple[ModelOutput, ...]:
        """Score texts; without a text no model is asked, and each answers with no rows.

        Raises:
            Malformed: There are more texts, or longer ones, than a request may have.
            Overloaded: Too many requests wait already.
            Unavailable: No model is loaded yet.
        """
        longest = max(map(len, texts), default=0)
        if len(texts) > TEXTS_MAX or longest > TEXT_CHARS_MAX:
            detail = (
                f"{len(texts)} texts, the longest of {longest} characters; {TEXTS_MAX} of {TEXT_CHARS_MAX} are taken"
            )
            raise Malformed(detail)
        if not self.lineups:
            detail = "no model over texts is loaded yet"
            raise Unavailable(detail)
        (outputs,) = await self.score([Texts(tuple(texts))])
        return outputs
