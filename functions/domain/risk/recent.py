"""Remember for a minute when what was sent, so that rates can be judged by the decisions' own time."""

from collections import deque
from collections.abc import Hashable
from typing import Final

from functions.domain.risk.limits import RATE_WINDOW_MS_MAX, Rate

SENT_MAX: Final = 100_000
"""Entries that are remembered; the oldest is forgotten first, so a rate above 1,600/s for a minute is told too low."""

_NS_PER_MS: Final = 1_000_000
_KEPT_NS: Final = RATE_WINDOW_MS_MAX * _NS_PER_MS


class Recent:
    """Remember entries by key. Time never runs back: what claims to be earlier than the newest counts as the newest."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._newest_ns = 0
        self._order: deque[tuple[int, Hashable]] = deque()
        self._times: dict[Hashable, deque[int]] = {}

    def add(self, key: Hashable, as_of_ns: int) -> None:
        """Remember an entry, and forget those that no window reaches any more."""
        now_ns = self._newest_ns = max(as_of_ns, self._newest_ns)
        self._order.append((now_ns, key))
        self._times.setdefault(key, deque()).append(now_ns)
        while self._order[0][0] <= now_ns - _KEPT_NS or len(self._order) > SENT_MAX:
            _, oldest = self._order.popleft()
            times = self._times[oldest]
            times.popleft()
            if not times:
                del self._times[oldest]

    def reached(self, key: Hashable, rate: Rate, as_of_ns: int) -> bool:
        """Tell whether `rate.count` entries lie in the window that ends now: one more is too many. Its start is out.

        >>> recent = Recent()
        >>> recent.add("x", 5_000_000)
        >>> recent.reached("x", Rate(1, 10), 14_999_999), recent.reached("x", Rate(1, 10), 15_000_000)
        (True, False)
        """
        times = self._times.get(key)
        if times is None or len(times) < rate.count:
            return False
        return times[-rate.count] > max(as_of_ns, self._newest_ns) - rate.window_ms * _NS_PER_MS

    def entries(self) -> tuple[tuple[int, Hashable], ...]:
        """Give what is remembered, oldest first."""
        return tuple(self._order)
