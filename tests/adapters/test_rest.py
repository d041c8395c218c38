"""REST answers are what was sent, and failures become the decisions that the rest of the connection acts on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from functions.adapters.resilience import BreakerLimits, Rate
from functions.adapters.venues import _rest
from functions.adapters.venues._patience import Hands
from functions.adapters.venues._profile import Request
from functions.adapters.venues._rest import Refused, Rest
from functions.ports.errors import Overloaded, Unavailable

ASK = Request("/x", {"symbol": "A/B"}, weight=2.0, headers={"X-KEY": "k"})
BREAKER = BreakerLimits(failures_max=2, window_s=100.0, open_s=30.0)


class Stage:
    """Answer as the test says, and keep a clock that only waiting moves."""

    def __init__(self) -> None:
        """Answer well."""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"[]"
        self.asked: list[web.Request] = []
        self.now = 0.0
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Give the answer."""
        self.asked.append(request)
        return web.Response(body=self.body, status=self.status, headers=self.headers)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(0)
        self.now += seconds

    def rest(self) -> Rest:
        """Make what asks here."""
        hands = Hands(lambda _event, **_keys: None, clock=lambda: 77, elapsed=lambda: self.now, pause=self.pause)
        return Rest(f"http://127.0.0.1:{self.port}/", Rate(4, 4.0), BREAKER, hands=hands, timeout_s=2.0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    played = Stage()
    app = web.Application()
    app.add_routes([web.get("/x", played.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    played.port = runner.addresses[0][1]
    yield played
    await runner.cleanup()


async def test_an_answer(stage: Stage) -> None:
    """An answer comes byte for byte with its symbol, its time and the address it was asked for at."""
    stage.body = b'{"a": [1,\n2]}' * 100_000
    async with stage.rest() as rest:
        received = await rest.get(ASK, "A/B")
    assert (received.row, received.ts_receive, received.symbol) == (stage.body, 77, "A/B")
    assert received.url == f"http://127.0.0.1:{stage.port}/x?symbol=A%2FB"
    assert stage.asked[0].headers["X-KEY"] == "k"


async def test_the_allowance_is_kept(stage: Stage) -> None:
    """Requests wait until their weight is earned."""
    async with stage.rest() as rest:
        times = [(await rest.get(ASK, ""), stage.now)[1] for _ in range(4)]
    assert times == pytest.approx([0.0, 0.0, 2.0, 4.0])


async def test_a_pause_is_kept(stage: Stage) -> None:
    """Asked to slow down, the next request comes after the pause the venue named; the venue is not taken for dead."""
    stage.status, stage.headers = 429, {"Retry-After": "7"}
    async with stage.rest() as rest:
        for _ in range(3):
            with pytest.raises(Overloaded, match="asked to wait 7 s"):
                await rest.get(ASK, "")
        stage.status = 200
        before = stage.now
        await rest.get(ASK, "")
    assert stage.now - before == pytest.approx(9.0)  # the pause, and what two tokens take


@pytest.mark.parametrize(("told", "waited"), [("Thu, 01 Jan 1970 00:02:00 GMT", "120"), ("soon", "60"), ("", "60")])
async def test_a_pause_until_a_date(stage: Stage, told: str, waited: str) -> None:
    """A pause may be told as a date; what is neither that nor seconds is a minute."""
    stage.status, stage.headers = 429, {"Retry-After": told}
    async with stage.rest() as rest:
        with pytest.raises(Overloaded, match=f"asked to wait {waited} s"):
            await rest.get(ASK, "")


async def test_a_firewall_is_sat_out(stage: Stage) -> None:
    """Binance's firewall answers 403 to too many requests: that is no refusal for good, and asks for a pause."""
    stage.status = 403
    async with stage.rest() as rest:
        with pytest.raises(Overloaded, match="asked to wait 60 s"):
            await rest.get(ASK, "")
        stage.status = 200
        await rest.get(ASK, "")
    assert stage.now >= 60.0


@pytest.mark.parametrize("status", [408, 425])
async def test_what_may_be_answered_later(stage: Stage, status: int) -> None:
    """A time-out, and a request that came too early, say nothing of the request: it may be made again."""
    stage.status = status
    async with stage.rest() as rest:
        with pytest.raises(Unavailable, match=str(status)):
            await rest.get(ASK, "")


async def test_what_will_never_be_answered(stage: Stage) -> None:
    """A request that the venue refuses is refused, however often, and opens no breaker."""
    stage.status = 400
    async with stage.rest() as rest:
        for _ in range(5):
            with pytest.raises(Refused, match="400"):
                await rest.get(ASK, "")
    assert len(stage.asked) == 5


async def test_a_failing_venue_is_left_alone(stage: Stage) -> None:
    """After enough failures nothing is asked for a while; then one request is, and its success is trusted."""
    stage.status = 503
    async with stage.rest() as rest:
        for _ in range(2):
            with pytest.raises(Unavailable, match="503"):
                await rest.get(ASK, "")
        with pytest.raises(Unavailable, match="left alone"):
            await rest.get(ASK, "")
        assert len(stage.asked) == 2
        stage.status, stage.now = 200, stage.now + 31.0
        await rest.get(ASK, "")
        await rest.get(ASK, "")
    assert len(stage.asked) == 4


async def test_nobody_there() -> None:
    """A venue that is not there is unavailable."""
    nowhere = Stage()
    nowhere.port = 1
    async with nowhere.rest() as rest:
        with pytest.raises(Unavailable):
            await rest.get(ASK, "")


async def test_an_endless_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer longer than the bound is refused, not held."""
    monkeypatch.setattr(_rest, "ANSWER_BYTES_MAX", 1_000)
    stage.body = b"x" * 1_001
    async with stage.rest() as rest:
        with pytest.raises(Refused):
            await rest.get(ASK, "")
