"""Keep views, latest keys and dead letters in memory: the twins of the store adapters, row for row."""

import dataclasses
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from functions.adapters.postgres_dead_letters import LIST_MAX, DeadLetter
from functions.adapters.redis_latest import Newest, newest_pairs, newest_prices
from functions.domain.decisions import Fill, OrderUpdate, Signal
from functions.domain.market import (
    BAR_FINAL,
    BAR_OPEN,
    BAR_PROVISIONAL,
    BAR_REVISED,
    MARKET_BOOK_VALID,
    MARKET_CROSSED,
    BarBatch,
    Rejection,
)
from functions.domain.money import scaled
from functions.domain.pairs.batch import PairBatch

Row: TypeAlias = dict[str, Any]
"""A stored row by column name."""

_BarKey: TypeAlias = tuple[str, int, int]
_FactKey: TypeAlias = tuple[str, int]

_FINALITY: Final = {BAR_PROVISIONAL: "provisional", BAR_OPEN: "open", BAR_FINAL: "final", BAR_REVISED: "revised"}
_FINALITY_RANK: Final = tuple(_FINALITY.values())


class MemoryViews:
    """Keep views in dicts by natural key; rows have the columns of the tables in `migrations/`."""

    def __init__(self) -> None:
        """Start empty."""
        self.bars: dict[_BarKey, Row] = {}
        self.signals: dict[str, Row] = {}
        self.order_updates: dict[_FactKey, Row] = {}
        self.fills: dict[_FactKey, Row] = {}

    async def put_bars(self, batch: BarBatch, *, sequence: int) -> None:
        """Keep bars by (instrument, interval, start); higher (finality, revision, sequence) wins."""
        for index in range(len(batch.start_ns)):
            row = _bar_row(batch, index, sequence)
            key = _bar_key(row)
            if _bar_rank(row) >= _bar_rank(self.bars.get(key, row)):
                self.bars[key] = row

    async def put_signal(self, signal: Signal) -> None:
        """Keep a signal by its id; higher bar revision wins."""
        kept = self.signals.get(signal.signal_id)
        if kept is None or signal.bar_revision > kept["bar_revision"]:
            self.signals[signal.signal_id] = _signal_row(signal)

    async def put_order_update(self, update: OrderUpdate) -> None:
        """Keep an order update by (client_order_id, n); it never changes."""
        row = _fields(update) | {"side": update.side.value, "status": update.status.value}
        row["reasons"] = list(update.reasons)
        row["exec_type"] = update.exec_type.value if update.exec_type else None
        self.order_updates.setdefault((update.client_order_id, update.n), row)

    async def put_fill(self, fill: Fill) -> None:
        """Keep a fill by (client_order_id, n); it never changes."""
        self.fills.setdefault((fill.client_order_id, fill.n), _fields(fill) | {"side": fill.side.value})

    async def close(self) -> None:
        """Let go of nothing; rows stay readable."""


class MemoryLatest:
    """Keep latest keys in a dict, with the very ranks and documents that Redis gets."""

    def __init__(self) -> None:
        """Start empty."""
        self.keys: Newest = {}

    async def put_bars(self, batch: BarBatch) -> None:
        """Move the latest price of each instrument forward."""
        self._move(newest_prices([batch]))

    async def put_pairs(self, batch: PairBatch) -> None:
        """Move the latest figures of each pair and interval forward."""
        self._move(newest_pairs([batch]))

    async def close(self) -> None:
        """Let go of nothing; keys stay readable."""

    def _move(self, newest: Newest) -> None:
        for key, (rank, value) in newest.items():
            if key not in self.keys or self.keys[key][0] < rank:
                self.keys[key] = (rank, value)


class MemoryDeadLetters:
    """Keep dead letters in a dict by (stream, row)."""

    def __init__(self) -> None:
        """Start empty."""
        self.letters: dict[tuple[str, int], DeadLetter] = {}

    async def put(self, stream: str, shard: str, *rejections: Rejection) -> None:
        """File the rejected rows of a batch; filing one twice changes nothing."""
        for one in rejections:
            self.letters.setdefault((stream, one.row), DeadLetter(stream, shard, one, redriven=0))

    async def list_dead_letters(self, limit: int, reason: str = "") -> tuple[DeadLetter, ...]:
        """List letters, newest receive time first; an empty reason keeps all."""
        chosen = [letter for letter in self.letters.values() if reason in ("", letter.rejection.reason)]
        chosen.sort(key=lambda letter: (-letter.rejection.ts_receive, letter.stream, letter.rejection.row))
        return tuple(chosen[: min(limit, LIST_MAX)])

    async def get(self, stream: str, row: int) -> DeadLetter | None:
        """Show one letter; None when nothing was filed under this name."""
        return self.letters.get((stream, row))

    async def mark_redriven(self, stream: str, row: int) -> None:
        """Count that a letter was sent again; the letter stays."""
        letter = self.letters.get((stream, row))
        if letter is not None:
            self.letters[stream, row] = dataclasses.replace(letter, redriven=letter.redriven + 1)

    async def close(self) -> None:
        """Let go of nothing; letters stay readable."""


def _bar_key(row: Row) -> _BarKey:
    return row["instrument_id"], row["interval_s"], row["start_ns"]


def _bar_rank(row: Row) -> tuple[int, int, int]:
    return _FINALITY_RANK.index(row["finality"]), row["revision"], row["sequence"]


def _fields(fact: OrderUpdate | Fill) -> Row:
    return {one.name: getattr(fact, one.name) for one in dataclasses.fields(fact)}


def _known(value: Decimal, *, when: bool) -> Decimal | None:
    return value if when else None


def _bar_row(batch: BarBatch, index: int, sequence: int) -> Row:
    ref = batch.instruments[batch.instrument[index]]

    def number(name: str) -> int:
        return int(getattr(batch, name)[index])

    def price(name: str) -> Decimal:
        return scaled(number(name), ref.price_exponent)

    def size(name: str) -> Decimal:
        return scaled(number(name), ref.size_exponent)

    notional = number("notional_hi") * 2**64 + number("notional_lo")
    bid, ask, flags = number("bid_price"), number("ask_price"), number("flags")
    book_valid = bool(flags & MARKET_BOOK_VALID)
    return {
        "instrument_id": ref.instrument_id,
        "interval_s": number("interval_s"),
        "start_ns": number("start_ns"),
        "finality": _FINALITY[number("finality")],
        "revision": number("revision"),
        "sequence": sequence,
        "shard": batch.shard,
        **{name: price(name) for name in ("open", "high", "low", "close")},
        **{name: size(name) for name in ("volume", "buy_volume")},
        "notional": scaled(notional, ref.price_exponent + ref.size_exponent),
        "trades": number("trades"),
        "bid_price": _known(price("bid_price"), when=bid != 0),
        "bid_size": _known(size("bid_size"), when=bid != 0),
        "ask_price": _known(price("ask_price"), when=ask != 0),
        "ask_size": _known(size("ask_size"), when=ask != 0),
        "bid_depth": _known(size("bid_depth"), when=book_valid),
        "ask_depth": _known(size("ask_depth"), when=book_valid),
        "crossed": bool(flags & MARKET_CROSSED),
    }


def _signal_row(signal: Signal) -> Row:
    def price(mantissa: int) -> Decimal:
        return scaled(mantissa, signal.price_exponent)

    def size(mantissa: int) -> Decimal:
        return scaled(mantissa, signal.size_exponent)

    quote = signal.quote
    return {
        "signal_id": signal.signal_id,
        "strategy": signal.strategy,
        "instrument_id": signal.instrument_id,
        "interval_s": signal.interval_s,
        "bar_start_ns": signal.bar_start_ns,
        "bar_revision": signal.bar_revision,
        "as_of_ns": signal.as_of_ns,
        "action": signal.action.value,
        "confidence": signal.confidence,
        "price": price(signal.price),
        "bid_price": _known(price(quote.bid_price), when=quote.bid_price != 0),
        "bid_size": _known(size(quote.bid_size), when=quote.bid_price != 0),
        "ask_price": _known(price(quote.ask_price), when=quote.ask_price != 0),
        "ask_size": _known(size(quote.ask_size), when=quote.ask_price != 0),
        "stop_loss": price(signal.stop_loss),
        "take_profit": price(signal.take_profit),
        "risk_reward_ratio": signal.risk_reward_ratio,
        "reasons": list(msgspec.to_builtins(signal.reasons)),
        "model_scores": list(msgspec.to_builtins(signal.model_scores)),
        "degraded": signal.degraded,
        "shard": signal.shard,
        "evidence": msgspec.json.decode(msgspec.json.encode(signal.evidence)),
    }
