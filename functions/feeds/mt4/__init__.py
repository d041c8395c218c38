"""Listen to a MetaTrader 4 terminal through a TCP bridge.

The bridge is an Expert Advisor, or a program beside the terminal, that listens on a TCP port and speaks lines: ASCII,
at most 4,096 bytes, ended by LF, words parted by one space. The feed is the client.

| client says | meaning |
| --- | --- |
| `HELLO 1 <name>` | first line; 1 is the version of this protocol |
| `SUBSCRIBE <symbol>[,<symbol>...]` | ticks of these symbols from now on; adds to what is subscribed |
| `RESEND <symbol> <first> <last>` | send ticks of these numbers again |
| `HEARTBEAT` | I am alive; each second |
| `BYE` | last line |

| bridge says | meaning |
| --- | --- |
| `HELLO 1 <session>` | answer to HELLO; numbers count in this session |
| `OK <symbol>:<last>[,...]` | answer to SUBSCRIBE, with each symbol's newest number (0: none yet) |
| `TICK <number> <symbol> <ms> <bid> <ask> [<volume>]` | UTC milliseconds; each symbol's numbers count from 1 |
| `HEARTBEAT <ms> <symbol>:<last>[,...]` | the time, and the newest number of each symbol subscribed to; each second |
| `GAPFILL <symbol> <first> <last>` | ticks of these numbers will never come: they are too old |
| `ERROR <code> <words>` | the last line was not understood (`syntax`) or refused (`version`, `symbol`, `order`) |
| `BYE <words>` | last line; the client may come back |

Rules. A symbol's numbers are contiguous in a session and a session's name is never used again, so a client knows what
it misses: a number above the next one, or a newest number above what it has. It asks once with RESEND, holds later
ticks of this symbol back (at most 10,000) until the hole is filled by ticks or by GAPFILL, and hands them on in order,
each number once. In a new session it asks for everything from 1 on of what it followed before; what the old session
still held is gone. Silence of three seconds on either
side ends the connection; the client comes back with full jitter, and asks for what it missed.
"""

from typing import Final

from functions.ports.card import Card, Kind

CARD: Final = Card(
    name="mt4",
    kind=Kind.FEED,
    version="1",
    summary="Listens to MetaTrader 4 through a TCP bridge and gives every line on as it came, in order and once.",
    emits=("tickloom.market.v1.RawBatch",),
    key="shard",
    state="next sequence number and row, and each symbol's session and last number",
)
