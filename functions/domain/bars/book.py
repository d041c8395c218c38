"""Keep an instrument's order book in step with its venue, and say what its best levels are; loops that also compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from functions.domain.bars import columns as col

if TYPE_CHECKING:
    from functions.domain.market import Int64

INLINED: Final = ("_apply_level", "_find", "_remove", "_insert")


def stamp(bar: Int64, market: Int64, levels: Int64, i: int) -> None:
    """Write what is known of the market on a bar: latest quote, sum and edge of the ten best levels of each side."""
    for column in range(4):
        bar[col.BID_PRICE + column] = market[i, col.QUOTE + column]
    flags = market[i, col.QUOTE_FLAGS]
    for column in range(4):
        bar[col.BID_DEPTH + column] = 0
    if depth_is_known(market, i, 0) and depth_is_known(market, i, 1):
        flags |= col.MARKET_BOOK_VALID
        for side in range(2):
            count = market[i, col.BOOK_COUNT + side]
            worst = max(count - col.DEPTH_LEVELS, 0)
            for n in range(worst, count):
                bar[col.BID_DEPTH + side] += levels[i, side, n, 1]
            if count > 0:
                bar[col.BID_EDGE + side] = levels[i, side, worst, 0] * (2 * side - 1)
    elif market[i, col.BOOK_STATE] == col.BOOK_LOST and market[i, col.BOOK_COUNT] + market[i, col.BOOK_COUNT + 1] > 0:
        flags |= col.MARKET_BOOK_LOST  # a book that was never there has no levels to lose
    bar[col.FLAGS] = flags


def depth_is_known(market: Int64, i: int, side: int) -> bool:
    """Tell whether the ten best levels of a side are: the book is in sync and the bound did not cut into them."""
    is_whole = market[i, col.BOOK_EDGE + side] == col.NEVER or market[i, col.BOOK_COUNT + side] >= col.DEPTH_LEVELS
    return bool(market[i, col.BOOK_STATE] != col.BOOK_LOST and is_whole)


def take_snapshot(
    market: Int64,
    levels: Int64,
    scratch: Int64,
    i: int,
    last: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
) -> None:
    """Begin a book and apply the deltas that came before it; a snapshot older than a live book says nothing new."""
    if market[i, col.BOOK_STATE] == col.BOOK_LIVE and last < market[i, col.BOOK_LAST]:
        return
    held = market[i, col.BUFFERED] if market[i, col.BOOK_STATE] == col.BOOK_LOST else 0
    for n in range(held):
        scratch[n] = _peek(levels, i, n)
    market[i, col.BOOK_STATE] = col.BOOK_FRESH
    market[i, col.BOOK_LAST] = last
    market[i, col.BUFFERED] = 0
    for side in range(2):
        market[i, col.BOOK_COUNT + side] = 0
        market[i, col.BOOK_EDGE + side] = col.NEVER
    apply(market, levels, i, prices, sizes, level, bids, asks, 0)
    at = 0
    while at < held and market[i, col.BOOK_STATE] != col.BOOK_LOST:
        count = scratch[at + 4] + scratch[at + 5]
        if follows(market, i, scratch[at], scratch[at + 1], scratch[at + 2], scratch[at + 3]):
            apply(market, levels, i, scratch, scratch, at + col.HEAD, scratch[at + 4], scratch[at + 5], count)
        at += col.HEAD + 2 * count


def follows(market: Int64, i: int, first: int, last: int, previous: int, tells_previous: int) -> bool:
    """Decide whether a delta applies, by the venue's rule; a break loses the book until the next snapshot.

    Source: Binance, "How to manage a local order book correctly", spot (U, u) and futures (pu). A delta whose `pu` is
    the snapshot's own id follows it too, though the page names only the one that contains it.
    """
    known = market[i, col.BOOK_LAST]
    state = market[i, col.BOOK_STATE]
    is_fresh = state == col.BOOK_FRESH
    if state == col.BOOK_LOST or last < known or (last == known and (tells_previous == 0 or not is_fresh)):
        return False
    if tells_previous:
        follows = previous == known or (is_fresh and first <= known)
    else:
        follows = first == known + 1 or (is_fresh and first <= known)
    if follows:
        market[i, col.BOOK_STATE] = col.BOOK_LIVE
        market[i, col.BOOK_LAST] = last
    else:
        lose(market, i)
    return bool(follows)


def lose(market: Int64, i: int) -> None:
    """Lose a book until the next snapshot, and count the break."""
    if market[i, col.BOOK_STATE] != col.BOOK_LOST:
        market[i, col.BOOK_STATE] = col.BOOK_LOST
        market[i, col.BUFFERED] = 0
        market[i, col.QUALITY + col.BREAKS] += 1


def hold_back(
    market: Int64,
    levels: Int64,
    i: int,
    first: int,
    last: int,
    previous: int,
    tells: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
) -> None:
    """Keep a delta for a snapshot on its way; when room runs out the older ones go, which no newer snapshot misses."""
    room = 4 * levels.shape[2]
    wanted = col.HEAD + 2 * (bids + asks)
    if market[i, col.BUFFERED] + wanted > room:
        market[i, col.BUFFERED] = 0
    if wanted > room:
        return
    at = market[i, col.BUFFERED]
    _poke(levels, i, at, first)
    _poke(levels, i, at + 1, last)
    _poke(levels, i, at + 2, previous)
    _poke(levels, i, at + 3, tells)
    _poke(levels, i, at + 4, bids)
    _poke(levels, i, at + 5, asks)
    for n in range(bids + asks):
        _poke(levels, i, at + col.HEAD + n, prices[level + n])
        _poke(levels, i, at + col.HEAD + bids + asks + n, sizes[level + n])
    market[i, col.BUFFERED] = at + wanted


def apply(
    market: Int64,
    levels: Int64,
    i: int,
    prices: Int64,
    sizes: Int64,
    level: int,
    bids: int,
    asks: int,
    shift: int,
) -> None:
    """Apply a message's levels; sizes stand `shift` places behind their prices. A crossed or locked book is lost."""
    near = market[i, col.BOOK_COUNT]
    for n in range(level, level + bids + asks):
        if n == level + bids:
            near = market[i, col.BOOK_COUNT + 1]
        size = sizes[n + shift]
        if size < 0 or size > col.LEVEL_SIZE_MAX:
            lose(market, i)
            return
        # Bids are kept by negative price, so that the best level of either side has the smallest key.
        side = 0 if n < level + bids else 1
        near = _apply_level(market, levels, i, side, -prices[n] if side == 0 else prices[n], size, near)
    bid = market[i, col.BOOK_COUNT] - 1
    ask = market[i, col.BOOK_COUNT + 1] - 1
    if bid >= 0 and ask >= 0 and levels[i, 0, bid, 0] + levels[i, 1, ask, 0] <= 0:
        lose(market, i)


def _poke(levels: Int64, i: int, at: int, value: int) -> None:
    width = 2 * levels.shape[2]
    levels[i, at // width, (at % width) >> 1, at & 1] = value


def _peek(levels: Int64, i: int, at: int) -> int:
    width = 2 * levels.shape[2]
    return int(levels[i, at // width, (at % width) >> 1, at & 1])


def _apply_level(market: Int64, levels: Int64, i: int, side: int, key: int, size: int, near: int) -> int:
    """Apply a level; give its place, for the next one of a message is mostly near it."""
    known = market[i]
    if key > known[col.BOOK_EDGE + side]:
        return near
    kept = levels[i, side]
    count = known[col.BOOK_COUNT + side]
    at = _find(kept, count, key, min(near, count))
    found = at < count and kept[at, 0] == key
    if size == 0:
        if found:
            _remove(known, kept, side, at)
    elif found:
        kept[at, 1] = size
    else:
        _insert(known, kept, side, at, key, size)
    return at


def _find(kept: Int64, count: int, key: int, at: int) -> int:
    """Walk from a place to the first whose key is not greater; the best level, which has the smallest, stands last."""
    while at < count and kept[at, 0] > key:
        at += 1
    while at > 0 and kept[at - 1, 0] <= key:
        at -= 1
    return at


def _remove(known: Int64, kept: Int64, side: int, at: int) -> None:
    count = known[col.BOOK_COUNT + side] - 1
    behind = kept[at : count + 1]  # indexes that count from 0 need no check for negative ones
    for n in range(len(behind) - 1):
        behind[n, 0] = behind[n + 1, 0]
        behind[n, 1] = behind[n + 1, 1]
    known[col.BOOK_COUNT + side] = count


def _insert(known: Int64, kept: Int64, side: int, at: int, key: int, size: int) -> None:
    """Insert a level; in a full side the worst ones fall out, and nothing from there on is known any more."""
    full = len(kept)
    if known[col.BOOK_COUNT + side] == full:
        if at == 0:
            known[col.BOOK_EDGE + side] = key - 1
            return
        # One in eight goes at a time, so that a rising market does not move the whole side for every level.
        gone = min(at, full >> 3)
        known[col.BOOK_EDGE + side] = kept[gone - 1, 0] - 1
        for n in range(full - gone):
            kept[n, 0] = kept[n + gone, 0]
            kept[n, 1] = kept[n + gone, 1]
        known[col.BOOK_COUNT + side] = full - gone
        at -= gone
    count = known[col.BOOK_COUNT + side]
    behind = kept[at : count + 1]
    for n in range(len(behind)):
        next_key, next_size = behind[n, 0], behind[n, 1]
        behind[n, 0], behind[n, 1] = key, size
        key, size = next_key, next_size
    known[col.BOOK_COUNT + side] = count + 1
