"""Say how a loaded model is asked, which of a model's versions decide, and how a change of them is noticed.

ModelFailed     a model did not score: it cannot be run, is out of memory, or what it said is no answer
"""

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from functions.domain.market import Float64
from functions.domain.serving import ModelSpec, Scored
from functions.ports.errors import PortError


class ModelFailed(PortError):  # noqa: N818 - a fact about a model, which becomes a degraded answer
    """A model did not score these rows; the message says why, in a phrase that equal failures share."""


class Model(Protocol):
    """A version of a model that can be asked."""

    @property
    def spec(self) -> ModelSpec:
        """Say what it is called, needs and gives."""
        ...

    @property
    def broken(self) -> str:
        """Say why it could not be loaded; empty for one that can be asked."""
        ...

    def run(self, rows: NDArray[Any]) -> Scored:  # numbers or texts, as the model's kind is
        """Score m >= 1 rows (m, f), or texts (m,); every row's bits are those it has alone.

        Raises:
            ModelFailed: It did not.
        """
        ...

    def stop(self) -> None:
        """Ask a run that is under way in another thread to end soon; without one, nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Lineup:
    """Say which versions of one model are asked, and which of them decides.

    Args:
        name: Model name.
        champion: Decides; None where a model has only shadows.
        challenger: Decides for its share; None for none.
        share: Share of (instrument, day) pairs that the challenger gets, 0 to 1.
        shadows: Answer beside; nothing may act on them.
    """

    name: str
    champion: Model | None
    challenger: Model | None = None
    share: float = 0.0
    shadows: tuple[Model, ...] = ()

    @property
    def models(self) -> tuple[Model, ...]:
        """Give all of them."""
        return (*(one for one in (self.champion, self.challenger) if one is not None), *self.shadows)


@dataclass(frozen=True, slots=True)
class Change:
    """Say what became of a changed model.

    Args:
        name: Model name.
        versions: Versions that are asked now, the champion's first.
        refused: Why what is on disk is not what is asked; empty when it is.
    """

    name: str
    versions: tuple[str, ...]
    refused: str = ""


class ModelRegistry(Protocol):
    """Where models are registered."""

    @property
    def lineups(self) -> tuple[Lineup, ...]:
        """Give what is asked, in name order, as of the last look."""
        ...

    def refresh(self) -> tuple[Change, ...]:
        """Look whether something changed, and load it; what is broken leaves what was there."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """Hold a version that can be asked, and what its scores are compared with.

    Args:
        model: The version.
        base: Base set, (b, f); without rows where the version has none.
        base_set: What the base set is, in words; or why there is none.
    """

    model: Model
    base: Float64
    base_set: str


class ModelVersions(Protocol):
    """Where any version can be asked that is registered, whether it decides or not."""

    def open(self, model: str, version: str) -> Opened:
        """Give a version of a model.

        Raises:
            ModelFailed: It is not there, or cannot be loaded.
        """
        ...
