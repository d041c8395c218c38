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
    PENDING_NEW = "pending_new"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    EXPIRED = "expired"
    DONE_FOR_DAY = "done_for_day"


class ExecType(Enum):
    """Why a step of an order's life was taken, in the words of FIX 4.4 ExecType (tag 150), and two of our own."""

    NEW = "new"
    TRADE = "trade"
    CANCELED = "canceled"
    REPLACED = "replaced"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    PENDING_NEW = "pending_new"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DONE_FOR_DAY = "done_for_day"
    TRADE_CORRECT = "trade_correct"
    TRADE_CANCEL = "trade_cancel"
    ORDER_STATUS = "order_status"
    CANCEL_REJECT = "cancel_reject"
    UNKNOWN = "unknown"


class TimeInForce(Enum):
    """How long an order may work (FIX tag 59)."""

    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"
    DAY = "day"
    GOOD_TILL_CANCEL = "good_till_cancel"


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


class ConfidenceKind(Enum):
    """What a signal's confidence is: a count of rules, or a chance that outcomes have borne out."""

    RULE_WEIGHT = "rule_weight"
    CALIBRATED = "calibrated"


@dataclass(frozen=True, slots=True)
class Gate:
    """Keep one thing that kept a signal from acting: its name, and what it saw."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Importance:
    """Keep one indicator's share of the rules' weights for a decision; the shares of a decision sum to 1."""

    indicator: str
    share: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Keep what one model forecasts of the price, `horizon_bars` bars of the signal's interval ahead.

    Args:
        model: Its name.
        version: Its version.
        horizon_bars: How far ahead.
        expected_return: Expected log return from the bar's close.
        up: Chance that the log return is more than 0; None when the model does not say.
        price: That return as a price mantissa.
        low_80: Lower end of the interval with nominal level 80 %, price mantissa; 0 when the model has none.
        high_80: Its upper end.
        low_95: The same at 95 %.
        high_95: Its upper end.
    """

    model: str
    version: str
    horizon_bars: int
    expected_return: float
    up: float | None
    price: int
    low_80: int = 0
    high_80: int = 0
    low_95: int = 0
    high_95: int = 0


@dataclass(frozen=True, slots=True)
class Vote:
    """Keep one model's part in the ensemble: its weights and its chances that the price will be higher, and lower.

    The latter is None while outcomes have said nothing of its falls, and then weighs nothing.
    """

    model: str
    weight: float
    up: float
    down: float | None = None
    down_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Predictions:
    """Keep what the models say of a bar; None and empty where none was heard.

    Args:
        forecasts: By model, nearest horizon first.
        anomaly_score: Score of the model `anomaly`, 0 usual to 1 unusual.
        is_anomaly: Whether that score reached its threshold.
        sentiment: Score of the model `sentiment`.
        regime: Likeliest state of the model `regime`.
        regime_probability: Its probability.
        votes: The ensemble's votes, in its own order.
        up: Chance of a higher price, the votes' weighted mean; None when the ensemble abstains.
        horizon_bars: Bars after which the ensemble means that; 0 without an ensemble.
        abstained: Why the ensemble says nothing of a higher price; empty when it does, or there is none.
        down: Chance of a lower price, the mean of those votes; None when the ensemble abstains from it.
    """

    forecasts: tuple[Forecast, ...] = ()
    anomaly_score: float | None = None
    is_anomaly: bool = False
    sentiment: float | None = None
    regime: str = ""
    regime_probability: float | None = None
    votes: tuple[Vote, ...] = ()
    up: float | None = None
    horizon_bars: int = 0
    abstained: str = ""
    down: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Say what a signal rests on, what its confidence means, and how much it would stake.

    Args:
        wanted: What the rules alone ask for, HOLD while it is too soon for it; the signal holds all the same when a
            gate stops it.
        strength: Sum of the weights of the rules that spoke, percent: what is compared with the least confidence.
        confidence_kind: What the signal's confidence is.
        event: What the confidence is the chance of; empty for a weighted count.
        horizon_bars: Bars within which that happens; 0 when the event needs none.
        probability: Chance of the event; None unless it is calibrated.
        probability_low: Its lower confidence bound, which sizes the position.
        expected_value: Expected gain net of costs, as a share of the position's value; None without a probability.
        kelly_fraction: Share of the capital to put at risk: Kelly's on the lower bound, times the strategy's fraction.
        position_size_pct: Value of the position, percent of the capital; 0 when nothing is done.
        primary_factor: The rule that weighs most; empty when none spoke.
        supporting_indicators: The indicators behind the other rules, strongest first, each once.
        importance: Shares of the indicators that spoke, greatest first.
        predictions: What models say.
        gates: What kept the signal from acting; empty when nothing did.
        feature_schema: Digest of the names of the features that decided; `bar_revision` is the revision of their bar.
        causation_id: Id of the event that was decided on.
    """

    wanted: Action = Action.HOLD
    strength: float = 0.0
    confidence_kind: ConfidenceKind = ConfidenceKind.RULE_WEIGHT
    event: str = ""
    horizon_bars: int = 0
    probability: float | None = None
    probability_low: float | None = None
    expected_value: float | None = None
    kelly_fraction: float | None = None
    position_size_pct: float = 0.0
    primary_factor: str = ""
    supporting_indicators: tuple[str, ...] = ()
    importance: tuple[Importance, ...] = ()
    predictions: Predictions = Predictions()
    gates: tuple[Gate, ...] = ()
    feature_schema: str = ""
    causation_id: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """Decide on one closed bar; the natural key is (strategy, instrument_id, interval_s, bar_start_ns).

    `market_flags` are the bar's: MARKET_QUOTED and its neighbours in `domain.market`. `confidence` is in percent;
    `evidence` says what it means.
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
    evidence: Evidence = Evidence()


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
    time_in_force: TimeInForce = TimeInForce.IMMEDIATE_OR_CANCEL


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
    """Hold one step of an order's life; (client_order_id, n) is the natural key.

    `exec_type` is why it was taken (None: not told, by an earlier version); `request_id` names the cancel or replace it
    answers; `outcome_unknown` while nobody knows whether the venue has what was sent last; `sequence` is its number on
    the account's stream.
    """

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
    exec_type: ExecType | None = None
    venue_order_id: str = ""
    request_id: str = ""
    average_price: Decimal = Decimal(0)
    outcome_unknown: bool = False
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Fill:
    """Hold one execution; (client_order_id, n) is the natural key.

    `fee` is what the venue took, in `currency`; `multiplier` is underlying units in one unit of quantity;
    `replaces_exec_id` names the execution that this one takes back (quantity 0) or corrects.
    """

    client_order_id: str
    n: int
    account: str
    instrument_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    signal_id: str
    as_of_ns: int
    exec_id: str = ""
    fee: Decimal = Decimal(0)
    currency: str = ""
    multiplier: Decimal = Decimal(1)
    replaces_exec_id: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """Hold an order's last update and its fills, oldest first."""

    update: OrderUpdate
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class AccountState:
    """Say what an account's single writer knows of it: account currency, and mantissas of the order's instrument.

    Args:
        capital: What ratios are taken of.
        gross_exposure: Greatest gross exposure that working orders can lead to; without them sum of |position| * price.
        position: Signed position in the order's instrument.
        position_price: Price it was last valued at; 0 when it never was.
        net_exposure_low: Least net exposure that working orders can lead to; None: the opposite of the gross one.
        net_exposure_high: Greatest net exposure they can lead to; None: the gross one.
        equity: Cash and positions at their prices; None when it is not told.
        peak_equity: Greatest equity there was; None: the greater of capital and equity.
        working_losses: What working orders cost at worst, filled at their limits and valued at these prices.
        working_buys: What buys in the instrument may still fill.
        working_sells: What sells in the instrument may still fill.
        resting_buy_price: Highest limit of an own buy that rests there; 0 without one.
        resting_sell_price: Lowest limit of an own sell that rests there; 0 without one.
    """

    capital: Decimal
    gross_exposure: Decimal
    position: int
    position_price: int
    net_exposure_low: Decimal | None = None
    net_exposure_high: Decimal | None = None
    equity: Decimal | None = None
    peak_equity: Decimal | None = None
    working_losses: Decimal = Decimal(0)
    working_buys: int = 0
    working_sells: int = 0
    resting_buy_price: int = 0
    resting_sell_price: int = 0


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
