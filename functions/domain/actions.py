"""Hold what people asked of the system, as the audit trail keeps it."""

from dataclasses import dataclass
from enum import Enum

from functions.domain.errors import Rejected


class ActionKind(Enum):
    """Say what sort of thing was done; the value is its word in rows and stores."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    READ = "read"
    EXPORT = "export"
    ENTER_ORDER = "enter_order"
    CANCEL_ORDER = "cancel_order"
    STOP_TRADING = "stop_trading"
    RESUME_TRADING = "resume_trading"
    CHANGE_SETTING = "change_setting"
    ACKNOWLEDGE = "acknowledge"
    REDRIVE = "redrive"


class ActionOutcome(Enum):
    """Say what became of an action; the value is its word in rows and stores."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UserAction:
    """Hold one request of a person or program; see `action.proto` for each field's meaning and unit.

    Raises:
        Rejected: It has no natural key or no actor, or its parameters are not sorted by unique names.
    """

    action_id: str
    origin: str
    request_id: str
    actor: str
    kind: ActionKind
    outcome: ActionOutcome
    ts_receive: int
    session: str = ""
    object: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        """Refuse an action that cannot be proved to be one."""
        names = [name for name, _ in self.parameters]
        faults = {
            f"{what} is empty": not getattr(self, what) for what in ("action_id", "origin", "request_id", "actor")
        }
        faults["parameters must be sorted by unique names"] = names != sorted(set(names))
        faults[f"ts_receive {self.ts_receive} is negative"] = self.ts_receive < 0
        if found := [fault for fault, present in faults.items() if present]:
            message = f"user action {self.action_id!r} cannot be: {'; '.join(found)}"
            raise Rejected(message)
