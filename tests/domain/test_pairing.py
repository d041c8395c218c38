"""Pairs are read from text strictly, and faults are told by line."""

import pathlib

import pytest

from functions.domain.pairs.pairing import PAIRS_MAX, Pair, WrongPairs, parse_pairs

ETH, PERP = "ETH-USDT.BINANCE", "ETH-USDT-PERP.BINANCEUSDM"


def test_pairs() -> None:
    """A line is two instruments, intervals in any order, and whether they are one asset; the rest is comment."""
    text = f"# majors\n\n{ETH} ~ {PERP} 1m 1s same # basis\n  {ETH} ~ BTC-USDT.BINANCE\t1h\n"
    assert parse_pairs(text) == (
        Pair(ETH, PERP, (1, 60), same_asset=True),
        Pair(ETH, "BTC-USDT.BINANCE", (3600,)),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{ETH} {PERP} 1s", "expected '<instrument> ~ <instrument>"),
        (f"{ETH} ~ {PERP}", "expected '<instrument> ~ <instrument>"),
        (f"{ETH} ~ {PERP} same", "found none"),
        (f"{ETH} ~ {PERP} 2s 1d", "found 2s, 1d"),
        (f"{ETH} ~ {PERP} 1s 1s", "named twice"),
        (f"{ETH} ~ {PERP} same 1s", "found same"),
        (f"ETHUSDT ~ {PERP} 1s", "'ETHUSDT' is no instrument"),
        (f"{ETH} ~ .BINANCE 1s", "'.BINANCE' is no instrument"),
        (f"{ETH} ~ {ETH} 1s", "paired with itself"),
        (f"{PERP} ~ BTC-USDT.BINANCE 1s", "paired on line 1 already"),
    ],
)
def test_faults(line: str, said: str) -> None:
    """A faulty line is named by its number, with what was found."""
    with pytest.raises(WrongPairs, match="line 3: ") as raised:
        parse_pairs(f"BTC-USDT.BINANCE ~ {PERP} 1s\n\n{line}\n")
    assert said in str(raised.value)


def test_every_fault() -> None:
    """All faulty lines are told at once."""
    with pytest.raises(WrongPairs, match=r"line 1: .*; line 2: "):
        parse_pairs("a\nb\n")


@pytest.mark.parametrize("count", [0, PAIRS_MAX + 1])
def test_bounds(count: int) -> None:
    """There is at least one pair, and at most so many."""
    with pytest.raises(WrongPairs, match=f"{count} pairs"):
        parse_pairs("".join(f"A{n}.X ~ B{n}.X 1s\n" for n in range(count)))


def test_shipped() -> None:
    """The shipped file is right, and joins spot with perpetual."""
    text = (pathlib.Path(__file__).parents[2] / "functions/tables/pairs/pairs.txt").read_text()
    assert Pair(ETH, PERP, (1, 60), same_asset=True) in parse_pairs(text)
