"""A report on models becomes how far each may be believed, by interval."""

from functions.domain.ensemble import Standing
from functions.domain.performance import ModelPerformance, Performance
from functions.domain.standings import standings_of
from functions.domain.strategy import Strategy

RULES = Strategy()
BOOSTED, LSTM, TRANSFORMER = RULES.ensemble.members


def entry(  # noqa: PLR0913 - a report's entry has many sides
    name: str,
    *,
    horizon: int = 4,
    skill: float | None = None,
    count: float = 500.9,
    broken: str = "",
    interval_s: int = 5,
    version: str = "1",
    shadow: bool = False,
    updated_ns: int = 9,
) -> Performance:
    """Say how one model did of late."""
    return Performance(
        name=name,
        version=version,
        shadow=shadow,
        interval_s=interval_s,
        horizon_bars=horizon,
        predictions_count=0,
        flagged_count=0,
        outcomes_count=0,
        missing_count=0,
        effective_count=count,
        figures={},
        curve=(),
        skill=skill,
        broken=broken,
        last_updated_ns=updated_ns,
    )


def told(*entries: Performance) -> dict[int, dict[str, Standing]]:
    """Read a report for the default strategy."""
    return standings_of(ModelPerformance("S-0", 10, entries), RULES)


def test_skill_is_weight() -> None:
    """At the ensemble's horizon skill is the weight, and the effective outcomes stand behind it."""
    report = told(entry(BOOSTED, skill=0.25), entry(BOOSTED, horizon=1, skill=0.9), entry(LSTM, skill=0.0, count=99.9))
    assert report == {5: {BOOSTED: Standing(0.25, 500, version="1"), LSTM: Standing(0.0, 99, version="1")}}


def test_unknown_skill() -> None:
    """Unknown skill weighs as the known do in the mean; when none is known all weigh the same."""
    report = told(entry(BOOSTED, skill=0.1), entry(LSTM, skill=0.3), entry(TRANSFORMER, count=3.0))
    assert report[5][TRANSFORMER] == Standing(0.2, 3, version="1")
    assert [one.weight for one in told(entry(BOOSTED), entry(LSTM))[5].values()] == [1.0, 1.0]


def test_no_forecast_followed_yet() -> None:
    """A version of whose forecasts at the ensemble's horizon none was followed yet weighs as any of unknown skill."""
    report = told(entry(BOOSTED, skill=0.02), entry(LSTM, skill=0.04), entry(TRANSFORMER, horizon=0, count=0.0))
    assert report[5][TRANSFORMER] == Standing(0.03, version="1")


def test_broken_anywhere() -> None:
    """A promise broken at any horizon is broken, and every breach is named."""
    report = told(entry(BOOSTED, broken="held 60 %"), entry(BOOSTED, horizon=24, broken="were off"), entry(LSTM))
    assert report[5][BOOSTED].broken == "4 bars ahead held 60 %; 24 bars ahead were off"
    assert report[5][LSTM].broken == ""


def test_intervals_are_apart() -> None:
    """What a model shows on one interval says nothing of another, and intervals that do not decide are left out."""
    report = told(entry(BOOSTED, skill=0.25), entry(BOOSTED, skill=0.5, interval_s=60), entry(BOOSTED, interval_s=3600))
    assert {at: one[BOOSTED].weight for at, one in report.items()} == {5: 0.25, 60: 0.5}


def test_who_counts() -> None:
    """Shadows and strangers are left out, and of several versions the one updated last comes before the others."""
    report = told(
        entry(BOOSTED, skill=0.9, shadow=True, updated_ns=99),
        entry(BOOSTED, skill=0.8, version="1", updated_ns=5),
        entry(BOOSTED, skill=0.25, version="2", updated_ns=6),
        entry("stranger", skill=1.0),
    )
    old = Standing(0.8, 500, version="1")
    assert report == {5: {BOOSTED: Standing(0.25, 500, version="2", others=(old,))}}
