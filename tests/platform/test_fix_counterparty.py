"""The shipped FIX counterparty misbehaves on demand, and runs as a process of its own."""

import asyncio
import json
import signal
import sys

from fix_peer import calling, text
from waiting import until

from functions.local.fix_counterparty import Counterparty, Faults, House, main, serving
from functions.wire.fix.codec import Garbled, Message, decode, encode
from functions.wire.fix.rules import Identity

DATA = encode("FIX.4.4", [(35, "0"), (34, "2")])


def test_faults() -> None:
    """Each fault hits as many messages as asked, then things are as ever."""
    assert Faults()(DATA) == (DATA,)
    gap = Faults(gap=1)
    assert [tuple(gap(DATA)) for _ in range(2)] == [(), (DATA,)]
    doubled = Faults(doubled=1)
    assert [tuple(doubled(DATA)) for _ in range(2)] == [(DATA, DATA), (DATA,)]
    garbled = Faults(garbled=1)
    assert [type(decode(garbled(DATA)[0])) for _ in range(2)] == [Garbled, Message]
    assert Faults(silent=True)(DATA) == ()


async def test_silence() -> None:
    """A silent venue says nothing at all, and everything it would have said once it speaks again and is asked."""
    async with serving(Counterparty(House(Identity("V", "US")))) as venue, calling(venue.port, "US", "V") as peer:
        await peer.say("A", (98, 0), (108, 30))
        await peer.hear("A")
        venue.faults.silent = True
        await peer.say("1", (112, "unheard"))
        await peer.say("V", (262, "r"), (263, 0), (264, 1), (146, 1), (55, "EUR/USD"))
        await until(lambda: bool(venue.taken))
        venue.faults.silent = False
        await peer.say("2", (7, 2), (16, 0))
        _, again = await peer.hear("4", "W")
        assert text(again, 43) == "Y"


async def test_process() -> None:
    """As a process it says where it listens, serves, and ends when told to."""
    command = (sys.executable, "-m", "functions.local.fix_counterparty", "--symbols", "A,B", "--interval-s", "0.01")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = json.loads(await process.stdout.readline())["port"]
    async with calling(port, "TICKLOOM", "VENUE") as peer:
        await peer.say("A", (98, 0), (108, 30))
        await peer.hear("A")
        await peer.say("V", (262, "r"), (263, 1), (264, 0), (146, 2), (55, "A"), (55, "B"))
        await peer.hear("W", "W", "X", "X")
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert callable(main)
