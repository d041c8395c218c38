"""The portfolio service over gRPC on loopback, with real PostgreSQL behind it and with its twin."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

import grpc
import grpc.aio
import pytest
from tickloom.portfolio.v1 import service_pb2, service_pb2_grpc
from trading import serving
from valued import BTC, ETH, HOUR, MIDNIGHT, RULES, closes, filled, history, trade

from functions.adapters.memory_valuation import MemoryValuation
from functions.adapters.postgres import Pool
from functions.adapters.postgres_valuation import PostgresValuation
from functions.ports.valuation import Valuation
from functions.runtime import settings
from functions.services.portfolio import CARD
from functions.services.portfolio.desk import PortfolioDesk
from functions.services.portfolio.main import Settings, compose
from functions.services.portfolio.service import PortfolioServicer

Stub: TypeAlias = "service_pb2_grpc.PortfolioServiceAsyncStub"

NOW = MIDNIGHT + 72 * HOUR
TOLD = history(
    trade(1, 1, "2", "100", fee="0.2"),
    trade(2, 20, "-1", "110", fee="0.11"),
    trade(3, 30, "-1", "90", fee="0.09"),
    trade(4, 40, "-3", "0.07", fee="0.001", of=BTC),
    held=[(ETH, "0.3", "99.99")],
)
CLOSES = closes({ETH: {2: "101", 21: "111", 41: "95", 71: "97.5"}, BTC: {60: "0.08"}})


@contextlib.asynccontextmanager
async def answering(valuation: Valuation) -> AsyncIterator[Stub]:
    servicer = PortfolioServicer(PortfolioDesk(valuation, RULES), now_ns=lambda: NOW)
    register = partial(service_pb2_grpc.add_PortfolioServiceServicer_to_server, servicer)
    async with serving(CARD, register) as target, grpc.aio.insecure_channel(target) as channel:
        yield service_pb2_grpc.PortfolioServiceStub(channel)


@pytest.fixture(scope="module")
def store(postgres_url: str) -> str:
    """Give a store that knows the account; nothing here writes."""
    return asyncio.run(filled(postgres_url, CLOSES, TOLD))


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Say where it is told from: memory, or a store."""
    return "" if request.param == "memory" else str(request.getfixturevalue("store"))


@pytest.fixture
async def stub(place: str) -> AsyncIterator[Stub]:
    """Serve from each."""
    if not place:
        async with answering(MemoryValuation([TOLD], CLOSES)) as found:
            yield found
        return
    pool = Pool(place)
    async with answering(PostgresValuation(pool)) as found:
        yield found
    await pool.close()


async def refused(call: Any, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> str:  # noqa: ANN401 - any call
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    return str(caught.value.details())


def sums(answer: service_pb2.GetPortfolioResponse) -> None:
    """Hold an answer to what its contract promises of its figures."""
    total, cash, positions = (Decimal(one) for one in (answer.total_value, answer.cash_balance, answer.positions_value))
    realized, unrealized = Decimal(answer.realized_pnl), Decimal(answer.unrealized_pnl)
    assert total == cash + positions
    assert positions == sum(Decimal(one.market_value) for one in answer.positions)
    assert unrealized == sum(Decimal(one.unrealized_pnl) for one in answer.positions)
    assert total - Decimal(answer.capital) == realized + unrealized
    assert answer.total_return_pct == str((total / Decimal(answer.capital) * 100 - 100).normalize())
    for one in answer.positions:
        assert Decimal(one.market_value) == Decimal(one.quantity) * Decimal(one.current_price)


async def test_rates() -> None:
    """A position of another currency counts from the first close of its rate on; before, it is left out and named."""
    told = history(trade(1, 1, "10", "50", of="AAPL-USD.XNAS"))
    prices = closes({"AAPL-USD.XNAS": {2: "60", 4: "60"}, "USD-USDT.X": {3: "2"}})
    desk = PortfolioDesk(MemoryValuation([told], prices), RULES, ["USD-USDT.X"])
    before, _ = await desk.standing("paper", as_of_ns=MIDNIGHT + 2 * HOUR)
    assert (before.value, before.left_out) == (10_000, ("AAPL-USD.XNAS",))
    found, did = await desk.standing("paper", as_of_ns=MIDNIGHT + 4 * HOUR)
    assert (found.cash, found.worth, found.left_out) == (9_000, 1_200, ())
    assert did.left_out == ("AAPL-USD.XNAS",)  # nobody knew the rate when it was bought
    later = await desk.performance("paper", from_ns=MIDNIGHT + 3 * HOUR, to_ns=MIDNIGHT + 4 * HOUR)
    assert (later.left_out, later.equity[-1]) == ((), 10_200)


async def test_portfolio(stub: Stub) -> None:
    """The newest standing adds up, to the last unit, and says what each price is and when it was there."""
    answer = await stub.GetPortfolio(service_pb2.GetPortfolioRequest(account="paper"))
    sums(answer)
    assert (answer.account, answer.as_of_ns, answer.capital, answer.fees) == ("paper", NOW, "10000", "0.401")
    short, rest = answer.positions
    assert (short.symbol, short.quantity, short.avg_entry_price) == (BTC, "-3", "0.07")
    assert (short.current_price, short.market_value, short.unrealized_pnl) == ("0.08", "-0.24", "-0.03")
    assert (short.pnl_pct, short.price_source) == ("-14.28571429", service_pb2.PRICE_SOURCE_BAR)
    assert (rest.symbol, rest.quantity, rest.price_ns) == (ETH, "0.3", MIDNIGHT + 71 * HOUR)
    assert rest.avg_entry_price == "99.998695652174"  # 229.997 for 2.3
    assert 0 < answer.max_drawdown_pct < 1
    assert not answer.HasField("win_rate")


@pytest.mark.parametrize("hour", [0, 1, 2, 20, 30.5, 40, 60, 72])
async def test_adds_up_at_any_time(stub: Stub, hour: float) -> None:
    """Figures add up at any time of an account's life, before its first fill too."""
    as_of_ns = MIDNIGHT + round(hour * HOUR)
    answer = await stub.GetPortfolio(service_pb2.GetPortfolioRequest(account="paper", as_of_ns=as_of_ns))
    sums(answer)
    assert answer.as_of_ns == as_of_ns
    assert all(one.price_ns <= as_of_ns for one in answer.positions)


async def test_performance(stub: Stub) -> None:
    """The curve runs from before the first fill to the end that was asked for, with the figures of that span."""
    answer = await stub.GetPerformance(service_pb2.GetPerformanceRequest(account="paper"))
    assert (answer.from_ns, answer.to_ns, answer.step_s) == (MIDNIGHT + HOUR - 1, NOW, 300)
    assert (answer.points[0].at_ns, answer.points[-1].at_ns) == (MIDNIGHT + HOUR - 1, NOW)
    whole = await stub.GetPortfolio(service_pb2.GetPortfolioRequest(account="paper"))
    assert answer.points[-1].equity == whole.total_value
    assert Decimal(answer.profit) == Decimal(answer.points[-1].equity) - Decimal(answer.points[0].equity)
    assert (answer.fills, answer.closed_trades) == (4, 0)
    assert (answer.sharpe_ratio, answer.max_drawdown_pct) == (whole.sharpe_ratio, whole.max_drawdown_pct)
    assert answer.HasField("volatility")


async def test_performance_of_a_span(stub: Stub) -> None:
    """A span begins with what the account was worth then; of less than a day there are no ratios."""
    span = {"from_ns": MIDNIGHT + 25 * HOUR, "to_ns": MIDNIGHT + 35 * HOUR}
    answer = await stub.GetPerformance(service_pb2.GetPerformanceRequest(account="paper", **span))
    assert (answer.from_ns, answer.to_ns, answer.fills, answer.fees) == (*span.values(), 1, "0.09")
    assert not answer.HasField("sharpe_ratio")
    at_begin = await stub.GetPortfolio(service_pb2.GetPortfolioRequest(account="paper", as_of_ns=span["from_ns"]))
    assert answer.points[0].equity == at_begin.total_value


async def test_trades_in_pages(stub: Stub) -> None:
    """Trades come newest first, in pages that leave none out; an instrument narrows them."""
    found, token = [], ""
    for _ in range(2):
        page = service_pb2.ListTradesRequest(account="paper", page_size=1, page_token=token)
        answer = await stub.ListTrades(page)
        found += answer.trades
        token = answer.next_page_token
    assert [(one.instrument_id, one.side, one.closed) for one in found] == [(BTC, "sell", False), (ETH, "buy", False)]
    assert (found[1].quantity, found[1].avg_exit_price, token) == ("2.3", "100", "")
    only = await stub.ListTrades(service_pb2.ListTradesRequest(account="paper", instrument_id=ETH))
    assert list(only.trades) == found[1:]
    early = await stub.ListTrades(service_pb2.ListTradesRequest(account="paper", as_of_ns=MIDNIGHT + 2 * HOUR))
    assert [one.avg_exit_price for one in early.trades] == [""]


async def test_refused(stub: Stub) -> None:
    """A question that cannot be is refused, and so is an account there is none of, each with its reason."""
    ask = service_pb2
    assert "account" in await refused(stub.GetPortfolio(ask.GetPortfolioRequest()))
    assert "span" in await refused(stub.GetPortfolio(ask.GetPortfolioRequest(account="paper", as_of_ns=-1)))
    assert "span" in await refused(stub.GetPerformance(ask.GetPerformanceRequest(account="paper", from_ns=9, to_ns=5)))
    assert "page_size" in await refused(stub.ListTrades(ask.ListTradesRequest(account="paper", page_size=1001)))
    assert "page_token" in await refused(stub.ListTrades(ask.ListTradesRequest(account="paper", page_token="x")))  # noqa: S106 - no password
    unknown = stub.GetPortfolio(ask.GetPortfolioRequest(account="other"))
    assert "no account other" in await refused(unknown, grpc.StatusCode.FAILED_PRECONDITION)


def test_settings() -> None:
    """Wrong settings stop the start; composing opens nothing, and the service says its name."""
    with pytest.raises(settings.SettingsError):
        settings.load(Settings, {})
    with pytest.raises(ValueError, match="portfolio_currency"):
        Settings("postgresql://x", portfolio_currency="")
    assert compose(Settings("postgresql://x")).service_names == ("tickloom.portfolio.v1.PortfolioService",)
