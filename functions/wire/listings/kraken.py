"""Read Kraken's "Get Tradable Asset Pairs" (docs.kraken.com, `AssetPairs`), the form of 2021 and today's."""

from typing import Final

import msgspec

from functions.domain.loads import Update
from functions.domain.money import plain_decimal
from functions.domain.reference import AssetClass, Status, Steps, TradingStatus
from functions.wire.errors import Malformed
from functions.wire.listings.records import Decimals, Listing, unit_of, update_from
from functions.wire.venues.kraken_names import TODAY


class _KrakenPair(msgspec.Struct, frozen=True):
    altname: str
    base: str
    quote: str
    pair_decimals: Decimals
    lot_decimals: Decimals
    wsname: str = ""
    tick_size: str = ""
    status: str = "online"


class _KrakenPairs(msgspec.Struct, frozen=True):
    result: dict[str, _KrakenPair]
    error: list[str] = []


_KRAKEN_CODE_LENGTH: Final = 4  # old assets are X and Z with three letters, `XXBT`, `ZUSD`


def read_kraken(data: bytes, at_ns: int) -> Listing:
    """Read an answer; one that tells no time is told of `at_ns`."""
    answer = msgspec.json.decode(data, type=_KrakenPairs)
    if answer.error:
        reason = f"Kraken answered with errors: {'; '.join(answer.error)}"
        raise Malformed(reason)
    return Listing(tuple(_kraken_update(key, one, at_ns) for key, one in answer.result.items()))


def _kraken_update(key: str, one: _KrakenPair, at_ns: int) -> Update:
    base, quote = one.wsname.split("/") if one.wsname else (_kraken_asset(one.base), _kraken_asset(one.quote))
    base, quote = (TODAY.get(name, name) for name in (base, quote))
    dark = one.altname.endswith(".d")  # the dark pool beside a pair: an order book of its own
    halted = one.status == "cancel_only"
    symbol = f"{base}/{quote}" if one.wsname else one.altname
    aliases = dict.fromkeys(filter(None, (one.wsname, one.altname, key)))
    return update_from(
        f"{base}-{quote}{'-DARK' if dark else ''}.KRAKEN",
        symbol,
        Steps(plain_decimal(one.tick_size) if one.tick_size else unit_of(one.pair_decimals), unit_of(one.lot_decimals)),
        finest=(-one.pair_decimals, -one.lot_decimals),
        venue="KRAKEN",
        aliases=tuple(name for name in aliases if name != symbol),
        asset_class=AssetClass.CRYPTO,
        quote_currency=quote,
        base_currency=base,
        calendar="24X7",
        statuses=(Status(TradingStatus.HALTED if halted else TradingStatus.TRADING, at_ns, one.status * halted),),
    )


def _kraken_asset(code: str) -> str:
    return code[1:] if len(code) == _KRAKEN_CODE_LENGTH and code[0] in "XZ" else code
