"""Say where users' feedback on signals is kept for reading."""

from typing import Protocol

from functions.domain.feedback import Feedback


class FeedbackStore(Protocol):
    """Keep what each user said last of each signal; keeping the same twice changes nothing, and the later one wins.

    Every method raises `Unavailable` when the store cannot be reached, and `Overloaded` when too many writes wait.
    """

    async def put_feedback(self, feedback: Feedback) -> None:
        """Keep feedback by (signal, user); the one with the greater `as_of_ns` wins."""
        ...

    async def feedback_of(self, signal_id: str) -> tuple[Feedback, ...]:
        """Give what users said of a signal, latest first; empty when nobody said anything."""
        ...
