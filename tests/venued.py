"""Drive the paper venue in tests: orders, seconds of the market, and what became of them."""

from dataclasses import replace

from barred import Bar, bar_batch
from trading import ETH, NOW, order

from functions.domain.decisions import ExecType, Quote, Side, Submission, TimeInForce
from functions.domain.market import NS_PER_S, InstrumentRef
from functions.domain.orders.resting import Key, PaperBook, Said, Second, pass_second
from functions.wire import facts
from functions.wire.codecs.bars import BAR_BATCH, encode_bar_batch
from functions.wire.envelope import Event

REF = InstrumentRef(ETH, -2, -4)
NO_QUOTE = Quote(0, 0, 0, 0, 0)
BASE = NOW // NS_PER_S
NEVER = 10**9
"""An ask that no limit reaches."""


def resting(  # noqa: PLR0913 - an order has this many facts
    number: int = 1,
    side: Side = Side.BUY,
    quantity: int = 10,
    limit: int = 100,
    *,
    after_s: int = 0,
    rule: TimeInForce = TimeInForce.GOOD_TILL_CANCEL,
) -> Submission:
    """Hand in order `order-<number>`, so many seconds after NOW."""
    asked = replace(order(side, quantity, limit), time_in_force=rule)
    return Submission(f"order-{number}", asked, NO_QUOTE, NOW + after_s * NS_PER_S, "", "", "")


def key(number: int = 1) -> Key:
    """Name that order."""
    return Key("paper", f"order-{number}")


def second(  # noqa: PLR0913 - a second has this many facts
    book: PaperBook,
    at_s: int,
    *,
    low: int = 99,
    high: int = 99,
    bid: int = 0,
    ask: int = NEVER,
    volume: int = 40,
    ref: InstrumentRef = REF,
) -> list[Said]:
    """Let a second pass, so many after NOW."""
    return pass_second(book, ref, Second(NOW + at_s * NS_PER_S, high, low, bid, ask, 0), volume=volume)


def filled(said: list[Said]) -> list[tuple[str, int, int]]:
    """Give each trade: order, quantity, price."""
    return [(name, one.quantity, one.price) for (_, name), one in said if one.exec_type is ExecType.TRADE]


def kinds(said: list[Said]) -> list[ExecType]:
    """Give what happened."""
    return [one.exec_type for _, one in said]


def bars(number: int, *given: Bar, shard: str = "BINANCE-0") -> Event:
    """Wrap bars as batch `number` of a shard."""
    source = facts.source_of("tables", "bars", shard)
    return Event(
        id=facts.batch_id(source, number),
        source=source,
        type=BAR_BATCH,
        data=encode_bar_batch(bar_batch(given, instruments=(REF,))),
        extensions={"sequence": facts.sequence_text(number), "partitionkey": shard},
    )


def passed(number: int, **facts_: int) -> Event:
    """Let second `number` after NOW pass, at 3000.00 with 40 units traded unless told otherwise."""
    return bars(number, Bar(**{"bar": BASE + number, "volume": 40, **facts_}))
