"""Files of limits: exact decimals, levels by desk and account, and nothing that is not understood."""

import contextlib
import json
from decimal import Decimal

import pytest
from counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import shipped_limits

from functions.domain.risk import InstrumentLimits, LimitSet, Rate
from functions.wire.codecs.limits import decode_limits
from functions.wire.errors import Malformed


def test_shipped_limits() -> None:
    """The shipped limits are exact decimals, and their version is a digest."""
    limits = shipped_limits()
    assert limits.exposure_ratio_max == Decimal("0.95")
    assert limits.default is not None
    assert limits.default.order_size_max is None
    assert len(limits.version) == 16


_GOOD = (
    b'{"exposure_ratio_max": "0.95", "quote_age_ms_max": 1, "quote_ahead_ms_max": 1, "default": '
    b'{"order_notional_max": "5", "position_notional_max": "5", "price_collar_bps_max": "5", "order_size_max": "1"}}'
)


def test_contract() -> None:
    """Limits say what a unit of an instrument stands for and what trading it may cost, beside what they bound."""
    limits = decode_limits(_GOOD.replace(b"}}", b', "multiplier": "0.1", "fee_bps_max": "2.5"}}'))
    assert limits.default is not None
    assert (limits.default.multiplier, limits.default.fee_bps_max) == (Decimal("0.1"), Decimal("2.5"))


def test_limits_version() -> None:
    """Other limits have another version."""
    assert decode_limits(_GOOD).version != decode_limits(_GOOD.replace(b"0.95", b"0.96")).version


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"0.95"', b"0.95"),
        (b'"0.95"', b'"95%"'),
        (b'"0.95"', b'"-1"'),
        (b'"quote_age_ms_max": 1,', b""),
        (b'"quote_age_ms_max": 1,', b'"quote_age_ms_max": 1, "quote_age_ms_max": 2,'),
        (b'"quote_age_ms_max": 1,', b'"quote_age_ms_max": true,'),
        (b'"quote_age_ms_max": 1,', b'"quote_age_ms_max": NaN,'),
        (b'"quote_age_ms_max": 1,', b'"quote_age_ms_max": 1, "unknown": 1,'),
        (b'"order_size_max"', b'"order_sice_max"'),
        (b"}}", b'}, "instruments": []}'),
        (b"}}", b"}"),
        (b'"order_size_max": "1"', b'"multiplier": "0"'),
        (b'"order_size_max": "1"', b'"fee_bps_max": "-1"'),
    ],
)
def test_limits_malformed(was: bytes, becomes: bytes) -> None:
    """Limits that name a key twice, miss one, do not know one, or hold a float stop the start."""
    with pytest.raises(Malformed):
        decode_limits(_GOOD.replace(was, becomes, 1))


@settings(max_examples=examples(2000), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes, they are limits or Malformed; nothing else is raised."""
    with contextlib.suppress(Malformed):
        decode_limits(data)


def written(**more: object) -> bytes:
    return json.dumps(json.loads(_GOOD) | more).encode()


def test_levels() -> None:
    """A desk names its accounts and may say all that any level says; so may an account."""
    level: dict[str, object] = {
        "exposure_ratio_max": "0.5",
        "net_exposure_ratio_max": "0.25",
        "drawdown_max": "0.1",
        "message_rate": {"count": 10, "window_ms": 1000},
        "repeat_rate": {"count": 2, "window_ms": 500},
        "default": {"order_size_max": "3"},
        "instruments": {"A.X": {"order_notional_max": "7"}},
        "restricted": ["B.X"],
    }
    desks = {"crypto": {**level, "accounts": ["paper", "other"]}}
    limits = decode_limits(written(desks=desks, accounts={"paper": level}, unknown_status_trades=False))
    expected = LimitSet(
        exposure_ratio_max=Decimal("0.5"),
        net_exposure_ratio_max=Decimal("0.25"),
        drawdown_max=Decimal("0.1"),
        message_rate=Rate(10, 1000),
        repeat_rate=Rate(2, 500),
        default=InstrumentLimits(order_size_max=Decimal(3)),
        instruments={"A.X": InstrumentLimits(order_notional_max=Decimal(7))},
        restricted=frozenset(("B.X",)),
    )
    assert limits.desks == {"crypto": expected}
    assert limits.accounts == {"paper": expected}
    assert limits.desk_of == {"paper": "crypto", "other": "crypto"}
    assert not limits.unknown_status_trades


@pytest.mark.parametrize(
    "more",
    [
        {"desks": {"a": {}}},
        {"desks": {"a": {"accounts": ["x"]}, "b": {"accounts": ["x"]}}},
        {"desks": {"a": {"accounts": "x"}}},
        {"desks": {"a": {"accounts": [""]}}},
        {"accounts": {"x": {"accounts": []}}},
        {"accounts": {"": {}}},
        {"accounts": []},
        {"message_rate": {"count": 0, "window_ms": 1}},
        {"message_rate": {"count": 1, "window_ms": 60_001}},
        {"message_rate": {"count": 10_001, "window_ms": 1}},
        {"repeat_rate": {"count": "1", "window_ms": 1}},
        {"repeat_rate": 5},
        {"restricted": "A.X"},
        {"unknown_status_trades": 1},
        {"drawdown_max": "-0.1"},
    ],
)
def test_levels_malformed(more: dict[str, object]) -> None:
    """An account on two desks, a rate of nothing or beyond what is remembered, and anything misspelt are refused."""
    with pytest.raises(Malformed):
        decode_limits(written(**more))
