"""Check manifests before a cluster sees them: schemas, rules, pods, and networks equal to wiring and cards."""

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.local.deployment import kafka_rules, network, policies, rules, serving_rules, wiring_rules
from functions.local.deployment.manifests import together
from functions.local.deployment.objects import Finding, Object
from functions.local.deployment.places import PLACES, Place
from functions.local.deployment.schemas import Schemas, core_folder
from functions.local.topology import Topology
from functions.ports.card import Card

RULES = (*rules.RULES, *serving_rules.RULES, *wiring_rules.RULES, *kafka_rules.RULES)


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to.

    Attributes:
        findings: What is wrong, by place.
        unchecked: What could not be checked here, and why.
    """

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]


def check(
    objects: Sequence[Object],
    topology: Topology,
    cards: Mapping[str, Card],
    schemas_folder: pathlib.Path | None,
    *,
    places: Mapping[str, Place] = PLACES,
) -> Report:
    """Check everything that is deployed together.

    Args:
        objects: All manifests of the deployment.
        topology: The wiring that NetworkPolicies must be equal to.
        cards: Every function's card.
        schemas_folder: Knative's schemas; None where they are not here.
        places: Where stores, brokers and venues are, for this deployment.
    """
    schemas = Schemas(schemas_folder, core_folder())
    found = [finding for one in objects for finding in schemas.findings(one)]
    found += wrong(objects, topology, cards, places=places)
    return Report(tuple(sorted(set(found), key=_order)), schemas.unchecked(objects))


def wrong(
    objects: Sequence[Object], topology: Topology, cards: Mapping[str, Card], *, places: Mapping[str, Place] = PLACES
) -> list[Finding]:
    """Check all that no schema says; arguments as above."""
    manifests = together(objects, cards)
    found = [finding for rule in RULES for finding in rule(manifests)]
    found += network.addresses(manifests, places)
    found += network.differences(manifests, policies.expected(topology, cards, places))
    return found


def _order(finding: Finding) -> tuple[str, int, str, str]:
    """Sort by file, then by line as a number."""
    file, _, line = finding.place.rpartition(":")
    return file, int(line), finding.rule, finding.message
