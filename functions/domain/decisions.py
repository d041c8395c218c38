"""Hold decisions and what became of them: signals, order intents, updates and fills as plain frozen facts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class Action(Enum):
    """What a signal asks for."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


class Side(Enum):
    """Which side of the market an order takes."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(Enum):
    """Where an order stands, in the words of FIX 4.4 OrdStatus (tag 39)."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Quote:
    """Hold the market a decision was made on: mantissas, 0 when a side is unknown, and its venue time."""

    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int
    ts_event: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Keep one rule that spoke: its name, what it saw, and its share of the confidence in percent."""

    rule: str
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class ModelScore:
    """Keep one model's score for the bar."""

    model: str
    version: str
    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Signal:
    """Decide on one closed bar; the natural key is (strategy, instrument_id, interval_s, bar_start_ns).

    `market_flags` are the bar's: MARKET_QUOTED and its neighbours in `domain.market`.
    """

    signal_id: str
    strategy: str
    instrument_id: str
    interval_s: int
    bar_start_ns: int
    as_of_ns: int
    action: Action
    confidence: float
    price_exponent: int
    size_exponent: int
    price: int
    quote: Quote
    reasons: tuple[Reason, ...]
    model_scores: tuple[ModelScore, ...]
    stop_loss: int
    take_profit: int
    risk_reward_ratio: float
    bar_revision: int
    degraded: bool
    shard: str
    market_flags: int = 0


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """Ask for a trade: mantissas of the instrument's exponents, limit price always given."""

    account: str
    instrument_id: str
    side: Side
    quantity: int
    limit_price: int
    price_exponent: int
    size_exponent: int


@dataclass(frozen=True, slots=True)
class Submission:
    """Hold an order with the market and time it was decided on; `client_order_id` is the idempotency key."""

    client_order_id: str
    order: OrderIntent
    quote: Quote
    as_of_ns: int
    signal_id: str
    causation_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """Hold one step of an order's life; (client_order_id, n) is the natural key."""

    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: Side
    status: OrderStatus
    quantity: Decimal
    limit_price: Decimal
    cumulative_quantity: Decimal
    leaves_quantity: Decimal
    reasons: tuple[str, ...]
    signal_id: str
    as_of_ns: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Hold one execution; (client_order_id, n) is the natural key."""

    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    signal_id: str
    as_of_ns: int


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """Hold an order's last update and its fills, oldest first."""

    update: OrderUpdate
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class AccountState:
    """Say what an account's single writer knows of it: account currency, and the position in the order's instrument."""

    capital: Decimal
    gross_exposure: Decimal
    position: int
    position_price: int


@dataclass(frozen=True, slots=True)
class Violation:
    """Keep one broken risk rule: its name, and what was found and is allowed."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold a pre-trade decision: accepted when nothing is violated."""

    violations: tuple[Violation, ...]
    limits_version: str

    @property
    def accepted(self) -> bool:
        """Tell whether the order may leave."""
        return not self.violations
