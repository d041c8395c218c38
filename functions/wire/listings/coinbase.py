"""Read Coinbase's trading pairs: "Get all known trading pairs" of Exchange, "List Public Products" of Advanced."""

import msgspec

from functions.domain.loads import Update
from functions.domain.money import plain_decimal
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.wire.listings.records import Listing, update_from


class _CoinbaseProduct(msgspec.Struct, frozen=True):
    id: str
    base_currency: str
    quote_currency: str
    base_increment: str
    quote_increment: str
    status: str = "online"
    trading_disabled: bool = False
    cancel_only: bool = False


class _AdvancedProduct(msgspec.Struct, frozen=True):
    product_id: str
    base_currency_id: str
    quote_currency_id: str
    base_increment: str
    quote_increment: str
    price_increment: str = ""
    status: str = "online"
    trading_disabled: bool = False
    cancel_only: bool = False


class _AdvancedProducts(msgspec.Struct, frozen=True):
    products: list[_AdvancedProduct]


def read_coinbase(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    products = msgspec.json.decode(data, type=list[_CoinbaseProduct])
    return Listing(tuple(_coinbase_update(one, at_ns) for one in products))


def read_coinbase_advanced(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    products = msgspec.json.decode(data, type=_AdvancedProducts).products
    same = (
        _CoinbaseProduct(
            id=one.product_id,
            base_currency=one.base_currency_id,
            quote_currency=one.quote_currency_id,
            base_increment=one.base_increment,
            quote_increment=one.price_increment or one.quote_increment,
            status=one.status or "online",
            trading_disabled=one.trading_disabled,
            cancel_only=one.cancel_only,
        )
        for one in products
    )
    return Listing(tuple(_coinbase_update(one, at_ns) for one in same))


def _coinbase_update(one: _CoinbaseProduct, at_ns: int) -> Update:
    state, reason = TradingStatus.TRADING, ""
    if one.status != "online":
        state, reason = TradingStatus.CLOSED, one.status
    elif one.trading_disabled or one.cancel_only:
        state, reason = TradingStatus.HALTED, "trading_disabled" if one.trading_disabled else "cancel_only"
    return update_from(
        f"{one.base_currency}-{one.quote_currency}.COINBASE",
        one.id,
        Steps(plain_decimal(one.quote_increment), plain_decimal(one.base_increment)),
        venue="COINBASE",
        asset_class=AssetClass.CRYPTO,
        quote_currency=one.quote_currency,
        base_currency=one.base_currency,
        calendar="24X7",
        statuses=(Status(state, at_ns, reason),),
    )
