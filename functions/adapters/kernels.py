"""Compile the domain's kernels: the same source with every function replaced by its numba form; nothing else.

A fresh copy of the kernel module is loaded and its functions are replaced one by one, so plain and compiled run the
same statements in the same order (no fastmath) and give the same bits. Numba caches compiled code on disk, beside the
source or where NUMBA_CACHE_DIR says; `python -m functions.adapters.kernels` fills the cache.
"""

import importlib.util
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TextIO, cast

import numba
import numpy as np
from numpy.typing import DTypeLike, NDArray

from functions.domain.bars import kernel as bar_kernel
from functions.domain.bars.state import start as start_bars
from functions.domain.indicators import kernel as feature_kernel
from functions.domain.indicators.state import start as start_features
from functions.wire.errors import Malformed
from functions.wire.venues import binance_kernel as scan_kernel
from functions.wire.venues import fix_kernel, text_kernel
from functions.wire.venues.binance import DECODERS as BINANCE
from functions.wire.venues.columns import Decode, Decoder
from functions.wire.venues.fix import DIALECT as FIX
from functions.wire.venues.fix_scanning import Kernel as FixScanner
from functions.wire.venues.fix_scanning import Scan, scanning
from functions.wire.venues.registry import decoder_of, dialects
from functions.wire.venues.scanning import Kernel as Scanner
from functions.wire.venues.scanning import ScanningDecoder

if TYPE_CHECKING:
    from functions.wire.venues.digits import Kernel as TextReader


def loops(kind: str, module: ModuleType) -> ModuleType:
    """Give a kernel as a setting names it.

    Raises:
        ValueError: The kind is neither `compiled` nor `plain`.
    """
    if kind not in {"compiled", "plain"}:
        message = f"kernels are {kind!r}, expected 'compiled' or 'plain'"
        raise ValueError(message)
    return module if kind == "plain" else compiled(module)


@cache
def compiled(module: ModuleType) -> ModuleType:
    """Give a module's compiled twin; one for each process.

    Args:
        module: Kernel module whose functions take and give arrays, numbers and tuples only.

    Returns:
        A module of the same names; a function compiles, or loads its cached code, when it is first called.
    """
    spec = importlib.util.find_spec(module.__name__)
    if spec is None or spec.loader is None:
        message = f"{module.__name__} has no source to compile"
        raise ImportError(message)
    twin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twin)
    for name, value in list(vars(twin).items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            setattr(twin, name, _compile(value, inline=name in twin.INLINED))
    return twin


def compile_all(progress: TextIO) -> None:
    """Compile every kernel for the arrays the tables use, and leave the code in the cache.

    Args:
        progress: Where to say how long each took.
    """
    for exercise in (exercise_bars, exercise_features, exercise_scan, exercise_texts, exercise_fix):
        began = time.perf_counter()
        exercise()
        progress.write(f"{exercise.__name__.removeprefix('exercise_')} {time.perf_counter() - began:.1f} s\n")


def exercise_bars() -> None:
    """Run the compiled bar loops once, on columns as read-only as decoded ones."""
    state = start_bars("")
    loops = compiled(bar_kernel)
    sink = state.room(1, provisional=False)
    config = (0, 0, 0)
    row, instrument, count = _none(np.uint32), _none(np.uint16), _none(np.int64, writeable=True)
    number, flags = _none(np.int64), _none(np.uint8)
    times = (row, instrument, number, number)
    trades = (*times, number, number, flags, number, flags)
    quotes = (*times, number, number, number, number, flags)
    book = (*times, number, number, number, count, count, flags, number, number)
    loops.fold_rows(state.arrays, sink, _none(np.int32, writeable=True), trades, quotes, book, config)
    loops.advance(state.arrays, sink, 0, config)
    loops.finish(state.arrays, sink)
    loops.lose_market(state.arrays)


def exercise_features() -> None:
    """Run the compiled indicator loops once, on columns as read-only as decoded ones."""
    state = start_features("")
    loops = compiled(feature_kernel)
    number, flags = _none(np.int64), _none(np.uint8)
    bars = (_none(np.uint16), _none(np.int32), number, flags, *(number,) * 13, flags)
    output = (
        _none(np.int64, writeable=True),
        np.empty((0, len(feature_kernel.NAMES))),
        np.empty((0, len(feature_kernel.NAMES)), np.uint8),
    )
    loops.fold_bars(state.arrays, output, bars, np.empty((0, 3), np.int64))
    loops.forget(state.arrays)


class CompiledDecoders(Mapping[str, Decode]):
    """Give every dialect's decoder with compiled kernels, made when its first batch comes.

    Binance's and FIX rows are scanned whole; venues whose rows are read by shapes have their columns of texts read.
    """

    def __init__(self) -> None:
        """Have none yet; they are new ones, for they remember symbols."""
        self._made: dict[str, Decode] = {}

    def __getitem__(self, dialect: str) -> Decode:
        """Give a dialect's decoder.

        Raises:
            KeyError: There is none.
        """
        found = self._made.get(dialect)
        if found is None:
            found = self._made[dialect] = _with_kernels(dialect)
        return found

    def __iter__(self) -> Iterator[str]:
        """Name every dialect; this loads every venue."""
        return iter(dialects())

    def __len__(self) -> int:
        """Count the dialects; this loads every venue."""
        return len(dialects())


def _with_kernels(dialect: str) -> Decode:
    if dialect in BINANCE:
        return ScanningDecoder(BINANCE[dialect], cast("Scanner", compiled(scan_kernel)))
    if dialect == FIX:
        return scanning(cast("FixScanner", compiled(fix_kernel)))
    try:
        found = decoder_of(dialect)
    except Malformed:
        raise KeyError(dialect) from None
    return Decoder(found.venue, cast("TextReader", compiled(text_kernel))) if isinstance(found, Decoder) else found


def exercise_scan() -> None:
    """Run the compiled scanner once, on a batch without rows."""
    ScanningDecoder(BINANCE["binance.spot"], cast("Scanner", compiled(scan_kernel))).warm()


def exercise_fix() -> None:
    """Run the compiled FIX scanner once, on a batch without rows."""
    Scan(cast("FixScanner", compiled(fix_kernel))).warm()


def exercise_texts() -> None:
    """Run the compiled readers of texts once, on no texts."""
    loops = compiled(text_kernel)
    number, odd = _none(np.int64, writeable=True), _none(np.bool_, writeable=True)
    loops.decimals(_none(np.uint8), number, number, odd)
    loops.iso_times(_none(np.uint8), number, odd)


def _compile(function: FunctionType, *, inline: bool) -> object:
    """Compile one function; without any folder that may be written to, its code lives for this process only."""
    # Kernels make no arrays, and counting references to the ones they are given costs more than the work itself.
    options: dict[str, Any] = {"_nrt": False, "forceinline": inline}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


def _none(dtype: DTypeLike, *, writeable: bool = False) -> NDArray[Any]:
    column = np.empty(0, dtype)
    column.flags.writeable = writeable
    return column


if __name__ == "__main__":
    compile_all(sys.stderr)
