"""Read Binance's "Exchange information" of spot, USD-M and COIN-M futures (binance-docs, `exchangeInfo`)."""

from decimal import Decimal
from typing import Final

import msgspec

from functions.domain.loads import Update
from functions.domain.money import plain_decimal
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.wire.errors import Malformed
from functions.wire.listings.records import NS_PER_MS, Decimals, Listing, update_from


class _BinanceFilter(msgspec.Struct, frozen=True, rename="camel"):
    filter_type: str
    tick_size: str = ""
    step_size: str = ""


class _BinanceSymbol(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    base_asset_precision: Decimals
    quote_precision: Decimals
    filters: list[_BinanceFilter]
    status: str = ""
    contract_status: str = ""
    contract_type: str | None = None
    contract_size: Decimal | None = None
    onboard_date: int = 0


class _BinanceInfo(msgspec.Struct, frozen=True, rename="camel"):
    symbols: list[_BinanceSymbol]
    server_time: int | None = None


_BINANCE_STATUS: Final = {"TRADING": TradingStatus.TRADING, "HALT": TradingStatus.HALTED}
"""Whatever else a symbol may be (BREAK, PRE_TRADING, SETTLING, CLOSE ...), it does not trade."""


def read_binance(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    info = msgspec.json.decode(data, type=_BinanceInfo)
    told = at_ns if info.server_time is None else info.server_time * NS_PER_MS
    return Listing(tuple(_binance_update(one, told) for one in info.symbols), told)


def _binance_update(one: _BinanceSymbol, at_ns: int) -> Update:
    filters = {rule.filter_type: rule for rule in one.filters}
    if not filters.keys() >= {"PRICE_FILTER", "LOT_SIZE"}:
        reason = f"symbol {one.symbol}: its PRICE_FILTER or LOT_SIZE is missing"
        raise Malformed(reason)
    state = one.status or one.contract_status
    venue = "BINANCE" if one.contract_type is None else "BINANCEUSDM" if one.contract_size is None else "BINANCECOINM"
    expiry = one.symbol.partition("_")[2]
    perpetual = one.contract_type is not None and expiry in {"", "PERP"}
    tail = "" if one.contract_type is None else "-PERP" if perpetual else f"-{expiry}"
    contract = AssetClass.PERPETUAL if perpetual else AssetClass.FUTURE
    # Orders made before a step grew still rest at the old one, and no step was ever finer than its asset's precision.
    return update_from(
        f"{one.base_asset}-{one.quote_asset}{tail}.{venue}",
        one.symbol,
        Steps(plain_decimal(filters["PRICE_FILTER"].tick_size), plain_decimal(filters["LOT_SIZE"].step_size)),
        finest=(-one.quote_precision, -one.base_asset_precision),
        venue=venue,
        asset_class=AssetClass.CRYPTO if one.contract_type is None else contract,
        multiplier=one.contract_size or Decimal(1),
        quote_currency=one.quote_asset,
        base_currency=one.base_asset,
        calendar="24X7",
        listed_from_ns=one.onboard_date * NS_PER_MS,
        statuses=(
            Status(_BINANCE_STATUS.get(state, TradingStatus.CLOSED), at_ns, "" if state == "TRADING" else state),
        ),
    )
