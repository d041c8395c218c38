"""Say what a deployable is: its typed card, from which catalogue, wiring checks and manifests derive (design R10)."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Kind of a deployable; its value is the room it lives in."""

    FEED = "feeds"
    HANDLER = "handlers"
    TABLE = "tables"
    SERVICE = "services"


@dataclass(frozen=True, slots=True)
class Card:
    """Describe one deployable.

    Args:
        name: Name, the same in folder, wiring, manifest, test and catalogue.
        kind: Feed, handler, table or service.
        version: Version of its behaviour, carried on its events as `handlerversion`.
        summary: What it does, in one sentence.
        consumes: Event types it hears, by full protobuf name; `("*",)` hears any.
        emits: Event types it may emit.
        calls: gRPC services it calls, by deployable name.
        stores: Stores it reads or writes: `postgres`, `redis`; `kafka` for who looks up what its topics hold.
        key: What its state is keyed by; empty without state.
        state: What it remembers, in one phrase; empty without state.
        budget_ms: Time one event may take at p99, milliseconds.
    """

    name: str
    kind: Kind
    version: str
    summary: str
    consumes: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    key: str = ""
    state: str = ""
    budget_ms: int = 100
