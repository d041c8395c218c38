"""Keep what an account risks, in sums that every order, fill, end and mark moves: nothing is added up to decide.

What counts is the worst that working orders can lead to. In an instrument with position p, working buys b and working
sells s, what may be filled in parts and in any order ends somewhere in [p - s, p + b], and a value |p'| * mark is
greatest at one of the two ends. Gross exposure is the sum of those greatest values, net exposure lies between the sums
of the ends, and equity falls most where exactly those orders fill whose limit is worse than the mark, the venue's fee
counted. Where sums are within limits, no prefix of fills at these marks leaves them.

Prices are kept as they were told, and counted as what a unit of quantity is worth at them: times the contract's
multiplier. What an instrument is, is asked anew whenever something moves in it.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from functions.domain.decisions import Fill, OrderIntent, Quote, Side
from functions.domain.money import EXACT, EXPONENT_MAX
from functions.domain.reference import TradingStatus
from functions.domain.risk.limits import PLAIN, Contract
from functions.domain.risk.recent import Recent
from functions.domain.risk.units import atto, atto_of, money_of

_BUY: Final = Side.BUY  # a member is looked up slowly

MESSAGE: Final = "message"
"""Key under which every sent message is remembered; an order is, beside, by what makes it equal to another."""


def mark_price(quote: Quote) -> int:
    """Value a position: the mid, rounded up to a whole price unit so that exposure is never understated.

    Returns:
        Price mantissa; 0 when a side is missing or the quote is crossed: then there is no mid.

    >>> mark_price(Quote(bid_price=100, bid_size=1, ask_price=101, ask_size=1, ts_event=0))
    101
    """
    return middle(quote.bid_price, quote.ask_price)


def middle(bid_price: int, ask_price: int) -> int:
    """Give the same of a bid and an ask."""
    return (bid_price + ask_price + 1) // 2 if 0 < bid_price <= ask_price else 0


def marked(quote: Quote, price_exponent: int) -> int:
    """Give a quote's mark in units of 10^-18; 0 without a mid, or where the exponent is no instrument's.

    >>> marked(Quote(100, 1, 101, 1, 0), -2)
    1010000000000000000
    """
    return atto(mark_price(quote), price_exponent) if abs(price_exponent) <= EXPONENT_MAX else 0


class Asked(NamedTuple):
    """Hold an order in units of 10^-18; orders of an account that are equal in this repeat each other."""

    instrument_id: str
    buys: bool
    quantity: int
    limit: int


def asked_of(order: OrderIntent) -> Asked:
    """Count an order in units of 10^-18; its exponents must be an instrument's."""
    quantity, limit = atto(order.quantity, order.size_exponent), atto(order.limit_price, order.price_exponent)
    return Asked(order.instrument_id, order.side is _BUY, quantity, limit)


class Standing(NamedTuple):
    """Show one order's decision what it stands on; a tuple, because one is made for each. Units of 10^-18 and 10^-36.

    Args:
        capital: What ratios are taken of.
        others_gross: Greatest gross exposure in all other instruments.
        others_low: Least net exposure in all other instruments, signed.
        others_high: Greatest net exposure in all other instruments, signed.
        mark: What the order's instrument is valued at: the mid of the order's quote.
        position: Signed position there.
        buys: Working buys there.
        sells: Working sells there.
        own_bid: Highest limit of an own resting buy there; 0 without one.
        own_ask: Lowest limit of an own resting sell there; 0 without one.
        others_equity: Equity without the position; None when nobody told it.
        losses: What working orders cost at worst, filled at their limits and valued at the marks, fees and all.
        peak_equity: Greatest equity there was; None when nobody told it.
        status: Whether the instrument trades, as the account knows it.
        fault: Why nothing can be decided on this account; empty when it can.
    """

    capital: int
    others_gross: int
    others_low: int
    others_high: int
    mark: int
    position: int
    buys: int
    sells: int
    own_bid: int
    own_ask: int
    others_equity: int | None
    losses: int
    peak_equity: int | None
    status: TradingStatus
    fault: str


@dataclass(slots=True)
class Working:
    """Hold what works of an order, and its limit price."""

    side: Side
    leaves: int
    price: int

    def loss(self, mark: int, contract: Contract) -> int:
        """Give what it costs at worst when it fills at its limit and is valued at the mark; never less than 0."""
        price, worth = contract.worth(self.price), contract.worth(mark)
        return contract.loss(self.leaves, price - worth if self.side is Side.BUY else worth - price, price)


@dataclass(slots=True)
class Holding:
    """Hold one instrument of an account, with its part of each sum."""

    position: int = 0
    mark: int = 0
    contract: Contract = PLAIN
    status: TradingStatus = TradingStatus.UNKNOWN
    buys: int = 0
    sells: int = 0
    bids: list[int] = field(default_factory=list)
    asks: list[int] = field(default_factory=list)
    working: dict[str, Working] = field(default_factory=dict)
    low: int = 0
    high: int = 0
    worst: int = 0
    value: int = 0
    loss: int = 0
    unvalued: bool = False

    def losses_at(self, mark: int) -> int:
        """Give the worst loss of working orders at a mark; what rests behind it costs nothing, and is not looked at."""
        behind = (not self.bids or self.bids[-1] <= mark) and (not self.asks or self.asks[0] >= mark)
        if behind and not self.contract.fee[0]:
            return 0
        return sum(one.loss(mark, self.contract) for one in self.working.values())


_NOTHING: Final = Holding()


class RiskState:
    """Fold what happens to one account into sums; owned by the account's single writer, and never shared.

    Args:
        capital: What ratios are taken of.
        cash: Cash, account currency.
        positions: What is held: instrument, signed quantity, and the price it was last valued at (0: never).
        peak_equity: Greatest equity before; None: the capital.
        contract_of: Says what an instrument is.
    """

    def __init__(
        self,
        capital: Decimal,
        cash: Decimal,
        positions: Iterable[tuple[str, Decimal, Decimal]] = (),
        *,
        peak_equity: Decimal | None = None,
        contract_of: Callable[[str], Contract] = lambda _: PLAIN,
    ) -> None:
        """Load an account; its orders that work follow, as they were accepted, and then as they stand.

        Raises:
            Rejected: A figure is finer than risk counts.
        """
        self.capital = money_of(capital)
        self.cash = money_of(cash)
        self.peak_equity = self.capital if peak_equity is None else money_of(peak_equity)
        self.recent = Recent()
        self._contract_of = contract_of
        self._holdings: dict[str, Holding] = {}
        self._gross = self._low = self._high = self._value = self._losses = self._unvalued = 0
        for instrument_id, quantity, price in positions:
            self._holdings[instrument_id] = Holding(atto_of(quantity), atto_of(price))
            self._sum(instrument_id)
        self._raise_peak()

    @property
    def equity(self) -> int:
        """Give cash and positions at their marks, units of 10^-36."""
        return self.cash + self._value

    @property
    def gross_exposure(self) -> int:
        """Give the greatest gross exposure that working orders can lead to, units of 10^-36."""
        return self._gross

    def holdings(self) -> Mapping[str, Holding]:
        """Give what is held and worked, by instrument; not to be changed."""
        return self._holdings

    # --- what happens -------------------------------------------------------------------------------------------------

    def apply_accepted(self, client_order_id: str, order: OrderIntent, quote: Quote, *, as_of_ns: int) -> None:
        """Take an order that was accepted: all of it works now."""
        asked = self.apply_asked(order, quote, as_of_ns=as_of_ns)
        self.apply_working(client_order_id, order.instrument_id, order.side, leaves=asked.quantity, price=asked.limit)

    def apply_asked(self, order: OrderIntent, quote: Quote, *, as_of_ns: int) -> Asked:
        """Take of an order that was accepted its instrument's mark, and that it was sent; not what works of it."""
        self.apply_quote(order.instrument_id, quote, order.price_exponent)
        asked = asked_of(order)
        self.apply_past(asked, as_of_ns)
        return asked

    def apply_past(self, asked: Asked | None, as_of_ns: int) -> None:
        """Count a message that left, also before the account was loaded; `asked` when it was a new order."""
        self.apply_sent(as_of_ns)
        if asked is not None:
            self.recent.add(asked, as_of_ns)

    def apply_sent(self, as_of_ns: int) -> None:
        """Count one message that left: an order, a cancel or a replace."""
        self.recent.add(MESSAGE, as_of_ns)

    def apply_working(self, client_order_id: str, instrument_id: str, side: Side, *, leaves: int, price: int) -> None:
        """Say how much of an order works now, and at which limit; 0 ends it.

        Of an order that is being replaced, give the greater quantity and the worse price until the venue has answered.

        Args:
            client_order_id: The order.
            instrument_id: Its instrument.
            side: Its side.
            leaves: What may still be filled, units of 10^-18.
            price: Its limit price, units of 10^-18.
        """
        holding = self._holdings.setdefault(instrument_id, Holding())
        now = Working(side, leaves, price) if leaves > 0 else None
        before = holding.working.get(client_order_id)
        if before == now:  # a request is on its way, and nothing works otherwise
            self._forget(instrument_id, holding)
            return
        self._drop(client_order_id, holding)
        if now is not None:
            holding.working[client_order_id] = now
            insort(holding.bids if side is Side.BUY else holding.asks, price)
            if side is Side.BUY:
                holding.buys += leaves
            else:
                holding.sells += leaves
        mark, contract = holding.mark, holding.contract
        lost = (now.loss(mark, contract) if now else 0) - (before.loss(mark, contract) if before else 0)
        self._sum(instrument_id, lost=lost)
        self._forget(instrument_id, holding)

    def apply_trade(self, instrument_id: str, side: Side, quantity: int, price: int, *, fee: int = 0) -> None:
        """Book a trade; what works of its order is said by `apply_working`. One that is taken back has quantity < 0.

        Args:
            instrument_id: What was traded.
            side: Which side the account took.
            quantity: Units of 10^-18.
            price: Units of 10^-18; values the position as long as no quote has.
            fee: What it cost beside quantity times price, units of 10^-36.
        """
        holding = self._holdings.setdefault(instrument_id, Holding())
        bought = quantity if side is Side.BUY else -quantity
        holding.position += bought
        holding.mark = holding.mark or price
        self.cash -= bought * price + fee
        self._sum(instrument_id)
        self._raise_peak()
        self._forget(instrument_id, holding)

    def apply_fill(self, fill: Fill) -> None:
        """Book a fill that stands for itself (one that corrects another is two trades: the old taken back, the new).

        Raises:
            Rejected: Its figures are finer than risk counts.
        """
        quantity, price, fee = atto_of(fill.quantity), atto_of(fill.price), money_of(fill.fee)
        if fill.multiplier != 1:  # what it moved beside quantity times price
            more = EXACT.multiply(
                EXACT.multiply(fill.quantity, fill.price), EXACT.subtract(fill.multiplier, Decimal(1))
            )
            fee += money_of(more) if fill.side is Side.BUY else -money_of(more)
        self.apply_trade(fill.instrument_id, fill.side, quantity, price, fee=fee)

    def apply_quote(self, instrument_id: str, quote: Quote, price_exponent: int) -> None:
        """Value an instrument at a quote's mid; a quote without a mid changes nothing."""
        mark = marked(quote, price_exponent)
        if mark:
            self.apply_mark(instrument_id, mark)

    def apply_mark(self, instrument_id: str, mark: int) -> None:
        """Value an instrument at a price, units of 10^-18."""
        holding = self._holdings.setdefault(instrument_id, Holding())
        if mark != holding.mark:
            holding.mark = mark
            self._sum(instrument_id)
            self._raise_peak()

    def apply_status(self, instrument_id: str, status: TradingStatus) -> None:
        """Say whether an instrument trades."""
        self._holdings.setdefault(instrument_id, Holding()).status = status

    # --- what a decision stands on ------------------------------------------------------------------------------------

    def standing(self, instrument_id: str, mark: int, *, replacing: str = "") -> Standing:
        """Show what an order in an instrument stands on, that instrument valued at a mark of its own.

        Args:
            instrument_id: The order's instrument.
            mark: The mid of the order's quote, units of 10^-18; 0 when it has none.
            replacing: An own order that the new one takes the place of; it does not count.
        """
        holding = self._holdings.get(instrument_id, _NOTHING)
        buys, sells = holding.buys, holding.sells
        losses = self._losses - holding.loss + holding.losses_at(mark)
        replaced = holding.working.get(replacing) if replacing else None
        if replaced is not None:
            losses -= replaced.loss(mark, holding.contract)
            if replaced.side is Side.BUY:
                buys -= replaced.leaves
            else:
                sells -= replaced.leaves
        unvalued = self._unvalued - holding.unvalued
        return Standing._make(
            (
                self.capital,
                self._gross - holding.worst,
                self._low - holding.low,
                self._high - holding.high,
                mark,
                holding.position,
                buys,
                sells,
                holding.bids[-1] if holding.bids else 0,
                holding.asks[0] if holding.asks else 0,
                self.cash + self._value - holding.value,
                losses,
                self.peak_equity,
                holding.status,
                f"{unvalued} instruments with positions or orders were never valued" if unvalued else "",
            )
        )

    # --- sums ---------------------------------------------------------------------------------------------------------

    def _drop(self, client_order_id: str, holding: Holding) -> None:
        """Take out what works of an order."""
        gone = holding.working.pop(client_order_id, None)
        if gone is None:
            return
        prices = holding.bids if gone.side is Side.BUY else holding.asks
        del prices[bisect_left(prices, gone.price)]
        if gone.side is Side.BUY:
            holding.buys -= gone.leaves
        else:
            holding.sells -= gone.leaves

    def _sum(self, instrument_id: str, *, lost: int | None = None) -> None:
        """Put an instrument's parts into the sums anew.

        Args:
            instrument_id: Which.
            lost: How the worst loss of its working orders moved, where its mark did not; None looks at each of them.
        """
        holding = self._holdings[instrument_id]
        known, holding.contract = holding.contract, self._contract_of(instrument_id)
        position, mark = holding.position, holding.mark
        worth = mark if holding.contract is PLAIN else holding.contract.worth(mark)
        low, high = (position - holding.sells) * worth, (position + holding.buys) * worth
        worst, value = max(high, -low), position * worth
        loss = holding.losses_at(mark) if lost is None or known != holding.contract else holding.loss + lost
        unvalued = mark <= 0 and bool(position or holding.working)
        self._low += low - holding.low
        self._high += high - holding.high
        self._gross += worst - holding.worst
        self._value += value - holding.value
        self._losses += loss - holding.loss
        self._unvalued += unvalued - holding.unvalued
        holding.low, holding.high, holding.worst = low, high, worst
        holding.value, holding.loss, holding.unvalued = value, loss, unvalued

    def _forget(self, instrument_id: str, holding: Holding) -> None:
        """Forget an instrument of which nothing is left, so that there are never more than positions and orders."""
        if not holding.position and not holding.working and holding.status is TradingStatus.UNKNOWN:
            del self._holdings[instrument_id]

    def _raise_peak(self) -> None:
        if not self._unvalued:  # else equity is not known
            self.peak_equity = max(self.peak_equity, self.equity)
