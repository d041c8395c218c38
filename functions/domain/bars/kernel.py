"""Fold rows into bars, one by one in tape order: plain loops over arrays that also compile, and nothing else.

The same source runs twice: as it stands, or with every function replaced by a compiled one that calls the others by
their module's name. So only integers, arrays and tuples live here and in the modules below, and no sum can leave the
range of int64 in either form. Callers go through `fold.py`.

`trades` folds a trade, `busts` takes one back, `closing` moves time and emits, `book` keeps order books, `quality`
counts what a feed is like, `rings` knows single bars, and `columns` names what the arrays hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import book as books
from functions.domain.bars import closing, quality, rings
from functions.domain.bars import columns as col
from functions.domain.bars import trades as prints

if TYPE_CHECKING:
    from functions.domain.bars.layout import Book, Config, Quotes, Sink, State, Trades
    from functions.domain.market import Int32, Int64

INLINED: Final = ("_take_quote", "_count_flow", "_renew_quote")

OUT: Final = col.OUT
REJECTED: Final = col.REJECTED


def fold_rows(
    state: State, sink: Sink, mapping: Int32, trades: Trades, quotes: Quotes, book: Book, config: Config
) -> None:
    """Fold every row of a batch in tape order; what closed and what was refused is counted in regs OUT, REJECTED."""
    trade_row = trades[0]
    quote_row = quotes[0]
    book_row = book[0]
    trade = 0
    quote = 0
    message = 0
    level = 0
    while trade < len(trade_row) or quote < len(quote_row) or message < len(book_row):
        at_quote = int(quote_row[quote]) if quote < len(quote_row) else col.LAST_ROW
        at_book = int(book_row[message]) if message < len(book_row) else col.LAST_ROW
        until = min(at_quote, at_book)
        if trade < len(trade_row) and trade_row[trade] < until:
            trade = prints.fold_run(state, sink, mapping, trades, trade, until, config)
        if at_quote < at_book:
            _take_quote(state, sink, mapping, quotes, quote, config)
            quote += 1
        elif at_book < col.LAST_ROW:
            _take_book(state, sink, mapping, book, message, level, config)
            level += book[7][message] + book[8][message]
            message += 1


def fold_trades(state: State, sink: Sink, mapping: Int32, trades: Trades, config: Config) -> None:
    """Fold the rows of a batch that has trades alone, as `fold_rows` does: handing over no columns takes no time."""
    prints.fold_run(state, sink, mapping, trades, 0, col.LAST_ROW, config)


def advance(state: State, sink: Sink, ts_cut_ns: int, config: Config) -> None:
    """Move the watermark by a heartbeat: the feed's clock less the measured skew less the lateness."""
    regs = state[0]
    mark = ts_cut_ns - regs[col.SKEW] - config[0]
    if regs[col.SKEW_KNOWN] != 0 and mark > regs[col.WATERMARK]:
        regs[col.WATERMARK] = mark
        if mark >= regs[col.NEXT_CLOSE]:
            closing.close_due(state, sink, config)


def finish(state: State, sink: Sink) -> None:
    """End a tape: emit what awaits its revision and what the feeds were like."""
    closing.revise(state, sink)
    if state[0][col.QUALITY_END] != col.NEVER:
        quality.tell(state, sink, state[0][col.QUALITY_END])


def show_open(state: State, sink: Sink) -> None:
    """Emit every open bar once as open, by (end, interval, instrument); the state is spent, so it should be a copy."""
    regs = state[0]
    regs[col.NEXT_CLOSE] = min(col.NEVER, regs[col.NEXT_END])
    for k in range(1, col.INTERVALS):
        regs[col.NEXT_CLOSE] = min(regs[col.NEXT_CLOSE], regs[col.NEXT_END + k])
    while regs[col.NEXT_CLOSE] < col.NEVER:
        closing.close_at(state, sink, regs[col.NEXT_CLOSE], col.OPEN_AT_END, 0)


def lose_market(state: State) -> None:
    """Forget quotes and books: rows were lost, so neither is known until the venue says it again."""
    market = state[2]
    for i in range(state[0][col.INSTRUMENTS]):
        market[i, col.QUOTE_FLAGS] = 0
        books.lose(market, i)
        market[i, col.BUFFERED] = 0


def product(price: int, size: int) -> tuple[int, int]:
    """Multiply two mantissas below 2**62 into (hi, lo) with hi * 2**62 + lo."""
    return rings.product(price, size)


def _take_quote(state: State, sink: Sink, mapping: Int32, quotes: Quotes, n: int, config: Config) -> None:
    regs, _, market, _, _, _ = state
    row, instrument, ts_event, ts_receive, _, _, _, _, flags = quotes
    i = mapping[instrument[n]]
    if i < 0:
        prints.reject(regs, sink[1], row[n], col.REASON_SHARD_FULL, col.SECTION_QUOTES, n, instrument[n])
        return
    known = market[i]
    quality.time_crossing(known, flags[n] & col.CROSSED, ts_receive[n])
    flow = _renew_quote(known, quotes, n)
    if flags[n] & col.CROSSED:
        known[col.QUOTE_FLAGS] |= col.MARKET_CROSSED
        books.lose(market, i)
    if flags[n] & col.NO_VENUE_TIME == 0:
        closing.move_clock(state, sink, ts_event[n], ts_receive[n], config)
    quality.count(known, col.SECTION_QUOTES, ts_event[n], ts_receive[n])
    if regs[col.WATERMARK] > -col.NEVER:
        _count_flow(state, sink, i, flow, regs[col.WATERMARK] + config[0])


def _count_flow(state: State, sink: Sink, i: int, flow: int, now: int) -> None:
    """Count an update in the second of the greatest venue time so far: by the tape's order, not the quote's clock."""
    known = state[2][i]
    slot = known[col.CURRENT_SLOT]
    if not 0 <= now - known[col.CURRENT] < col.SECOND_NS:
        slot = prints.open_second(state, sink, i, now)
    second = state[1][i, slot]
    second[col.QUOTES] += 1
    second[col.OFI] = rings.held(second[col.OFI] + flow)


def _renew_quote(known: Int64, quotes: Quotes, n: int) -> int:
    """Take over a quote; give its order flow: what the bid gained and the ask lost, less the other way round.

    Nothing when either quote is crossed, or none was known before. Source: Cont, Kukanov, Stoikov, "The Price Impact of
    Order Book Events", J. Financial Econometrics 12 (2014), eq. 4.
    """
    bid = quotes[4][n]
    bid_size = quotes[5][n]
    ask = quotes[6][n]
    ask_size = quotes[7][n]
    flow = 0
    if known[col.QUOTE_FLAGS] == col.MARKET_QUOTED and quotes[8][n] & col.CROSSED == 0:
        if bid >= known[col.QUOTE]:
            flow += min(bid_size, col.LEVEL_SIZE_MAX)
        if bid <= known[col.QUOTE]:
            flow -= min(known[col.QUOTE + 1], col.LEVEL_SIZE_MAX)
        if ask <= known[col.QUOTE + 2]:
            flow -= min(ask_size, col.LEVEL_SIZE_MAX)
        if ask >= known[col.QUOTE + 2]:
            flow += min(known[col.QUOTE + 3], col.LEVEL_SIZE_MAX)
    known[col.QUOTE] = bid
    known[col.QUOTE + 1] = bid_size
    known[col.QUOTE + 2] = ask
    known[col.QUOTE + 3] = ask_size
    known[col.QUOTE_FLAGS] = col.MARKET_QUOTED
    return flow


def _take_book(state: State, sink: Sink, mapping: Int32, book: Book, n: int, level: int, config: Config) -> None:
    regs, _, market, levels, _, _ = state
    row, instrument, ts_event, ts_receive, first, last, previous, bids, asks, flags, prices, sizes = book
    i = mapping[instrument[n]]
    if i < 0:
        prints.reject(regs, sink[1], row[n], col.REASON_SHARD_FULL, col.SECTION_BOOK, n, instrument[n])
        return
    tells = flags[n] & col.TELLS_PREVIOUS
    if flags[n] & col.SNAPSHOT:
        books.take_snapshot(market, levels, sink[2], i, last[n], prices, sizes, level, bids[n], asks[n])
    elif flags[n] & col.WITHOUT_IDS:
        # Nothing tells a hole, and what comes before the snapshot is in it.
        if market[i, col.BOOK_STATE] != col.BOOK_LOST:
            market[i, col.BOOK_STATE] = col.BOOK_LIVE
            books.apply(market, levels, i, prices, sizes, level, bids[n], asks[n], 0)
    elif books.follows(market, i, first[n], last[n], previous[n], tells):
        books.apply(market, levels, i, prices, sizes, level, bids[n], asks[n], 0)
    elif market[i, col.BOOK_STATE] == col.BOOK_LOST:
        books.hold_back(
            market, levels, i, first[n], last[n], previous[n], tells, prices, sizes, level, bids[n], asks[n]
        )
    if flags[n] & col.NO_VENUE_TIME == 0:
        closing.move_clock(state, sink, ts_event[n], ts_receive[n], config)
    quality.count(market[i], col.SECTION_BOOK, ts_event[n], ts_receive[n])
