"""Say where finished facts are kept for reading: rows by natural key, written monotonically (design R7)."""

from collections.abc import Awaitable
from typing import Protocol

from functions.domain.decisions import Fill, OrderUpdate, Signal
from functions.domain.market import BarBatch, Rejection
from functions.domain.pairs.batch import PairBatch


class Views(Protocol):
    """Keep the newest form of each row; writing the same twice changes nothing, and older never replaces newer."""

    def put_bars(self, batch: BarBatch, *, sequence: int) -> Awaitable[None]:
        """Keep bars by (instrument, interval, start); higher (finality, revision, sequence) wins."""
        ...

    async def put_signal(self, signal: Signal) -> None:
        """Keep a signal by its id."""
        ...

    async def put_order_update(self, update: OrderUpdate) -> None:
        """Keep an order update by (client_order_id, n)."""
        ...

    async def put_fill(self, fill: Fill) -> None:
        """Keep a fill by (client_order_id, n)."""
        ...


class DeadLetters(Protocol):
    """Keep what could not be used, with its reason, by (stream, row)."""

    async def put(self, stream: str, shard: str, *rejections: Rejection) -> None:
        """File the rejected rows of a batch; filing one twice changes nothing."""
        ...


class Latest(Protocol):
    """Keep the newest price of each instrument and the newest figures of each pair; keys move forward only."""

    def put_bars(self, batch: BarBatch) -> Awaitable[None]:
        """Move the latest price of each instrument forward."""
        ...

    def put_pairs(self, batch: PairBatch) -> Awaitable[None]:
        """Move the latest figures of each pair and interval forward."""
        ...
