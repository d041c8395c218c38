"""`tickloom portfolio` and `tickloom report` show what the services would say, from a real store."""

import asyncio
import json
import pathlib
from collections.abc import Callable
from typing import NoReturn

import pytest
from valued import BTC, ETH, closes, filled, history, trade

from functions.adapters.memory_valuation import MemoryValuation
from functions.cli import portfolio, report
from functions.cli.errors import CliError
from functions.cli.main import main
from functions.handlers.report.main import Settings

Run = Callable[..., str]

TOLD = history(
    trade(1, 1, "2", "100", fee="0.2"), trade(2, 5, "-2", "110", fee="0.22"), trade(3, 7, "0.5", "60000", of=BTC)
)
CLOSES = closes({ETH: {2: "101"}, BTC: {8: "61000"}})
AT = ("--at", "2024-03-01T12:00:00Z")


@pytest.fixture(scope="module")
def store(postgres_url: str) -> str:
    """Give a store with one account."""
    return asyncio.run(filled(postgres_url, CLOSES, TOLD))


@pytest.fixture
def run(store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give the command line with that store: its exit status is checked, what it prints is given."""
    monkeypatch.setenv("DATABASE_URL", store)

    def call(*words: str, status: int = 0) -> str:
        assert main(list(words)) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return call


def test_portfolio(run: Run) -> None:
    """The only account is shown without being named: its figures, what it holds, how it did, what it traded."""
    said = run("portfolio", *AT)
    assert "paper as of 2024-03-01 12:00:00, USDT" in said
    assert f"  value       {'10,519.58':>18}" in said
    assert f"  realized    {'19.58':>18}" in said
    assert f"{BTC:<28}{'0.5':>16}{'60,000':>14}{'61,000':>14}{'500.00':>14}{'1.67':>9}" in said
    assert "trades: 100% of 1 won" in said
    assert said.splitlines()[-1] == f"2024-03-01 01:00:00 bought 2 {ETH}, closed 2024-03-01 05:00:00, +19.58"


def test_portfolio_in_the_past(run: Run) -> None:
    """As of a time before, nothing of later is shown."""
    said = run("portfolio", "paper", "--at", "2024-03-01T00:30:00Z")
    assert "nothing is held" in said
    assert f"  value       {'10,000.00':>18}" in said


def test_opening_position(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What the account was opened with has no time of its own, and is not shown as bought in 1970."""
    opened = MemoryValuation([history(trade(1, 2, "-3", "110"), held=[(ETH, "2", "100"), (BTC, "1", "60000")])])
    monkeypatch.setattr(portfolio, "PostgresValuation", lambda _: opened)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere")
    assert main(["portfolio", *AT]) == 0
    said = capsys.readouterr().out
    assert "1970" not in said
    assert f"held at the opening bought 2 {ETH}, closed 2024-03-01 02:00:00, +20.00" in said
    assert f"held at the opening bought 1 {BTC}, held, +0.00" in said
    assert f"2024-03-01 02:00:00 sold 1 {ETH}, held, +0.00" in said


def test_currencies(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Which instruments are inverse, and which tell rates, is said as to the service; then its figures are told."""
    inverse, rate, bought = "XBT-USD.BITMEX", "ETH-XBT.X", "XMR-ETH.X"
    told = history(trade(1, 2, "100", "50000", of=inverse), trade(2, 3, "2", "0.5", of=bought), capital="1")
    prices = closes({inverse: {4: "40000"}, bought: {4: "0.75"}, rate: {4: "0.1"}})
    monkeypatch.setattr(portfolio, "PostgresValuation", lambda _: MemoryValuation([told], prices))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere")
    assert main(["portfolio", "--currency", "XBT", "--inverse", inverse, "--rate", rate, "--json", *AT]) == 0
    shown = json.loads(capsys.readouterr().out)["portfolio"]
    gains = {one["symbol"]: one["unrealized_pnl"] for one in shown["positions"]}
    assert (gains, shown["left_out"], shown["total_value"]) == ({inverse: "-0.0005", bought: "0.05"}, [], "1.0495")


def test_portfolio_as_json(run: Run) -> None:
    """For programs, it is what the service answers; a span narrows the performance."""
    told = json.loads(run("portfolio", "paper", "--json", "--from", "2024-03-01T06:00:00Z", *AT))
    assert (told["portfolio"]["total_value"], told["portfolio"]["positions"][0]["symbol"]) == ("10519.58", BTC)
    assert (told["performance"]["profit"], told["performance"]["fills"]) == ("500", 1)
    assert [one["closed"] for one in told["trades"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("portfolio", "other", *AT), 1, "there is no account other"),
        (("portfolio", "--at", "yesterday"), 2, "RFC 3339"),
        (("portfolio", "--from", "2024-03-02T00:00:00Z", *AT), 2, "lies after"),
        (("report", "paper", "2024-03-02"), 1, "make it with --make"),
        (("report", "paper", "March"), 2, "YYYY-MM-DD"),
        (("report", "paper", "2024-03-01", "--zone", "Mars/Olympus"), 2, "Europe/Berlin"),
        (("report", "paper", "2099-01-01", "--make"), 2, "has not ended"),
        (("report", "paper", "2999-01-01", "--make"), 2, "is no day of 1971 to 2115"),
        (("report", "other", "2024-03-01", "--make"), 1, "there is no account other"),
    ],
)
def test_refused(run: Run, words: tuple[str, ...], status: int, text: str) -> None:
    """What cannot be shown is said in one sentence."""
    assert text in run(*words, status=status)


def test_which_account(postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there are several accounts, or none, one must be named."""
    monkeypatch.setenv("DATABASE_URL", asyncio.run(filled(postgres_url, {})))
    assert main(["portfolio"]) == 1
    assert "there is no account yet" in capsys.readouterr().err


def test_report(run: Run, tmp_path: pathlib.Path) -> None:
    """A report is made as the handler makes it, then shown from the store: as words, JSON, CSV and a page."""
    file = tmp_path / "day.html"
    said = run("report", "paper", "2024-03-01", "--make")
    assert "paper on 2024-03-01 (UTC), USDT" in said
    assert f"  {'profit':<20}{'519.58':>20}" in said
    assert json.loads(run("report", "paper", "2024-03-01", "--json"))["profit"] == "519.58"
    assert run("report", "paper", "2024-03-01", "--csv").splitlines()[-1].endswith(",519.58")
    assert run("report", "paper", "2024-03-01", "--html", str(file)) == f"wrote {file}\n"
    assert file.read_text().startswith("<!doctype html>")


def test_report_of_inverse_contracts(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """What is made by hand is made as the handler makes it: with the instruments that are inverse."""
    asked: list[Settings] = []

    def compose(settings: Settings) -> NoReturn:
        asked.append(settings)
        raise CliError(settings.portfolio_currency)

    monkeypatch.setattr(report, "compose", compose)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere")
    words = ("--currency", "XBT", "--inverse", "XBT-USD.BITMEX", "--folder", str(tmp_path))
    assert main(["report", "paper", "2024-03-01", "--make", *words]) == 1
    assert [one.portfolio_inverse for one in asked] == [("XBT-USD.BITMEX",)]


def test_report_of_a_zone(run: Run) -> None:
    """Each zone has its own day, made and kept beside the others."""
    said = run("report", "paper", "2024-02-29", "--zone", "America/New_York", "--make")
    assert f"  {'closing_value':<20}{'10001.8':>20}" in said  # until five in the morning in UTC
    run("report", "paper", "2024-02-29", status=1)
