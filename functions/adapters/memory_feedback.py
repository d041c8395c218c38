"""Keep users' feedback in memory: the twin of `postgres_feedback`."""

from functions.domain.feedback import Feedback


class MemoryFeedback:
    """Keep feedback in a dict by (signal, user)."""

    def __init__(self) -> None:
        """Start empty."""
        self.feedback: dict[tuple[str, str], Feedback] = {}

    async def put_feedback(self, feedback: Feedback) -> None:
        """Keep feedback by (signal, user); the one with the greater `as_of_ns` wins."""
        key = feedback.signal_id, feedback.who
        if key not in self.feedback or feedback.as_of_ns > self.feedback[key].as_of_ns:
            self.feedback[key] = feedback

    async def feedback_of(self, signal_id: str) -> tuple[Feedback, ...]:
        """Give what users said of a signal, latest first; empty when nobody said anything."""
        found = [one for one in self.feedback.values() if one.signal_id == signal_id]
        return tuple(sorted(found, key=lambda one: (-one.as_of_ns, one.who)))

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""
