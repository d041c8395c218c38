"""Backtest a tape: replay it as `tickloom replay` does, watch its signals and bars, and sum up what they came to.

Nothing is computed again here: signals come from the functions of the wiring, and what is traded is checked to be, row
for row, what the replay hashed.
"""

import dataclasses
import hashlib
import pathlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from functions.adapters.tapes import open_tape, sniff_tape
from functions.domain.backtest.account import Account, account, hold
from functions.domain.backtest.facts import Heard, PriceBars, Terms, Trade
from functions.domain.backtest.figures import (
    Confidence,
    Curve,
    Figures,
    confidence_of,
    curve_of,
    figures_of,
    times_of,
)
from functions.domain.decisions import Action, Signal
from functions.domain.market import BAR_OPEN, BAR_PROVISIONAL, INTERVALS_S, NS_PER_S, BarBatch, InstrumentRef, Int64
from functions.domain.money import plain
from functions.local.foundation import Options
from functions.local.replays import Progress, replay
from functions.runtime import settings
from functions.tables.bars import main as bars_table
from functions.wire.codecs.bars import decode_bar_batch
from functions.wire.codecs.signals import SIGNAL, decode_signal
from functions.wire.envelope import Event
from functions.wire.rows import render
from functions.wire.tape import read_line

BARS: Final = "tickloom.market.v1.BarBatch"
FINEST_S: Final = INTERVALS_S[0]
_COLUMNS: Final = ("open", "high", "low", "close", "bid_price", "ask_price", "flags")


class BacktestError(RuntimeError):
    """What was traded is not what the replay gave; nothing is reported then."""


@dataclass(frozen=True, slots=True)
class Request:
    """Say what is backtested.

    Args:
        tape: What the user named.
        capture: The same as a capture; most tapes are one.
        from_ns: Signals known before are warm-up, ns; 0 for none.
        to_ns: Rows from the first received at or after it on are cut off, ns; 0 for none.
        latency_ms: From when a signal is known to when its order reaches the market.
        capital: What all strategies and instruments start with.
        terms: The costs and the sizing; their delay is the latency.
    """

    tape: pathlib.Path
    capture: pathlib.Path
    from_ns: int
    to_ns: int
    latency_ms: int
    capital: Decimal
    terms: Terms


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Hold what a backtest found; `told` is its report as plain values, the rest is for pictures."""

    told: dict[str, Any]
    account: Account
    curve: Curve
    held: Curve
    bars: Mapping[str, PriceBars]
    signals: tuple[Signal, ...]
    confidence: Confidence | None


class Witness:
    """Watch a run: keep its signals and its shortest bars, each event once."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: set[str] = set()
        self._signals: dict[str, Signal] = {}
        self._lines: set[bytes] = set()
        self._batches: list[BarBatch] = []

    def observe(self, event: Event) -> None:
        """Keep an event's facts, if they are signals or bars."""
        if event.type not in (SIGNAL, BARS) or event.id in self._seen:
            return
        self._seen.add(event.id)
        if event.type == BARS:
            self._batches.append(_finest(decode_bar_batch(event.data or b"")))
            return
        signal = decode_signal(event.data or b"")
        self._signals[signal.signal_id] = signal
        self._lines.update(row.line for row in render(event))

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Give the signals in order of decision."""
        return tuple(sorted(self._signals.values(), key=lambda one: (one.as_of_ns, one.interval_s, one.signal_id)))

    @property
    def hash(self) -> str:
        """Hash the signals' rows as an export does."""
        return hashlib.sha256(b"".join(line + b"\n" for line in sorted(self._lines))).hexdigest()

    def bars(self) -> dict[str, PriceBars]:
        """Give the bars by instrument: of each its last revision, which is what was traded in the end."""
        refs = {ref.instrument_id: ref for batch in self._batches for ref in batch.instruments}
        batches = [batch for batch in self._batches if len(batch.start_ns)]
        if not batches:
            return {}
        names = sorted(refs)
        number = {name: at for at, name in enumerate(names)}
        which = np.concatenate([_numbers(batch, number) for batch in batches])
        start, rank = _joined(batches, "start_ns"), _joined(batches, "revision")
        rank[_joined(batches, "finality") == BAR_OPEN] = -1
        order = np.lexsort((np.arange(len(start)), rank, start, which))
        last = np.ones(len(order), np.bool_)
        last[:-1] = (np.diff(which[order]) != 0) | (np.diff(start[order]) != 0)
        kept = order[last]
        columns = {name: _joined(batches, name)[kept] for name in ("start_ns", *_COLUMNS)}
        found = {}
        for name in names:
            mine = which[kept] == number[name]
            if mine.any():
                found[name] = _price_bars(refs[name], {column: values[mine] for column, values in columns.items()})
        return found


def _finest(batch: BarBatch) -> BarBatch:
    kept = (batch.interval_s == FINEST_S) & (batch.finality != BAR_PROVISIONAL)
    columns = ("instrument", "start_ns", "revision", "finality", *_COLUMNS)
    return dataclasses.replace(batch, **{name: getattr(batch, name)[kept] for name in columns})


def _numbers(batch: BarBatch, number: Mapping[str, int]) -> Int64:
    own = np.array([number[ref.instrument_id] for ref in batch.instruments], np.int64)
    return own[batch.instrument]


def _joined(batches: Iterable[BarBatch], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(batch, name) for batch in batches])


def _price_bars(ref: InstrumentRef, columns: Mapping[str, NDArray[Any]]) -> PriceBars:
    return PriceBars(ref, FINEST_S * NS_PER_S, **columns)


# --- the tape ---------------------------------------------------------------------------------------------------------


def cut_tape(tape: pathlib.Path, out: pathlib.Path, *, to_ns: int) -> int:
    """Write the beginning of a capture, up to the first row received at or after a time.

    Args:
        tape: The capture, plain or gzip.
        out: Plain file to write; its folder is made.
        to_ns: The time, ns.

    Returns:
        How many lines were written; lines without a time of their own go with the line before.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    count = 0
    with open_tape(tape) as source, partial.open("wb") as target:
        for line in _before(source, to_ns):
            target.write(line)
            count += 1
    partial.replace(out)
    return count


def _before(source: Iterable[bytes], to_ns: int) -> Iterator[bytes]:
    for line in source:
        if read_line(line.rstrip(b"\r\n")).ts_receive >= to_ns:
            return
        yield line


def digest(tape: pathlib.Path) -> str:
    """Hash a capture's file as it lies on disk."""
    with tape.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the run ----------------------------------------------------------------------------------------------------------


async def backtest(
    options: Options,
    request: Request,
    *,
    feed: Mapping[str, str],
    out: pathlib.Path,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Replay a tape and account for its signals.

    Args:
        options: How the platform runs.
        request: What is backtested.
        feed: Further settings of the replay feed, by environment name.
        out: Folder for the rows of every output stream, as a replay writes them.
        progress: Told a few times a second.

    Raises:
        BacktestError: The signals seen are not the signals hashed.
    """
    tape, told = request.capture, dict(feed)
    if request.to_ns:
        head = sniff_tape(tape, dialect=feed.get("TICKLOOM_DIALECT", ""))
        told["TICKLOOM_DIALECT"] = head.dialect  # a head cut short may not tell
        tape = options.folder / "tapes" / f"{tape.name}-to-{request.to_ns}.txt"
        cut_tape(request.capture, tape, to_ns=request.to_ns)
    witness = Witness()
    result = await replay(options, [tape], feed=told, out=out, progress=progress, observe=witness.observe)
    if witness.hash != result.hashes["signals"]:
        message = "the signals that were watched are not those that were exported; run again with --fresh"
        raise BacktestError(message)
    found = weigh(witness, request, _lateness(options.environ))
    found.told["replay"] = {"tape": str(tape), "hashes": result.hashes, "rows": result.summary["rows_in"]}
    found.told["made_on"] = result.summary["made_on"]
    return found


def _lateness(environ: Mapping[str, str]) -> Callable[[str], int]:
    """Say how long after a bar's end its shard waits for late trades, as the bars table is set up."""
    own = settings.load(bars_table.Settings, settings.share(bars_table.Settings, environ))
    return bars_table.rules_of(own).lateness_ns


def weigh(witness: Witness, request: Request, lateness_ns: Callable[[str], int]) -> Outcome:
    """Account for what was seen, beside holding everything and doing nothing."""
    signals, bars = witness.signals, witness.bars()
    heard = [Heard(one, one.as_of_ns + lateness_ns(one.shard)) for one in signals]
    capital, terms, from_ns = request.capital, request.terms, request.from_ns
    traded = account(heard, bars, terms, capital=capital, from_ns=from_ns)
    kept = hold(bars, terms, capital=capital, from_ns=from_ns)
    begin_ns, end_ns = _span(bars, from_ns)
    times, step_s = times_of(begin_ns, end_ns)
    curve = curve_of(traded.trades, bars, capital=capital, times=times, step_s=step_s)
    held = curve_of(kept, bars, capital=capital, times=times, step_s=step_s)
    confidence = confidence_of(traded.trades)
    told = {
        "tape": {"file": str(request.tape), "sha256": digest(request.tape)},
        "from_ns": from_ns or None,
        "to_ns": request.to_ns or None,
        "begin_ns": begin_ns,
        "end_ns": end_ns,
        "step_s": step_s,
        "instruments": sorted(bars),
        "assumptions": _assumptions(request, sorted({lateness_ns(one.shard) for one in signals}), traded),
        "signals": _signals(signals, traded, witness.hash),
        "strategy": _figures(figures_of(traded.trades, curve, capital=capital)),
        "buy_and_hold": _figures(figures_of(kept, held, capital=capital)),
        "nothing": {"profit": "0", "total_return": 0.0, "max_drawdown": 0.0},
        "confidence": _confidence(confidence),
        "trades": [_trade(one) for one in traded.trades],
        "equity": [
            [int(at), plain(one), plain(other)]
            for at, one, other in zip(times.tolist(), curve.equity, held.equity, strict=True)
        ],
    }
    return Outcome(told, traded, curve, held, bars, signals, confidence)


def _span(bars: Mapping[str, PriceBars], from_ns: int) -> tuple[int, int]:
    if not bars:
        return from_ns, from_ns
    begin = min(int(one.start_ns[0]) for one in bars.values())
    end = max(int(one.start_ns[-1]) + one.interval_ns for one in bars.values())
    return max(begin, from_ns), max(end, from_ns)


# --- the report -------------------------------------------------------------------------------------------------------


def _assumptions(request: Request, lateness_ns: list[int], traded: Account) -> dict[str, Any]:
    terms = request.terms
    return {
        "capital": plain(request.capital),
        "share": plain(traded.share),
        "sizing": terms.sizing.value,
        "fee_bps": plain(terms.fee_bps),
        "slippage_bps": plain(terms.slippage_bps),
        "latency_ms": request.latency_ms,
        "lateness_ms": [one // 1_000_000 for one in lateness_ns],
        "risk_free": 0.0,
        "year_days": 365,
    }


def _signals(signals: tuple[Signal, ...], traded: Account, rows_hash: str) -> dict[str, Any]:
    actions = Counter(one.action for one in signals)
    return {
        "rows_hash": rows_hash,
        "by_action": {action.value: actions[action] for action in Action},
        "fates": {fate.value: count for fate, count in traded.fates},
        "degraded": sum(one.degraded for one in signals),
        "confidence_kinds": sorted({one.evidence.confidence_kind.value for one in signals}),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    money = {"profit": plain(figures.profit), "fees": plain(figures.fees)}
    return {**dataclasses.asdict(figures), **money}


def _confidence(found: Confidence | None) -> dict[str, Any] | None:
    if found is None:
        return None
    curve = found.curve
    columns = {name: getattr(curve, name).tolist() for name in ("forecast", "observed", "count", "low", "high")}
    return {"trades": found.trades, "brier": found.brier, **columns}


def _trade(trade: Trade) -> dict[str, Any]:
    told = dataclasses.asdict(trade)
    money = ("quantity", "entry_price", "exit_price", "entry_fee", "fees", "profit")
    return {**told, "side": trade.side.value, "exit": trade.exit.value, **{name: plain(told[name]) for name in money}}
