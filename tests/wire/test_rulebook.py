"""A rules file becomes a strategy, or every mistake in it is said with its line and column."""

import pathlib

import pytest
from counts import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

import functions.tables.signals
from functions.domain.indicators.registry import NAMES
from functions.domain.strategy import Above, Below, Ensemble, Flagged, Strategy, TurnsDown, TurnsUp
from functions.wire.errors import Malformed
from functions.wire.rulebook import RULES_MAX, check_strategy, read_strategy
from functions.wire.rulebook_words import BYTES_MAX

SHIPPED = (pathlib.Path(functions.tables.signals.__file__).parent / "mean_reversion.rules").read_bytes()
HEAD = "strategy mine\n"
RULE = "buy 10 low rsi_14 < 30\n"


def strategy_of(text: str) -> Strategy:
    """Read a file that must be right."""
    return read_strategy(text.encode(), file="f", features=NAMES)


def problems_of(text: str | bytes) -> list[str]:
    """Say what is wrong with a file, as `line:column: text`."""
    data = text if isinstance(text, bytes) else text.encode()
    strategy, problems = check_strategy(data, features=NAMES)
    assert (strategy is None) == bool(problems)
    return [f"{one.line}:{one.column}: {one.text}" for one in problems]


def test_shipped() -> None:
    """The shipped file is right, and is the default strategy."""
    assert read_strategy(SHIPPED, file="f", features=NAMES) == Strategy()


@pytest.mark.parametrize("rule", ["sentiment.score > 0.3", "sentiment flags"])
def test_a_model_over_texts(rule: str) -> None:
    """A rule on the model over texts would never speak, and no signal have heard all that it should."""
    assert problems_of(f"{HEAD}buy 10 news {rule}\n") == [
        "2:13: `sentiment` reads texts: no row has its answer; name a model of rows"
    ]
    assert strategy_of(f"{HEAD}model sentiment\nbuy 10 news {rule}\n").models == ("sentiment",)


def test_every_condition() -> None:
    """Each kind of condition becomes its rule, on features, on figures of models and on scores."""
    strategy = strategy_of(
        HEAD
        + "buy  5 low    rsi_14 < -0.5\n"
        + "buy  5 rise   forecast_boosted.up_4 > 0.55\n"
        + "buy  5 turns  macd_hist turns up\n"
        + "sell 5 turns  macd_hist turns down\n"
        + "sell 5 odd    anomaly flags\n"
        + "veto wild     regime.turbulent > 0.8\n"
        + "veto strange  anomaly_autoencoder.score > 0.9\n"
    )
    assert strategy.buy == (
        Below("low", "rsi_14", -0.5, 5.0),
        Above("rise", "forecast_boosted.up_4", 0.55, 5.0),
        TurnsUp("turns", "macd_hist", 5.0),
    )
    assert strategy.sell == (TurnsDown("turns", "macd_hist", 5.0), Flagged("odd", "anomaly", 5.0))
    assert strategy.vetoes == (
        Above("wild", "regime.turbulent", 0.8, 0.0),
        Above("strange", "anomaly_autoencoder.score", 0.9, 0.0),
    )
    assert strategy.models == ("forecast_boosted", "anomaly", "regime", "anomaly_autoencoder")


def test_every_setting() -> None:
    """Each setting reaches the strategy; what is not set is as by default."""
    strategy = strategy_of(
        HEAD
        + RULE
        + "intervals_s 60 300 60\nmin_confidence 10\ncooldown_bars 0\nvolatility natr_14\nstop_distance 1.5\n"
        + "target_distance 4\ngates no_trades\nemit_stopped false\nemit_hold true\ntracks_max 9\nspread_max 0.1\n"
        + "ensemble 1 forecast_lstm\nkelly_share 0.5\nrisk_pct_max 2\nposition_pct_max 5\nflat_pct 0\ncost_bps 7.5\n"
        + "bound_z 2\nsamples_min 30\n"
    )
    assert (strategy.intervals_s, strategy.min_confidence, strategy.cooldown_bars) == ((60, 300), 10.0, 0)
    assert (strategy.volatility, strategy.stop_distance, strategy.target_distance) == ("natr_14", 1.5, 4.0)
    assert (strategy.gates, strategy.emit_stopped, strategy.emit_hold) == (("no_trades",), False, True)
    assert (strategy.tracks_max, strategy.ensemble) == (9, Ensemble(1, ("forecast_lstm",), 0.1))
    sizing = strategy.sizing
    assert (sizing.kelly_share, sizing.risk_pct_max, sizing.position_pct_max, sizing.flat_pct) == (0.5, 2.0, 5.0, 0.0)
    assert (sizing.cost_bps, sizing.bound_z, sizing.samples_min) == (7.5, 2.0, 30)
    assert strategy_of(HEAD + RULE + "ensemble none\ngates none\n").ensemble.members == ()


def test_model_of_ones_own() -> None:
    """A model that the file declares may be named in it, above its line or below."""
    strategy = strategy_of(HEAD + "buy 5 glad mood.joy > 0.5\nensemble 2 mood\nmodel mood joy up_2\n")
    assert (strategy.models, strategy.ensemble.members) == (("mood",), ("mood",))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("buy 10 x rsi_41 < 3", "2:10: there is no feature `rsi_41`; did you mean `rsi_14`?"),
        ("buy 10 x anomoly flags", "2:10: there is no model `anomoly`; did you mean `anomaly`?"),
        ("buy 10 x regime.wild > 0.5", "2:17: there is no figure of regime `wild`"),
        ("buy 10 x regim.calm > 0.5", "2:10: there is no model `regim`; did you mean `regime`?"),
        ("buy 1e1 x rsi_14 < 3", "2:5: `1e1` is no number; write it as 30 or -0.5"),
        ("buy nan x rsi_14 < 3", "2:5: `nan` is no number; write it as 30 or -0.5"),
        ("buy 10 x rsi_14 < inf", "2:19: `inf` is no number; write it as 30 or -0.5"),
        ("buy 0 x rsi_14 < 3", "2:5: a weight is more than 0, not 0"),
        ("buy -5 x rsi_14 < 3", "2:5: a weight is more than 0, not -5"),
        ("buy 90.5 x rsi_14 < 3", "2:5: with 90.5 the weights for buy sum to 100.5, more than 100"),
        ("buy 5 low rsi_14 < 3", "2:7: `low` stands on line 1 already"),
        ("buy 5 Bad rsi_14 < 3", "2:7: `Bad` is no name: small letters, digits and _, a letter first, at most 64"),
        ("buy", "2:4: a rule needs its weight in percent"),
        ("buy 5", "2:6: a rule needs a name and a condition"),
        ("veto", "2:5: a rule needs a name and a condition"),
        ("buy 5 x", "2:8: a condition is"),
        ("buy 5 x rsi_14 = 3", "2:9: a condition is"),
        ("buy 5 x rsi_14 turns round", "2:9: a condition is"),
        ("bye 5 x rsi_14 < 3", "2:1: there is no statement `bye`; did you mean `buy`?"),
        ("cooldown_bars 5 bars", "2:17: `bars` is one word too many"),
        ("cooldown_bars", "2:14: a word is missing"),
        ("cooldown_bars 2.5", "2:15: `2.5` is no whole number from 0"),
        ("tracks_max 0", "2:12: `0` is no whole number from 1"),
        ("min_confidence 101", "2:16: min_confidence is from 0 to 100, not 101"),
        ("kelly_share 0", "2:13: kelly_share is more than 0 and at most 1, not 0"),
        ("stop_distance -1", "2:15: stop_distance is more than 0, not -1"),
        ("intervals_s 5 7", "2:15: there are no bars of `7` s, only of 1, 5, 60, 300, 900, 3600, 14400, 86400"),
        ("intervals_s", "2:12: say which bars decide, by their seconds"),
        ("emit_hold yes", "2:11: emit_hold is true or false, not `yes`"),
        ("gates no_trade", "2:7: there is no gate `no_trade`; did you mean `no_trades`?"),
        ("gates", "2:6: say which gates are kept: session, missing_trades, no_trades, lost_book, or `none`"),
        ("volatility atr", "2:12: there is no feature `atr`"),
        ("strategy other", "3:1: `strategy` stands on line 2 already"),
        ("strategy anomaly", "2:10: `anomaly` is the name of a model; a strategy needs one of its own"),
        ("ensemble", "2:9: say how far ahead and who votes: ensemble HORIZON MODEL ..., or `ensemble none`"),
        ("ensemble 2 forecast_lstm", "2:12: there is no figure of forecast_lstm `up_2`"),
        ("ensemble 4 forecast_lstm forecast_lstm", "2:26: `forecast_lstm` votes already"),
        ("ensemble soon forecast_lstm", "2:10: `soon` is no number; write it as 30 or -0.5"),
        ("model", "2:6: say which model: model NAME FIGURE ..."),
        ("model regime calm", "2:7: model `regime` is known already"),
    ],
)
def test_every_mistake_has_its_place(line: str, problem: str) -> None:
    """Whatever is wrong is said with line, column, what was found and what may have been meant."""
    found = problems_of(f"{RULE}{line}\n{HEAD}")
    assert len([one for one in found if one.startswith(problem)]) == 1, found


def test_all_mistakes_at_once() -> None:
    """Every mistake is said, in the order of the file, and by the reader with the file's name."""
    text = HEAD + "buy 10 x rsi_41 < 3\n  # a comment\nmin_confidence no\nbuy 10 y rsi_14 < 30 # another\nhello\n"
    assert [one.split(" ")[0] for one in problems_of(text)] == ["2:10:", "4:16:", "6:1:"]
    with pytest.raises(Malformed) as caught:
        read_strategy(text.encode(), file="own.rules", features=NAMES)
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == [
        "own.rules:2:10:",
        "own.rules:4:16:",
        "own.rules:6:1:",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the strategy has no name: strategy NAME"),
        (RULE, "1:1: the strategy has no name: strategy NAME"),
        (HEAD, "2:1: there is no rule: buy WEIGHT NAME CONDITION"),
        (HEAD + "veto wild regime.calm < 1\n", "3:1: there is no rule: buy WEIGHT NAME CONDITION"),
        (b"strategy \xff\n", "1:10: byte 0xff is no UTF-8"),
        (b"# fine\nstrategy m\xc3\n", "2:11: byte 0xc3 is no UTF-8"),
        (b"#" * (BYTES_MAX + 1), f"1:1: the file has more than {BYTES_MAX} bytes"),
    ],
)
def test_what_no_line_has_wrong(text: str | bytes, problem: str) -> None:
    """What is missing, unreadable or too long is said too."""
    assert problems_of(text)[0] == problem


def test_hundred_percent_of_tenths() -> None:
    """Weights that sum to 100 on paper do so here, whatever floats make of tenths."""
    strategy = strategy_of(HEAD + "".join(f"buy {w} r{n} rsi_14 < 1\n" for n, w in enumerate([14.3] * 6 + [14.2])))
    assert len(strategy.buy) == 7


def test_rules_are_bounded() -> None:
    """One rule more than the bound is a mistake where it stands."""
    lines = [f"veto v{n} rsi_14 < 1" for n in range(RULES_MAX)]
    assert problems_of(HEAD + "\n".join([*lines, RULE])) == [
        f"{RULES_MAX + 2}:1: there are more than {RULES_MAX} rules"
    ]


WORDS = st.sampled_from(
    [*SHIPPED.decode().split(), "nan", "-1", "1e9", "regime.calm", "veto", "model", "none", "#", "é"]
)


@given(st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=6).map("\n".join))
@example("volatility volatility\nstrategy x")
@settings(max_examples=examples(1000), deadline=None)
def test_any_words(text: str) -> None:
    """Whatever words a file holds, it is a strategy or has mistakes, and each of these has a place in it."""
    strategy, problems = check_strategy(text.encode(), features=NAMES)
    assert (strategy is None) == bool(problems)
    lines = text.split("\n")
    assert all(1 <= one.line <= len(lines) and 1 <= one.column <= len(lines[one.line - 1]) + 1 for one in problems)


@given(st.binary(max_size=200))
@settings(max_examples=examples(1000), deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are read or have mistakes, and nothing else happens."""
    strategy, problems = check_strategy(data, features=NAMES)
    assert (strategy is None) == bool(problems)
