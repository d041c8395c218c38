"""Authorisation: the table knows every RPC and every account in it, and its rows are read as they are written."""

from typing import Any

import pytest
from contracted import made, paths_to, rpcs
from counts import examples
from google.protobuf import descriptor, descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from tickloom.orders.v1 import order_pb2, service_pb2

from functions.runtime.authorisation import (
    PERMISSIONS,
    Permission,
    Role,
    accounts_at,
    check_accounts,
    check_answer,
    check_role,
)
from functions.runtime.outcomes import Forbidden
from functions.runtime.principals import Principal

RPCS = {rpc: method for rpc, method in rpcs().items() if rpc in PERMISSIONS}
MANY = Permission(frozenset(), ("orders[].order.account",))
REFLECTION = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
TRADE = PERMISSIONS["tickloom.orders.v1.OrdersService/Trade"]
ROW = Permission(frozenset({Role.TRADER}), ("account",))


def who(*accounts: str, roles: frozenset[str] = frozenset({"trader"})) -> Principal:
    """Make a principal; without accounts it has all."""
    return Principal("alice", roles, frozenset(accounts) or None, 0)


def has_effects(method: descriptor.MethodDescriptor) -> bool:
    """Say whether an RPC changes anything."""
    return bool(method.GetOptions().idempotency_level != descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS)


def test_every_rpc_has_a_row() -> None:
    """Each RPC of the contracts has a row in the table, and each row an RPC."""
    assert set(rpcs()) - set(PERMISSIONS) == set(), "say in PERMISSIONS who may call these"
    assert set(PERMISSIONS) - set(rpcs()) == {REFLECTION}, "these rows have no RPC"


@pytest.mark.parametrize("rpc", RPCS)
def test_every_account_is_checked(rpc: str) -> None:
    """A row names exactly the places in the request where an account or a desk stands."""
    assert set(PERMISSIONS[rpc].accounts) == paths_to("account", RPCS[rpc].input_type)
    assert set(PERMISSIONS[rpc].desks) == paths_to("desk", RPCS[rpc].input_type)


@pytest.mark.parametrize("rpc", RPCS)
def test_no_answer_tells_of_others(rpc: str) -> None:
    """Where an answer holds accounts, the row says all places of them; fills are their order's."""
    assert set(PERMISSIONS[rpc].answers) == {
        path for path in paths_to("account", RPCS[rpc].output_type) if "fills[]" not in path
    }


@pytest.mark.parametrize("rpc", [rpc for rpc, row in PERMISSIONS.items() if row.answers and not row.accounts])
def test_effects_need_an_account(rpc: str) -> None:
    """Where the answer alone tells the account, the RPC changes nothing: it would be too late to refuse."""
    assert not has_effects(RPCS[rpc])


@pytest.mark.parametrize("rpc", [rpc for rpc, method in RPCS.items() if has_effects(method)])
def test_viewers_change_nothing(rpc: str) -> None:
    """Whoever may only look calls nothing that has effects."""
    assert Role.VIEWER not in PERMISSIONS[rpc].roles


def test_roles() -> None:
    """One of the row's roles is needed; a role nobody knows is none, and an RPC without a row is nobody's."""
    check_role(who(roles=frozenset({"viewer", "trader"})), ROW, "x")
    for principal, row in ((who(roles=frozenset({"king"})), ROW), (who(roles=frozenset()), ROW), (who(), None)):
        with pytest.raises(Forbidden, match="your roles may not call this"):
            check_role(principal, row, "x")


@pytest.mark.parametrize("path", TRADE.accounts)
def test_paths(path: str) -> None:
    """A path reads the one member of a oneof that is set; the others are passed over."""
    message = made(service_pb2.TradeRequest.DESCRIPTOR, path, "a")
    assert [one for path in TRADE.accounts for one in accounts_at(message, path)] == ["a"]


def test_a_message_left_out_names_nobody() -> None:
    """A message that should hold an account and is not there names the empty account, which is nobody's."""
    assert accounts_at(service_pb2.SubmitRequest(), "order.account") == [""]
    many = service_pb2.SubmitManyRequest(orders=[service_pb2.SubmitRequest()])
    assert accounts_at(many, "orders[].order.account") == [""]


@pytest.mark.parametrize("accounts", [("a",), ("a", "b")])
def test_own_accounts(accounts: tuple[str, ...]) -> None:
    """Own accounts may be named, and all of them by who has all."""
    request = service_pb2.SubmitManyRequest()
    for account in accounts:
        request.orders.add().order.account = account
    check_accounts(who(*accounts), MANY, request)
    check_accounts(who(), MANY, request)


@pytest.mark.parametrize("accounts", [("c",), ("a", "c"), ("",), ("A",), ("*",), ()])
def test_other_accounts(accounts: tuple[str, ...]) -> None:
    """One account of another's among many is one too many; to name none means all, so it needs all."""
    request = service_pb2.SubmitManyRequest()
    for account in accounts:
        request.orders.add().order.account = account
    with pytest.raises(Forbidden, match=r"^not for your accounts$"):
        check_accounts(who("a", "b"), MANY, request)
    check_accounts(who(), MANY, request)


def test_desks() -> None:
    """To name a desk needs all accounts, be an own account named beside it."""
    row = PERMISSIONS["tickloom.orders.v1.OrdersService/SetKillSwitch"]
    request = service_pb2.SetKillSwitchRequest(account="a", desk="fx")
    check_accounts(who(), row, request)
    with pytest.raises(Forbidden):
        check_accounts(who("a", "fx"), row, request)


def test_no_accounts() -> None:
    """Where an RPC concerns no account, none is needed."""
    check_accounts(
        Principal("bob", frozenset(), frozenset(), 0), Permission(frozenset()), service_pb2.GetOutboxRequest()
    )


def test_answers() -> None:
    """An answer of another's account is kept back; one that names none is not."""
    answer = service_pb2.GetOrderResponse(update=order_pb2.OrderUpdate(account="b"))
    row = Permission(frozenset(), answers=("update.account",))
    check_answer(who("b"), row, answer)
    check_answer(who("a"), row, service_pb2.GetOrderResponse())
    with pytest.raises(Forbidden):
        check_answer(who("a"), row, answer)


def walked(message: Any) -> set[str]:  # noqa: ANN401 - any message
    """Find the accounts of a message without the table: every text of that name that is set."""
    found: set[str] = set()
    for field, value in message.ListFields():
        if field.message_type is not None:
            found |= {one for part in (value if field.is_repeated else [value]) for one in walked(part)}
        elif field.name == "account":
            found.add(value)
    return found


@settings(max_examples=examples(5_000), deadline=None)
@given(data=st.data())
def test_no_account_slips_through(data: st.DataObject) -> None:
    """Whatever is asked, and however often: what passes names accounts, and its caller's only."""
    rpc = data.draw(st.sampled_from([rpc for rpc, row in PERMISSIONS.items() if row.accounts]))
    places = st.tuples(st.sampled_from(PERMISSIONS[rpc].accounts), st.sampled_from(["a", "b", "c", ""]))
    request = made(RPCS[rpc].input_type)
    for path, account in data.draw(st.lists(places, max_size=4)):
        request.MergeFrom(made(RPCS[rpc].input_type, path, account))
    try:
        check_accounts(who("a", "b"), PERMISSIONS[rpc], request)
    except Forbidden:
        assert not walked(request) or "c" in walked(request) or "" in spelt(request, PERMISSIONS[rpc])
    else:
        assert walked(request)
        assert walked(request) <= {"a", "b"}


def spelt(request: Any, row: Permission) -> set[str]:  # noqa: ANN401 - as above
    """Give what stands at the row's places, empty ones included."""
    return {account for path in row.accounts for account in accounts_at(request, path)}
