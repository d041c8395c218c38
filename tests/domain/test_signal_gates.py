"""What may not be acted on is held, with every reason; what nobody wanted is not held for show."""

from dataclasses import replace

import pytest
from scored import SHARD, Row, output_of, predictions_of

from functions.domain.decisions import Action, Gate, Signal
from functions.domain.ensemble import Standing, Trust
from functions.domain.market import (
    BAR_SYNTHETIC,
    MARKET_BOOK_LOST,
    MARKET_CLOSED,
    MARKET_CROSSED,
    MARKET_HALTED,
    MARKET_MISSING,
    MARKET_QUOTED,
    ModelOutput,
)
from functions.domain.signals import Desk, believe, decide
from functions.domain.strategy import Above, Ensemble, Strategy

FALLEN = {"rsi_14": 22.5, "bb_percent": -0.2, "zscore_20": -2.8, "macd_hist": -5.0, "atr_14": 50.0}
CALM = {"rsi_14": 50.0, "bb_percent": 0.5, "zscore_20": 0.0, "macd_hist": 0.1, "atr_14": 50.0}
RULES = Strategy()
SCOPE = (SHARD, 5)


def give(desk: Desk, *rows: Row, strategy: Strategy = RULES, outputs: tuple[ModelOutput, ...] = ()) -> list[Signal]:
    """Fold rows as one batch."""
    batch = predictions_of(rows, outputs)
    return list(decide(desk, batch, strategy, identify=lambda *key: "|".join(map(str, key))))


def held(signal: Signal) -> list[str]:
    """Name the gates that stopped a BUY, and see that nothing of it is left."""
    assert (signal.action, signal.evidence.wanted) == (Action.HOLD, Action.BUY)
    assert (signal.stop_loss, signal.take_profit, signal.risk_reward_ratio) == (0, 0, 0.0)
    assert signal.evidence.position_size_pct == 0.0
    return [gate.name for gate in signal.evidence.gates]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (Row(features=FALLEN, flags=0), ["unquoted"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_CROSSED), ["crossed"]),
        (Row(features=FALLEN, bid=0), ["unpriced"]),
        (Row(features=FALLEN, ask=0), ["unpriced"]),
        (Row(features=FALLEN, close=0), ["unpriced"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_MISSING), ["missing_trades"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | BAR_SYNTHETIC), ["no_trades"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_BOOK_LOST), ["lost_book"]),
        (Row(features=FALLEN, flags=MARKET_MISSING | BAR_SYNTHETIC), ["unquoted", "missing_trades", "no_trades"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_HALTED), ["halt"]),
        (Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_CLOSED), ["session"]),
        (Row(features=FALLEN, flags=MARKET_HALTED | MARKET_CLOSED), ["halt", "unquoted", "session"]),
        (Row(features=FALLEN, states={"atr_14": 0}), ["no_volatility"]),
    ],
)
def test_untrusted_market_holds(row: Row, names: list[str]) -> None:
    """A BUY on a market that cannot be trusted is a HOLD that names everything wrong with it."""
    (signal,) = give(Desk(), row)
    assert held(signal) == names
    assert signal.market_flags == row.flags
    assert signal.evidence.strength == sum(reason.weight for reason in signal.reasons) == 75.0


@pytest.mark.parametrize("flags", [0, MARKET_MISSING, MARKET_QUOTED | BAR_SYNTHETIC])
def test_calm_is_not_held_for_show(flags: int) -> None:
    """A bar on which nothing was wanted says nothing, whatever its market."""
    assert give(Desk(), Row(features=CALM, flags=flags)) == []


@pytest.mark.parametrize("bit", [MARKET_MISSING, BAR_SYNTHETIC, MARKET_BOOK_LOST, MARKET_CLOSED])
def test_gates_may_be_left_out(bit: int) -> None:
    """A strategy that does not keep a gate of quality acts all the same."""
    (signal,) = give(Desk(), Row(features=FALLEN, flags=MARKET_QUOTED | bit), strategy=replace(RULES, gates=()))
    assert signal.action is Action.BUY


def test_a_halt_is_always_heard() -> None:
    """A strategy cannot leave a halt out."""
    row = Row(features=FALLEN, flags=MARKET_QUOTED | MARKET_HALTED)
    assert held(give(Desk(), row, strategy=replace(RULES, gates=()))[0]) == ["halt"]


def test_unknown_gates() -> None:
    """A strategy that names a gate there is not stops the start."""
    with pytest.raises(ValueError, match="no gates"):
        replace(RULES, gates=("open_sesame",))


def test_held_does_not_cool() -> None:
    """What was held was not done: the next bar whose market is right acts at once, and that one cools."""
    rows = [Row(bar=100, features=FALLEN, flags=0), *(Row(bar=bar, features=FALLEN) for bar in (101, 102))]
    assert [signal.action for signal in give(Desk(), *rows)] == [Action.HOLD, Action.BUY]


def test_stopped_in_silence() -> None:
    """A strategy may keep what is stopped to itself."""
    assert give(Desk(), Row(features=FALLEN, flags=0), strategy=replace(RULES, emit_stopped=False)) == []


def test_veto_holds() -> None:
    """A veto that speaks holds whatever the rules ask for; one whose figure nobody gives does not."""
    strategy = replace(RULES, vetoes=(Above("turbulent_market", "regime.turbulent", 0.8, 0.0),))
    wild, calm = (figures_of("regime", turbulent=value) for value in (0.9, 0.7))
    (signal,) = give(Desk(), Row(features=FALLEN), strategy=strategy, outputs=(wild,))
    assert held(signal) == ["turbulent_market"]
    assert signal.evidence.gates == (Gate("turbulent_market", "regime.turbulent 0.9 > 0.8"),)
    for outputs in ((calm,), (), (replace(wild, shadow=True),)):
        (signal,) = give(Desk(), Row(features=FALLEN), strategy=strategy, outputs=outputs)
        assert signal.action is Action.BUY


def figures_of(model: str, score: float = 0.5, **figures: float) -> ModelOutput:
    """Make a model's answer for one row, with figures."""
    output = output_of(score, model=model)
    values = predictions_of([Row(features=figures)]).columns
    return replace(output, names=values.names, values=values.values)


VOTERS = Strategy(ensemble=Ensemble(4, ("forecast_boosted", "forecast_lstm"), 0.2))


def votes(boosted: float, lstm: float) -> tuple[ModelOutput, ...]:
    """Make two models' chances of a higher price four bars ahead."""
    return figures_of("forecast_boosted", up_4=boosted), figures_of("forecast_lstm", up_4=lstm)


def test_disagreement_holds() -> None:
    """Models whose chances lie too far apart stop a decision; in agreement they do not."""
    (signal,) = give(Desk(), Row(features=FALLEN), strategy=VOTERS, outputs=votes(0.25, 0.75))
    assert held(signal) == ["models_disagree"]
    (signal,) = give(Desk(), Row(features=FALLEN), strategy=VOTERS, outputs=votes(0.5, 0.625))
    assert (signal.action, signal.evidence.predictions.up) == (Action.BUY, 0.5625)


@pytest.mark.parametrize(
    ("trust", "texts"),
    [
        ({"mean_reversion": Standing(broken="Brier 0.31 > 0.25")}, ["mean_reversion: Brier 0.31 > 0.25"]),
        ({"forecast_lstm": Standing(broken="coverage 0.6")}, ["forecast_lstm: coverage 0.6"]),
        ({"anomaly": Standing(broken="odd")}, ["anomaly: odd"]),
        ({"forecast_lstm": Standing(weight=0.0, broken="coverage 0.6")}, []),
        ({"regime": Standing(broken="never heard")}, []),
    ],
)
def test_broken_calibration_holds(trust: Trust, texts: list[str]) -> None:
    """A decision that leans on a source whose calibration broke is held with the reason, and no other is."""
    desk = Desk()
    believe(desk, SCOPE, trust, VOTERS)
    outputs = (output_of(0.9), *votes(0.5, 0.5))
    (signal,) = give(desk, Row(features=FALLEN), strategy=VOTERS, outputs=outputs)
    assert [gate.text for gate in signal.evidence.gates if gate.name == "calibration_broken"] == texts
    assert signal.action is (Action.HOLD if texts else Action.BUY)


def test_silent_source_may_be_broken() -> None:
    """A model whose rule did not speak is not leaned on, broken or not."""
    desk = Desk()
    believe(desk, SCOPE, {"anomaly": Standing(broken="odd")}, VOTERS)
    (signal,) = give(desk, Row(features=FALLEN), strategy=VOTERS, outputs=(output_of(0.1),))
    assert signal.action is Action.BUY


@pytest.mark.parametrize(("up", "gates"), [(0.35, ["no_edge"]), (0.75, [])])
def test_no_edge_holds(up: float, gates: list[str]) -> None:
    """Where a calibrated chance leaves nothing to win net of costs, nothing is done."""
    desk = Desk()
    believe(desk, SCOPE, dict.fromkeys(VOTERS.ensemble.members, Standing(samples=1000)), VOTERS)
    row = Row(features={**FALLEN, "atr_14": 600.0})
    (signal,) = give(desk, row, strategy=VOTERS, outputs=votes(up, up))
    assert [gate.name for gate in signal.evidence.gates] == gates
    assert signal.action is (Action.HOLD if gates else Action.BUY)
