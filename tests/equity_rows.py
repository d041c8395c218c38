"""Example rows of the equity and currency dialects, each with the symbol of its batch; tests mutate them."""

import json
from typing import Any, Final


def row(content: object) -> bytes:
    """Write a JSON row."""
    return json.dumps(content, separators=(",", ":")).encode()


T: Final = 1_651_181_822_461
"""28 April 2022, 17:37:02.461 in New York, UTC milliseconds."""
MS: Final = 1_000_000

TRADE: Final[dict[str, Any]] = {
    "ev": "T",
    "sym": "AAPL",
    "x": 4,
    "i": "12345",
    "z": 3,
    "p": 156.43,
    "s": 100,
    "c": [0],
    "t": T,
    "q": 3681,
}
QUOTE: Final[dict[str, Any]] = {
    "ev": "Q",
    "sym": "MSFT",
    "bx": 4,
    "bp": 114.125,
    "bs": 1,
    "ax": 7,
    "ap": 114.128,
    "as": 16,
    "c": 0,
    "t": T,
}
MINUTE: Final[dict[str, Any]] = {
    "ev": "AM",
    "sym": "GTE",
    "v": 4110,
    "av": 9470157,
    "op": 0.4372,
    "vw": 0.4488,
    "o": 0.4488,
    "c": 0.4486,
    "h": 0.4489,
    "l": 0.4486,
    "a": 0.4352,
    "z": 685,
    "s": 1610144640000,
    "e": 1610144700000,
}
PAGE_TRADE: Final[dict[str, Any]] = {
    "conditions": [12, 37],
    "exchange": 11,
    "id": "183276",
    "price": 156.43,
    "sequence_number": 7179341,
    "sip_timestamp": T * MS,
    "size": 10,
    "tape": 3,
}


TIME: Final[dict[str, Any]] = {"ACTIV_DATE": "2019-07-20", "TIMACT_MS": 37708132}
OWN_TIMES: Final = {"SALTIM_MS": 1000, "TRADE_DATE": "2019-07-19", "QUOTIM_MS": 2000}
AT: Final = 1_563_618_508_132_000_000
"""20 July 2019, 10:28:28.132 GMT, UTC nanoseconds."""
DEAL: Final[dict[str, Any]] = {"TRDPRC_1": 182.05, "TRDVOL_1": 100}
TOUCH: Final[dict[str, Any]] = {"BID": 182.04, "ASK": 182.06, "BIDSIZE": 3, "ASKSIZE": 5}


def message(fields: dict[str, Any], kind: str = "Update", **more: object) -> bytes:
    """Write a MarketPrice message as the venue sends it, in an array."""
    content = {"ID": 2, "Type": kind, "Key": {"Name": "IBM.N", "Service": "ELEKTRON_DD"}, "SeqNumber": 8, **more}
    return json.dumps([{**content, "Fields": fields}]).encode()


EVENT_DEAL: Final[dict[str, Any]] = {
    "security": "IBM US Equity",
    "MKTDATA_EVENT_TYPE": "TRADE",
    "MKTDATA_EVENT_SUBTYPE": "NEW",
    "LAST_PRICE": 182.05,
    "SIZE_LAST_TRADE": 100,
    "TRADE_UPDATE_STAMP_RT": "2013-10-07T13:30:00.123Z",
    "EVT_TRADE_IDENTIFIER_RT": "4711",
}
EVENT_TOUCH: Final[dict[str, Any]] = {
    "security": "EURUSD Curncy",
    "MKTDATA_EVENT_TYPE": "QUOTE",
    "MKTDATA_EVENT_SUBTYPE": "PAIRED",
    "BID": 1.38727,
    "ASK": 1.38729,
    "BID_SIZE": 1000000,
    "ASK_SIZE": 2000000,
    "BID_UPDATE_STAMP_RT": "2014-05-01T05:00:01.787Z",
    "ASK_UPDATE_STAMP_RT": "2014-05-01T05:00:01.788Z",
}


DAY: Final = "IBM@2013-10-07"

EXAMPLES: Final[dict[str, tuple[tuple[bytes, str], ...]]] = {
    "polygon.stocks": (
        (row([TRADE]), ""),
        (row([QUOTE]), ""),
        (row([TRADE, {**TRADE, "q": 3682}, QUOTE]), ""),
        (row([MINUTE]), ""),
        (row([{"ev": "status", "status": "auth_success", "message": "authenticated"}]), ""),
        (row({"results": [PAGE_TRADE], "status": "OK"}), "AAPL"),
        (row({"ticker": "AAPL", "results": [{"o": 2, "h": 3, "l": 1, "c": 2, "v": 5, "t": T, "n": 1}]}), "AAPL@1/day"),
    ),
    "nyse.json": (
        (b'{"s":"IBM","p":182.05,"v":100}', ""),
        (b'{"s":"IBM","p":"182.05","v":100,"t":1381152600123,"c":"@F","x":"N","z":"A","i":17}', ""),
        (b'[{"s":"IBM","p":182.05,"v":100},{"s":"GE","p":24,"v":7,"c":["B","I"]}]', ""),
        (b'{"type":"heartbeat"}', ""),
    ),
    "nasdaq.json": (
        (b'{"s":"AAPL","p":156.43,"v":100}', ""),
        (b'{"s":"AAPL","p":156.43,"v":100,"t":1651181822461,"c":"@ TI","z":"C","i":183276}', ""),
    ),
    "truefx.csv": (
        (b"timestamp,bid,ask", "USDJPY"),
        (b"2013-01-01 22:00:00.295000+00:00,86.655,86.728", "USDJPY"),
        (b"EUR/USD,20130101 22:00:00.295,1.32003,1.32012", ""),
    ),
    "lseg.json": (
        (message({**DEAL, **TIME}, UpdateType="Trade"), ""),
        (message({**TOUCH, **TIME}, UpdateType="Quote"), ""),
        (message({**DEAL, **TOUCH, **TIME}, "Refresh", Domain="MarketPrice"), ""),
        (message({**DEAL, **TOUCH, **TIME, **OWN_TIMES}), ""),
        (message({"BID": 182.04}), ""),
        (b'{"Type":"Ping"}', ""),
        (b'[{"ID":1,"Type":"Status","Key":{"Name":"IBM.N"},"State":{"Stream":"Closed","Data":"Suspect"}}]', ""),
    ),
    "bloomberg.json": (
        (row(EVENT_DEAL), ""),
        (row(EVENT_TOUCH), ""),
        (row({**EVENT_TOUCH, "MKTDATA_EVENT_SUBTYPE": "BID"}), ""),
        (row({**EVENT_DEAL, "MKTDATA_EVENT_TYPE": "SUMMARY", "MKTDATA_EVENT_SUBTYPE": "INITPAINT"}), ""),
    ),
    "lean.equity": (
        (b"14430270,1815200,283,P,20002020,0", DAY),
        (b"34217147.250,1820000,100,D,1,0", DAY),
        (b"14400054,0,0,1836300,100,Q,1,0", DAY),
        (b"14400241,1800100,300,0,0,P,1,0", DAY),
        (b"14400000,1815200,1818000,1815200,1818000,1283", f"{DAY}@60"),
        (b"14400000,1800100,1813100,1800100,1813100,200,1836300,1836300,1818000,1818000,1900", f"{DAY}@60"),
    ),
    "lean.forex": (
        (b"1787,1.38727,1.38729", "EURUSD@2014-05-01"),
        (b"0,1.38727,1.38729,1.38723,1.38724,0,1.38729,1.38730,1.38727,1.38727,0", "EURUSD@2014-05-01@60"),
    ),
}
"""By dialect."""
