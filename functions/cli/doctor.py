"""`tickloom doctor`: say what is here, where it came from, and what to do about the rest."""

import argparse
import asyncio
import inspect
import os
import pathlib
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from functions.cli.checks import Check, Finding

CHECK_S: Final = 2.6  # all run at once, so this bounds the whole; the promise is 3 s


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--var", metavar="DIR", default="var", help="where platforms keep their data (default: var)")


def run(args: argparse.Namespace) -> int:
    """Run every check and print what it found; 1 where one failed."""
    from functions.cli import checks  # noqa: PLC0415 - it knows the stores' drivers, which `--help` need not load

    start = time.perf_counter()
    findings = asyncio.run(_examine(checks.all_checks(os.environ, pathlib.Path(args.var).absolute())))
    seconds = time.perf_counter() - start
    text = checks.as_json(findings, seconds) if args.json else "\n".join(_lines(findings, seconds))
    sys.stdout.write(f"{text}\n")
    return int(any(one.state == "fail" for one in findings.values()))


async def _examine(checks: "dict[str, Check]") -> "dict[str, Finding]":
    found = await asyncio.gather(*(_bounded(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _bounded(check: "Check") -> "Finding":
    """Run one check beside the others, for a bounded time, whatever it meets."""
    from functions.cli.checks import Finding  # noqa: PLC0415 - see `run`

    try:
        async with asyncio.timeout(CHECK_S):
            found = await asyncio.to_thread(check)
            return await found if inspect.isawaitable(found) else found
    except TimeoutError:
        return Finding("warn", f"no answer within {CHECK_S:g} s", "", "try again on a quiet machine")
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others found
        return Finding("warn", f"could not look ({type(error).__name__}: {error})", "", "report this")


def _lines(findings: "dict[str, Finding]", seconds: float) -> list[str]:
    width = max(map(len, findings)) + 2
    lines = []
    for name, one in findings.items():
        source = f"  [{one.source}]" if one.source else ""
        lines.append(f"{one.state:<6}{name:<{width}}{one.found}{source}")
        if one.fix:
            lines.append(f"{'':<{width + 6}}-> {one.fix}")
    states = [one.state for one in findings.values()]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("ok", "warn", "fail"))
    return [*lines, "", f"{len(findings)} checks in {seconds:.1f} s: {counts}"]
