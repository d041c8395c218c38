"""Compile the domain's kernels: the same source with every function replaced by its numba form; nothing else lives here.

A fresh copy of the kernel module is loaded and its functions are replaced one by one, so plain and compiled run the same
statements in the same order (no fastmath) and give the same bits. Compiled code is cached on disk by numba, beside the
source or where NUMBA_CACHE_DIR says.
"""

import importlib.util
import sys
import time
from functools import cache
from types import FunctionType, ModuleType
from typing import Final, TextIO

KERNELS: Final = ("functions.domain.bars.kernel", "functions.domain.indicators.kernel")


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
            setattr(twin, name, _compile(value))
    return twin
