"""Rows and breaches survive their bytes, and what cannot be is refused."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tickloom.portfolio.v1 import portfolio_pb2

from functions.domain.portfolio.metrics import Holding, LimitBreach, RiskMetrics, Tail, Totals, Window
from functions.wire.codecs.portfolio import (
    decode_limit_breach,
    decode_risk_metrics,
    encode_limit_breach,
    encode_risk_metrics,
)
from functions.wire.errors import Malformed

WINDOW = Window(600_000_000_000, 600_050_000_000, 1)
TOTALS = Totals(
    cash=Decimal(70_000),
    positions_value=Decimal(30_000),
    equity=Decimal(100_000),
    gross=Decimal(30_000),
    net=Decimal(-30_000),
    realised=Decimal("12.5"),
    unrealised=Decimal(-3),
    realised_fifo=Decimal("11.5"),
    unrealised_fifo=Decimal(-2),
    fees=Decimal("0.7"),
)
HOLDING = Holding(
    instrument_id="ETH-USDT.BINANCE",
    currency="USDT",
    quantity=Decimal(10),
    cost=Decimal("29000.1"),
    mark=Decimal(3_000),
    value=Decimal(30_000),
    realised=Decimal("1.5"),
    unrealised=Decimal("999.9"),
    fees=Decimal("0.2"),
)
ROW = RiskMetrics(
    account="paper",
    window=WINDOW,
    revision=7,
    fills=3,
    currency="USDT",
    capital=Decimal(100_000),
    balances=(("EUR", Decimal("-2.5")), ("USDT", Decimal(70_000))),
    holdings=(HOLDING,),
    totals=TOTALS,
    peak=Decimal(110_000),
    tail=Tail(120, 10.5, 20.25, 11.0, 21.0, 15.0, 25.0),
    flags=4,
    broken=("exposure_ratio",),
)
BREACH = LimitBreach("paper", "exposure_ratio", WINDOW, 7, Decimal("95000.1"), Decimal(95_000))


@pytest.mark.parametrize("row", [ROW, replace(ROW, totals=None, tail=None, holdings=(), balances=(), broken=())])
def test_row(row: RiskMetrics) -> None:
    """A row comes back as it was, with sums and value at risk or without, and equal rows give equal bytes."""
    data = encode_risk_metrics(row)
    assert decode_risk_metrics(data) == row
    assert encode_risk_metrics(replace(row)) == data


def test_shares() -> None:
    """Drawdown and exposure are told as shares, and not at all where they would divide by nothing."""
    message = portfolio_pb2.RiskMetrics.FromString(encode_risk_metrics(ROW))
    assert (message.drawdown, message.exposure_ratio) == (pytest.approx(1 / 11), 0.3)
    poor = portfolio_pb2.RiskMetrics.FromString(encode_risk_metrics(replace(ROW, capital=Decimal(0), peak=Decimal(0))))
    assert (poor.HasField("drawdown"), poor.HasField("exposure_ratio")) == (False, False)


@pytest.mark.parametrize("breach", [BREACH, replace(BREACH, found=Decimal(0), allowed=Decimal(0), withdrawn=True)])
def test_breach(breach: LimitBreach) -> None:
    """A breach comes back as it was, withdrawn or not."""
    assert decode_limit_breach(encode_limit_breach(breach)) == breach


@pytest.mark.parametrize(
    ("field", "value"),
    [("account", ""), ("end_ns", WINDOW.start_ns), ("revision", -1), ("capital", "much"), ("peak_equity", "NaN")],
)
def test_malformed_row(field: str, value: object) -> None:
    """A row without an account, with an empty window or a figure that is no plain decimal is malformed."""
    message = portfolio_pb2.RiskMetrics.FromString(encode_risk_metrics(ROW))
    setattr(message, field, value)
    with pytest.raises(Malformed):
        decode_risk_metrics(message.SerializeToString())


def test_malformed_tail() -> None:
    """A value at risk that is not finite is malformed."""
    message = portfolio_pb2.RiskMetrics.FromString(encode_risk_metrics(ROW))
    message.value_at_risk.historical_95 = float("inf")
    with pytest.raises(Malformed, match="finite"):
        decode_risk_metrics(message.SerializeToString())


@pytest.mark.parametrize(("field", "value"), [("account", ""), ("limit", ""), ("part", -1), ("found", "1e5")])
def test_malformed_breach(field: str, value: object) -> None:
    """A breach without an account or a limit, of no part or with a figure that is no plain decimal is malformed."""
    message = portfolio_pb2.LimitBreach.FromString(encode_limit_breach(BREACH))
    setattr(message, field, value)
    with pytest.raises(Malformed):
        decode_limit_breach(message.SerializeToString())


def test_no_message() -> None:
    """Bytes that are no message are malformed."""
    for decode in (decode_risk_metrics, decode_limit_breach):
        with pytest.raises(Malformed):
            decode(b"\xff")
