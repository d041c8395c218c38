"""Make a venue's market up: seeded prices, books and prints that keep every rule a real venue keeps.

Time moves in steps of 50 ms. In each step and for each symbol:

- the fair price takes a log-return whose variance follows GARCH(1,1) under a switching regime (calm, usual, storm);
- prints arrive by a self-exciting (Hawkes) intensity, so they cluster; quotes arrive by a Poisson process;
- the book follows the fair price once it has left the spread, prints eat levels, quotes change them;
- every change of a level takes one update id; every 100 ms the changed levels go out as one depth message.

So update ids chain without a gap, the book that the messages give is the market's own book, best bid is below best
ask, print ids are contiguous, prices lie on ticks and sizes on lots. Everything follows from the generator that is
passed in, however time is advanced.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from functions.domain.market import NS_PER_S

UNIT: Final = 100_000_000
"""Prices and sizes of messages are integers of 1e-8, as many digits as the venue writes."""

STEP_NS: Final = 50_000_000
STEPS_PER_DEPTH: Final = 2
DEPTH_PER_S: Final = NS_PER_S / (STEP_NS * STEPS_PER_DEPTH)
LEVELS_MIN: Final = 20
LEVELS_OPEN: Final = 50
LEVELS_MAX: Final = 60
SWEEP_PRINTS_MAX: Final = 5

_STEP_S: Final = STEP_NS / NS_PER_S
_YEAR_S: Final = 365.25 * 86_400
_ARCH: Final = 0.06
_GARCH: Final = 0.92
_HAWKES_DECAY: Final = 2.0  # a second
_HAWKES_BRANCHING: Final = 0.6
_REVERSION: Final = 0.4  # part of a shock that comes back ...
_REVERSION_TIMES: Final = 3.0  # ... over so many times its duration
_IMPACT: Final = 4e-4  # part of the price a taker pays at most above the best
_STRESS: Final = 4.0  # how many times busier a shock is
_FOLLOW: Final = 2e-5  # part of the price the fair price may be off the mid before quotes follow
_USUAL_OTHERS: Final = 40.0  # messages a second beside depth at which quotes follow at once
_NEAR_LEVELS: Final = 12.0  # how many usual gaps behind the best a new level is, on average
_BUFFER: Final = 4096


@dataclass(frozen=True, slots=True)
class Listing:
    """Say how a symbol is priced and how lively it is.

    Args:
        symbol: Venue symbol.
        price: First fair price in units of 1e-8.
        tick: Price step in units of 1e-8.
        lot: Size step in units of 1e-8.
        volatility: Of a year's log-returns.
        typical: Typical size of a print in units of 1e-8.
    """

    symbol: str
    price: int
    tick: int
    lot: int
    volatility: float
    typical: int


LISTINGS: Final = (
    Listing("BTCUSDT", 64_250 * UNIT, UNIT // 100, UNIT // 100_000, 0.55, UNIT // 100),
    Listing("ETHUSDT", 2_683 * UNIT, UNIT // 100, UNIT // 10_000, 0.65, UNIT // 4),
    Listing("SOLUSDT", 152 * UNIT, UNIT // 100, UNIT // 1_000, 0.85, 4 * UNIT),
    Listing("BNBUSDT", 512 * UNIT, UNIT // 100, UNIT // 1_000, 0.60, UNIT),
    Listing("XRPUSDT", UNIT * 58 // 100, UNIT // 10_000, UNIT // 10, 0.80, 900 * UNIT),
    Listing("DOGEUSDT", UNIT * 104 // 1_000, UNIT // 100_000, UNIT, 0.95, 5_000 * UNIT),
)


@dataclass(frozen=True, slots=True)
class Shock:
    """Move a symbol by a fraction of its price within some seconds; two fifths come back afterwards."""

    at_ns: int
    symbol: str
    move: float
    seconds: float

    def __post_init__(self) -> None:
        """Refuse what leaves no price, or takes no time or for ever."""
        if not (-1.0 < self.move < math.inf and 0.0 < self.seconds < math.inf):
            text = (
                f"a shock of {self.symbol} moves by {self.move:g} within {self.seconds:g} s, expected a fraction above "
                "-1 (-0.03 is 3 % down) and more than 0 s"
            )
            raise ValueError(text)


class Print(NamedTuple):
    """One trade."""

    ts_event: int
    symbol: str
    trade_id: int
    price: int
    size: int
    buyer_is_maker: bool


class Best(NamedTuple):
    """The best bid and offer after they changed."""

    ts_event: int
    symbol: str
    update_id: int
    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int


Level: TypeAlias = tuple[int, int]


class Depth(NamedTuple):
    """Every level that changed since the last depth message, with its size now; 0 removes it."""

    ts_event: int
    symbol: str
    first_update_id: int
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Snapshot(NamedTuple):
    """The whole book, best levels first."""

    symbol: str
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


Message: TypeAlias = Print | Best | Depth


class Draws:
    """Hand out random numbers one by one from buffers; a scalar call of the generator costs a microsecond each."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw from this generator and no other."""
        self.normal: Callable[[], float] = _endless(lambda: rng.standard_normal(_BUFFER).tolist())
        self.uniform: Callable[[], float] = _endless(lambda: rng.random(_BUFFER).tolist())

    def below(self, n: int) -> int:
        """Draw one of 0 to n - 1."""
        return int(self.uniform() * n)

    def geometric(self, mean: float) -> int:
        """Draw from 0, 1, 2 ... with this mean."""
        return int(math.log(1.0 - self.uniform()) / math.log(mean / (1.0 + mean))) if mean > 0 else 0

    def poisson(self, mean: float) -> int:
        """Draw a count with this mean. Source: Knuth, TAOCP 2, 3.4.1 (by products of uniforms)."""
        if mean <= 0:
            return 0
        if mean > _POISSON_BY_PRODUCT_MAX:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        limit, count, product = math.exp(-mean), 0, self.uniform()
        while product > limit:
            count += 1
            product *= self.uniform()
        return count


def _endless(more: Callable[[], list[float]]) -> Callable[[], float]:
    return itertools.chain.from_iterable(iter(more, None)).__next__


_POISSON_BY_PRODUCT_MAX: Final = 50.0


# --- price ------------------------------------------------------------------------------------------------------------

_REGIMES: Final = ((0.6, 120.0), (1.0, 180.0), (2.2, 25.0))
"""Times the usual volatility, and mean seconds it lasts: calm, usual, storm."""


class Fair:
    """Walk a fair price, in ticks, with a switching and clustering volatility."""

    def __init__(self, listing: Listing, draws: Draws) -> None:
        """Begin at the listing's price in the usual regime."""
        self._draws = draws
        self._usual = listing.volatility * math.sqrt(_STEP_S / _YEAR_S)
        self._regime = 1
        self._variance = self._usual**2
        self.ticks = listing.price / listing.tick
        self.last_return = 0.0

    def step(self, drift: float) -> None:
        """Walk one step; the drift is a log-return on top of the walk's own."""
        draws = self._draws
        times, lasts_s = _REGIMES[self._regime]
        if draws.uniform() < _STEP_S / lasts_s:
            self._regime = (self._regime + 1 + draws.below(2)) % len(_REGIMES)
        own = math.sqrt(self._variance) * draws.normal()
        base = (self._usual * times) ** 2
        self._variance = (1 - _ARCH - _GARCH) * base + _ARCH * own * own + _GARCH * self._variance
        self.last_return = own + drift
        self.ticks *= math.exp(self.last_return)

    @property
    def lean(self) -> float:
        """Say which way the last step leant: -1 down to 1 up."""
        return math.tanh(self.last_return / self._usual)


# --- book -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Side:
    """Hold one side of a book in ticks and lots; `sign` is 1 for bids and -1 for asks, so that the best is greatest."""

    sign: int
    levels: dict[int, int] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    best: int = 0

    def put(self, price: int, lots: int) -> None:
        """Set a level; 0 removes it."""
        self.changed[price] = lots
        if lots:
            if not self.levels or (price - self.best) * self.sign > 0:
                self.best = price
            self.levels[price] = lots
            return
        del self.levels[price]
        if price == self.best and self.levels:
            self.best = max(self.levels) if self.sign > 0 else min(self.levels)

    def worst(self) -> int:
        """Give the price farthest from the market."""
        return min(self.levels) if self.sign > 0 else max(self.levels)

    def sorted(self) -> list[int]:
        """Give the prices, best first."""
        return sorted(self.levels, reverse=self.sign > 0)


class Book:
    """Keep a book whose every change has an update id."""

    def __init__(self, update_id: int) -> None:
        """Begin empty at an update id."""
        self.update_id = update_id
        self.sent_id = update_id
        self.bids = Side(1)
        self.asks = Side(-1)

    def put(self, side: Side, price: int, lots: int) -> None:
        """Set a level; 0 removes it. Nothing happens when it is so already."""
        if side.levels.get(price, 0) == lots:
            return
        self.update_id += 1
        side.put(price, lots)

    def changes(self) -> tuple[int, int, list[Level], list[Level]] | None:
        """Take what changed since the last call, as (first id, last id, bids, asks); None when nothing did."""
        if self.update_id == self.sent_id:
            return None
        first, self.sent_id = self.sent_id + 1, self.update_id
        bids = sorted(self.bids.changed.items(), reverse=True)
        asks = sorted(self.asks.changed.items())
        self.bids.changed.clear()
        self.asks.changed.clear()
        return first, self.update_id, bids, asks


# --- one symbol -------------------------------------------------------------------------------------------------------


class Symbol:
    """Trade one symbol.

    Args:
        listing: How it is priced.
        rng: Its own generator.
        rate: Messages a second, on average.
    """

    def __init__(self, listing: Listing, rng: np.random.Generator, rate: float) -> None:
        """Begin with a full book around the listing's price."""
        self.listing = listing
        self.draws = Draws(rng)
        self.fair = Fair(listing, self.draws)
        draws = self.draws
        self.book = Book(10_000_000_000 + draws.below(1_000_000_000))
        self.trade_id = 1_000_000_000 + draws.below(100_000_000)
        # A print brings a new best with it, so it counts twice.
        others = max(rate - DEPTH_PER_S, rate / 3)
        self._prints = 0.16 * others
        self._quotes = 0.52 * others
        # A walk leaves a band four times as wide sixteen times as seldom; few messages need patient quotes.
        self._patience = math.sqrt(max(1.0, _USUAL_OTHERS / others))
        self._excited = 0.0
        self._gap = max(0.5, _FOLLOW * self.fair.ticks)
        self._spread = 1
        self._last: tuple[int, int, int, int] | None = None
        self._open(int(self.fair.ticks))

    def _open(self, mid: int) -> None:
        for side, first in ((self.book.bids, mid), (self.book.asks, mid + 1)):
            self.book.put(side, first, self._level_lots())
            self._refill(side, LEVELS_OPEN)
        self.book.changes()

    def step(self, start_ns: int, drift: float, *, depth: bool) -> list[Message]:
        """Trade one step from a time on; with `depth` the step ends with a depth message."""
        draws = self.draws
        stress = _STRESS if drift else 1.0
        before = self.fair.ticks
        self.fair.step(drift)
        prints = draws.poisson((self._prints * (1 - _HAWKES_BRANCHING) * stress + self._excited) * _STEP_S)
        quotes = draws.poisson(self._quotes * stress * _STEP_S)
        self._excited = self._excited * math.exp(-_HAWKES_DECAY * _STEP_S) + prints * _HAWKES_BRANCHING * _HAWKES_DECAY
        times = sorted(draws.uniform() for _ in range(prints + quotes))
        out: list[Message] = []
        for left, at in zip(range(len(times), 0, -1), times, strict=True):
            now = start_ns + int(at * (STEP_NS - 1))
            self._follow(now, before + (self.fair.ticks - before) * at, out)
            if draws.below(left) < prints:
                prints -= 1
                self._trade(now, out)
            else:
                self._quote()
            self._tell_best(now, out)
        end = start_ns + STEP_NS - 1
        self._follow(end, self.fair.ticks, out)
        if depth:
            self._tell_depth(end, out)
        return out

    # -- what happens

    def _follow(self, now: int, fair: float, out: list[Message]) -> None:
        """Move the quotes once the fair price has left them behind."""
        book, draws = self.book, self.draws
        mid = (book.bids.best + book.asks.best) / 2
        if abs(fair - mid) <= self._patience * max(1.0 + self._spread, _FOLLOW * fair):
            return
        self._spread = 1 + (draws.geometric(0.5) if draws.uniform() < 1 / 3 else 0)
        bid = max(1, math.floor(fair - self._spread / 2))
        ask = bid + self._spread
        up = fair > mid
        hit, limit = (book.asks, ask) if up else (book.bids, bid)
        passed = [price for price in hit.sorted() if hit.sign * (price - limit) > 0]
        for i, price in enumerate(passed):
            if i < SWEEP_PRINTS_MAX and draws.uniform() < 1 / 3:
                self._print(now, price, hit.levels[price], buyer_is_maker=not up, out=out)
            book.put(hit, price, 0)
        for side, price in ((book.bids, bid), (book.asks, ask)):
            if price not in side.levels:
                book.put(side, price, self._level_lots())
            self._refill(side, len(side.levels) + 1)
        self._tell_best(now, out)

    def _trade(self, now: int, out: list[Message]) -> None:
        """Let one taker eat from the best levels."""
        draws = self.draws
        up = draws.uniform() < 0.5 + 0.3 * self.fair.lean
        side = self.book.asks if up else self.book.bids
        typical = self.listing.typical / self.listing.lot
        wanted = max(1, round(typical * math.exp(1.1 * draws.normal() - 0.6)))
        limit = side.best * (1 - side.sign * _IMPACT)
        for _ in range(SWEEP_PRINTS_MAX):
            price = side.best
            if (price - limit) * side.sign < 0:
                return
            there = side.levels[price]
            taken = min(wanted, there)
            self._print(now, price, taken, buyer_is_maker=not up, out=out)
            self.book.put(side, price, there - taken)
            self._refill(side)
            wanted -= taken
            if not wanted:
                return

    def _quote(self) -> None:
        """Let one maker change a level: mostly the best, sometimes one inside the spread or deeper."""
        draws, book = self.draws, self.book
        side, other = (book.bids, book.asks) if draws.uniform() < 1 / 2 else (book.asks, book.bids)
        best, luck = side.best, draws.uniform()
        price = best
        if luck < 0.08:  # noqa: PLR2004 - the share of quotes that improve the best
            inside = best + side.sign
            price = inside if inside != other.best else best
        elif luck < 0.25:  # noqa: PLR2004 - the share of quotes behind the best
            price = side.sorted()[draws.below(len(side.levels))]
        cancel = price != best and price in side.levels and draws.uniform() < 1 / 4
        book.put(side, price, 0 if cancel else self._level_lots())
        self._refill(side)

    def _refill(self, side: Side, least: int = LEVELS_MIN) -> None:
        """Keep a side between its least and most levels: new ones near the market, the farthest goes first."""
        book, draws, sign = self.book, self.draws, side.sign
        for _ in range(least - len(side.levels)):
            price = max(1, side.best - sign * (1 + draws.geometric(_NEAR_LEVELS * self._gap)))
            if price in side.levels:
                price = max(1, side.worst() - sign * (1 + draws.geometric(self._gap)))
            book.put(side, price, self._level_lots())
        for _ in range(len(side.levels) - LEVELS_MAX):
            book.put(side, side.worst(), 0)

    def _level_lots(self) -> int:
        typical = 4 * self.listing.typical / self.listing.lot
        return max(1, round(typical * math.exp(0.9 * self.draws.normal() - 0.4)))

    # -- what is told

    def _print(self, now: int, price: int, lots: int, *, buyer_is_maker: bool, out: list[Message]) -> None:
        listing = self.listing
        self.trade_id += 1
        size, at = lots * listing.lot, price * listing.tick
        out.append(Print(now, listing.symbol, self.trade_id, at, size, buyer_is_maker))

    def _tell_best(self, now: int, out: list[Message]) -> None:
        book, listing = self.book, self.listing
        bid, ask = book.bids.best, book.asks.best
        best = (bid, book.bids.levels[bid], ask, book.asks.levels[ask])
        if best == self._last:
            return
        self._last = best
        tick, lot = listing.tick, listing.lot
        values = best[0] * tick, best[1] * lot, best[2] * tick, best[3] * lot
        out.append(Best(now, listing.symbol, book.update_id, *values))

    def _tell_depth(self, now: int, out: list[Message]) -> None:
        changes = self.book.changes()
        if changes:
            first, last, bids, asks = changes
            out.append(Depth(now, self.listing.symbol, first, last, self._levels(bids), self._levels(asks)))

    def _levels(self, levels: Iterable[Level]) -> tuple[Level, ...]:
        tick, lot = self.listing.tick, self.listing.lot
        return tuple((price * tick, lots * lot) for price, lots in levels)

    def snapshot(self, limit: int) -> Snapshot:
        """Give the book as it is now."""
        bids, asks = (
            self._levels((price, side.levels[price]) for price in side.sorted()[:limit])
            for side in (self.book.bids, self.book.asks)
        )
        return Snapshot(self.listing.symbol, self.book.update_id, bids, asks)


# --- the whole venue --------------------------------------------------------------------------------------------------


class Market:
    """Trade several symbols side by side.

    Args:
        listings: What is traded.
        rng: Where all randomness comes from; each symbol gets its own child of it.
        start_ns: When trading begins, UTC nanoseconds.
        rate: Messages a second of each symbol, on average.
        shocks: Moves to come.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        rng: np.random.Generator,
        *,
        start_ns: int,
        rate: float,
        shocks: Iterable[Shock] = (),
    ) -> None:
        """Open all books."""
        children = rng.spawn(len(listings))
        self.symbols = {one.symbol: Symbol(one, child, rate) for one, child in zip(listings, children, strict=True)}
        self.now_ns = start_ns
        self.shocks = list(shocks)
        self._steps = 0

    def advance(self, until_ns: int) -> Iterator[Message]:
        """Trade in whole steps up to a time; give what happened in order of time.

        However often and far it is called, the same steps give the same messages.
        """
        while self.now_ns + STEP_NS <= until_ns:
            self._steps += 1
            depth = self._steps % STEPS_PER_DEPTH == 0
            messages: list[Message] = []
            for name, symbol in self.symbols.items():
                messages += symbol.step(self.now_ns, self._drift(name), depth=depth)
            messages.sort(key=_time_of)
            self.now_ns += STEP_NS
            yield from messages

    def jump(self, now_ns: int) -> None:
        """Let the clock go on to a time at which nothing has changed, as after a pause of trading."""
        self.now_ns = max(self.now_ns, now_ns)

    def snapshot(self, symbol: str, limit: int) -> Snapshot:
        """Give a symbol's book as it is now.

        Raises:
            KeyError: The symbol is not listed.
        """
        return self.symbols[symbol].snapshot(limit)

    def _drift(self, symbol: str) -> float:
        return sum(_drift_of(shock, self.now_ns) for shock in self.shocks if shock.symbol == symbol)


def _time_of(message: Message) -> int:
    return message.ts_event


def _drift_of(shock: Shock, now_ns: int) -> float:
    """Give the log-return a shock adds to the step that starts at a time."""
    since_s = (now_ns - shock.at_ns) / NS_PER_S
    whole = math.log1p(shock.move)
    if 0 <= since_s < shock.seconds:
        return whole * _STEP_S / shock.seconds
    back_s = shock.seconds * _REVERSION_TIMES
    if 0 <= since_s - shock.seconds < back_s:
        return -whole * _REVERSION * _STEP_S / back_s
    return 0.0
