"""Say how scored rows become decisions: rules, the ensemble's members, limits, and the words models speak in.

A strategy is data. A rule looks at a feature of the bar (`rsi_14`), or at a figure of a model (`regime.turbulent`; a
model's score is its figure `score`). Its weight is in percent; a side's strength is the sum of the weights of its rules
that spoke: a weighted count, not a probability. A rule never speaks on a figure that is not valid.
"""

from dataclasses import dataclass, field
from math import fsum
from types import MappingProxyType
from typing import Final, TypeAlias

from functions.domain.sizing import Sizing

HORIZONS: Final = (1, 4, 24)
"""Bars ahead that forecasts are made for."""

FORECASTS: Final = ("forecast_boosted", "forecast_lstm", "forecast_transformer")

REGIMES: Final = ("calm", "normal", "turbulent")
"""States of the model `regime`, by rising variance."""

SCORE: Final = "score"
"""Figure that every model has."""

_FORECAST_FIGURES: Final = tuple(
    f"{figure}_{horizon}" for horizon in HORIZONS for figure in ("return", "low80", "high80", "low95", "high95", "up")
)

FIGURES: Final = MappingProxyType(
    {
        "anomaly": (),
        "anomaly_autoencoder": (),
        **dict.fromkeys(FORECASTS, _FORECAST_FIGURES),
        "regime": REGIMES,
    }
)
"""Figures of each model that a strategy may name, beside its score; not `sentiment`, which reads texts and no rows."""


@dataclass(frozen=True, slots=True)
class Below:
    """Speak when a feature or figure is less than a limit."""

    name: str
    feature: str
    limit: float
    weight: float


@dataclass(frozen=True, slots=True)
class Above:
    """Speak when a feature or figure is greater than a limit."""

    name: str
    feature: str
    limit: float
    weight: float


@dataclass(frozen=True, slots=True)
class TurnsUp:
    """Speak when a feature is below zero and greater than on the bar before."""

    name: str
    feature: str
    weight: float


@dataclass(frozen=True, slots=True)
class TurnsDown:
    """Speak when a feature is above zero and less than on the bar before."""

    name: str
    feature: str
    weight: float


@dataclass(frozen=True, slots=True)
class Flagged:
    """Speak when a model's score reaches its own threshold."""

    name: str
    model: str
    weight: float


Rule: TypeAlias = Below | Above | TurnsUp | TurnsDown | Flagged

MEAN_REVERSION_BUY: Final[tuple[Rule, ...]] = (
    Below("rsi_oversold", "rsi_14", 30.0, 30.0),
    Below("below_lower_band", "bb_percent", 0.0, 25.0),
    Below("stretched_down", "zscore_20", -2.0, 20.0),
    Flagged("anomaly_confirms", "anomaly", 15.0),
    TurnsUp("macd_turns_up", "macd_hist", 10.0),
)
MEAN_REVERSION_SELL: Final[tuple[Rule, ...]] = (
    Above("rsi_overbought", "rsi_14", 70.0, 30.0),
    Above("above_upper_band", "bb_percent", 1.0, 25.0),
    Above("stretched_up", "zscore_20", 2.0, 20.0),
    Flagged("anomaly_confirms", "anomaly", 15.0),
    TurnsDown("macd_turns_down", "macd_hist", 10.0),
)
"""Limits are from the textbooks (RSI: Wilder 1978; two deviations: Bollinger 2001); the weights are a judgement."""

STRENGTH_MAX: Final = 100.0

GATES: Final = ("session", "missing_trades", "no_trades", "lost_book")
"""Gates that a strategy may leave out; that a market is not halted, quoted, not crossed and priced is asked always."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Name models whose chances of a higher price are pooled, and when they agree too little to be heard.

    Args:
        horizon_bars: Bars ahead; each member's figure `up_<horizon>` is its vote.
        members: Models, in the order in which they are summed.
        spread_max: Most that the highest and the lowest vote may differ; beyond it the ensemble abstains.
    """

    horizon_bars: int = 4
    members: tuple[str, ...] = FORECASTS
    spread_max: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what could not be pooled."""
        if self.horizon_bars < 1 or not 0 <= self.spread_max <= 1:
            text = "an ensemble looks at least 1 bar ahead, and its spread is from 0 to 1"
            raise ValueError(text)

    @property
    def figure(self) -> str:
        """Name the figure that is a member's vote."""
        return f"up_{self.horizon_bars}"


@dataclass(frozen=True, slots=True)
class Strategy:
    """Say how rows become decisions.

    Args:
        name: Name on every signal.
        buy: Rules that speak for buying; weights are positive and sum to at most 100.
        sell: The same for selling.
        vetoes: Rules that keep every decision from acting when they speak; their weights do not matter.
        intervals_s: Bar intervals that decide, seconds.
        min_confidence: Least strength that acts, percent.
        cooldown_bars: Bars of one instrument and interval between two signals of one direction.
        volatility: Feature that spaces stop and target, in price units.
        stop_distance: Distance of the stop-loss, in volatilities.
        target_distance: Distance of the take-profit, in volatilities.
        gates: Gates of the market's quality that are kept, of `GATES`.
        ensemble: Models whose pooled chance sizes positions.
        sizing: How boldly to stake.
        emit_stopped: Whether a decision that a gate stopped gives a HOLD signal with the reason.
        emit_hold: Whether every bar on which nothing is done gives a HOLD signal.
        tracks_max: Most (instrument, interval) pairs that are remembered.
        figures: Names of the models' figures that rules look at, as `model.figure`, each once, in rule order.
        turning: Names of what is compared with the bar before, in alphabetical order.
        models: Names of the models that the rules should hear, each once.
        flagging: Names of the models of whose scores rules speak.
    """

    name: str = "mean_reversion"
    buy: tuple[Rule, ...] = MEAN_REVERSION_BUY
    sell: tuple[Rule, ...] = MEAN_REVERSION_SELL
    vetoes: tuple[Rule, ...] = ()
    intervals_s: tuple[int, ...] = (5, 60)
    min_confidence: float = 60.0
    cooldown_bars: int = 5
    volatility: str = "atr_14"
    stop_distance: float = 2.0
    target_distance: float = 3.0
    gates: tuple[str, ...] = GATES
    ensemble: Ensemble = field(default_factory=Ensemble)
    sizing: Sizing = field(default_factory=Sizing)
    emit_stopped: bool = True
    emit_hold: bool = False
    tracks_max: int = 512
    figures: tuple[str, ...] = field(init=False, repr=False, compare=False)
    turning: tuple[str, ...] = field(init=False, repr=False, compare=False)
    models: tuple[str, ...] = field(init=False, repr=False, compare=False)
    flagging: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse weights that could not be a strength, and distances or bounds that are not positive."""
        for rules in (self.buy, self.sell):
            if any(rule.weight <= 0 for rule in rules) or fsum(rule.weight for rule in rules) > STRENGTH_MAX:
                text = f"weights of a side are positive and sum to at most {STRENGTH_MAX:g}"
                raise ValueError(text)
        if min(self.stop_distance, self.target_distance, self.tracks_max) <= 0:
            text = "stop_distance, target_distance and tracks_max are positive"
            raise ValueError(text)
        if unknown := sorted(set(self.gates).difference(GATES)):
            text = f"there are no gates {unknown}, only {', '.join(GATES)}"
            raise ValueError(text)
        self._find()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Give every rule: those for buying, for selling, and the vetoes."""
        return (*self.buy, *self.sell, *self.vetoes)

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features that decide, each once, in rule order."""
        named = [rule.feature for rule in self.rules if not isinstance(rule, Flagged) and "." not in rule.feature]
        return tuple(dict.fromkeys([*named, self.volatility]))

    def _find(self) -> None:
        """Find what every batch asks of the rules."""
        rules = self.rules
        named = [rule.feature for rule in rules if not isinstance(rule, Flagged)]
        found = {
            "figures": tuple(dict.fromkeys(name for name in named if "." in name)),
            "turning": tuple(sorted({rule.feature for rule in rules if isinstance(rule, TurnsUp | TurnsDown)})),
            "models": tuple(dict.fromkeys(model for rule in rules if (model := model_of(rule)))),
            "flagging": frozenset(rule.model for rule in rules if isinstance(rule, Flagged)),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)


def model_of(rule: Rule) -> str:
    """Name the model that a rule hears; empty for a rule on a feature.

    >>> model_of(Above("up", "regime.calm", 0.5, 10.0)), model_of(Above("high", "rsi_14", 70.0, 10.0))
    ('regime', '')
    """
    if isinstance(rule, Flagged):
        return rule.model
    model, dot, _ = rule.feature.partition(".")
    return model if dot else ""


def indicator_of(rule: Rule) -> str:
    """Name what a rule looks at: a feature, a figure of a model, or a model.

    >>> indicator_of(Flagged("odd", "anomaly", 15.0)), indicator_of(Below("low", "rsi_14", 30.0, 30.0))
    ('anomaly', 'rsi_14')
    """
    return rule.model if isinstance(rule, Flagged) else rule.feature
