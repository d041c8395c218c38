"""Compile the domain's kernels: the same source with every function replaced by its numba form; nothing else.

A fresh copy of the kernel module is loaded and its functions are replaced one by one, so plain and compiled run the
same statements in the same order (no fastmath) and give the same bits. A kernel may import other kernels, as modules:
their compiled twins take their places. Compiled code is kept on disk in a folder named by the sources it came from,
beside this file or where NUMBA_CACHE_DIR says; `python -m functions.adapters.kernels` fills it. Code is made for the
processor it is made on, unless NUMBA_CPU_NAME says otherwise: `generic` serves every one of the architecture.
"""

import hashlib
import importlib.util
import multiprocessing
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeGuard, cast

import numba
import numpy as np
from numba.core.caching import UserProvidedCacheLocator
from numpy.typing import DTypeLike, NDArray

from functions.domain.activity import kernel as activity_kernel
from functions.domain.activity.state import start as start_activity
from functions.domain.bars import kernel as bar_kernel
from functions.domain.bars.state import start as start_bars
from functions.domain.indicators import kernel as feature_kernel
from functions.domain.indicators.registry import NAMES
from functions.domain.indicators.state import SCALES
from functions.domain.indicators.state import start as start_features
from functions.domain.market import Int64
from functions.domain.pairs import kernel as pair_kernel
from functions.wire import tape_kernel
from functions.wire.errors import Malformed
from functions.wire.tape import Block, Loops
from functions.wire.venues import binance_kernel as scan_kernel
from functions.wire.venues import fix_kernel, plan_kernel, text_kernel
from functions.wire.venues.binance import DECODERS as BINANCE
from functions.wire.venues.coinbase_exchange import PLAN
from functions.wire.venues.columns import Decode, Decoder
from functions.wire.venues.fix import DIALECT as FIX
from functions.wire.venues.fix_scanning import Kernel as FixScanner
from functions.wire.venues.fix_scanning import Scan, scanning
from functions.wire.venues.planned import Planned
from functions.wire.venues.registry import decoder_of, dialects
from functions.wire.venues.scanning import Kernel as Scanner
from functions.wire.venues.scanning import ScanningDecoder

if TYPE_CHECKING:
    from functions.wire.venues.digits import Kernel as TextReader
    from functions.wire.venues.planned import Kernel as PlanReader


_SETTINGS: Final[Any] = numba.config  # its names are made when it loads
_KEPT: Final = pathlib.Path(_SETTINGS.CACHE_DIR or pathlib.Path(__file__).parent / "__pycache__" / "kernels")
_DIGEST_BYTES: Final = 8
"""Bytes of the digest that names a folder of compiled code."""


def loops(kind: str, module: ModuleType) -> ModuleType:
    """Give a kernel as a setting names it.

    Raises:
        ValueError: The kind is neither `compiled` nor `plain`.
    """
    if kind not in {"compiled", "plain"}:
        message = f"kernels are {kind!r}, expected 'compiled' or 'plain'"
        raise ValueError(message)
    return module if kind == "plain" else compiled(module)


def loading(kind: str, exercise: Callable[[], None]) -> Callable[[], None]:
    """Give what loads a kernel's code before its first batch needs it; nothing where it is `plain`."""
    return exercise if kind == "compiled" else _load_nothing


def _load_nothing() -> None:
    """Load nothing: plain code is there."""


@cache
def compiled(module: ModuleType) -> ModuleType:
    """Give a module's compiled twin; one for each process.

    Args:
        module: Kernel module whose functions take and give arrays, numbers and tuples only; it names in `INLINED` those
            that a compiler should not call.

    Returns:
        A module of the same names; a function compiles, or loads its cached code, when it is first called.
    """
    spec = importlib.util.find_spec(module.__name__)
    if spec is None or spec.loader is None:
        message = f"{module.__name__} has no source to compile"
        raise ImportError(message)
    twin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(twin)
    folder = _KEPT / _digest(module)
    for name, value in list(vars(twin).items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            setattr(twin, name, _compile(value, folder, inline=name in twin.INLINED))
        elif _is_kernel(value):
            setattr(twin, name, compiled(value))
    return twin


def _is_kernel(value: object) -> TypeGuard[ModuleType]:
    return isinstance(value, ModuleType) and hasattr(value, "INLINED")


@cache
def _digest(module: ModuleType) -> str:
    """Name a kernel by its source and the sources of those it imports: what changes any of them compiles anew."""
    sources = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for one in _tree(module):
        sources.update(pathlib.Path(str(one.__file__)).read_bytes())
    return f"{module.__name__.rpartition('.')[2]}-{sources.hexdigest()}"


def _tree(module: ModuleType) -> list[ModuleType]:
    """List a kernel and those it imports, directly or not, by name."""
    found = {module.__name__: module}
    todo = [module]
    while todo:
        for value in vars(todo.pop()).values():
            if _is_kernel(value) and value.__name__ not in found:
                found[value.__name__] = value
                todo.append(value)
    return [found[name] for name in sorted(found)]


def compile_all(progress: TextIO, *, workers: int = 1) -> None:
    """Compile every kernel for the arrays the tables use, and leave the code in the cache.

    Args:
        progress: Where to say how long each took.
        workers: How many at once, each in a process of its own; 1 stays in this one.
    """
    if workers == 1:
        told = map(_timed, _EXERCISES)
        progress.writelines(told)
    else:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            progress.writelines(pool.map(_timed, _EXERCISES))
    _forget_others()


def _timed(exercise: Callable[[], None]) -> str:
    began = time.perf_counter()
    exercise()
    return f"{exercise.__name__.removeprefix('exercise_')} {time.perf_counter() - began:.1f} s\n"


def _forget_others() -> None:
    """Remove compiled code of sources that are no more."""
    modules = [module for name, module in sys.modules.items() if name.startswith("functions.") and _is_kernel(module)]
    wanted = {_digest(module) for module in modules}
    for folder in _KEPT.glob("*-*"):
        if folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)


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
    loops.fold_trades(state.arrays, sink, _none(np.int32, writeable=True), trades, config)
    loops.advance(state.arrays, sink, 0, config)
    loops.finish(state.arrays, sink)
    loops.show_open(state.arrays, sink)
    loops.lose_market(state.arrays)


def exercise_activity() -> None:
    """Run the compiled loops of activity bars once, on columns as read-only as decoded ones."""
    state = start_activity("")
    loops = compiled(activity_kernel)
    sink = state.room(1)
    number, flags = _none(np.int64), _none(np.uint8)
    trades = (_none(np.uint32), _none(np.uint16), number, number, number, flags, number, flags)
    loops.fold_trades(state.arrays, sink, _none(np.int32, writeable=True), state.limits, trades)
    loops.finish(state.arrays, sink)
    loops.lose_rows(state.arrays)


def exercise_features() -> None:
    """Run the compiled indicator loops once, on columns as read-only as decoded ones."""
    state = start_features("")
    loops = compiled(feature_kernel)
    number, flags = _none(np.int64), _none(np.uint8)
    count = _none(np.int32)
    market = (*(number,) * 9, count)
    bars = (_none(np.uint16), count, number, flags, *(number,) * 8, count, *market, flags)
    output = (
        _none(np.int64, writeable=True),
        np.empty((0, len(NAMES))),
        np.empty((0, len(NAMES)), np.uint8),
    )
    loops.fold_bars(state.arrays, output, bars, np.empty((0, SCALES), np.int64))
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
    if not isinstance(found, Decoder):
        return found
    return Decoder(found.venue, cast("TextReader", compiled(text_kernel)), cast("PlanReader", compiled(plan_kernel)))


def tape_loops() -> Loops:
    """Give what is done to every line of a tape, compiled."""
    loops = compiled(tape_kernel)
    room = np.empty(0, np.uint8)

    def times(data: Block, start: Int64, end: Int64) -> Int64:
        ts = np.empty(len(end), np.int64)
        loops.times(np.frombuffer(data, np.uint8), start, end, ts)
        return ts

    def join(data: Block, start: Int64, end: Int64) -> bytes:
        nonlocal room
        if len(room) < len(data):
            room = np.empty(len(data), np.uint8)
        size = loops.join(np.frombuffer(data, np.uint8), start, end, room)
        return room[:size].tobytes()

    return Loops(times, join)


def exercise_tape() -> None:
    """Read no lines once."""
    loops, none = tape_loops(), _none(np.int64, writeable=True)
    loops.times(b"", none, none)
    loops.join(b"", none, none)


def exercise_pairs() -> None:
    """Run the compiled loops of pairs once."""
    loops = compiled(pair_kernel)
    state = np.zeros((1, pair_kernel.COUNTS), np.int64), np.zeros((1, pair_kernel.MEMORY))
    output = np.zeros((1, len(pair_kernel.NAMES))), np.zeros((1, len(pair_kernel.NAMES)), np.uint8)
    scratch = np.zeros((pair_kernel.SCRATCH, pair_kernel.RETURNS))
    loops.step(state, 0, 0, np.ones(pair_kernel.INPUTS), scratch, output, 0)
    loops.forget(state, 0)


def exercise_scan() -> None:
    """Run the compiled scanner once, on a batch without rows."""
    ScanningDecoder(BINANCE["binance.spot"], cast("Scanner", compiled(scan_kernel))).warm()


def exercise_fix() -> None:
    """Run the compiled FIX scanner once, on a batch without rows."""
    Scan(cast("FixScanner", compiled(fix_kernel))).warm()


def exercise_plans() -> None:
    """Run the compiled readers of plans once, on a batch without rows; they are the same for every plan."""
    Planned(PLAN, cast("PlanReader", compiled(plan_kernel))).warm()


def exercise_texts() -> None:
    """Run the compiled readers of texts once, on no texts."""
    loops = compiled(text_kernel)
    number, odd = _none(np.int64, writeable=True), _none(np.bool_, writeable=True)
    loops.decimals(_none(np.uint8), number, number, odd)
    loops.iso_times(_none(np.uint8), number, odd)


class KeptBySources(UserProvidedCacheLocator):
    """Keep code in the very folder that `CACHE_DIR` names, wherever the sources lie: a copy serves another clone."""

    def __init__(self, py_func: FunctionType, py_file: str) -> None:
        """Find the folder as numba asks for it."""
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]  # numba says nothing of its types
        self._cache_path = _SETTINGS.CACHE_DIR

    def ensure_cache_path(self) -> None:
        """Take a folder that was filled where it could be written to, and now can only be read, as in an image."""
        if not _is_only_read(pathlib.Path(self._cache_path)):
            super().ensure_cache_path()  # type: ignore[no-untyped-call]


def _compile(function: FunctionType, folder: pathlib.Path, *, inline: bool) -> object:
    """Compile one function; without any folder that may be written to, its code lives for this process only."""
    before = _SETTINGS.CACHE_DIR, _SETTINGS.CACHE_LOCATOR_CLASSES
    _SETTINGS.CACHE_DIR = str(folder)
    _SETTINGS.CACHE_LOCATOR_CLASSES = f"{KeptBySources.__module__}.{KeptBySources.__name__}"
    # Kernels make no arrays, and counting references to the ones they are given costs more than the work itself.
    options: dict[str, Any] = {"_nrt": False, "forceinline": inline}
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
    finally:  # they are numba's for the whole process
        _SETTINGS.CACHE_DIR, _SETTINGS.CACHE_LOCATOR_CLASSES = before
    if _is_only_read(folder):  # where code for another processor is made, it is for this process alone
        made._cache.save_overload = _save_nothing  # noqa: SLF001 - numba has no other way to load and not to save
    return made


def _is_only_read(folder: pathlib.Path) -> bool:
    return folder.is_dir() and not os.access(folder, os.W_OK)


def _save_nothing(signature: object, code: object) -> None:
    """Keep no code."""


def _none(dtype: DTypeLike, *, writeable: bool = False) -> NDArray[Any]:
    column = np.empty(0, dtype)
    column.flags.writeable = writeable
    return column


_EXERCISES: Final = (
    exercise_bars,
    exercise_features,
    exercise_plans,
    exercise_fix,
    exercise_scan,
    exercise_activity,
    exercise_pairs,
    exercise_texts,
    exercise_tape,
)
"""The longest to compile first."""


if __name__ == "__main__":
    from functions.adapters.kernels import compile_all as compile_here  # what is sent to processes needs its real name

    compile_here(sys.stderr, workers=os.cpu_count() or 1)
