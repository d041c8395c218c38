"""Books of real captures equal what the venues themselves said of them, and missing messages are found."""

import copy
import gzip
import json
import pathlib
import random
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from counts import count

from functions.domain.books import Applied, Book, BookMessage, Broken, Held, Level, Rule

SEED = 20261121
DECIMALS = 8  # of every price and size in these captures, at most


def lines(path: pathlib.Path) -> Iterator[tuple[str, Any]]:
    """Give each row of a capture: the URL before it, if any, and its JSON; numbers stay text."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for line in file:
            head, brace, body = line.partition("{") if "[" not in line.partition("{")[0] else line.partition("[")
            if brace and "<-" not in head and not head.startswith("configuration"):
                yield head, json.loads(brace + body, parse_float=str)


def units(text: str) -> int:
    """Give a price or size in units of 1e-8."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(DECIMALS, "0"))


def levels(rows: list[list[str]]) -> tuple[Level, ...]:
    return tuple((units(row[0]), units(row[1])) for row in rows)


# --- Binance ----------------------------------------------------------------------------------------------------------


def binance(content: dict[str, Any]) -> BookMessage | None:
    """Read a depth message or a snapshot."""
    if "lastUpdateId" in content:
        bids, asks = levels(content["bids"]), levels(content["asks"])
        return BookMessage(bids, asks, snapshot=True, last=content["lastUpdateId"])
    if content.get("e") == "depthUpdate":
        first, last, previous = content["U"], content["u"], content.get("pu")
        return BookMessage(levels(content["b"]), levels(content["a"]), first=first, last=last, previous=previous)
    return None


def best(book: Book) -> tuple[Level | None, Level | None]:
    return book.bids.best, book.asks.best


def quote(content: dict[str, Any]) -> tuple[Level, Level]:
    return (units(content["b"]), units(content["B"])), (units(content["a"]), units(content["A"]))


@pytest.mark.parametrize(
    ("folder", "rule", "compared"),
    [("binance_spot_ws_ethusdt", Rule.SPOT_CHAIN, 3_432), ("binance_usdm_ws_ethusdt", Rule.FUTURES_CHAIN, 6_579)],
)
def test_binance_quotes(captures: pathlib.Path, folder: str, rule: Rule, compared: int) -> None:
    """After every depth message the best bid and ask are those of the last quote that is not newer."""
    book, equal = Book(rule), Counter[bool]()
    quotes: dict[int, tuple[Level, Level]] = {}
    pending: list[tuple[int, tuple[Level | None, Level | None]]] = []
    for _, row in lines(captures / folder / "ethusdt_20240808.gz"):
        content = row.get("data", row)
        if (message := binance(content)) is not None:
            outcome = book.apply(message)
            assert isinstance(outcome, Applied | Held)
            if outcome == Applied() and not message.snapshot:
                pending.append((message.last, best(book)))
        elif "B" in content:
            quotes[content["u"]] = quote(content)
    ids = sorted(quotes)
    for last, top in pending:
        at = bisect_right(ids, last)
        equal[bool(at) and top == quotes[ids[at - 1]]] += 1
    assert equal == {True: compared}


def test_binance_snapshots_by_rest(captures: pathlib.Path) -> None:
    """Four books begun from REST snapshots follow their deltas, and no quote differs from the book at its update."""
    folder = captures / "binance_multi_ws_rest_20211011"
    rows = [*lines(folder / "BINANCE.http.0.0"), *lines(folder / "BINANCE.ws.1.0")]
    books: dict[str, Book] = defaultdict(lambda: Book(Rule.SPOT_CHAIN))
    tops: dict[str, dict[int, object]] = defaultdict(dict)
    outcomes: Counter[str] = Counter()
    quotes: list[tuple[str, int, object]] = []
    for head, row in rows:
        content = row.get("data", row)
        symbol = head.partition("symbol=")[2].partition("&")[0] or content["s"]
        if (message := binance(content)) is not None:
            outcome = books[symbol].apply(message)
            outcomes[type(outcome).__name__] += 1
            tops[symbol][books[symbol].last] = best(books[symbol])
        elif "B" in content:
            quotes.append((symbol, content["u"], quote(content)))
    compared = [tops[symbol][update] == told for symbol, update, told in quotes if update in tops[symbol]]
    assert (len(books), outcomes) == (4, {"Applied": 181})
    assert compared == [True] * 26


# --- Kraken -----------------------------------------------------------------------------------------------------------


def kraken(captures: pathlib.Path) -> Iterator[tuple[str, BookMessage]]:
    """Give every book message of the capture with its pair."""
    for _, row in lines(captures / "kraken_ws_20210417" / "KRAKEN.ws.50.0.gz"):
        if isinstance(row, list):
            sides: dict[str, Any] = {key: value for part in row[1:-2] for key, value in part.items()}
            yield row[-1], kraken_message(sides)


def kraken_message(sides: dict[str, Any]) -> BookMessage:
    snapshot = "as" in sides
    bids, asks = (sides.get(name + "s" * snapshot, []) for name in "ba")
    checksum = int(sides["c"]) if "c" in sides else None
    return BookMessage(dotless(bids), dotless(asks), snapshot=snapshot, checksum=checksum)


def dotless(rows: list[list[str]]) -> tuple[Level, ...]:
    """Take the venue's text without its point: each pair's decimals never change."""
    return tuple((int(row[0].replace(".", "")), int(row[1].replace(".", ""))) for row in rows)


def test_kraken_checksums(captures: pathlib.Path) -> None:
    """Every checksum of the capture is that of the book kept here."""
    books: dict[str, Book] = defaultdict(lambda: Book(Rule.CHECKSUM, depth=1000))
    outcomes: Counter[object] = Counter()
    checked = 0
    for pair, message in kraken(captures):
        outcomes[books[pair].apply(message)] += 1
        checked += message.checksum is not None
    assert (len(books), checked, outcomes) == (10, 4_269, {Applied(): 4_279})


# --- Coinbase ---------------------------------------------------------------------------------------------------------


def coinbase_message(content: dict[str, Any]) -> BookMessage:
    if content["type"] == "snapshot":
        return BookMessage(levels(content["bids"]), levels(content["asks"]), snapshot=True)
    sides: dict[str, list[list[str]]] = {"buy": [], "sell": []}
    for side, price, size in content["changes"]:
        sides[side].append([price, size])
    return BookMessage(levels(sides["buy"]), levels(sides["sell"]))


def test_coinbase_tickers(captures: pathlib.Path) -> None:
    """A ticker's best prices are those of the book at some update around its time."""
    books: dict[str, Book] = defaultdict(lambda: Book(Rule.UNNUMBERED))
    seen: dict[str, list[tuple[str, object]]] = defaultdict(list)
    tickers: list[tuple[str, str, object]] = []
    outcomes: Counter[object] = Counter()
    for _, content in lines(captures / "coinbase_ws_20210417_a" / "COINBASE.ws.28.0.part_a.gz"):
        product = content.get("product_id", "")
        if content["type"] in {"snapshot", "l2update"}:
            outcomes[books[product].apply(coinbase_message(content))] += 1
            bid, ask = best(books[product])
            seen[product].append((content.get("time", ""), (bid and bid[0], ask and ask[0])))
        elif content["type"] == "ticker":
            tickers.append((product, content["time"], (units(content["best_bid"]), units(content["best_ask"]))))
    comparable = [one for one in tickers if one[1] >= seen[one[0]][1][0]]  # the others are older than the snapshot
    equal = [prices in around(seen[product], time) for product, time, prices in comparable]
    assert outcomes == {Applied(): 4_301}
    assert (len(tickers), len(equal), sum(equal)) == (62, 57, 57)


def around(seen: list[tuple[str, object]], time: str) -> set[object]:
    """Give the best prices before a time and after each update of that very time."""
    times = [one[0] for one in seen]
    return {prices for _, prices in seen[max(0, bisect_left(times, time) - 1) : bisect_right(times, time)]}


# --- faults -----------------------------------------------------------------------------------------------------------

AHEAD = 60


def spot(captures: pathlib.Path) -> list[BookMessage]:
    rows = lines(captures / "binance_spot_ws_ethusdt" / "ethusdt_20240808.gz")
    found = [message for _, row in rows if (message := binance(row.get("data", row))) is not None]
    snapshot = next(one for one in found if one.snapshot)
    return [snapshot, *(one for one in found if one.last > snapshot.last)]


def usdm(captures: pathlib.Path) -> list[BookMessage]:
    rows = lines(captures / "binance_usdm_ws_ethusdt" / "ethusdt_20240808.gz")
    found = [message for _, row in rows if (message := binance(row.get("data", row))) is not None]
    snapshot = next(one for one in found if one.snapshot)
    return [snapshot, *(one for one in found if one.last >= snapshot.last and not one.snapshot)]


def xmr(captures: pathlib.Path) -> list[BookMessage]:
    return [message for pair, message in kraken(captures) if pair == "XMR/USD"]


def ten(book: Book) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    return book.bids.top(10), book.asks.top(10)


def whole(book: Book) -> BookMessage:
    """Say a book the way its venue would say it anew."""
    checksum = book.checksum()
    return BookMessage(book.bids.top(99_999), book.asks.top(99_999), snapshot=True, last=book.last, checksum=checksum)


def injured(messages: list[BookMessage], fault: str) -> list[BookMessage]:
    """Drop, double or swap the first message."""
    first, second, *rest = messages
    return {"drop": [second, *rest], "duplicate": [first, first, second, *rest], "swap": [second, first, *rest]}[fault]


@pytest.mark.parametrize("fault", ["drop", "duplicate", "swap"])
@pytest.mark.parametrize(
    ("read", "rule", "depth"),
    [(spot, Rule.SPOT_CHAIN, 0), (usdm, Rule.FUTURES_CHAIN, 0), (xmr, Rule.CHECKSUM, 1000)],
)
def test_injected_faults(captures: pathlib.Path, read: Any, rule: Rule, depth: int, fault: str) -> None:  # noqa: ANN401
    """With one message dropped, doubled or swapped a book is never wrong and valid; a new snapshot makes it right."""
    messages = read(captures)
    draw = random.Random(SEED)  # noqa: S311 - reproducible
    places = sorted(draw.sample(range(1, len(messages) - AHEAD), count(100)))
    true = Book(rule, depth=depth)
    broken = wrong = unequal = 0
    for number, message in enumerate(messages):
        if number in places:
            one = struck(true, messages[number : number + AHEAD], fault)
            broken += one.broken
            wrong += one.wrong
            unequal += one.unequal
        assert isinstance(true.apply(message), Applied)
    assert (wrong, unequal) == (0, 0)
    assert broken == (len(places) if fault != "duplicate" else 0) or rule is Rule.CHECKSUM


@dataclass(slots=True)
class Struck:
    """Say what became of a book with one fault: found, valid but wrong, not right after the next snapshot."""

    broken: bool = False
    wrong: bool = False
    unequal: bool = False


def struck(true: Book, messages: list[BookMessage], fault: str) -> Struck:
    """Follow a true and an injured copy of a book side by side; both end with the same messages."""
    good, bad, found = copy.deepcopy(true), copy.deepcopy(true), Struck()
    for message in messages:
        good.apply(message)
    tops = tops_by_message(copy.deepcopy(true), messages)
    for message in injured(messages, fault):
        found.broken |= isinstance(bad.apply(message), Broken)
        found.wrong |= bad.valid and ten(bad) != tops[id(message)]
    bad.apply(whole(good))
    found.unequal = not bad.valid or ten(bad) != ten(good)
    return found


def tops_by_message(book: Book, messages: list[BookMessage]) -> dict[int, object]:
    """Give the ten best levels after each message."""
    return {id(message): (book.apply(message), ten(book))[1] for message in messages}
