"""Bind the orders service to its ledger, to risk and to the broker its events leave for."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc.aio
from tickloom.orders.v1 import service_pb2, service_pb2_grpc

from functions.adapters.fix_store import DiskFixStores
from functions.adapters.fix_venue import NAME_MAX, FixEnd, FixVenue
from functions.adapters.http_sink import HttpSink, overrides_of
from functions.adapters.mt4_connection import BridgeEnd
from functions.adapters.mt4_venue import Mt4Venue
from functions.adapters.paper_venue import PaperVenue
from functions.adapters.postgres import Pool
from functions.adapters.postgres_kill_switch import PostgresKillSwitches
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.postgres_limits import PostgresLimits
from functions.adapters.risk_engine import BLIND_S_MAX, RiskEngine
from functions.domain.decisions import TimeInForce
from functions.domain.money import plain_decimal
from functions.domain.orders.account import open_account
from functions.domain.orders.booking import AT_ONCE, Paper
from functions.ports.telemetry import Telemetry
from functions.ports.venue_orders import VenueOrders
from functions.runtime import grpc_app, logs, outcomes
from functions.runtime.hosting import HostedService
from functions.services.orders import CARD
from functions.services.orders.carrier import ANSWER_S
from functions.services.orders.desk import OrderDesk
from functions.services.orders.opening import account_of
from functions.services.orders.relay import BATCH_MAX, Relay
from functions.services.orders.service import OrdersServicer
from functions.services.orders.writer import LEASE_MS, Lead
from functions.wire.codecs.limits import decode_limits
from functions.wire.fix.actions import Terms
from functions.wire.fix.rules import Identity

PAPER: Final = "paper"
FIX: Final = "fix"
MT4: Final = "mt4"
PORT_MAX: Final = 65_535
SHIPPED_LIMITS: Final = Path(__file__).parents[1] / "risk" / "limits.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say what the orders service must know.

    Args:
        database_url: PostgreSQL, as `postgresql://user:password@host:port/database`.
        sink_url: Broker that takes the events; empty to store them only.
        sink_overrides: Extensions that every event gets, as a SinkBinding writes them.
        sink_ca_certs: Authorities of a broker over TLS beside the system's, PEM, as a SinkBinding writes them.
        risk_limits_path: File of limits that hold until some are loaded into the database; empty for the shipped one.
        risk_refresh_s: How often limits and kill switches that another process stored are looked up, seconds.
        risk_blind_s_max: How old the last such look may be, seconds: after that nothing is accepted. 0: no bound.
        account: Account that is opened at the start, unless it exists.
        capital: Its capital, a plain decimal.
        opening_positions: Its positions, each `INSTRUMENT=QUANTITY@PRICE`.
        orders_holder: Name under which accounts are led; who starts again under it need not wait for the lease. Empty
            makes one of this process alone.
        orders_lease_ms: How long a process that fell silent keeps its accounts, milliseconds.
        orders_answer_s: How long an answer to a cancel or replace is waited for before it is asked for, seconds.
        orders_venue: Where orders go: to `fix`, by a FIX 4.4 session, or `mt4`, by a MetaTrader 4 bridge, all of them;
            to `paper`, which is reached by the sink, those that rest, while others are executed against their own
            quote; empty takes only these.
        paper_taker_bps: Fee of what is executed on paper, basis points of its value, a plain decimal; the paper venue
            reads the same.
        fix_host: Where the FIX venue listens.
        fix_port: Its port.
        fix_tls: Whether the session is encrypted with TLS, and the host proves itself.
        fix_sender_comp_id: Our CompID.
        fix_target_comp_id: The venue's CompID.
        fix_username: User name of the Logon; empty for none.
        fix_password: Password of the Logon.
        fix_heartbeat_s: Heartbeat interval, seconds; 0 is none.
        fix_symbols: The venue's symbols, each `INSTRUMENT=SYMBOL`; orders for other instruments are refused.
        fix_folder: Folder of the session's store; it must outlive the process, on a volume of its own.
        fix_name_max: Most characters of a ClOrdID that the venue takes; longer ones go by a digest.
        fix_fsync: Whether every message reaches the disk before it leaves: safe against power loss, and slower.
        mt4_host: Where the MetaTrader 4 bridge listens.
        mt4_port: Its port.
        mt4_symbols: The terminal's symbols, each `INSTRUMENT=SYMBOL`; orders for other instruments are refused.
        outbox_batch_max: Most events the relay reads at once.
        orders_connections_max: Most PostgreSQL connections.
    """

    database_url: str = field(repr=False, metadata={"env": "DATABASE_URL"})
    sink_url: str = field(default="", metadata={"env": "K_SINK"})
    sink_overrides: str = field(default="", metadata={"env": "K_CE_OVERRIDES"})
    sink_ca_certs: str = field(default="", metadata={"env": "K_CA_CERTS"})
    risk_limits_path: str = ""
    risk_refresh_s: float = 1.0
    risk_blind_s_max: float = BLIND_S_MAX
    account: str = "paper"
    capital: str = "1000000"
    opening_positions: tuple[str, ...] = ()
    orders_holder: str = ""
    orders_lease_ms: int = LEASE_MS
    orders_answer_s: float = ANSWER_S
    orders_venue: str = PAPER
    paper_taker_bps: str = "0"
    fix_host: str = "127.0.0.1"
    fix_port: int = 0
    fix_tls: bool = False
    fix_sender_comp_id: str = "TICKLOOM"
    fix_target_comp_id: str = "VENUE"
    fix_username: str = ""
    fix_password: str = field(default="", repr=False)
    fix_heartbeat_s: int = 30
    fix_symbols: tuple[str, ...] = ()
    fix_folder: str = "var/fix-orders"
    fix_name_max: int = NAME_MAX
    fix_fsync: bool = True
    mt4_host: str = "127.0.0.1"
    mt4_port: int = 0
    mt4_symbols: tuple[str, ...] = ()
    outbox_batch_max: int = BATCH_MAX
    orders_connections_max: int = 8

    def __post_init__(self) -> None:
        """Refuse bounds that would take nothing, and an opening that cannot be read."""
        bounds = ("orders_lease_ms", "outbox_batch_max", "orders_connections_max", "risk_refresh_s", "orders_answer_s")
        for name in bounds:
            if getattr(self, name) <= 0:
                message = f"{name} must be more than 0"
                raise ValueError(message)
        if self.orders_venue not in {"", PAPER, FIX, MT4}:
            message = f"orders_venue must be {PAPER!r}, {FIX!r}, {MT4!r} or empty, not {self.orders_venue!r}"
            raise ValueError(message)
        ends = {FIX: (self.fix_port, _symbols(self.fix_symbols)), MT4: (self.mt4_port, _symbols(self.mt4_symbols))}
        for venue, (port, symbols) in ends.items():
            if venue == self.orders_venue and not (0 < port <= PORT_MAX and symbols):
                message = f"orders_venue {venue} needs the venue's {venue}_port, and {venue}_symbols"
                raise ValueError(message)
        account_of(self.account, self.capital, self.opening_positions)
        paper_of(self)
        overrides_of(self.sink_overrides)


def paper_of(settings: Settings) -> Paper:
    """Say which orders are executed on paper, and their fee: none where a venue of others is to have them."""
    at_once = frozenset[TimeInForce]() if settings.orders_venue in {FIX, MT4} else AT_ONCE
    return Paper(at_once, plain_decimal(settings.paper_taker_bps))


def compose(settings: Settings) -> HostedService:
    """Join the desk with what it needs; the store opens at the start."""
    pool = Pool(settings.database_url, size=settings.orders_connections_max)
    ledger = PostgresLedger(pool)
    engine = _engine(settings, pool)
    sink = HttpSink(settings.sink_url, overrides=overrides_of(settings.sink_overrides), ca_certs=settings.sink_ca_certs)
    relay = Relay(ledger, sink, batch_max=settings.outbox_batch_max)
    paper = PaperVenue(sink) if settings.orders_venue == PAPER and settings.sink_url else None
    desk = OrderDesk(
        ledger,
        engine,
        now_ns=time.time_ns,
        lead=Lead(settings.orders_holder or _own_name(), settings.orders_lease_ms),
        venue=paper or _venue(settings, ledger),
        paper=paper_of(settings),
        stored=relay.wake,
        desk_of=lambda account: engine.limits.desk_of.get(account, ""),
        stopped=engine.stopped,
        answer_s=settings.orders_answer_s,
    )
    engine.tell(desk.take_back)
    opening = account_of(settings.account, settings.capital, settings.opening_positions)
    servicer = OrdersServicer(desk, ledger, fault=_fault, answered=paper.answered if paper else None)

    def register(server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_OrdersServiceServicer_to_server(servicer, server)

    def measure(kept: Telemetry) -> None:
        desk.measure(kept)
        relay.measure(kept)

    async def start() -> None:
        await engine.start()
        held, name = opening.positions.values(), opening.name
        opened = open_account(name, opening.capital, held, units=lambda one: engine.contract(name, one).units)
        await ledger.open_account(opened)
        await desk.start()
        await desk.resume(opening.name)
        if settings.sink_url:
            relay.start()

    async def close() -> None:
        await desk.close()
        await relay.close()
        await asyncio.gather(engine.close(), sink.close())
        await pool.close()

    name = service_pb2.DESCRIPTOR.services_by_name["OrdersService"].full_name
    return HostedService(CARD, register, (name,), start, close, measure=measure)


def _engine(settings: Settings, pool: Pool) -> RiskEngine:
    return RiskEngine(
        PostgresLimits(pool),
        PostgresKillSwitches(pool),
        shipped=decode_limits(Path(settings.risk_limits_path or SHIPPED_LIMITS).read_bytes()),
        refresh_s=settings.risk_refresh_s,
        blind_s_max=settings.risk_blind_s_max,
    )


def _venue(settings: Settings, ledger: PostgresLedger) -> VenueOrders | None:
    match settings.orders_venue:
        case "fix":
            return _fix(settings, ledger)
        case "mt4":
            end = BridgeEnd(settings.mt4_host, settings.mt4_port)
            symbols, report = _symbols(settings.mt4_symbols), logs.logger(CARD.name).warning
            return Mt4Venue(end, ledger, symbols=symbols, report=report)
    return None


def _fix(settings: Settings, ledger: PostgresLedger) -> FixVenue:
    terms = Terms(settings.fix_heartbeat_s, username=settings.fix_username, password=settings.fix_password)
    identity = Identity(settings.fix_sender_comp_id, settings.fix_target_comp_id)
    end = FixEnd(
        identity, settings.fix_host, settings.fix_port, settings.fix_tls, terms, name_max=settings.fix_name_max
    )
    stores = DiskFixStores(Path(settings.fix_folder), fsync=settings.fix_fsync)
    report = logs.logger(CARD.name).warning
    return FixVenue(end, stores, ledger, symbols=_symbols(settings.fix_symbols), report=report)


def _symbols(texts: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if not all(instrument_id and symbol for instrument_id, _, symbol in pairs):
        message = f"symbols {list(texts)} are not each written INSTRUMENT=SYMBOL"
        raise ValueError(message)
    return {instrument_id: symbol for instrument_id, _, symbol in pairs}


def _fault(error: Exception) -> tuple[str, bool]:
    return outcomes.code_of(error), outcomes.outcome_of(error) in outcomes.RETRIED


def _own_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


if __name__ == "__main__":
    grpc_app.run(Settings, compose)
