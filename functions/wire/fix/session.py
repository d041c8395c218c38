"""Keep a FIX session by the rules: bytes and times in, actions out; no socket, no clock, no store is touched here.

The host carries actions out in their order. What must be remembered is an action of its own, and stands before what
relies on it: a message is kept before it is sent, and an inbound message is delivered before its number is kept.
Source: FIX 4.4 with Errata 20030618, Volume 2, "FIX Session".
"""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from functions.wire.fix.actions import (
    Action,
    Deliver,
    Disconnect,
    KeepNextIn,
    KeepReset,
    KeepSent,
    LoggedOn,
    Note,
    NotLoggedOn,
    Numbers,
    Phase,
    Role,
    Send,
    Terms,
)
from functions.wire.fix.codec import Framer, Garbled, Message, Pair, decode, encode
from functions.wire.fix.messages import (
    ADMIN,
    HEARTBEAT,
    LOGON,
    LOGOUT,
    REJECT,
    RESEND_REQUEST,
    SEQUENCE_RESET,
    TEST_REQUEST,
    UNSUPPORTED_MESSAGE_TYPE,
    VALUE_INCORRECT,
    BusinessReject,
    Heartbeat,
    Logon,
    Logout,
    Reject,
    ResendRequest,
    SequenceReset,
    TestRequest,
    read,
    write,
)
from functions.wire.fix.rules import Act, Identity, Standing, Verdict, is_timely, judge, number_of
from functions.wire.fix.values import timestamp_text

INFINITY: Final = frozenset((0, 999_999))
"""EndSeqNo that asks for everything: 0, and 999999 from before FIX 4.3."""
TEST_AFTER: Final = 1.2
"""Heartbeat intervals of silence after which the other side is asked whether it lives; FIX: "some" more."""
DEAD_AFTER: Final = 2.4
"""Heartbeat intervals of silence after which the connection counts as lost."""
_NS_PER_S: Final = 1_000_000_000


class Session:
    """Keep one connection of a session.

    Args:
        role: Who connects.
        identity: Whose session it is.
        terms: Its limits.
        numbers: What is remembered; changed in place, step by step with the actions.
    """

    def __init__(self, role: Role, identity: Identity, terms: Terms, numbers: Numbers) -> None:
        """Begin unconnected."""
        self.phase = Phase.CLOSED
        self.numbers = numbers
        self._role = role
        self._identity = identity
        self._terms = terms
        self._framer = Framer(terms.message_bytes_max)
        self._out: list[Action] = []
        self._now = 0
        self._heartbeat_ns = terms.heartbeat_s * _NS_PER_S
        self._began = self._last_in = self._last_out = 0
        self._tested = False
        self._tests = 0
        self._unread_ns = 0  # how old what lies in the socket may be because nobody read it
        self._queue: dict[int, Message] = {}
        self._gap_to = 0  # highest number seen beyond a gap; 0 without one
        self._asked_ns = 0

    # -- what happens

    def connected(self, now_ns: int) -> list[Action]:
        """Begin: an initiator logs on, an acceptor waits."""
        self._begin(now_ns)
        self.phase = Phase.LOGGING_ON
        self._began = self._last_in = self._last_out = now_ns
        if self._role is Role.INITIATOR:
            terms = self._terms
            if terms.reset_on_logon:
                self._reset(1, 1)
            reset = True if terms.reset_on_logon else None
            self._say(Logon(0, terms.heartbeat_s, reset, terms.username or None, terms.password or None))
        return self._out

    def received(self, data: bytes, now_ns: int) -> list[Action]:
        """Take bytes as they came in."""
        self._begin(now_ns)
        for frame in self._framer.feed(data):
            if self.phase is Phase.CLOSED:
                break
            if isinstance(frame, Garbled):
                self._note("fix_garbled_ignored", frame.reason)
                continue
            self._last_in, self._tested = now_ns, False
            standing = self._standing()
            self._take(frame, standing)
            if self._unread_ns and is_timely(frame, standing):
                self._unread_ns = 0  # what comes behind it is no older
            self._drain()
        return self._out

    def heard(self, now_ns: int) -> None:
        """Count the other side as alive: nobody has listened until now, so its silence says nothing.

        What it sent meanwhile lay unread, so that its SendingTime may be so much older.
        """
        self._unread_ns += max(now_ns - self._last_in, 0)
        self._last_in, self._tested = now_ns, False

    def tick(self, now_ns: int) -> list[Action]:
        """Do what is due by now."""
        self._begin(now_ns)
        for due, act in self._timers():
            if self.phase is not Phase.CLOSED and due <= now_ns:
                act()
        return self._out

    def deadline(self) -> int | None:
        """Say when `tick` is due next, UTC nanoseconds; None when nothing is."""
        return min((due for due, _ in self._timers()), default=None)

    def send(self, value: object, now_ns: int) -> list[Action]:
        """Send an application message: one of `messages`' classes, or (MsgType, fields).

        Raises:
            NotLoggedOn: The session is not active.
        """
        if self.phase is not Phase.ACTIVE:
            msg = f"the session {self._identity.sender}-{self._identity.target} is {self.phase.value}"
            raise NotLoggedOn(msg)
        self._begin(now_ns)
        self._say(value)
        return self._out

    def logout(self, now_ns: int, text: str = "") -> list[Action]:
        """Ask the other side to end; without a session, just end."""
        self._begin(now_ns)
        if self.phase is Phase.ACTIVE:
            self._say(Logout(text or None))
            self.phase, self._began = Phase.LOGGING_OUT, now_ns
        elif self.phase is Phase.LOGGING_ON:
            self._disconnect(text or "ended before logon")
        return self._out

    # -- what is done about it

    def _begin(self, now_ns: int) -> None:
        self._out, self._now = [], now_ns

    def _note(self, event: str, text: str) -> None:
        self._out.append(Note(event, text))

    def _disconnect(self, reason: str) -> None:
        self.phase = Phase.CLOSED
        self._out.append(Disconnect(reason))

    def _leave(self, text: str) -> None:
        self._say(Logout(text))
        self._disconnect(text)

    def _say(self, value: object) -> None:
        """Number, keep and send a message."""
        msg_type, body = value if isinstance(value, tuple) else write(value)
        number = self.numbers.next_out
        data = self._written(msg_type, number, body)
        kept = None if msg_type in ADMIN else data
        self.numbers.next_out = number + 1
        if kept is not None:
            sent = self.numbers.sent
            sent[number] = kept
            while len(sent) > self._terms.sent_max:
                del sent[next(iter(sent))]
        self._out.append(KeepSent(number, kept))
        self._send(data)

    def _send(self, data: bytes) -> None:
        self._last_out = self._now
        self._out.append(Send(data))

    def _written(self, msg_type: str, number: int, body: Sequence[Pair], *, original: str = "") -> bytes:
        who, now = self._identity, timestamp_text(self._now)
        head: list[Pair] = [(35, msg_type), (49, who.sender), (56, who.target), (34, str(number))]
        times: list[Pair] = [(43, "Y"), (52, now), (122, original)] if original else [(52, now)]
        return encode(who.begin_string, [*head, *times, *body])

    def _reset(self, next_in: int, next_out: int) -> None:
        self.numbers.next_in, self.numbers.next_out = next_in, next_out
        self.numbers.sent.clear()
        self._queue.clear()
        self._gap_to = 0
        self._out.append(KeepReset(next_in, next_out))

    def _advance(self, number: int) -> None:
        """Expect `number` next."""
        self.numbers.next_in = number
        for old in [one for one in self._queue if one < number]:
            del self._queue[old]
        if self._gap_to < number:
            self._gap_to = 0
        self._out.append(KeepNextIn(number))

    def _pass(self, message: Message) -> None:
        """Count a message as taken where it was the one expected."""
        if number_of(message) == self.numbers.next_in:
            self._advance(self.numbers.next_in + 1)

    def _missing(self, number: int) -> None:
        """Ask once for everything before a number that came too early."""
        asked = self._gap_to > 0
        self._gap_to = max(self._gap_to, number)
        if not asked:
            self._ask()

    def _ask(self) -> None:
        self._asked_ns = self._now
        self._say(ResendRequest(self.numbers.next_in, 0))

    # -- inbound

    def _take(self, message: Message, standing: Standing) -> None:
        verdict = judge(message, standing)
        self._ACTS[verdict.act](self, message, verdict)

    def _drain(self) -> None:
        """Take what waited behind a gap that is closed now."""
        while self.phase is not Phase.CLOSED and (message := self._queue.pop(self.numbers.next_in, None)) is not None:
            self._take(message, self._standing(waited=True))

    def _standing(self, *, waited: bool = False) -> Standing:
        return Standing(
            self._identity,
            self.phase is not Phase.LOGGING_ON,
            self.numbers.next_in,
            self._now,
            int(self._terms.latency_s_max * _NS_PER_S),
            self._terms.accepts,
            self._unread_ns,
            waited,
        )

    def _process(self, message: Message, _: Verdict) -> None:
        self._HANDLERS.get(message.msg_type, Session._on_application)(self, message)

    def _wait(self, message: Message, _: Verdict) -> None:
        if len(self._queue) < self._terms.queued_max:
            self._queue[number_of(message)] = message
        self._missing(number_of(message))

    def _answer(self, message: Message, _: Verdict) -> None:
        self._resend(message)
        self._missing(number_of(message))

    def _ignore(self, message: Message, verdict: Verdict) -> None:
        self._note("fix_duplicate_ignored", f"{verdict.text}: {message!r}")

    def _reject(self, message: Message, verdict: Verdict) -> None:
        self._note("fix_message_rejected", f"{verdict.text}: {message!r}")
        if number_of(message) == self.numbers.next_in and message.msg_type not in ADMIN:
            self._out.append(Deliver(message, verdict.text))
        if message.msg_type != SEQUENCE_RESET or message.text(123) == "Y":  # a reset's own number says nothing
            self._pass(message)
        kind = message.msg_type or None
        self._say(Reject(number_of(message), verdict.tag or None, kind, verdict.reason, verdict.text))

    def _refuse(self, message: Message, verdict: Verdict) -> None:
        self._note("fix_message_refused", f"{verdict.text}: {message!r}")
        self._out.append(Deliver(message, verdict.text))
        self._pass(message)
        refusal = BusinessReject(message.msg_type, UNSUPPORTED_MESSAGE_TYPE, number_of(message), text=verdict.text)
        self._say(refusal)

    def _reject_and_leave(self, message: Message, verdict: Verdict) -> None:
        self._reject(message, verdict)
        self._leave(verdict.text)

    def _go(self, _: Message, verdict: Verdict) -> None:
        self._leave(verdict.text)

    def _drop(self, _: Message, verdict: Verdict) -> None:
        self._disconnect(verdict.text)

    # -- messages of the session

    def _on_application(self, message: Message) -> None:
        self._out.append(Deliver(message))
        self._pass(message)

    def _on_logon(self, message: Message) -> None:
        logon = read(message, Logon)
        wrong = self._wrong_logon(message, logon)
        if wrong:
            self._note("fix_logon_refused", wrong)
            if self.phase is Phase.LOGGING_ON and wrong == _NOT_AUTHORISED:
                self._disconnect(wrong)  # who cannot prove who they are is told nothing
            else:
                self._leave(wrong)
            return
        answers = self._role is Role.ACCEPTOR or self.phase is not Phase.LOGGING_ON
        if logon.reset and not (self._role is Role.INITIATOR and self._terms.reset_on_logon and not answers):
            self._reset(1, 1 if answers else 2)
        first = self.phase is Phase.LOGGING_ON
        self.phase = Phase.ACTIVE
        self._heartbeat_ns = logon.heartbeat_s * _NS_PER_S
        self._pass(message)
        if answers:
            self._say(Logon(0, logon.heartbeat_s, logon.reset or None))
        if first:
            self._out.append(LoggedOn())
        if number_of(message) > self.numbers.next_in:
            self._missing(number_of(message))

    def _wrong_logon(self, message: Message, logon: Logon) -> str:
        """Say why a Logon cannot be; empty when it can."""
        if logon.encrypt_method != 0 or logon.heartbeat_s < 0:
            return "only EncryptMethod 0 and a HeartBtInt that is not negative are taken"
        if logon.reset and number_of(message) != 1:
            return "ResetSeqNumFlag comes with MsgSeqNum 1"
        if self.phase is not Phase.LOGGING_ON:
            return "" if logon.reset and self.phase is Phase.ACTIVE else "already logged on"
        if self._role is Role.ACCEPTOR and not self._authorised(logon):
            return _NOT_AUTHORISED
        return ""

    def _authorised(self, logon: Logon) -> bool:
        terms = self._terms
        pairs = ((terms.username, logon.username), (terms.password, logon.password))
        return all(not ours or hmac.compare_digest(ours.encode(), (their or "").encode()) for ours, their in pairs)

    def _on_heartbeat(self, message: Message) -> None:
        self._pass(message)

    def _on_test_request(self, message: Message) -> None:
        self._pass(message)
        self._say(Heartbeat(read(message, TestRequest).test_id))

    def _on_resend_request(self, message: Message) -> None:
        self._pass(message)
        self._resend(message)

    def _resend(self, message: Message) -> None:
        """Send again what was asked for; runs of what is not resent are covered by a gap fill each."""
        asked = read(message, ResendRequest)
        last = self.numbers.next_out - 1
        end = last if asked.end in INFINITY else min(asked.end, last)
        if not 0 < asked.begin <= end:
            text = f"nothing from {asked.begin} to {asked.end} was sent; the last was {last}"
            self._say(Reject(number_of(message), 7, RESEND_REQUEST, VALUE_INCORRECT, text))
            return
        for begin, stop in _runs(self.numbers.sent, asked.begin, end):
            kept = self.numbers.sent.get(begin)
            self._send(self._fill(begin, stop) if kept is None else self._again(kept, begin))

    def _fill(self, begin: int, stop: int) -> bytes:
        msg_type, body = write(SequenceReset(stop, gap_fill=True))
        return self._written(msg_type, begin, body, original=timestamp_text(self._now))

    def _again(self, kept: bytes, number: int) -> bytes:
        message = decode(kept)
        assert isinstance(message, Message)  # noqa: S101 - we wrote it
        body = [(tag, value.decode("latin-1")) for tag, value in message.pairs if tag not in _HEADER]
        return self._written(message.msg_type, number, body, original=message.text(52))

    def _on_sequence_reset(self, message: Message) -> None:
        new = read(message, SequenceReset)
        least = number_of(message) + 1 if new.gap_fill else self.numbers.next_in
        if new.new_sequence < least:
            text = f"NewSeqNo is {new.new_sequence}, expected at least {least}"
            self._reject(message, Verdict(Act.REJECT, text, VALUE_INCORRECT, 36))
            return
        if not new.gap_fill:
            self._note("fix_sequence_reset", f"the other side goes on at {new.new_sequence}")
            self._queue.clear()
            self._gap_to = 0
        self._advance(new.new_sequence)

    def _on_reject(self, message: Message) -> None:
        self._note("fix_reject_received", f"tag {message.text(371)}, reason {message.text(373)}: {message.text(58)}")
        self._out.append(Deliver(message))
        self._pass(message)

    def _on_logout(self, message: Message) -> None:
        self._pass(message)
        if self.phase is Phase.ACTIVE:
            self._say(Logout())
            self.phase, self._began = Phase.LOGGED_OUT, self._now
        else:
            self._disconnect("logged out")

    # -- timers

    def _timers(self) -> Iterator[tuple[int, Callable[[], None]]]:
        terms = self._terms
        if self.phase is Phase.LOGGING_ON:
            yield self._began + int(terms.logon_s * _NS_PER_S), lambda: self._disconnect("no Logon came in time")
        if self.phase in {Phase.LOGGING_OUT, Phase.LOGGED_OUT}:
            yield self._began + int(terms.logout_s * _NS_PER_S), lambda: self._disconnect("no end came in time")
        if self.phase not in {Phase.ACTIVE, Phase.LOGGING_OUT}:
            return
        if self._heartbeat_ns:
            yield self._last_in + int(DEAD_AFTER * self._heartbeat_ns), lambda: self._disconnect("the peer is silent")
            if not self._tested:
                yield self._last_in + int(TEST_AFTER * self._heartbeat_ns), self._test
            yield self._last_out + self._heartbeat_ns, self._beat
        if self._gap_to:
            yield self._asked_ns + int(terms.resend_s * _NS_PER_S), self._ask

    def _test(self) -> None:
        self._tested = True
        self._tests += 1
        self._say(TestRequest(f"test-{self._tests}"))

    def _beat(self) -> None:
        if self._now - self._last_out >= self._heartbeat_ns:  # else a test request has just gone out
            self._say(Heartbeat())

    _ACTS: ClassVar[Mapping[Act, Callable[["Session", Message, Verdict], None]]] = MappingProxyType(
        {
            Act.PROCESS: _process,
            Act.QUEUE: _wait,
            Act.ANSWER: _answer,
            Act.IGNORE: _ignore,
            Act.REJECT: _reject,
            Act.REFUSE: _refuse,
            Act.REJECT_AND_LEAVE: _reject_and_leave,
            Act.LEAVE: _go,
            Act.DISCONNECT: _drop,
        }
    )
    _HANDLERS: ClassVar[Mapping[str, Callable[["Session", Message], None]]] = MappingProxyType(
        {
            LOGON: _on_logon,
            HEARTBEAT: _on_heartbeat,
            TEST_REQUEST: _on_test_request,
            RESEND_REQUEST: _on_resend_request,
            REJECT: _on_reject,
            SEQUENCE_RESET: _on_sequence_reset,
            LOGOUT: _on_logout,
        }
    )


def _runs(sent: Mapping[int, bytes], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Give (first, next after) of what is sent at a time: one message, or a run of numbers to be filled."""
    first = begin
    for number in [one for one in sent if begin <= one <= end]:  # they are in order
        if first < number:
            yield first, number
        yield number, number + 1
        first = number + 1
    if first <= end:
        yield first, end + 1


_NOT_AUTHORISED: Final = "not authorised"
_HEADER: Final = frozenset((8, 9, 10, 34, 35, 43, 49, 52, 56, 122))
