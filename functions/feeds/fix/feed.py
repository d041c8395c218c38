"""Publish what a FIX session delivers, verbatim, so that a crash at any moment loses nothing and doubles nothing.

Batches are staged in the session's store, published, and settled: only then does the inbound number move. After a
crash in between the staged bytes are published again under the same numbers, which whoever hears them knows as the
same; what was not staged the other side sends again, because its number was never kept.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from functions.domain.market import RawBatch
from functions.feeds.fix import CARD
from functions.ports.fix_session import Link
from functions.ports.fix_store import FixStore, Staged
from functions.ports.sink import Sink
from functions.wire.batcher import Batcher, Cut
from functions.wire.codecs.market import decode_raw_batch, encode_raw_batch
from functions.wire.fix.actions import Deliver, NotLoggedOn
from functions.wire.fix.codec import Pair
from functions.wire.fix.messages import DATA_REQUEST
from functions.wire.raw import raw_event
from functions.wire.tape import Keep

DIALECT: Final = "fix.44"
_BIDS_OFFERS_TRADES: Final = "012"


class _Memo(msgspec.Struct, frozen=True):
    """Say where the stream stands: number of the next batch, index of its first row."""

    number: int
    row: int


class _Under(msgspec.Struct, frozen=True):
    """Hold batches on their way: number of the first, the batches' bytes, and where the stream stands behind them."""

    number: int
    batches: list[bytes]
    after: _Memo


_pack: Final = msgspec.msgpack.Encoder().encode
_memo: Final = msgspec.msgpack.Decoder(_Memo).decode
_under: Final = msgspec.msgpack.Decoder(_Under).decode


@dataclass(frozen=True, slots=True)
class Asked:
    """Say which prices are asked for after logon: symbols (none asks for nothing), and levels (0 is the whole book)."""

    symbols: tuple[str, ...] = ()
    depth: int = 0

    def request(self, request_id: str) -> tuple[str, list[Pair]]:
        """Write a MarketDataRequest for a snapshot and everything after it."""
        body: list[Pair] = [(262, request_id), (263, "1"), (264, str(self.depth)), (265, "1")]
        body += [(267, str(len(_BIDS_OFFERS_TRADES))), *((269, kind) for kind in _BIDS_OFFERS_TRADES)]
        body += [(146, str(len(self.symbols))), *((55, symbol) for symbol in self.symbols)]
        return DATA_REQUEST, body


class FixFeed:
    """Be the application of a session.

    Args:
        sink: Where batches go; it returns once they are stored.
        store: The session's store, taken.
        cut: Whose rows these are and how much a batch holds.
        keep: Keeps oversized rows.
        clock: Gives UTC nanoseconds.
        asked: Which prices are asked for after logon.
        first: Least batch number and row index, where a log knows better than the store.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        sink: Sink,
        store: FixStore,
        cut: Cut,
        *,
        keep: Keep,
        clock: Callable[[], int],
        asked: Asked = Asked(),
        first: tuple[int, int] = (0, 0),
    ) -> None:
        """Begin where the store says."""
        self._sink = sink
        self._store = store
        self._cut = cut
        self._keep = keep
        self._clock = clock
        self._asked = asked
        memo = store.load().memo
        at = _memo(memo) if memo else _Memo(0, 0)
        self._at = _Memo(max(at.number, first[0]), max(at.row, first[1]))
        self._left = store.load().staged
        self._one = asyncio.Lock()
        self.active = False

    async def beat(self, every_s: float, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Publish the feed's clock until this is cancelled."""
        while True:
            await pause(every_s)
            async with self._one:
                await self._finish()
                await self._give([self._batcher().heartbeat()], None)

    async def end(self) -> None:
        """Publish the batch that closes every stage behind the feed."""
        async with self._one:
            await self._finish()
            await self._give([self._batcher().end()], None)

    # -- what the session tells

    async def opened(self) -> None:
        """Finish what a crash or a lost connection left under way; the session's numbers are read after this."""
        async with self._one:
            await self._finish()

    async def logged_on(self, link: Link) -> None:
        """Ask for prices."""
        self.active = True
        if self._asked.symbols:
            with contextlib.suppress(NotLoggedOn):  # it ended at once; the next logon asks again
                await link.send(self._asked.request(f"{self._cut.stream}-{self._clock()}"))

    async def logged_off(self, reason: str) -> None:  # noqa: ARG002 - the connection reports it
        """Wait for the next logon."""
        self.active = False

    async def take(self, delivered: Sequence[Deliver], next_in: int) -> None:
        """Publish messages, also those the session rejected: everything received is kept verbatim."""
        async with self._one:
            await self._finish()
            await self._give(list(self._batches(delivered)), next_in)

    def _batches(self, delivered: Sequence[Deliver]) -> Iterator[RawBatch]:
        batcher, now = self._batcher(), self._clock()
        for one in delivered:
            full = batcher.add(one.message.raw, now)
            if full is not None:
                yield full
        last = batcher.flush()
        if last is not None:
            yield last

    def _batcher(self) -> Batcher:
        return Batcher(self._cut, self._keep, self._clock, first_row=self._at.row)

    # -- stage, publish, settle

    async def _give(self, batches: list[RawBatch], next_in: int | None) -> None:
        rows = sum(batch.row_count for batch in batches)
        after = _Memo(self._at.number + len(batches), self._at.row + rows)
        under = _Under(self._at.number, [encode_raw_batch(batch) for batch in batches], after)
        staged = Staged(_pack(under), next_in)
        self._store.stage(staged)
        self._left = staged
        await self._finish()

    async def _finish(self) -> None:
        """Publish what is staged, byte for byte as it was staged, then settle it."""
        if self._left is None:
            return
        under = _under(self._left.data)
        for number, data in enumerate(under.batches, start=under.number):
            await self._sink.publish(raw_event(decode_raw_batch(data), number, feed=CARD.name))
        self._store.settle(self._left.next_in, _pack(under.after))
        self._at = _Memo(max(self._at.number, under.after.number), max(self._at.row, under.after.row))
        self._left = None
