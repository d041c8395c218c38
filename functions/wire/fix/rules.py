"""Judge an inbound FIX message by a table of rules, read from the top; the first rule that speaks decides.

Nothing is done here; what a verdict leads to is the session's business.
Source: FIX 4.4 with Errata 20030618, Volume 2, "Message Recovery", "Standard Message Header" and Appendix 2-A "Session
Protocol Test Cases" (numbers in brackets are its scenarios).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from functions.wire.fix.codec import WRONG_FORMAT, Flaw, Message
from functions.wire.fix.messages import (
    ADMIN,
    COMP_ID_PROBLEM,
    INVALID_MSG_TYPE,
    KNOWN_TYPES,
    LOGON,
    LOGOUT,
    REJECT,
    REQUIRED_TAG_MISSING,
    RESEND_REQUEST,
    SENDING_TIME_PROBLEM,
    SEQUENCE_RESET,
    check,
)
from functions.wire.fix.values import BadValue, sequence, timestamp

_SHOWN: Final = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Name a session from our side.

    Args:
        sender: Our CompID.
        target: The other side's CompID.
        begin_string: Version of the protocol.
    """

    sender: str
    target: str
    begin_string: str = "FIX.4.4"


@dataclass(frozen=True, slots=True)
class Standing:
    """Say where a session stands when a message comes in.

    Args:
        identity: Whose session it is.
        logged_on: Whether the other side has logged on.
        next_in: Number that is expected next.
        now_ns: Our clock, UTC nanoseconds.
        latency_ns_max: How far SendingTime may be from our clock.
        accepts: Application MsgTypes that are taken; None takes all.
        unread_ns: How long the message may have lain unread because we did not listen.
        waited: Whether it waited behind a gap: its SendingTime was held against our clock when it came in.
    """

    identity: Identity
    logged_on: bool
    next_in: int
    now_ns: int
    latency_ns_max: int
    accepts: frozenset[str] | None
    unread_ns: int = 0
    waited: bool = False


class Act(Enum):
    """Say what to do with a message."""

    PROCESS = "process"
    QUEUE = "queue"
    ANSWER = "answer"  # a ResendRequest behind a gap: answer it, then ask for the gap
    IGNORE = "ignore"
    REJECT = "reject"
    REFUSE = "refuse"  # BusinessMessageReject
    REJECT_AND_LEAVE = "reject and leave"
    LEAVE = "leave"  # Logout, then disconnect
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say what to do with a message, and why."""

    act: Act
    text: str = ""
    reason: int = 0
    tag: int = 0


_Rule = Callable[[Message, Standing], Verdict | None]
_PROCESS: Final = Verdict(Act.PROCESS)


def judge(message: Message, standing: Standing) -> Verdict:
    """Say what to do with a message."""
    return next((found for rule in RULES if (found := rule(message, standing)) is not None), _PROCESS)


def meant_for(message: Message, identity: Identity) -> bool:
    """Say whether a message is of this session."""
    found = (message.begin_string, message.text(49), message.text(56))
    return found == (identity.begin_string, identity.target, identity.sender)


def is_timely(message: Message, standing: Standing) -> bool:
    """Say whether a message was sent no longer ago than it may take, even if it has not lain unread."""
    return _sending_time(message, replace(standing, unread_ns=0)) is None


def number_of(message: Message) -> int:
    """Give MsgSeqNum; 0 when there is none that can be."""
    return message.number(34) or 0


def _version(message: Message, standing: Standing) -> Verdict | None:
    """Leave on another BeginString (2i); before logon there is nobody to say it to."""
    if message.begin_string == standing.identity.begin_string:
        return None
    text = f"Incorrect BeginString {message.begin_string[:_SHOWN]!r}"
    return Verdict(Act.LEAVE if standing.logged_on else Act.DISCONNECT, text)


def _first(message: Message, standing: Standing) -> Verdict | None:
    """Disconnect where the first message is no Logon (1S e); a Logout is how a Logon is refused."""
    if standing.logged_on or message.msg_type == LOGON:
        return None
    if message.msg_type == LOGOUT and meant_for(message, standing.identity):
        return Verdict(Act.DISCONNECT, f"the logon was refused: {message.text(58)}")
    return Verdict(Act.DISCONNECT, "the first message is no Logon")


def _comp_ids(message: Message, standing: Standing) -> Verdict | None:
    """Reject and leave on CompIDs that are not the session's (2k); before logon, disconnect."""
    for tag, wanted in ((49, standing.identity.target), (56, standing.identity.sender)):
        if message.text(tag) != wanted:
            text = f"CompID in tag {tag} is not this session's"
            act = Act.REJECT_AND_LEAVE if standing.logged_on else Act.DISCONNECT
            return Verdict(act, text, COMP_ID_PROBLEM if tag in message.first else REQUIRED_TAG_MISSING, tag)
    return None


def _numbered(message: Message, _: Standing) -> Verdict | None:
    """Leave on a message without MsgSeqNum (2l)."""
    try:
        found = sequence(message.text(34)) > 0
    except BadValue:
        found = False
    return None if found else Verdict(Act.LEAVE, "MsgSeqNum is missing or no number")


def _sending_time(message: Message, standing: Standing) -> Verdict | None:
    """Reject and leave where the other side's clock is off (2m); reject where it says no time."""
    if standing.waited:
        return None
    if 52 not in message.first:  # noqa: PLR2004 - SendingTime
        return Verdict(Act.REJECT, "required tag 52 is missing", REQUIRED_TAG_MISSING, 52)
    try:
        sent_ns = timestamp(message.text(52))
    except BadValue as error:
        return Verdict(Act.REJECT, f"tag 52: {error}", WRONG_FORMAT, 52)
    late_ns, latency_ns_max = standing.now_ns - sent_ns, standing.latency_ns_max
    if not -latency_ns_max <= late_ns <= latency_ns_max + standing.unread_ns:
        text = "SendingTime accuracy problem"
        return Verdict(Act.REJECT_AND_LEAVE if standing.logged_on else Act.LEAVE, text, SENDING_TIME_PROBLEM, 52)
    return None


def _renumbers(message: Message, _: Standing) -> Verdict | None:
    """Take a SequenceReset-Reset (11) or a Logon that resets whatever its number is."""
    resets = message.msg_type == SEQUENCE_RESET and message.text(123) != "Y"
    if resets or (message.msg_type == LOGON and message.text(141) == "Y"):
        return _body(message) or _PROCESS
    return None


def _original_time(message: Message, _: Standing) -> Verdict | None:
    """Reject a possible duplicate without OrigSendingTime (2h); leave where it is later than SendingTime (2g)."""
    if message.text(43) != "Y" or (message.msg_type == SEQUENCE_RESET and 122 not in message.first):  # noqa: PLR2004
        return None
    if 122 not in message.first:  # noqa: PLR2004 - OrigSendingTime
        return Verdict(Act.REJECT, "required tag 122 is missing", REQUIRED_TAG_MISSING, 122)
    try:
        late = timestamp(message.text(122)) > timestamp(message.text(52))
    except BadValue as error:
        return Verdict(Act.REJECT, f"tag 122: {error}", WRONG_FORMAT, 122)
    text = "OrigSendingTime is later than SendingTime"
    return Verdict(Act.REJECT_AND_LEAVE, text, SENDING_TIME_PROBLEM, 122) if late else None


def _too_low(message: Message, standing: Standing) -> Verdict | None:
    """Leave on a number that was already taken (2c); a possible duplicate of it is ignored (2e)."""
    found = number_of(message)
    if found >= standing.next_in:
        return None
    if message.text(43) == "Y":
        return Verdict(Act.IGNORE, "a duplicate")
    return Verdict(Act.LEAVE, f"MsgSeqNum too low, expecting {standing.next_in} but received {found}")


def _too_high(message: Message, standing: Standing) -> Verdict | None:
    """Ask for what is missing (2b); Logon and Logout are taken first, a ResendRequest is answered first."""
    if number_of(message) == standing.next_in or message.msg_type in {LOGON, LOGOUT}:
        return None
    if message.msg_type == RESEND_REQUEST:
        return _body(message) or Verdict(Act.ANSWER)
    return Verdict(Act.QUEUE)


def _well_formed(message: Message, _: Standing) -> Verdict | None:
    """Reject a body that breaks its type's rules (14); a Reject is never rejected: that had no end."""
    return None if message.msg_type == REJECT else _body(message)


def _body(message: Message) -> Verdict | None:
    flaw: Flaw | None = check(message)
    if flaw is None:
        return None
    act = Act.LEAVE if message.msg_type == LOGON else Act.REJECT
    return Verdict(act, flaw.text, flaw.reason, flaw.tag)


def _known(message: Message, standing: Standing) -> Verdict | None:
    """Reject a MsgType that FIX 4.4 does not have (14 k), refuse one that it has and we do not take (15)."""
    kind = message.msg_type
    if kind not in KNOWN_TYPES and not kind.startswith("U"):
        return Verdict(Act.REJECT, f"MsgType {kind[:_SHOWN]!r} is none of FIX 4.4", INVALID_MSG_TYPE, 35)
    if kind in ADMIN or standing.accepts is None or kind in standing.accepts:
        return None
    return Verdict(Act.REFUSE, f"MsgType {kind[:_SHOWN]!r} is not taken here")


RULES: Final[tuple[_Rule, ...]] = (
    _version,
    _first,
    _comp_ids,
    _numbered,
    _sending_time,
    _renumbers,
    _original_time,
    _too_low,
    _too_high,
    _well_formed,
    _known,
)
"""Every rule, in the order in which they speak."""
