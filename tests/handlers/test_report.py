"""`report` makes an account's daily report once its day is over: the same each time, in three forms that agree."""

import csv
import datetime as dt
import html.parser
import io
import json
import pathlib
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import yaml
from valued import BTC, ETH, HOUR, MIDNIGHT, RULES, closes, history, trade

from functions.adapters.memory_reports import MemoryReports
from functions.adapters.memory_valuation import MemoryValuation
from functions.domain.errors import Rejected
from functions.handlers.report.handler import Deps, handle
from functions.handlers.report.main import Settings, compose
from functions.ports.reports import Report
from functions.runtime import settings
from functions.wire.codecs.report_due import PING, REPORT_DUE, encode_report_due
from functions.wire.envelope import Event
from functions.wire.errors import Malformed

DAY = dt.date(2024, 3, 2)
AFTER = MIDNIGHT + 48 * HOUR + 1800 * 10**9
TOLD = history(
    trade(1, 5, "2", "100", fee="0.2"),
    trade(2, 26, "-2", "115", fee="0.23"),
    trade(3, 30, "-1", "60000", of=BTC),
    trade(4, 47, "1", "20", of="AAPL-USD.XNAS"),
    trade(5, 60, "7", "100"),
)
CLOSES = closes({ETH: {6: "101", 40: "108"}, BTC: {31: "60500", 45: "59000.5"}})
VOID = {"meta", "rect", "path", "br"}


@pytest.fixture
def deps() -> Deps:
    """Give what the handler needs, in memory."""
    return Deps(MemoryValuation([TOLD], CLOSES), MemoryReports(), RULES, ZoneInfo("UTC"))


def due(account: str = "paper", date: dt.date = DAY, at_ns: int = AFTER) -> Event:
    """Ask for a report as people do."""
    return Event("1", "/tickloom/cli/report", REPORT_DUE, encode_report_due(account, date), time_ns=at_ns)


def ping(data: str = '{"account": "paper"}', at_ns: int | None = AFTER) -> Event:
    """Ask for a report as a timer does."""
    source = "/apis/v1/namespaces/tickloom/pingsources/report-paper"
    return Event("1", source, PING, data.encode(), time_ns=at_ns, datacontenttype="application/json")


async def made(deps: Deps, event: Event, date: dt.date = DAY, zone: str = "UTC") -> Report:
    """Have a report made."""
    assert await handle(event, deps=deps) is None  # type: ignore[func-returns-value]  # that is the point
    found = await deps.reports.get("paper", date, zone)
    assert found is not None
    return found


class Page(html.parser.HTMLParser):
    """Read a page: which tags stand open, what is linked, and the text."""

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.links += [str(value) for name, value in attrs if name in {"href", "src", "srcset", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that stands open."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep words."""
        self.words.append(data)


async def test_figures(deps: Deps) -> None:
    """The day's figures add up: instruments to the profit, and the profit to what the account is worth after it."""
    told = json.loads((await made(deps, due())).json)
    assert (told["account"], told["date"], told["zone"], told["currency"]) == ("paper", "2024-03-02", "UTC", "USDT")
    assert (told["opening_value"], told["closing_value"]) == ("10001.8", "11029.07")
    assert (told["profit"], told["realized_pnl"], told["unrealized_change"]) == ("1027.27", "29.77", "997.5")
    profits = [Decimal(one["profit"]) for one in told["instruments"]]
    assert [one["instrument_id"] for one in told["instruments"]] == [BTC, ETH]
    assert sum(profits) == Decimal(told["profit"])
    assert (told["fills"], told["closed_trades"], told["win_rate"]) == (2, 1, 1.0)
    assert told["left_out"] == ["AAPL-USD.XNAS"]
    assert (told["curve"][0], told["curve"][-1]) == ([told["begin_ns"], "10001.8"], [told["end_ns"], "11029.07"])


async def test_csv(deps: Deps) -> None:
    """The CSV has a line for each instrument, and a last one for the account, which is their sum."""
    report = await made(deps, due())
    rows = list(csv.DictReader(io.StringIO(report.csv)))
    assert [row["instrument_id"] for row in rows] == [BTC, ETH, "ALL"]
    for name in ("profit", "fees", "realized_pnl", "unrealized_change", "fills"):
        assert sum(Decimal(row[name]) for row in rows[:-1]) == Decimal(rows[-1][name])
    assert (rows[0]["price"], rows[1]["price"], rows[2]["price"]) == ("59000.5", "", "")


async def test_page(deps: Deps) -> None:
    """The page is well-formed, needs nothing from elsewhere, and shows its three charts and every figure."""
    report = await made(deps, due())
    page = Page(report.html)
    assert (page.open, page.links) == ([], [])
    assert "<script" not in report.html
    assert "url(" not in report.html
    assert report.html.count("<svg") == 3
    words = " ".join(page.words)
    for text in ("Equity", "Drawdown", "Profit by instrument", "11,029.07", "+1,027.27", ETH, BTC, "AAPL-USD.XNAS"):
        assert text in words


async def test_names_are_text(deps: Deps) -> None:
    """What is named like HTML is shown as it is named."""
    odd = trade(1, 30, "1", "5", of="<b>-USDT.X")
    told = replace(deps, valuation=MemoryValuation([replace(history(odd), account="paper")]))
    report = await made(told, due())
    assert "<b>-USDT" not in report.html
    assert "&lt;b&gt;-USDT.X" in report.html


async def test_an_opening_position_has_no_time(deps: Deps) -> None:
    """A trade that began with a position of the opening is shown so, and not as one of 1970."""
    sold = history(trade(1, 30, "-2", "110"), held=[(ETH, "2", "100")])
    report = await made(replace(deps, valuation=MemoryValuation([sold])), due())
    assert "1970" not in report.html
    assert "held at the opening" in report.html
    assert [one["entry_ns"] for one in json.loads(report.json)["trades"]] == [0]


async def test_twice(deps: Deps) -> None:
    """Asked for again, later, a report has equal bytes: what happened after its day is not in it."""
    first = await made(deps, due())
    again = await made(deps, due(at_ns=AFTER + 90 * HOUR))
    assert replace(again, made_ns=first.made_ns) == first
    before = history(*TOLD.trades[:4])
    other = replace(deps, valuation=MemoryValuation([before], CLOSES), reports=MemoryReports())
    assert await made(other, due()) == first


async def test_timer(deps: Deps) -> None:
    """A timer's event asks for the last day that was over when it was sent, and gets the same report."""
    assert await made(deps, ping()) == await made(replace(deps, reports=MemoryReports()), due())
    just = await made(deps, ping(at_ns=MIDNIGHT + 24 * HOUR), dt.date(2024, 3, 1))
    assert json.loads(just.json)["fills"] == 1


async def test_zone(deps: Deps) -> None:
    """Days are those of the zone: in New York the second of March begins at five in UTC, and ends at five."""
    there = replace(deps, zone=ZoneInfo("America/New_York"))
    told = json.loads((await made(there, due(at_ns=MIDNIGHT + 53 * HOUR), zone="America/New_York")).json)
    assert (told["begin_ns"], told["end_ns"]) == (MIDNIGHT + 29 * HOUR, MIDNIGHT + 53 * HOUR)
    assert told["fills"] == 1
    with pytest.raises(Rejected, match="has not ended in America/New_York; ask for it after 2024-03-03T05:00:00Z"):
        await handle(due(at_ns=MIDNIGHT + 53 * HOUR - 1), deps=there)


async def test_a_quiet_day(deps: Deps) -> None:
    """A day on which nothing was held or traded has a report all the same, without the chart of profits."""
    quiet = replace(deps, valuation=MemoryValuation([history()]))
    report = await made(quiet, due())
    told = json.loads(report.json)
    assert (told["profit"], told["instruments"], told["win_rate"]) == ("0", [], None)
    assert report.html.count("<svg") == 2
    assert "Nothing was held or traded." in report.html


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ping("{"), "no tickloom.portfolio.v1.ReportDue"),
        (ping('{"accout": "paper"}'), "accout"),
        (ping('{"account": ""}'), "account"),
        (ping('{"account": "paper", "date": "2024-02-30"}'), "no day"),
        (ping('{"account": "paper", "date": "20240301"}'), "no day"),
        (ping(at_ns=None), "has no time"),
        (replace(due(), data=b"\xff"), "ReportDue"),
    ],
)
async def test_malformed(deps: Deps, event: Event, text: str) -> None:
    """An event that names no account, no day there is, or has no time is refused for good, with what was found."""
    with pytest.raises(Malformed, match=text):
        await handle(event, deps=deps)


async def test_unknown_account(deps: Deps) -> None:
    """An account there is none of has no report."""
    with pytest.raises(Rejected, match="no account other"):
        await handle(due("other"), deps=deps)


def test_the_shipped_timer_is_understood() -> None:
    """The data of the shipped PingSource asks for a report, its extension passes the Trigger, its zone is ours."""
    root = pathlib.Path(__file__).parents[2] / "eventing"
    source = yaml.safe_load((root / "sources/report.yaml").read_text())["spec"]
    trigger = yaml.safe_load((root / "triggers/report.yaml").read_text())["spec"]
    (group,) = trigger["filters"]
    assert {"exact": {"type": PING, **source["ceOverrides"]["extensions"]}} in group["any"]
    assert (source["timezone"], source["sink"]["ref"]["name"]) == (
        Settings("postgresql://x").report_zone,
        trigger["broker"],
    )
    assert json.loads(source["data"]) == {"account": "paper"}


def test_settings() -> None:
    """Wrong settings stop the start; composing opens nothing."""
    with pytest.raises(settings.SettingsError):
        settings.load(Settings, {})
    with pytest.raises(ValueError, match="no IANA time zone"):
        Settings("postgresql://x", report_zone="Mars/Olympus")
    assert compose(Settings("postgresql://x", report_zone="Asia/Tokyo")).card.name == "report"
