"""The session keeps every rule of the table, in both roles, and two sessions lose and double nothing."""

import pytest
from cases import CASES
from counts import examples
from fixing import IDENTITY, SECOND, Case, Dup, In, Walk, shown, text_of
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.wire.fix.actions import Deliver, NotLoggedOn, Numbers, Phase, Role, Send, Terms
from functions.wire.fix.codec import Message, checksum, decode
from functions.wire.fix.rules import number_of
from functions.wire.fix.session import Session

TAGS = st.sampled_from([7, 16, 36, 43, 45, 49, 52, 56, 97, 98, 108, 112, 122, 123, 141, 554, 11, 55, 38])
FIELDS = st.dictionaries(TAGS, st.none() | st.sampled_from(["0", "1", "5", "-1", "Y", "N", "x", "9" * 30]), max_size=5)
WALKS = [(case, role) for case in CASES for role in case.roles]


@pytest.mark.parametrize(("case", "role"), WALKS, ids=lambda one: one.name if isinstance(one, Case) else one.value)
def test_case(case: Case, role: Role) -> None:
    """Each case of the table goes as the table says."""
    Walk(case, role).run()


def test_table_is_whole() -> None:
    """There are at least 59 cases, each with a name of its own and a rule."""
    assert len({case.name for case in CASES}) == len(CASES) >= 59
    assert all(case.rule.endswith(".") for case in CASES)


def test_nothing_is_sent_before_logon() -> None:
    """A message for a session that is not active is refused, and no number is used for it."""
    numbers = Numbers()
    with pytest.raises(NotLoggedOn):
        Session(Role.ACCEPTOR, IDENTITY, Terms(), numbers).send(("B", [(148, "x")]), 0)
    assert numbers == Numbers()


def test_secrets_never_print() -> None:
    """User name and password are in the Logon and in no representation of anything."""
    terms = Terms(username="trader-7", password="hunter-2")  # noqa: S106 - made up
    actions = Session(Role.INITIATOR, IDENTITY, terms, Numbers()).connected(0)
    (sent,) = (one for one in actions if isinstance(one, Send))
    assert b"554=hunter-2\x01" in sent.data
    shown = repr((actions, terms))
    assert "hunter-2" not in shown
    assert "trader-7" not in shown


@pytest.mark.parametrize("name", ["latency_s_max", "logon_s", "queued_max", "sent_max"])
def test_terms(name: str) -> None:
    """Limits that would hold nothing are refused."""
    with pytest.raises(ValueError, match=name):
        Terms(**{name: 0})  # type: ignore[arg-type] # each takes a number


@pytest.mark.parametrize("role", Role)
def test_what_lay_unread(role: Role) -> None:
    """Nobody listened for longer than SendingTime may be off: what came in meanwhile is taken, what comes later not."""
    walk = Walk(Case("unread", "", ()), role)
    sent = walk.now + SECOND
    walk.now += 151 * SECOND
    walk.session.heard(walk.now)
    news = [text_of(sent + n * SECOND, In("B", 2 + n, {148: "headline"})) for n in range(3)]
    for number, one in enumerate(news[:2], start=2):
        (given,) = shown(walk.session.received(one, walk.now))
        assert isinstance(given, Deliver)
        assert (number_of(given.message), given.refused) == (number, "")
    assert shown(walk.session.received(text_of(walk.now, In("0", 4)), walk.now)) == []
    late, *_ = shown(walk.session.received(text_of(sent, In("B", 5, {148: "headline"})), walk.now))
    assert isinstance(late, Deliver)
    assert late.refused == "SendingTime accuracy problem"


@pytest.mark.parametrize("role", Role)
def test_what_waited_behind_a_gap(role: Role) -> None:
    """A gap that takes longer to fill than SendingTime may be off is none of the fault of what waited behind it."""
    walk = Walk(Case("waited", "", ()), role)
    (ask,) = shown(walk.session.received(text_of(walk.now, In("B", 3, {148: "headline"})), walk.now))
    assert isinstance(ask, Send)
    walk.now += 121 * SECOND
    taken = shown(walk.session.received(text_of(walk.now, Dup("B", 2, {148: "headline"})), walk.now))
    assert [(number_of(one.message), one.refused) for one in taken if isinstance(one, Deliver)] == [(2, ""), (3, "")]
    assert len(taken) == 2


@settings(max_examples=examples(2_000), deadline=None)
@given(data=st.data(), role=st.sampled_from(Role), logged_on=st.booleans())
def test_anything_may_come(data: st.DataObject, role: Role, logged_on: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever comes in, spoilt inside and with right sums, the session answers by its rules: nothing escapes."""
    walk = Walk(Case("any", "", (), logged_on=logged_on), role)
    session, now = walk.session, walk.now
    for number in data.draw(st.lists(st.integers(1, 6), max_size=8)):
        kind = data.draw(st.sampled_from(["A", "0", "1", "2", "3", "4", "5", "D", "8", "B", "zz"]))
        message = text_of(now, In(kind, number, data.draw(FIELDS)))
        body = bytearray(message[message.index(b"35=") : -7])
        at = data.draw(st.integers(3, len(body) - 2))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        head = b"8=FIX.4.4\x019=%d\x01" % len(body)
        text = head + bytes(body)
        for actions in (session.received(text + b"10=%03d\x01" % checksum(text), now), session.tick(now + SECOND)):
            sent = [decode(one.data) for one in actions if isinstance(one, Send)]
            assert all(isinstance(one, Message) for one in sent)
        assert session.deadline() is None or session.phase is not Phase.CLOSED
