"""Fold one batch of bars into one shard's features; pure but for the state's own arrays.

Only a bar that is final for the first time moves an indicator: provisional, open and revised bars do not, and neither
does one that starts before another of its instrument and interval that was folded already, nor one without a price.
Bars that fill empty intervals count as the others do: who asks for them wants an even grid. After a gap every indicator
is cold until it has as many bars as it needs; the average price since midnight stays cold until the next midnight.
The very first bar of an instrument and interval is behind no gap: that day's average price is of what was seen of it.
"""

from typing import Final

import numpy as np

from functions.domain.errors import Rejected
from functions.domain.indicators.kernel import INTERVALS_S
from functions.domain.indicators.layout import Bars, Kernel, Output
from functions.domain.indicators.registry import NAMES
from functions.domain.indicators.state import SCALES, FeatureState
from functions.domain.market import BarBatch, FeatureBatch, FeatureColumns, Int64

EXPONENT_MAX: Final = 18
"""10**18 is the greatest power of ten an int64 holds."""


def fold_batch(kernel: Kernel, state: FeatureState, batch: BarBatch) -> FeatureBatch | None:
    """Compute the features of a batch's final bars.

    Args:
        kernel: Loops to run, plain or compiled.
        state: State of the batch's shard; its arrays change in place.
        batch: Bars in the order in which they closed.

    Returns:
        One row for each bar that was final for the first time, or None when there is none; at the end of a tape always
        a batch, which says so.

    Raises:
        Rejected: The shard has no room for an instrument, its exponents changed, or an interval is not ours; the state
            is unchanged.
    """
    unknown = set(batch.interval_s.tolist()).difference(INTERVALS_S)
    if unknown:
        message = f"bars of {batch.shard} with intervals of {sorted(unknown)} s, expected {INTERVALS_S}"
        raise Rejected(message)
    mapping = _mapping(state, batch)
    rows = len(batch.start_ns)
    output = (np.empty(rows, np.int64), np.empty((rows, len(NAMES))), np.empty((rows, len(NAMES)), np.uint8))
    computed = kernel.fold_bars(state.arrays, output, _bars(batch), mapping)
    if not computed and not batch.end_of_tape:
        return None
    return FeatureBatch(batch.shard, _columns(state, batch, output, computed, mapping), batch.end_of_tape)


def _mapping(state: FeatureState, batch: BarBatch) -> Int64:
    """Map a batch's instruments to their place, and the powers of ten their prices and sizes are scaled by."""
    if batch.instruments == state.dictionary:
        return state.mapping
    known = {ref.instrument_id: index for index, ref in enumerate(state.instruments)}
    added = [ref for ref in batch.instruments if ref.instrument_id not in known]
    room = state.arrays[0].shape[0] - len(known)
    if len(added) > room:
        message = f"{batch.shard} brings {len(added)} further instruments and has room for {room}; add shards"
        raise Rejected(message)
    for ref in batch.instruments:
        had = state.instruments[known[ref.instrument_id]] if ref.instrument_id in known else ref
        if had != ref or max(abs(ref.price_exponent), abs(ref.size_exponent)) > EXPONENT_MAX:
            message = f"{ref} in {batch.shard}, known as {had}: exponents stay, and within {EXPONENT_MAX}"
            raise Rejected(message)
    state.instruments = (*state.instruments, *added)
    places = known | {ref.instrument_id: len(known) + n for n, ref in enumerate(added)}
    scales = [
        (places[ref.instrument_id], *_scale(ref.price_exponent), *_scale(ref.size_exponent))
        for ref in batch.instruments
    ]
    state.dictionary, state.mapping = batch.instruments, np.array(scales, np.int64).reshape(-1, SCALES)
    return state.mapping


def _scale(exponent: int) -> tuple[int, int]:
    """Give the powers of ten to multiply and to divide by."""
    return 10 ** max(exponent, 0), 10 ** max(-exponent, 0)


def _bars(batch: BarBatch) -> Bars:
    return (
        batch.instrument,
        batch.interval_s,
        batch.start_ns,
        batch.finality,
        batch.open,
        batch.high,
        batch.low,
        batch.close,
        batch.volume,
        batch.buy_volume,
        batch.notional_hi,
        batch.notional_lo.view(np.int64),
        batch.trades,
        batch.bid_price,
        batch.bid_size,
        batch.ask_price,
        batch.ask_size,
        batch.bid_depth,
        batch.ask_depth,
        batch.bid_edge,
        batch.ask_edge,
        batch.ofi,
        batch.quotes,
        batch.flags,
    )


def _columns(state: FeatureState, batch: BarBatch, output: Output, computed: int, mapping: Int64) -> FeatureColumns:
    # Nearly always every bar is final for the first time, and a slice of a column is no copy.
    picked = slice(None) if computed == len(batch.start_ns) else output[0][:computed]
    return FeatureColumns(
        instruments=state.instruments,
        instrument=mapping[batch.instrument[picked], 0].astype(np.uint16),
        interval_s=batch.interval_s[picked],
        start_ns=batch.start_ns[picked],
        bar_revision=batch.revision[picked],
        close=batch.close[picked],
        bid_price=batch.bid_price[picked],
        bid_size=batch.bid_size[picked],
        ask_price=batch.ask_price[picked],
        ask_size=batch.ask_size[picked],
        flags=batch.flags[picked],
        names=NAMES,
        values=output[1][:computed],
        states=output[2][:computed],
        flags_hi=batch.flags_hi[picked] if len(batch.flags_hi) else batch.flags_hi,
    )
