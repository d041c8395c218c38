"""Keep decisions off a market that cannot be trusted: what was known of it when the bar closed says whether to act.

In a halt and outside the session nothing can be done, however a bar looks that ended there; and a bar that only fills
the time decides nothing.
"""

from functions.domain.decisions import Gate
from functions.domain.market import (
    BAR_SYNTHETIC,
    MARKET_BOOK_LOST,
    MARKET_CLOSED,
    MARKET_CROSSED,
    MARKET_HALTED,
    MARKET_MISSING,
    MARKET_QUOTED,
    FeatureColumns,
    flags_at,
)
from functions.domain.strategy import Strategy


def market_gates(columns: FeatureColumns, row: int, strategy: Strategy) -> tuple[Gate, ...]:
    """Say why the market of a row must not be acted on.

    Args:
        columns: The rows.
        row: Which of them.
        strategy: Which gates of quality it keeps; those of a halt and of the quote are kept always.

    Returns:
        Every gate that is shut; none when the market may be acted on.
    """
    flags = flags_at(columns, row)
    bid, ask, close = (int(one[row]) for one in (columns.bid_price, columns.ask_price, columns.close))
    quality = (
        ("session", flags & MARKET_CLOSED, "the market's regular session was not open when the bar ended"),
        ("missing_trades", flags & MARKET_MISSING, "the venue numbered more trades in the bar than came"),
        ("no_trades", flags & BAR_SYNTHETIC, "nothing was traded in the bar: the market is quiet, halted or closed"),
        ("lost_book", flags & MARKET_BOOK_LOST, "the order book fell out of step and waits for a snapshot"),
    )
    quoted = flags & MARKET_QUOTED
    shut = (
        ("halt", flags & MARKET_HALTED, "trading in the instrument was halted when the bar ended"),
        ("unquoted", not quoted, "no quote is known"),
        ("crossed", quoted and flags & MARKET_CROSSED, f"bid {bid} is not below ask {ask} (mantissas)"),
        ("unpriced", quoted and min(bid, ask, close) <= 0, f"bid {bid}, ask {ask} or close {close} is no price"),
        *(one for one in quality if one[0] in strategy.gates),
    )
    return tuple(Gate(name, text) for name, is_shut, text in shut if is_shut)
