"""Which tables may hear of events a moment later: those whose word nobody acts upon."""

from functions.handlers.infer import CARD as INFER
from functions.handlers.project import CARD as PROJECT
from functions.handlers.route import CARD as ROUTE
from functions.local.kafka_tables import unawaited
from functions.local.topology import Table, load
from functions.tables.bars import CARD as BARS
from functions.tables.features import CARD as FEATURES
from functions.tables.outcomes import CARD as OUTCOMES
from functions.tables.signals import CARD as SIGNALS


def test_way_to_orders() -> None:
    """No table on the way from ticks to orders is patient, and of those that are only read later each one is."""
    topology = load()
    handlers = {one.subscriber for one in topology.subscriptions if one.subscriber_kind != "Broker"}
    patient = unawaited(topology.tables, handlers)
    assert patient.isdisjoint({BARS.name, FEATURES.name, SIGNALS.name})
    assert {OUTCOMES.name} <= patient


def test_who_hears() -> None:
    """A table is waited for where a table hears it, or a handler that answers or calls; one that stores does not."""
    bars, features = (Table(card.name, "market", card.consumes) for card in (BARS, FEATURES))
    signals = Table(SIGNALS.name, "desk", SIGNALS.consumes)
    assert unawaited((bars, features), ()) == {FEATURES.name}
    assert unawaited((bars, features), (PROJECT.name, INFER.name)) == frozenset()
    assert unawaited((signals,), (PROJECT.name,)) == {SIGNALS.name}
    assert unawaited((signals,), (PROJECT.name, ROUTE.name)) == frozenset()
