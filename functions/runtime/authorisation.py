"""Say who may do what: one row for every RPC (`PERMISSIONS`), and how a row is read.

A new RPC needs a row here; without one nobody may call it, and a test names it. A row says which roles may call, where
the account stands in the request, and where one stands in the answer. A path names fields from the message on
(`order.account`), `[]` behind a repeated one (`orders[].order.account`); a member of a `oneof` that is not set is
passed over. Whoever has a list of accounts may name those only; to name none means all, which needs all (`*`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from functions.runtime.outcomes import Forbidden
from functions.runtime.principals import Principal


class Role(StrEnum):
    """What a principal does; `venue` says what became of orders, and may do nothing else."""

    TRADER = "trader"
    RISK = "risk"
    OPERATOR = "operator"
    VIEWER = "viewer"
    VENUE = "venue"


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may call an RPC.

    Attributes:
        roles: Any of them may.
        accounts: Paths to accounts in each request; none where the RPC concerns no account.
        desks: Paths to desks in each request. A desk stands for accounts we cannot list, so to name one needs all.
        answers: Paths to accounts in each answer. They keep a caller from reading what an id of another's would bring;
            an RPC with effects needs its account in the request.
        missing: What the method itself says (NOT_FOUND) where there is nothing, `{0}` being the request: what is
            another's is answered alike. Without it such an answer is refused.
    """

    roles: frozenset[Role]
    accounts: tuple[str, ...] = ()
    desks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    missing: str = ""


_ROLES: Final = "your roles may not call this"
_OTHERS: Final = "not for your accounts"

_ALL: Final = frozenset(Role) - {Role.VENUE}
_TRADE: Final = frozenset((Role.TRADER,))
_CHECK: Final = frozenset((Role.TRADER, Role.RISK))
_CANCEL: Final = frozenset((Role.TRADER, Role.RISK, Role.OPERATOR))
_STOP: Final = frozenset((Role.RISK, Role.OPERATOR))
_OPERATE: Final = frozenset((Role.OPERATOR,))
_VENUE: Final = frozenset((Role.VENUE,))

_EXPLAIN: Final = "tickloom.explain.v1.ExplainService"
_FEATURES: Final = "tickloom.features.v1.FeaturesService"
_INFERENCE: Final = "tickloom.inference.v1.InferenceService"
_ORDERS: Final = "tickloom.orders.v1.OrdersService"
_PORTFOLIO: Final = "tickloom.portfolio.v1.PortfolioService"
_RISK: Final = "tickloom.risk.v1.RiskService"

_ACCOUNT: Final = ("account",)
_ASKED: Final = ("submit.order.account", "submit_many.orders[].order.account", "cancel.account", "replace.account")
_TOLD: Final = (
    "submit.update.account",
    "submit_many.orders[].update.account",
    "cancel.update.account",
    "replace.update.account",
)

PERMISSIONS: Final[Mapping[str, Permission]] = {
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Permission(_ALL),
    f"{_EXPLAIN}/Explain": Permission(_ALL),
    f"{_FEATURES}/GetFeatures": Permission(_ALL),
    f"{_FEATURES}/GetFeaturesAsOf": Permission(_ALL),
    f"{_FEATURES}/GetIndicators": Permission(_ALL),
    f"{_FEATURES}/GetTrainingSet": Permission(_ALL),
    f"{_FEATURES}/ListFeatures": Permission(_ALL),
    f"{_FEATURES}/StreamFeatures": Permission(_ALL),
    f"{_INFERENCE}/Predict": Permission(_ALL),
    f"{_INFERENCE}/PredictEach": Permission(_ALL),
    f"{_INFERENCE}/ScoreTexts": Permission(_ALL),
    f"{_ORDERS}/Cancel": Permission(_CANCEL, _ACCOUNT, answers=("update.account",)),
    f"{_ORDERS}/GetOrder": Permission(
        _ALL, answers=("update.account",), missing="there is no order {0.client_order_id}"
    ),
    f"{_ORDERS}/GetOutbox": Permission(_OPERATE),
    f"{_ORDERS}/ListOrders": Permission(_ALL, _ACCOUNT, answers=("updates[].account",)),
    f"{_ORDERS}/MassCancel": Permission(_CANCEL, _ACCOUNT, answers=("updates[].account",)),
    f"{_ORDERS}/Replace": Permission(_TRADE, _ACCOUNT, answers=("update.account",)),
    f"{_ORDERS}/Report": Permission(_VENUE, ("report.account",)),
    f"{_ORDERS}/SetKillSwitch": Permission(_STOP, _ACCOUNT, ("desk",), answers=("updates[].account",)),
    f"{_ORDERS}/Submit": Permission(_TRADE, ("order.account",), answers=("update.account",)),
    f"{_ORDERS}/SubmitMany": Permission(_TRADE, ("orders[].order.account",), answers=("orders[].update.account",)),
    f"{_ORDERS}/Trade": Permission(_TRADE, _ASKED, answers=_TOLD),
    f"{_ORDERS}/WatchOrders": Permission(_ALL, _ACCOUNT, answers=("update.account", "fill.account")),
    f"{_PORTFOLIO}/GetPerformance": Permission(_ALL, _ACCOUNT, answers=_ACCOUNT),
    f"{_PORTFOLIO}/GetPortfolio": Permission(_ALL, _ACCOUNT, answers=_ACCOUNT),
    f"{_PORTFOLIO}/ListTrades": Permission(_ALL, _ACCOUNT, answers=_ACCOUNT),
    f"{_RISK}/Check": Permission(_CHECK, ("order.account",)),
    f"{_RISK}/CheckMany": Permission(_CHECK, ("checks[].order.account",)),
    f"{_RISK}/CheckStream": Permission(_CHECK, ("checks[].order.account", "columns.accounts[].account")),
    f"{_RISK}/SetKillSwitch": Permission(_STOP, _ACCOUNT, ("desk",)),
}
"""Every RPC, by `package.Service/Method`."""


def check_role(principal: Principal, permission: Permission | None, rpc: str) -> None:
    """Let nobody in whose roles may not call; an RPC without a row is nobody's.

    Raises:
        Forbidden: They may not.
    """
    if permission is None or not principal.roles & permission.roles:
        raise Forbidden(_ROLES, f"{principal.name} with roles {sorted(principal.roles)} called {rpc}")


def check_accounts(principal: Principal, permission: Permission, message: Any) -> None:  # noqa: ANN401 - any message of ours
    """Let a request name accounts of its caller's only.

    Raises:
        Forbidden: It names another, none, or a desk.
    """
    if principal.accounts is None or not permission.accounts:
        return
    named = [account for path in permission.accounts for account in accounts_at(message, path)]
    desks = [desk for path in permission.desks for desk in accounts_at(message, path) if desk]
    if not named or desks or not principal.accounts.issuperset(named):
        raise Forbidden(_OTHERS, f"{principal.name} named {sorted(set(named) - principal.accounts)}, desks {desks}")


def check_answer(principal: Principal, permission: Permission, message: Any) -> None:  # noqa: ANN401 - as above
    """Keep back an answer that tells of accounts that are not its caller's.

    Raises:
        Forbidden: It does.
    """
    if not may_read(principal, permission, message):
        raise Forbidden(_OTHERS, f"{principal.name} would have read of another's account")


def may_read(principal: Principal, permission: Permission, message: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether an answer tells of its caller's accounts only; one that names none does."""
    if principal.accounts is None:
        return True
    named = {account for path in permission.answers for account in accounts_at(message, path)}
    return principal.accounts.issuperset(named - {""})


def accounts_at(message: Any, path: str) -> list[str]:  # noqa: ANN401 - as above
    """Give what stands at a path of a message: none for a member of a oneof that is not set, else one or many."""
    found = [message]
    for name, many in _steps(path):
        if many:
            found = [one for holder in found for one in getattr(holder, name)]
        else:
            found = [getattr(holder, name) for holder in found if _is_there(holder, name)]
    return found


@cache
def _steps(path: str) -> tuple[tuple[str, bool], ...]:
    """Take a path apart: names of fields, and whether each is repeated; kept, for rows are few."""
    return tuple((name.removesuffix("[]"), name.endswith("[]")) for name in path.split("."))


def _is_there(holder: Any, name: str) -> bool:  # noqa: ANN401 - as above
    oneof = holder.DESCRIPTOR.fields_by_name[name].containing_oneof
    return oneof is None or holder.WhichOneof(oneof.name) == name
