"""Take a command line to its verb: one module a verb, imported only when it is called.

A verb's module has `register(parser)`, which adds its arguments, and `run(args)`, which gives the exit status. To add
one, write the file and its line in `VERBS`. `--debug` is understood anywhere in a command, `--json` anywhere in one
that reads.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from functions.cli.errors import CliError

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells say it
PIPE_CLOSED: Final = 141  # 128 + SIGPIPE

_EXITS: Final = "exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted"
_OURS: Final = "functions."


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the command line.

    Attributes:
        help: One line for the overview.
        reads: It shows things, so it understands `--json`.
    """

    help: str
    reads: bool = False


VERBS: Final = {
    "demo": Verb("show the whole loom at work on a simulated venue"),
    "up": Verb("run the platform until interrupted"),
    "replay": Verb("run captures through the whole platform, once or twice to compare", reads=True),
    "backtest": Verb("say what a tape's signals would have made, with costs and latency stated", reads=True),
    "record": Verb("record what a venue says to a tape that replay plays back"),
    "tape": Verb("look into captures, and stretch one for long runs", reads=True),
    "events": Verb("list, show or follow events in the logs", reads=True),
    "dlq": Verb("list, show or redrive what could not be used", reads=True),
    "feeds": Verb("show every feed's state and quality", reads=True),
    "reference": Verb("load what venues list, look at instruments, halt and resume them", reads=True),
    "signals": Verb("show the latest signals with their reasons, or how signals like one fared before it", reads=True),
    "explain": Verb("say what a signal is made of, and what would have flipped it", reads=True),
    "latency": Verb("show where the time of an order went, message to fill, or of all orders", reads=True),
    "feedback": Verb("record what became of a signal when you traded it, or show what users said", reads=True),
    "rules": Verb("check a file of signal rules, each mistake with its line and column", reads=True),
    "reentry": Verb("check the rules by which ended trades are entered again, or draw what they decide", reads=True),
    "performance": Verb("show how models do as outcomes say, their calibration, and what has drifted", reads=True),
    "features": Verb("show features: the newest, those known at a time, and what there are", reads=True),
    "portfolio": Verb("show what an account holds and is worth, how it did and what it traded", reads=True),
    "report": Verb("show the daily report of an account, as words, JSON, CSV or a page; or make it", reads=True),
    "risk": Verb("put limits in force, or show those that are", reads=True),
    "graph": Verb("draw who hears what, from the wiring and the cards", reads=True),
    "sim": Verb("simulate a venue in its own dialect, with faults on demand"),
    "venue": Verb("scaffold a new venue: decoder, connection and test"),
    "invoke": Verb("send one CloudEvent to a handler or broker"),
    "smoke": Verb("send one harmless document through a running system and read back what became of it"),
    "token": Verb("make keys and tokens for development, by which services know their callers"),
    "train": Verb("train a model again, on data of its own or yours"),
    "models": Verb("show the versions of models there are, and say which of them are asked", reads=True),
    "evaluate": Verb("measure a model beside its baselines", reads=True),
    "deploy": Verb(
        "render, compare, check and generate the manifests of an environment; migrate a database", reads=True
    ),
    "backup": Verb(
        "write events, readers' positions and PostgreSQL into one folder, also while a platform runs", reads=True
    ),
    "restore": Verb("bring a backup back, so that what came after it is delivered again", reads=True),
    "rewind": Verb("replay what a Trigger or table heard since a time into a shadow, and compare", reads=True),
    "bench": Verb("measure rates and latencies on this machine"),
    "doctor": Verb("say what is here, where it came from and what to do about the rest", reads=True),
}
"""Every verb; `functions.cli.<verb>` is its module."""


class Module(Protocol):
    """What the module of a verb offers."""

    def register(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it and give the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after the program's name; None takes the process's own.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug, words = _hoist("--debug", words)
    name = next((word for word in words if not word.startswith("-")), None)
    try:
        return _dispatch(name, words)
    except SystemExit as left:  # argparse leaves this way after --help and after an error it has printed
        return left.code if isinstance(left.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            raise
        sys.stderr.write(f"tickloom {name}: {_sentence(error)}\n")
        return error.status if isinstance(error, CliError) else FAILED


def _dispatch(name: str | None, words: list[str]) -> int:
    if name is None:
        return _overview(words)
    return _call(name, words) if name in VERBS else _unknown(name)


def _call(name: str, words: list[str]) -> int:
    verb = VERBS[name]
    module: Module = importlib.import_module(f"functions.cli.{name}")
    parser = argparse.ArgumentParser(prog=f"tickloom {name}", description=_capital(verb.help), epilog=_EXITS)
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    as_json = False
    if verb.reads:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")
        as_json, words = _hoist("--json", words)
    module.register(parser)
    words.remove(name)
    args = parser.parse_args(words)
    if verb.reads:
        args.json = as_json
    return module.run(args)


def _overview(words: list[str]) -> int:
    """Answer a command without a verb."""
    width = max(map(len, VERBS)) + 2
    lines = [f"  {name:<{width}}{verb.help}" for name, verb in VERBS.items()]
    parser = argparse.ArgumentParser(
        prog="tickloom",
        usage="tickloom VERB ...",
        description="Raw market data to risk-checked, explained decisions.",
        epilog="\n".join(("verbs:", *lines, "", "`tickloom VERB --help` tells more about one.", _EXITS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    if parser.parse_args(words).version:
        from importlib.metadata import version  # noqa: PLC0415 - 20 ms that only this answer pays

        sys.stdout.write(f"tickloom {version('tickloom')}\n")
        return OK
    parser.print_help()
    return OK if words else USAGE


def _unknown(name: str) -> int:
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    near = difflib.get_close_matches(name, VERBS, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    sys.stderr.write(f"tickloom: there is no verb `{name}`; {guess}`tickloom --help` lists them\n")
    return USAGE


def _hoist(flag: str, words: list[str]) -> tuple[bool, list[str]]:
    """Take a flag out of the words, up to `--`, and say whether it was there."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != flag]
    return len(kept) < end, kept + words[end:]


def _sentence(error: Exception) -> str:
    """Put an error into words; one that is not ours also says its kind and how to see more."""
    if type(error).__module__.startswith(_OURS):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"cannot use {error.filename}: {error.strerror}; name another path, or make that one usable"
    return f"{type(error).__name__}: {error} (`--debug` shows where)"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())
