"""Write FIX messages by hand and walk the cases: what the session does must be all that is expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.wire.fix.actions import Action, Deliver, Disconnect, Numbers, Role, Send, Terms
from functions.wire.fix.codec import Message, checksum, decode, encode
from functions.wire.fix.rules import Identity, number_of
from functions.wire.fix.session import Session
from functions.wire.fix.values import timestamp_text

US, THEM = "US", "THEM"
IDENTITY = Identity(US, THEM)
BEGAN_NS = 1_732_256_234_000_000_000
SECOND = 1_000_000_000
BOTH = (Role.ACCEPTOR, Role.INITIATOR)
LOGON_FIELDS = {98: "0", 108: "30"}


@dataclass(frozen=True)
class In:
    """The other side sends a message; a field that is None is left out."""

    msg_type: str
    number: int
    fields: Mapping[int, str | None] = field(default_factory=dict)
    begin: str = "FIX.4.4"


@dataclass(frozen=True)
class Dup(In):
    """The other side sends a message again: PossDupFlag and OrigSendingTime are there."""


@dataclass(frozen=True)
class Raw:
    """The other side sends bytes; `{now}` is the time, `{len}` and `{sum}` the right BodyLength and CheckSum."""

    text: str


@dataclass(frozen=True)
class After:
    """Time passes, seconds."""

    seconds: float


@dataclass(frozen=True)
class Say:
    """The application sends a message."""

    msg_type: str
    fields: Mapping[int, str]


@dataclass(frozen=True)
class Leave:
    """The application asks to log out."""


@dataclass(frozen=True)
class Out:
    """The session sends a message with these fields; one that is None must not be there."""

    msg_type: str
    number: int
    fields: Mapping[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """The application is given a message; `refused` where the session rejected it."""

    number: int
    refused: bool = False


@dataclass(frozen=True)
class Ends:
    """The session ends the connection."""


@dataclass(frozen=True)
class Expects:
    """The session expects this number next."""

    number: int


Step = In | Raw | After | Say | Leave | Out | Given | Ends | Expects


@dataclass(frozen=True)
class Case:
    """One scenario: its rule, and what happens in which order."""

    name: str
    rule: str
    steps: tuple[Step, ...]
    roles: tuple[Role, ...] = BOTH
    terms: Terms = field(default_factory=Terms)
    numbers: tuple[int, int] = (1, 1)
    logged_on: bool = True


def text_of(now_ns: int, step: In) -> bytes:
    """Write the message of a step."""
    fields: dict[int, str | None] = {49: THEM, 56: US, 34: str(step.number), 52: timestamp_text(now_ns)}
    if isinstance(step, Dup):
        fields |= {43: "Y", 122: timestamp_text(now_ns - SECOND)}
    pairs = {**fields, **step.fields}
    return encode(
        step.begin, [(35, step.msg_type), *((tag, value) for tag, value in pairs.items() if value is not None)]
    )


def raw_of(text: str, now_ns: int) -> bytes:
    """Write bytes; `{len}` and `{sum}` are the right BodyLength and CheckSum."""
    written = text.replace("{now}", timestamp_text(now_ns)).replace("|", "\x01")
    body = written.partition("9={len}\x01")[2].rpartition("10=")[0]
    head, mark, tail = written.replace("{len}", str(len(body))).encode("latin-1").partition(b"10={sum}")
    return head + b"10=%03d" % checksum(head) + tail if mark else head


def message_of(data: bytes) -> Message:
    """Read what the session wrote; it is never garbled."""
    message = decode(data)
    assert isinstance(message, Message)
    assert message.flaw is None
    return message


def shown(actions: list[Action]) -> list[Send | Deliver | Disconnect]:
    """Leave out what nobody outside sees."""
    return [one for one in actions if isinstance(one, Send | Deliver | Disconnect)]


class Walk:
    """Walk one case in one role."""

    def __init__(self, case: Case, role: Role) -> None:
        """Connect, and log on where the case begins behind that."""
        self.case = case
        self.now = BEGAN_NS
        self.numbers = Numbers(*case.numbers)
        self.session = Session(role, IDENTITY, case.terms, self.numbers)
        self.left: list[Send | Deliver | Disconnect] = []
        self._did(self.session.connected(self.now))
        if case.logged_on:
            self._log_on(role)

    def _log_on(self, role: Role) -> None:
        came_in, went_out = self.case.numbers
        logon = In("A", came_in, LOGON_FIELDS)
        steps: tuple[Step, ...] = (logon, Out("A", went_out))
        for step in steps if role is Role.ACCEPTOR else steps[::-1]:
            self.step(step)

    def run(self) -> None:
        """Take every step; in the end nothing is left that was not expected."""
        for step in self.case.steps:
            self.step(step)
        assert self.left == []

    def step(self, step: Step) -> None:
        """Take one step."""
        match step:
            case In():
                self._did(self.session.received(text_of(self.now, step), self.now))
            case Raw(text):
                self._did(self.session.received(raw_of(text, self.now), self.now))
            case After(seconds):
                self.now += int(seconds * SECOND)
                self._did(self.session.tick(self.now))
            case Say(msg_type, fields):
                self._did(self.session.send((msg_type, list(fields.items())), self.now))
            case Leave():
                self._did(self.session.logout(self.now))
            case _:
                self._expect(step)

    def _did(self, actions: list[Action]) -> None:
        assert self.left == [], "this was not expected"
        self.left = shown(actions)

    def _expect(self, step: Step) -> None:
        if isinstance(step, Expects):
            assert self.numbers.next_in == step.number
            return
        assert self.left, f"nothing happened where {step} was expected"
        found = self.left.pop(0)
        match step:
            case Out():
                assert isinstance(found, Send), found
                message = message_of(found.data)
                assert (message.msg_type, number_of(message)) == (step.msg_type, step.number), found
                assert {tag: message.text(tag) or None for tag in step.fields} == dict(step.fields), found
            case Given(number, refused):
                assert isinstance(found, Deliver), found
                assert (number_of(found.message), bool(found.refused)) == (number, refused)
            case Ends():
                assert isinstance(found, Disconnect), found
