"""Build a simulated venue from a plan: which dialect, which symbols, a made-up market or a capture, which faults."""

import pathlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from functions.adapters.tapes import open_tape, sniff_tape
from functions.domain.market import NS_PER_S
from functions.domain.simulation import UNIT, Listing, Market, Shock
from functions.local.venues import binance, coinbase
from functions.local.venues.binance import COINM, SPOT, USDM, Binance
from functions.local.venues.coinbase import Coinbase
from functions.local.venues.exchange import Dialect, Exchange, VenueOptions
from functions.local.venues.kraken import listing as kraken_listing
from functions.local.venues.kraken_v1 import KrakenV1
from functions.local.venues.kraken_v2 import KrakenV2
from functions.local.venues.polygon import Polygon
from functions.local.venues.sources import CaptureSource, MarketSource, ReadCapture, Reading, first_snapshots

RATE: Final = 50.0
HISTORY_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Kit:
    """Hold what a dialect is built from.

    Args:
        dialect: Makes a fresh speaker.
        listing: Says how a symbol is priced.
        symbols: Symbols of a plan that names none.
        read: Gives the reader of captures of a speaker; None where it reads none.
    """

    dialect: Callable[[], Dialect]
    listing: Callable[[str], Listing]
    symbols: tuple[str, ...]
    read: Callable[[Dialect], ReadCapture | None] = lambda _: None


def _v1_reader(dialect: Dialect) -> ReadCapture | None:
    return dialect.read_capture if isinstance(dialect, KrakenV1) else None


KITS: Final[Mapping[str, Kit]] = MappingProxyType(
    {
        "binance.spot": Kit(
            lambda: Binance(SPOT),
            lambda name: Binance.listing(name, SPOT),
            ("BTCUSDT", "ETHUSDT"),
            lambda _: binance.read_capture,
        ),
        "binance.usdm": Kit(
            lambda: Binance(USDM),
            lambda name: Binance.listing(name, USDM),
            ("BTCUSDT", "ETHUSDT"),
            lambda _: binance.read_capture,
        ),
        "binance.coinm": Kit(
            lambda: Binance(COINM),
            lambda name: Binance.listing(name, COINM),
            ("BTCUSD_PERP", "ETHUSD_PERP"),
            lambda _: binance.read_capture,
        ),
        "coinbase.exchange": Kit(Coinbase, Coinbase.listing, ("BTC-USD", "ETH-USD"), lambda _: coinbase.read_capture),
        "kraken.v1": Kit(KrakenV1, kraken_listing, ("XBT/USD", "ETH/USD"), _v1_reader),
        "kraken.v2": Kit(KrakenV2, kraken_listing, ("BTC/USD", "ETH/USD")),
        "polygon.stocks": Kit(Polygon, Polygon.listing, ("AAPL", "IBM")),
    }
)
"""What can be simulated, by dialect."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what a simulated venue is.

    Args:
        dialect: How it speaks, for example `kraken.v2`.
        symbols: What it trades; empty for the dialect's usual two. A capture trades what is in it.
        rate: Messages a second of each symbol, on average; of a capture, how many times faster it is played.
        seed: Seed of the market and of its faults.
        capture: Capture to play; None for a made-up market.
        history: Capture to write of what was traded before it is listened to (Binance); None for none.
        history_s: How long that was, simulated seconds.
        shocks: Moves to come, `at_ns` counted from the first subscriber.
        options: Bounds and faults.
    """

    dialect: str
    symbols: tuple[str, ...] = ()
    rate: float = RATE
    seed: int = 1
    capture: pathlib.Path | None = None
    history: pathlib.Path | None = None
    history_s: float = HISTORY_S
    shocks: tuple[Shock, ...] = ()
    options: VenueOptions = field(default_factory=VenueOptions)


def build(plan: Plan, *, clock: Callable[[], int] = time.time_ns) -> Exchange:
    """Build the venue; it listens once it is started.

    Raises:
        ValueError: The dialect or a symbol is not simulated, a shock moves a symbol that is not traded, or this dialect
            plays no captures or writes no history.
    """
    kit = KITS.get(plan.dialect)
    if kit is None:
        msg = f"dialect {plan.dialect!r} is not simulated; there are {', '.join(KITS)}"
        raise ValueError(msg)
    if plan.rate <= 0:
        msg = f"rate is {plan.rate}; it must be positive"
        raise ValueError(msg)
    traded = () if plan.capture else plan.symbols or kit.symbols
    if untraded := sorted({one.symbol for one in plan.shocks}.difference(traded)):
        msg = f"no shock can move {', '.join(untraded)}; made up are {', '.join(traded) or 'none beside a capture'}"
        raise ValueError(msg)
    if plan.capture is not None:
        return _playing(plan, kit, plan.capture, clock)
    listings, dialect, now = [kit.listing(name) for name in plan.symbols or kit.symbols], kit.dialect(), clock()
    start = now - int(plan.history_s * NS_PER_S) if plan.history else now
    market = Market(listings, np.random.default_rng(plan.seed), start_ns=start, rate=plan.rate)
    if plan.history:
        _write_history(plan.history, dialect, market, now)
    return Exchange(dialect, MarketSource(market, plan.shocks), plan.options, clock=clock)


def _write_history(path: pathlib.Path, dialect: Dialect, market: Market, until_ns: int) -> None:
    lines = dialect.history(market, until_ns) if isinstance(dialect, Binance) else None
    if lines is None:
        msg = f"no history is written in dialect {dialect.name}; binance.spot, binance.usdm and binance.coinm have one"
        raise ValueError(msg)
    with path.open("w", encoding="ascii") as file:
        file.writelines(lines)


def _playing(plan: Plan, kit: Kit, path: pathlib.Path, clock: Callable[[], int]) -> Exchange:
    dialect = kit.dialect()
    reader = kit.read(dialect)
    if reader is None:
        msg = f"captures cannot be played in dialect {plan.dialect}"
        raise ValueError(msg)
    usual = sniff_tape(path, dialect=plan.dialect).symbol

    def read(row: bytes, symbol: str) -> Reading:
        return reader(row, symbol or usual)

    with open_tape(path) as head:
        books = first_snapshots(head, read)
    symbols = plan.symbols or tuple(books)
    if not symbols:
        msg = f"{path} has no book in its head, so its symbols must be named"
        raise ValueError(msg)
    listings = {name: Listing(name, UNIT, 1, 1, 0.0, 1) for name in symbols}
    source = CaptureSource(open_tape(path), read, listings=listings, speed=plan.rate)
    venue = Exchange(dialect, source, plan.options, clock=clock)
    for symbol, snapshot in books.items():
        if snapshot.last_update_id and symbol in listings:  # a REST answer; those in the stream come by themselves
            venue.book(symbol).begin(snapshot)
    return venue
