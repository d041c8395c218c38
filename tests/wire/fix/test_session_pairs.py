"""Two sessions over a transport that loses, doubles and reorders lose nothing and take nothing twice."""

from dataclasses import dataclass, field

from counts import examples
from fixing import BEGAN_NS, SECOND
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from functions.wire.fix.actions import Action, Deliver, Disconnect, Numbers, Phase, Role, Send, Terms
from functions.wire.fix.rules import Identity
from functions.wire.fix.session import Session

TERMS = Terms(heartbeat_s=5, resend_s=2, queued_max=3, latency_s_max=1e9)
SIDES = {Role.INITIATOR: Identity("A", "B"), Role.ACCEPTOR: Identity("B", "A")}
OTHER = {Role.INITIATOR: Role.ACCEPTOR, Role.ACCEPTOR: Role.INITIATOR}
ROLES = st.sampled_from(Role)
SETTLE_S_MAX = 400


@dataclass
class Side:
    """One side: what it remembers, what is under way to it, what it said and what it was given."""

    role: Role
    numbers: Numbers = field(default_factory=Numbers)
    wire: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    session: Session | None = None


class Pair(RuleBasedStateMachine):
    """Two sides and the wire between them."""

    def __init__(self) -> None:
        """Begin connected."""
        super().__init__()
        self.now = BEGAN_NS
        self.sides = {role: Side(role) for role in Role}
        self.connect()

    def connect(self) -> None:
        """Connect both sides."""
        for side in self.sides.values():
            side.wire.clear()
            side.session = Session(side.role, SIDES[side.role], TERMS, side.numbers)
        for side in self.sides.values():
            assert side.session is not None
            self.did(side, side.session.connected(self.now))

    def did(self, side: Side, actions: list[Action]) -> None:
        """Carry out what a side asks for."""
        for action in actions:
            match action:
                case Send(data):
                    self.sides[OTHER[side.role]].wire.append(data)
                case Deliver(message):
                    side.given.append(message.text(148))
                case Disconnect():
                    self.broken = True

    broken = False

    @initialize()
    def log_on(self) -> None:
        """Let both log on; most of what can go wrong goes wrong behind that."""
        self.arrive(Role.ACCEPTOR, 0)
        self.arrive(Role.INITIATOR, 0)

    @rule(role=ROLES, times=st.integers(1, 5))
    def say(self, role: Role, times: int) -> None:
        """An application sends, where its session is active."""
        side = self.sides[role]
        assert side.session is not None
        for _ in range(times):
            if side.session.phase is Phase.ACTIVE and not self.broken:
                side.said.append(f"{role.value}-{len(side.said)}")
                self.did(side, side.session.send(("B", [(148, side.said[-1])]), self.now))

    @rule(role=ROLES, data=st.data())
    def deliver(self, role: Role, data: st.DataObject) -> None:
        """A message arrives: any of those under way, so that others are overtaken."""
        self.arrive(role, data.draw(st.integers(0, max(len(self.sides[role].wire) - 1, 0))))

    @rule(role=ROLES, times=st.integers(1, 10))
    def deliver_in_order(self, role: Role, times: int) -> None:
        """Messages arrive in order."""
        for _ in range(times):
            self.arrive(role, 0)

    def arrive(self, role: Role, at: int) -> None:
        """Hand over one message that is under way."""
        side = self.sides[role]
        assert side.session is not None
        if side.wire and not self.broken:
            self.did(side, side.session.received(side.wire.pop(at), self.now))
        if self.broken:
            self.reconnect()

    @rule(role=ROLES, data=st.data())
    def lose(self, role: Role, data: st.DataObject) -> None:
        """A message is lost."""
        wire = self.sides[role].wire
        if wire:
            wire.pop(data.draw(st.integers(0, len(wire) - 1)))

    @rule(role=ROLES, data=st.data())
    def double(self, role: Role, data: st.DataObject) -> None:
        """A message is doubled."""
        wire = self.sides[role].wire
        if wire:
            wire.append(wire[data.draw(st.integers(0, len(wire) - 1))])

    @rule(role=ROLES)
    def garble(self, role: Role) -> None:
        """A message is garbled."""
        wire = self.sides[role].wire
        if wire:
            wire[0] = wire[0].replace(b"35=", b"35=x", 1)

    @rule(seconds=st.integers(1, 7))
    def wait(self, seconds: int) -> None:
        """Time passes for both."""
        self.now += seconds * SECOND
        for side in self.sides.values():
            assert side.session is not None
            if not self.broken:
                self.did(side, side.session.tick(self.now))
        if self.broken:
            self.reconnect()

    @rule()
    def break_off(self) -> None:
        """The connection breaks, is made again, and both log on."""
        self.reconnect()
        self.log_on()

    def reconnect(self) -> None:
        """Connect again; both remember their numbers."""
        self.broken = False
        self.connect()

    @rule(role=ROLES)
    def lose_and_miss(self, role: Role) -> None:
        """A message is lost, those behind it arrive, and so does everything that follows from it."""
        side = self.sides[role]
        self.say(OTHER[role], 3)
        if len(side.wire) > 1:
            side.wire.pop(0)
        for _ in range(20):
            self.arrive(Role.ACCEPTOR, 0)
            self.arrive(Role.INITIATOR, 0)

    @invariant()
    def in_order_and_once(self) -> None:
        """What one side was given is how the other's messages begin: none missing, none twice, none overtaken."""
        for side in self.sides.values():
            said = self.sides[OTHER[side.role]].said
            assert side.given == said[: len(side.given)]

    def teardown(self) -> None:
        """Once the transport behaves, everything said arrives."""
        self.reconnect()
        for _ in range(SETTLE_S_MAX):
            while any(side.wire for side in self.sides.values()):
                for role in Role:
                    self.arrive(role, 0)
            if all(one.given == self.sides[OTHER[one.role]].said for one in self.sides.values()):
                return
            self.wait(1)
        assert [one.given for one in self.sides.values()] == [self.sides[OTHER[one]].said for one in self.sides]


class TestPairs(Pair.TestCase):  # type: ignore[misc] # hypothesis makes this class
    """Run the pairs."""

    settings = settings(max_examples=examples(500), stateful_step_count=40, deadline=None)
